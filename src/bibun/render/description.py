"""図の言葉:箱の中の文字と、図を見ない読者のための説明(代替テキスト)。"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from bibun.graph import Graph, Path, Sweep, Value, format_number

__all__ = ["describe", "minus", "value_text"]


def describe(
    graph: Graph,
    show: frozenset[str],
    paths: Iterable[Path],
    sweep: Sweep | None,
    numbers: Mapping[str, float],
) -> str:
    """図を見ない読者のための説明。大きなグラフでは、数だけを言う。"""
    if len(graph.nodes) > 12:
        text = f"計算グラフ。ノード{len(graph.nodes)}個、辺{len(graph.edges)}本。"
    else:
        text = "計算グラフ。" + "".join(_node_sentences(graph, show))
        text += _partial_sentence(graph, show)
    for path in paths:
        text += f"強調したパスは{path}。"
    if sweep is not None:
        kind = "随伴値" if sweep.direction == "reverse" else "接線値"
        known = "、".join(f"{name}が{format_number(x)}" for name, x in numbers.items())
        text += f"{kind}は{known}。"
    return text


def _node_sentences(graph: Graph, show: frozenset[str]) -> list[str]:
    order = [graph[name] for name in graph.topological_order()]
    inputs = [value_text(value, show) for value in order if not graph.into(value.name)]
    sentences = [f"入力は{'、'.join(inputs)}。"]
    for value in order:
        used = "と".join(edge.source for edge in graph.into(value.name))
        if used:
            by = f"{value.operation}で" if value.operation and "operation" in show else ""
            sentences.append(f"{value_text(value, show)}は{used}から{by}計算される。")
    return sentences


def _partial_sentence(graph: Graph, show: frozenset[str]) -> str:
    partials = [
        f"{edge.source}→{edge.target}が{format_number(edge.partial)}"
        for edge in graph.edges
        if edge.partial is not None and "partial" in show
    ]
    return f"偏微分係数は{'、'.join(partials)}。" if partials else ""


def value_text(value: Value, show: Iterable[str]) -> str:
    """箱の1行目:名前と、わかれば値。"""
    if value.value is None or "value" not in show:
        return value.name
    return f"{value.name} = {_data_text(value.value)}"


def _data_text(data: Any) -> str:
    if not isinstance(data, tuple):
        return minus(format_number(data))
    if any(isinstance(part, tuple) for part in data) or len(data) > 4:
        return "×".join(map(str, _shape_of(data))) + "の値"
    return f"({', '.join(map(_data_text, data))})"


def _shape_of(data: Any) -> list[int]:
    return [len(data), *_shape_of(data[0])] if isinstance(data, tuple) and data else []


def minus(text: str) -> str:
    """ハイフンを、数の横に置くと読みやすい負号に替える。"""
    return text.replace("-", "−")
