"""1回の逆伝播と順伝播の記録:辺1本ごとの帳簿と、訪れた数。"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from bibun.graph.parts import Edge, format_number, partial_of, times

__all__ = ["Step", "Sweep"]


@dataclass(frozen=True)
class Step:
    """逆伝播(順伝播)の1手:1本の辺を通って、寄与を1つ足すこと。

    Attributes
    ----------
    edge : Edge
        通った辺。
    upstream : float
        すでに決まった側の値(逆向きなら随伴値、順向きなら接線値)。
    contribution : float
        ``upstream``と辺の偏微分係数の積。
    before, after : float
        受け取る側の値の、足す前と足した後。

    Examples
    --------
    >>> from bibun.graph import Graph
    >>> graph = Graph.from_edges([("x", "y", 3.0)])
    >>> graph.reverse_sweep("y").steps[0].after
    3.0
    """

    edge: Edge
    upstream: float
    contribution: float
    before: float
    after: float

    @property
    def local(self) -> float:
        """通った辺の偏微分係数。"""
        return partial_of(self.edge)


@dataclass(frozen=True)
class Sweep:
    """1回の逆伝播(順伝播)の記録:1手ごとの帳簿と、訪れた数。

    Attributes
    ----------
    direction : str
        ``"reverse"``(出力から入力へ)か``"forward"``(入力から出力へ)。
    start : str
        出発したノードの名前。
    steps : tuple of Step
        1手ごとの記録。訪れた辺1本につき1つ。
    results : dict of str to float
        終わったときの値。逆向きなら各ノードの随伴値(startをそのノードで微分したもの)、
        順向きなら接線値(そのノードをstartで微分したもの)。

    Examples
    --------
    >>> from bibun.graph import Graph
    >>> graph = Graph.from_edges([("x", "y", 3.0), ("y", "z", 2.0)])
    >>> print(graph.reverse_sweep("z"))
    z ⇒ y : 1 × 2 = 2   ȳ: 0 → 2
    y ⇒ x : 2 × 3 = 6   x̄: 0 → 6
    訪れたノード3、辺2
    """

    direction: str
    start: str
    steps: tuple[Step, ...]
    results: dict[str, float]

    @property
    def nodes_visited(self) -> int:
        """訪れたノードの数。"""
        return len(self.results)

    @property
    def edges_visited(self) -> int:
        """訪れた辺の数。"""
        return len(self.steps)

    def ends(self, step: Step) -> tuple[str, str]:
        """``step``が寄与を運ぶ向きに見た、辺の両端(送る側、受け取る側)。

        Examples
        --------
        >>> from bibun.graph import Graph
        >>> sweep = Graph.from_edges([("x", "y", 3.0)]).reverse_sweep("y")
        >>> sweep.ends(sweep.steps[0])
        ('y', 'x')
        """
        edge = step.edge
        if self.direction == "reverse":
            return edge.target, edge.source
        return edge.source, edge.target

    def mark(self, name: str) -> str:
        """``name``の随伴値(接線値)を表す記号。名前に上線(点)を付ける。

        Examples
        --------
        >>> from bibun.graph import Graph
        >>> Graph.from_edges([("x", "y", 3.0)]).forward_sweep("x").mark("y")
        'ẏ'
        """
        return name + ("\u0304" if self.direction == "reverse" else "\u0307")

    def ledger(self) -> list[tuple[str, str, str]]:
        """帳簿の行。``(送る側 ⇒ 受け取る側, 掛け算, 受け取る側の変化)``の文字列。

        Examples
        --------
        >>> from bibun.graph import Graph
        >>> Graph.from_edges([("x", "y", 3.0)]).reverse_sweep("y").ledger()
        [('y ⇒ x', '1 × 3 = 3', 'x̄: 0 → 3')]
        """
        rows = []
        for step in self.steps:
            giver, taker = self.ends(step)
            product = times(step.upstream, step.local)
            change = f"{format_number(step.before)} → {format_number(step.after)}"
            rows.append(
                (
                    f"{giver} ⇒ {taker}",
                    f"{product} = {format_number(step.contribution)}",
                    f"{self.mark(taker)}: {change}",
                )
            )
        return rows

    def __str__(self) -> str:
        rows = self.ledger()
        arrow_width = max((len(row[0]) for row in rows), default=0)
        product_width = max((len(row[1]) for row in rows), default=0)
        lines = [
            f"{arrow:<{arrow_width}} : {product:<{product_width}}   {change}"
            for arrow, product, change in rows
        ]
        return "\n".join([*lines, f"訪れたノード{self.nodes_visited}、辺{self.edges_visited}"])

    def _repr_html_(self) -> str:
        head = "".join(
            f'<th scope="col">{text}</th>' for text in ("手", "辺", "上流×局所=寄与", "前 → 後")
        )
        body = "".join(
            "<tr>" + "".join(map(_cell, (str(number), *row))) + "</tr>"
            for number, row in enumerate(self.ledger(), start=1)
        )
        caption = f"訪れたノード{self.nodes_visited}、辺{self.edges_visited}"
        # 日本語のフォントは、随伴値の上線(合成文字)を隣の字の上にずらすことがある。
        style = "white-space:nowrap;font-family:system-ui,sans-serif"
        return (
            f'<table class="bibun-ledger" style="{style}">'
            f"<caption>{caption}</caption>"
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        )


def _cell(text: str) -> str:
    return f'<td style="padding:0.1em 0.5em;text-align:start">{escape(text)}</td>'
