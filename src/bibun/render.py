"""計算グラフを SVG と DOT に描く。標準ライブラリだけで動く。

絵の約束：角の丸い箱が値、丸が演算、辺の途中の数が偏微分係数。色は CSS の変数
（``--bibun-accent`` など）と文字の色から取るので、明るい画面でも暗い画面でも読める。
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape, unescape
from math import hypot
from typing import Any
from unicodedata import east_asian_width

from bibun.graph import Edge, Graph, GraphError, Path, Step, Sweep, Value, format_number
from bibun.layout import Point, Route, Size, lay_out

__all__ = ["Drawing", "Frames", "draw", "draw_dot", "draw_sweep", "to_dot"]

SHOWABLE = ("operation", "value", "partial")
# CSS 変数がない場所（ダウンロードしたノートブックなど）では、白地でも黒地でも読める中間の明るさの色を使う。
ACCENTS = (
    "var(--bibun-accent, #d9480f)",
    "var(--bibun-accent-2, #1c7ed6)",
    "var(--bibun-accent-3, #2b8a3e)",
    "var(--bibun-accent-4, #ae3ec9)",
)
DASHES = ("", "7 3", "2 3", "9 3 2 3")
INPUT_FILL = "var(--bibun-input, #1c7ed6)"
OPERATION_FILL = "var(--bibun-operation, #868e96)"
FONT = 15.0
LABEL_FONT = 14.0
LINE = 19.0
MARGIN = 4.0
HEAD = 8.0  # 矢じりの長さ
STEM = 7.0  # 演算の丸と値の箱をつなぐ線の長さ
WIDE = 480.0


@dataclass(frozen=True)
class Drawing:
    """描かれた計算グラフ。ノートブックではそのまま図になる。

    Attributes
    ----------
    svg : str
        ``<svg role="img" aria-label=…>`` の 1 要素。
    dot : str
        同じグラフの DOT 言語での表現。
    alt : str
        図を見ない読者のための説明。

    Examples
    --------
    >>> draw(Graph.from_edges([("x", "y", 2.0)])).alt
    '計算グラフ。入力は x。y は x から計算される。偏微分係数は x→y が 2。'
    """

    svg: str
    dot: str
    alt: str

    def _repr_html_(self) -> str:
        return self.svg

    def __repr__(self) -> str:
        return f"<Drawing {self.alt}>"


@dataclass(frozen=True)
class Frames:
    """掃き出しの 1 手ごとの図。折りたたみを開いて 1 手ずつ進む（JavaScript は使わない）。

    Attributes
    ----------
    drawings : tuple of Drawing
        最初の状態と、1 手ごとの図。
    captions : tuple of str
        図ごとの見出し。

    Examples
    --------
    >>> frames = draw_sweep(Graph.from_edges([("x", "y", 2.0)]), "y")
    >>> print(*frames.captions, sep="\\n")
    はじめ：y の随伴値は 1
    1 手目：y ⇒ x : 1 × 2 = 2　x: 0 → 2
    """

    drawings: tuple[Drawing, ...]
    captions: tuple[str, ...]

    def _repr_html_(self) -> str:
        # 同じ name の <details> は 1 つだけが開く。名前は中身から決めるので、毎回同じになる。
        digest = hashlib.sha256("".join(d.svg for d in self.drawings).encode()).hexdigest()[:10]
        items = (
            f'<details name="sweep-{digest}"{" open" if number == 0 else ""}>'
            f"<summary>{escape(caption)}</summary>{drawing.svg}</details>"
            for number, (drawing, caption) in enumerate(
                zip(self.drawings, self.captions, strict=True)
            )
        )
        return f'<div class="bibun-frames">{"".join(items)}</div>'

    def __repr__(self) -> str:
        return "\n".join(self.captions)


def draw(
    graph: Graph,
    *,
    highlight: Path | Iterable[Path] = (),
    sweep: Sweep | None = None,
    step: int | None = None,
    show: Sequence[str] = SHOWABLE,
    direction: str | None = None,
    alt: str | None = None,
) -> Drawing:
    """計算グラフを SVG に描く。

    Parameters
    ----------
    graph : Graph
        描くグラフ。節点が 100 を超えるものは描かない。
    highlight : Path or iterable of Path
        目立たせる経路。経路ごとに色と線の種類を変える。2 本以上の経路が通る辺は太い線になる。
    sweep : Sweep, optional
        掃き出しの結果。随伴値（上線）または接線値（点）を箱の 2 行目に書く。
    step : int, optional
        ``sweep`` を何手目まで進めたところを描くか。省けば最後まで。
    show : sequence of str
        書くもの。``"operation"``、``"value"``、``"partial"`` から選ぶ。
    direction : {"LR", "TB"}, optional
        左から右か、上から下か。省けば、狭い画面にも入るほうを選ぶ。
    alt : str, optional
        図の説明。省けばグラフから作る。

    Returns
    -------
    Drawing
        図。同じ引数からは必ず同じ SVG ができる。

    Raises
    ------
    GraphError
        ``show`` や ``direction`` に知らない語があるとき、グラフが大きすぎるとき。

    Examples
    --------
    >>> graph = Graph.from_edges([("u", "x", 1.0), ("v", "x", 1.0)], operations={"x": "+"})
    >>> draw(graph, show=["operation"]).svg.startswith("<svg")
    True
    """
    _check(graph, show, direction)
    paths = (highlight,) if isinstance(highlight, Path) else tuple(highlight)
    scene = _Scene(graph, frozenset(show), paths, sweep, step)
    alt = alt or _alt_text(scene)
    directions = (direction,) if direction else ("LR", "TB")
    width, height, body = scene.picture(directions[0])
    if len(directions) == 2 and width > WIDE:
        upright = scene.picture("TB")
        if upright[0] < width:
            width, height, body = upright
    svg = (
        f'<svg class="bibun-graph" role="img" aria-label="{escape(alt)}"'
        f' xmlns="http://www.w3.org/2000/svg" width="{_n(width)}" height="{_n(height)}"'
        f' viewBox="0 0 {_n(width)} {_n(height)}" style="max-width:100%;height:auto"'
        f' font-family="system-ui, sans-serif" font-size="{_n(FONT)}" fill="currentColor">'
        f"{body}</svg>"
    )
    return Drawing(svg, to_dot(graph), alt)


def draw_sweep(graph: Graph, target: str, **options: Any) -> Frames:
    """``target`` からの逆向きの掃き出しを、1 手ずつの図にする。

    Parameters
    ----------
    graph : Graph
        描くグラフ。
    target : str
        掃き始める節点の名前。
    **options
        :func:`draw` に渡す ``show`` や ``direction``。

    Returns
    -------
    Frames
        最初の状態と、辺 1 本ごとの図。

    Examples
    --------
    >>> len(draw_sweep(Graph.from_edges([("x", "y", 2.0), ("y", "z", 3.0)]), "z").drawings)
    3
    """
    sweep = graph.reverse_sweep(target)
    captions = [f"はじめ：{target} の随伴値は 1"]
    drawings = [draw(graph, sweep=sweep, step=0, **options)]
    for number, (arrow, product, change) in enumerate(sweep.ledger(), start=1):
        captions.append(f"{number} 手目：{arrow} : {product}　{change}")
        drawings.append(draw(graph, sweep=sweep, step=number, **options))
    return Frames(tuple(drawings), tuple(captions))


def to_dot(graph: Graph) -> str:
    """計算グラフを DOT 言語で書く。値は箱、演算は丸。

    Parameters
    ----------
    graph : Graph
        書くグラフ。

    Returns
    -------
    str
        DOT のソース。節点の名前は n0、n1、… になる。

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
        label = _quote(_value_text(value, {"value"}))
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


def _check(graph: Graph, show: Sequence[str], direction: str | None) -> None:
    unknown = [word for word in show if word not in SHOWABLE]
    if isinstance(show, str) or unknown:
        raise GraphError(f"show には {SHOWABLE} から選んで並べてください。渡されたもの：{show!r}")
    if direction not in (None, "LR", "TB"):
        raise GraphError(
            f'direction は "LR"（左から右）か "TB"（上から下）です。渡されたもの：{direction!r}'
        )
    if len(graph.nodes) > 100:
        raise GraphError(
            f"節点が {len(graph.nodes)} 個あり、図にすると読めません。100 個までのグラフを描いてください。"
        )


def _alt_text(scene: _Scene) -> str:
    graph = scene.graph
    if len(graph.nodes) > 12:
        text = f"計算グラフ。節点 {len(graph.nodes)} 個、辺 {len(graph.edges)} 本。"
    else:
        text = "計算グラフ。" + "".join(_node_sentences(graph, scene.show))
        text += _partial_sentence(graph, scene.show)
    for path in scene.paths:
        text += f"強調した経路は {path}。"
    if scene.sweep is not None:
        kind = "随伴値" if scene.sweep.direction == "reverse" else "接線値"
        known = "、".join(f"{n} が {format_number(v)}" for n, v in scene.numbers.items())
        text += f"{kind}は {known}。"
    return text


def _node_sentences(graph: Graph, show: frozenset[str]) -> list[str]:
    order = [graph[name] for name in graph.topological_order()]
    inputs = [_value_text(value, show) for value in order if not graph.into(value.name)]
    sentences = [f"入力は {'、'.join(inputs)}。"]
    for value in order:
        used = "と ".join(f"{edge.source} " for edge in graph.into(value.name))
        if used:
            by = f"{value.operation} で" if value.operation and "operation" in show else ""
            sentences.append(f"{_value_text(value, show)} は {used}から{by}計算される。")
    return sentences


def _partial_sentence(graph: Graph, show: frozenset[str]) -> str:
    partials = [
        f"{edge.source}→{edge.target} が {format_number(edge.partial)}"
        for edge in graph.edges
        if edge.partial is not None and "partial" in show
    ]
    return f"偏微分係数は {'、'.join(partials)}。" if partials else ""


def _value_text(value: Value, show: Iterable[str]) -> str:
    if value.value is None or "value" not in show:
        return value.name
    return f"{value.name} = {_data_text(value.value)}"


def _data_text(data: Any) -> str:
    if not isinstance(data, tuple):
        return _minus(format_number(data))
    if any(isinstance(part, tuple) for part in data) or len(data) > 4:
        return "×".join(map(str, _shape_of(data))) + " の値"
    return f"({', '.join(map(_data_text, data))})"


def _shape_of(data: Any) -> list[int]:
    return [len(data), *_shape_of(data[0])] if isinstance(data, tuple) and data else []


def _minus(text: str) -> str:
    return text.replace("-", "−")


def _text_width(text: str, size: float) -> float:
    """文字列の幅の見積もり。フォントによらず収まるように、少し大きめにする。"""
    widths = (1.0 if east_asian_width(c) in "WF" else 0.32 if c in " .,()" else 0.6 for c in text)
    return size * sum(widths)


# --- 絵 --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Shape:
    """1 つの節点の大きさ。流れの向きに、演算の丸、短い線、値の箱の順に並ぶ。"""

    box: Size
    circle: float
    size: Size

    def box_center(self, center: Point) -> Point:
        return center[0] + (self.size[0] - self.box[0]) / 2, center[1]

    def entrance(self, center: Point) -> tuple[Point, Size]:
        """辺が入ってくる図形（演算の丸、なければ箱）の中心と半分の大きさ。"""
        if self.circle:
            radius = self.circle / 2
            return (center[0] - self.size[0] / 2 + radius, center[1]), (radius, radius)
        return self.box_center(center), (self.box[0] / 2, self.box[1] / 2)


@dataclass(frozen=True)
class _Ink:
    """線の見た目。"""

    color: str = "currentColor"
    width: float = 1.3
    dash: str = ""
    opacity: float = 1.0

    def stroke(self) -> str:
        dash = f' stroke-dasharray="{self.dash}"' if self.dash else ""
        return f'stroke="{self.color}" stroke-width="{self.width:g}"{dash}'


class _Pen:
    """（流れの向き、直交する向き）の座標を x、y に移して SVG の要素を書く。"""

    def __init__(self, across: bool) -> None:
        self.across = across

    def flip(self, pair: Point) -> Point:
        return pair if self.across else (pair[1], pair[0])

    def at(self, *points: Point) -> str:
        return " ".join(f"{_n(x)},{_n(y)}" for x, y in map(self.flip, points))

    def box(self, center: Point, size: Size, attributes: str) -> str:
        (x, y), (width, height) = self.flip(center), self.flip(size)
        return (
            f'<rect x="{_n(x - width / 2)}" y="{_n(y - height / 2)}" width="{_n(width)}"'
            f' height="{_n(height)}" rx="8" {attributes}/>'
        )

    def circle(self, center: Point, radius: float, attributes: str) -> str:
        x, y = self.flip(center)
        return f'<circle cx="{_n(x)}" cy="{_n(y)}" r="{_n(radius)}" {attributes}/>'

    def text(self, center: Point, content: str, attributes: str = "", down: float = 0.0) -> str:
        x, y = self.flip(center)
        return (
            f'<text x="{_n(x)}" y="{_n(y + down)}" text-anchor="middle"'
            f' dominant-baseline="central"{attributes}>{content}</text>'
        )


class _Scene:
    """描くもの一式：グラフと、その上に重ねる経路や掃き出しの途中経過。"""

    def __init__(
        self,
        graph: Graph,
        show: frozenset[str],
        paths: tuple[Path, ...],
        sweep: Sweep | None,
        step: int | None,
    ) -> None:
        self.graph, self.show, self.paths, self.sweep = graph, show, paths, sweep
        self.numbers: dict[str, float] = {}
        done: tuple[Step, ...] = ()
        if sweep is not None:
            self.numbers[sweep.start] = 1
            done = sweep.steps[:step]
            self.numbers.update((sweep.ends(move)[1], move.after) for move in done)
        # 途中の 1 手を描くときだけ、その辺を目立たせる。
        self.current = done[-1].edge if step and done else None

    def picture(self, direction: str) -> tuple[float, float, str]:
        """幅、高さ、SVG の中身。"""
        pen = _Pen(direction == "LR")
        shapes = {name: self._shape(pen, name) for name in self.graph.topological_order()}
        labels = [self._label(edge) for edge in self.graph.edges]
        layout = lay_out(
            {name: shape.size for name, shape in shapes.items()},
            [(edge.source, edge.target) for edge in self.graph.edges],
            [pen.flip((_text_width(t, LABEL_FONT) + 6, LINE)) if t else (0, 0) for t in labels],
        )
        parts = []
        for edge, route, label in zip(self.graph.edges, layout.routes, labels, strict=True):
            start = layout.centers[edge.source][0] + shapes[edge.source].size[0] / 2
            goal = shapes[edge.target].entrance(layout.centers[edge.target])
            parts.append(_draw_edge(pen, route, start, goal, label, self._ink(edge)))
        parts += [self._node(pen, n, shape, layout.centers[n]) for n, shape in shapes.items()]
        width, height = pen.flip(layout.size)
        body = f'<g transform="translate({MARGIN:g} {MARGIN:g})">{"".join(parts)}</g>'
        return width + 2 * MARGIN, height + 2 * MARGIN, body

    def _shape(self, pen: _Pen, name: str) -> _Shape:
        value = self.graph[name]
        lines = [_value_text(value, self.show)]
        if self.sweep is not None:
            lines.append(self._number(name))
        width = max(30.0, max(_text_width(line, FONT) for line in lines) + 14)
        box = pen.flip((width, LINE * len(lines) + 9))
        operation = self._operation(name)
        circle = max(28.0, _text_width(operation, FONT) + 12) if operation else 0.0
        lead = circle + STEM if operation else 0.0
        return _Shape(box, circle, (box[0] + lead, max(box[1], circle)))

    def _operation(self, name: str) -> str:
        return (self.graph[name].operation or "") if "operation" in self.show else ""

    def _number(self, name: str) -> str:
        number = self.numbers.get(name)
        return f"{name} = {'?' if number is None else _minus(format_number(number))}"

    def _label(self, edge: Edge) -> str:
        if "partial" not in self.show or edge.partial is None:
            return ""
        return _minus(format_number(edge.partial))

    def _ink(self, edge: Edge) -> _Ink:
        if self.current is not None:
            return _Ink(ACCENTS[0], 3) if edge is self.current else _Ink()
        on = [i for i, path in enumerate(self.paths) if edge in path.edges]
        if len(on) > 1:
            return _Ink(width=3)
        if on:
            return _Ink(ACCENTS[on[0] % len(ACCENTS)], 3, DASHES[on[0] % len(DASHES)])
        return _Ink(opacity=0.55) if self.paths else _Ink()

    def _node(self, pen: _Pen, name: str, shape: _Shape, center: Point) -> str:
        box_center = shape.box_center(center)
        fill = "none" if self.graph.into(name) else f'{INPUT_FILL}" fill-opacity=".16'
        parts = [pen.box(box_center, shape.box, f'fill="{fill}" {_Ink().stroke()}')]
        if shape.circle:
            middle, (radius, _) = shape.entrance(center)
            stem = pen.at((middle[0] + radius, middle[1]), (middle[0] + radius + STEM, middle[1]))
            ink = _Ink().stroke()
            parts.append(f'<path d="M{stem.replace(" ", "L")}" {ink}/>')
            fill = f'fill="{OPERATION_FILL}" fill-opacity=".22" {ink}'
            parts.append(pen.circle(middle, radius, fill))
            parts.append(pen.text(middle, escape(self._operation(name))))
        text = escape(_value_text(self.graph[name], self.show))
        if self.sweep is None:
            return "".join([*parts, pen.text(box_center, text)])
        parts.append(pen.text(box_center, text, down=-LINE / 2))
        parts.append(
            pen.text(box_center, self._marked_number(name), f' fill="{ACCENTS[0]}"', LINE / 2)
        )
        return "".join(parts)

    def _marked_number(self, name: str) -> str:
        """随伴値には上線、接線値には点を付ける。"""
        rest = escape(self._number(name)[len(name) :])
        if self.sweep is not None and self.sweep.direction == "forward":
            return f"{escape(name)}\u0307{rest}"
        return f'<tspan text-decoration="overline">{escape(name)}</tspan>{rest}'


def _draw_edge(
    pen: _Pen, route: Route, start: float, goal: tuple[Point, Size], label: str, ink: _Ink
) -> str:
    """始点の箱を出て、各層をまっすぐ横切り、終点の図形の中心へ向かう矢印。係数の所で線を切る。"""
    first, *middle = route.stops[:-1]
    here = (first[1], first[2])
    path = f"M{pen.at((start, first[2]))}L{pen.at(here)}"
    half = pen.flip((_text_width(label, LABEL_FONT) / 2 + 3, LINE / 2))[0]
    for begin, end, across in middle:
        path += _curve(pen, here, (begin, across))
        here = (end, across)
        if label and (begin, end, across)[2] == route.label[1] and begin <= route.label[0] <= end:
            path += f"L{pen.at((route.label[0] - half, across))}"
            path += f"M{pen.at((route.label[0] + half, across))}"
        path += f"L{pen.at(here)}"
    tip, direction = _approach(here, goal)
    neck = (tip[0] - HEAD * direction[0], tip[1] - HEAD * direction[1])
    path += _curve(pen, here, neck, direction)
    side = (-direction[1] * HEAD * 0.45, direction[0] * HEAD * 0.45)
    head = pen.at(
        tip, (neck[0] + side[0], neck[1] + side[1]), (neck[0] - side[0], neck[1] - side[1])
    )
    text = ""
    if label:
        weight = ' font-weight="bold"' if ink.width > 2 else ""
        text = pen.text(
            route.label, label, f' font-size="{LABEL_FONT:g}" fill="{ink.color}"{weight}'
        )
    return (
        f'<g opacity="{ink.opacity:g}"><path d="{path}" fill="none" {ink.stroke()}/>'
        f'<polygon points="{head}" fill="{ink.color}"/>{text}</g>'
    )


def _curve(pen: _Pen, start: Point, end: Point, direction: Point = (1.0, 0.0)) -> str:
    reach = (end[0] - start[0]) / 2
    return "C" + pen.at(
        (start[0] + reach, start[1]),
        (end[0] - reach * direction[0], end[1] - reach * direction[1]),
        end,
    )


def _approach(here: Point, goal: tuple[Point, Size]) -> tuple[Point, Point]:
    """``here`` から来た矢印の、先端の位置と向き。図形の中心を指し、縁で止まる。"""
    (x, y), (half_x, half_y) = goal
    dx, dy = x - here[0], y - here[1]
    length = hypot(dx, dy)
    dx, dy = dx / length, dy / length
    if half_x == half_y:
        reach = half_x
    else:
        reach = min(half_x / abs(dx) if dx else length, half_y / abs(dy) if dy else length)
    return (x - dx * reach, y - dy * reach), (dx, dy)


def _n(number: float) -> str:
    return f"{number:.1f}".rstrip("0").rstrip(".") if number else "0"


# --- Graphviz の図 ---------------------------------------------------------------------------


def draw_dot(source: Any, *, alt: str | None = None) -> Drawing:
    """Graphviz のグラフ（``torchviz.make_dot`` の結果など）を SVG に描く。

    Parameters
    ----------
    source : graphviz.Digraph or str
        描くグラフ、または DOT のソース。
    alt : str, optional
        図の説明。省けば節点の文字から作る。

    Returns
    -------
    Drawing
        図。節点の名前は n0、n1、… に付けなおすので、毎回同じ SVG になる。

    Notes
    -----
    pygraphviz を使う。ページの中（Pyodide）では使えない。

    Examples
    --------
    >>> import graphviz
    >>> digraph = graphviz.Digraph()
    >>> digraph.node("140001", "SinBackward0")
    >>> "140001" in draw_dot(digraph).svg
    False
    """
    text = source if isinstance(source, str) else source.source
    svg, labels = _stable(_graphviz_svg(text))
    alt = alt or f"Graphviz による図。箱の文字は {'、'.join(labels)}。"
    for color, variable in DOT_COLORS.items():
        svg = re.sub(f'(fill|stroke)="{color}"', rf'\1="{variable}"', svg)
    svg = svg.replace("<text ", '<text fill="currentColor" ')
    head = (
        f'<svg class="bibun-graph" role="img" aria-label="{escape(alt)}"'
        ' style="max-width:100%;height:auto"'
    )
    return Drawing(svg.replace("<svg", head, 1), text, alt)


# torchviz と Graphviz が使う色。塗りは半透明にして、上の文字が明るい画面でも暗い画面でも読めるようにする。
DOT_COLORS = {
    "white": "none",
    "black": "currentColor",
    "lightblue": "var(--bibun-dot-input, rgb(28 126 214 / 0.28))",
    "lightgrey": "var(--bibun-dot-operation, rgb(134 142 150 / 0.28))",
    "orange": "var(--bibun-dot-saved, rgb(230 119 0 / 0.32))",
    "#caff70": "var(--bibun-dot-output, rgb(47 158 68 / 0.32))",
    "#a2cd5a": "var(--bibun-dot-output, rgb(47 158 68 / 0.32))",
}


def _graphviz_svg(source: str) -> str:
    import pygraphviz

    graph = pygraphviz.AGraph(string=source)
    # Graphviz（C のライブラリ）はフォントの設定についての注意を標準エラーに直接書く。
    with _silent_stderr():
        drawn: bytes = graph.draw(format="svg", prog="dot")
    graph.close()
    return drawn.decode()


@contextmanager
def _silent_stderr() -> Iterator[None]:
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _stable(svg: str) -> tuple[str, list[str]]:
    """実行ごとに変わる番地、題、注釈を除き、中の id も除く。箱の文字も返す。"""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<!--.*?-->\s*|<title>.*?</title>\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r' id="[^"]*"| xml:space="preserve"| xmlns:xlink="[^"]*"', "", svg)
    labels = [
        " ".join(part.strip() for part in re.findall(r"<text[^>]*>([^<]*)</text>", node))
        for node in re.findall(r'<g class="node">(.*?)</g>', svg, flags=re.DOTALL)
    ]
    return svg, [unescape(label) for label in labels]
