"""計算グラフをDOT言語で書き出す。"""

from __future__ import annotations

from bibun.graph import Graph, format_number
from bibun.render.description import value_text

__all__ = ["to_dot"]


def to_dot(graph: Graph) -> str:
    """計算グラフをDOT言語で書く。値は箱、演算は丸。

    Parameters
    ----------
    graph : Graph
        書くグラフ。

    Returns
    -------
    str
        DOTのソース。ノードの名前はn0、n1、… になる。

    Examples
    --------
    >>> print(to_dot(Graph.from_edges([("x", "y", 2.0)])))
    digraph {
      rankdir=LR
      n0 [label="x" shape=box style=rounded]
      n1 [label="y" shape=box style=rounded]
      n0 -> n1 [label="2"]
    }
    """
    ids = {value.name: f"n{i}" for i, value in enumerate(graph.nodes)}
    lines = ["digraph {", "  rankdir=LR"]
    for value in graph.nodes:
        label = _quote(value_text(value, {"value"}))
        lines.append(f"  {ids[value.name]} [label={label} shape=box style=rounded]")
        if value.operation:
            operation = f"{ids[value.name]}_op"
            lines.append(f"  {operation} [label={_quote(value.operation)} shape=circle]")
            lines.append(f"  {operation} -> {ids[value.name]} [arrowhead=none]")
    for edge in graph.edges:
        target = ids[edge.target] + ("_op" if graph[edge.target].operation else "")
        label = "" if edge.partial is None else f" [label={_quote(format_number(edge.partial))}]"
        lines.append(f"  {ids[edge.source]} -> {target}{label}")
    return "\n".join([*lines, "}"])


def _quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
