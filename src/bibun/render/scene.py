"""計算グラフの絵:大きさを決め、配置し、SVGの要素を書く。"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from math import fsum, hypot
from unicodedata import east_asian_width

from bibun.graph import Edge, Graph, Path, Step, Sweep, format_number
from bibun.render.description import minus, value_text
from bibun.render.layout import NODE_GAP, Point, Route, Size, lay_out

__all__ = ["FONT", "Picture", "Scene"]

# CSS変数がない場所(ダウンロードしたノートブックなど)では、白地でも黒地でも読める中間の明るさの色を使う。
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
LINE = 19.0  # 1行の高さ
SPREAD = 21.0  # 2行にするときの行の間隔(随伴値の上線の分だけ広い)
MARGIN = 4.0
HEAD = 8.0  # 矢じりの長さ
STEM = 7.0  # 演算の丸と値の箱をつなぐ線の長さ


def _text_width(text: str, size: float) -> float:
    """文字列の幅の見積もり。フォントによらず収まるように、少し大きめにする。"""
    return size * fsum(map(_advance, text))


def _advance(character: str) -> float:
    if east_asian_width(character) in "WF":
        return 1.0
    if character in "\u0304\u0307":  # 前の字に重なる上線と点
        return 0.0
    if character in " .,()":
        return 0.34
    return 0.9 if character in "mwMW@−=+×÷" else 0.64


@dataclass(frozen=True)
class _Shape:
    """1つのノードの大きさ。流れの向きに、演算の丸、短い線、値の箱の順に並ぶ。"""

    box: Size
    circle: float
    size: Size

    def box_center(self, center: Point) -> Point:
        return center[0] + (self.size[0] - self.box[0]) / 2, center[1]

    def entrance(self, center: Point) -> tuple[Point, Size]:
        """辺が入ってくる図形(演算の丸、なければ箱)の中心と半分の大きさ。"""
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
    """(流れの向き、直交する向き)の座標をx、yに移してSVGの要素を書く。"""

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


@dataclass(frozen=True)
class Picture:
    """描き終えた絵:大きさと、SVGの中身。"""

    width: float
    height: float
    body: str


class Scene:
    """描くもの一式:グラフと、その上に重ねるパスや逆伝播の途中経過。"""

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
            if len(done) == len(sweep.steps):  # 最後まで届かなかったノードの値は0
                self.numbers.update(
                    (n, 0) for n in graph.topological_order() if n not in self.numbers
                )
        # 途中の1手を描くときだけ、その辺を目立たせる。
        self.current = done[-1].edge if step and done else None

    def picture(self, direction: str) -> Picture:
        """``direction``("LR"か"TB")の向きに配置して描く。"""
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
        return Picture(width + 2 * MARGIN, height + 2 * MARGIN, body)

    def _shape(self, pen: _Pen, name: str) -> _Shape:
        value = self.graph[name]
        lines = [value_text(value, self.show)]
        if self.sweep is not None:
            lines.append(self._number(self.sweep, name))
        width = max(30.0, max(_text_width(line, FONT) for line in lines) + 14)
        box = pen.flip((width, LINE + 9 + SPREAD * (len(lines) - 1)))
        operation = self._operation(name)
        circle = max(28.0, _text_width(operation, FONT) + 12) if operation else 0.0
        lead = circle + STEM if operation else 0.0
        return _Shape(box, circle, (box[0] + lead, max(box[1], circle)))

    def _operation(self, name: str) -> str:
        return (self.graph[name].operation or "") if "operation" in self.show else ""

    def _number(self, sweep: Sweep, name: str) -> str:
        """箱の2行目:随伴値か接線値。"""
        number = self.numbers.get(name)
        return f"{sweep.mark(name)} = {'?' if number is None else minus(format_number(number))}"

    def _label(self, edge: Edge) -> str:
        if "partial" not in self.show or edge.partial is None:
            return ""
        return minus(format_number(edge.partial))

    def _ink(self, edge: Edge) -> _Ink:
        if self.current is not None:
            return _Ink(ACCENTS[0], 3) if edge is self.current else _Ink()
        # 同じ向きの2本の辺は等しいが、別のもの。だからisで比べる。
        on = [i for i, path in enumerate(self.paths) if any(edge is e for e in path.edges)]
        if len(on) > 1:
            return _Ink(width=5)
        if on:
            return _Ink(ACCENTS[on[0] % len(ACCENTS)], 3, DASHES[on[0] % len(DASHES)])
        return _Ink(opacity=0.55) if self.paths else _Ink()

    def _node(self, pen: _Pen, name: str, shape: _Shape, center: Point) -> str:
        ink = _Ink().stroke()
        fill = 'fill="none"' if self.graph.into(name) else f'fill="{INPUT_FILL}" fill-opacity=".16"'
        middle = shape.box_center(center)
        parts = [pen.box(middle, shape.box, f"{fill} {ink}")]
        if shape.circle:
            parts.append(self._operation_circle(pen, name, shape, center))
        text = escape(value_text(self.graph[name], self.show))
        if self.sweep is None:
            return "".join([*parts, pen.text(middle, text)])
        number = escape(self._number(self.sweep, name))
        parts.append(pen.text(middle, text, down=-SPREAD / 2))
        parts.append(pen.text(middle, number, f' fill="{ACCENTS[0]}"', SPREAD / 2))
        return "".join(parts)

    def _operation_circle(self, pen: _Pen, name: str, shape: _Shape, center: Point) -> str:
        """演算の丸と、値の箱までの短い線。"""
        ink = _Ink().stroke()
        middle, (radius, _) = shape.entrance(center)
        edge = (middle[0] + radius, middle[1])
        stem = f"M{pen.at(edge)}L{pen.at((edge[0] + STEM, edge[1]))}"
        fill = f'fill="{OPERATION_FILL}" fill-opacity=".22"'
        return (
            f'<path d="{stem}" {ink}/>'
            + pen.circle(middle, radius, f"{fill} {ink}")
            + pen.text(middle, escape(self._operation(name)))
        )


def _draw_edge(
    pen: _Pen, route: Route, start: float, goal: tuple[Point, Size], label: str, ink: _Ink
) -> str:
    """始点の箱を出て、各層をまっすぐ横切り、終点の図形の中心へ向かう矢印。"""
    half = pen.flip((_text_width(label, LABEL_FONT) / 2 + 3, LINE / 2))[0] if label else 0.0
    path, here = _line_across_layers(pen, route, start, half)
    gate = route.stops[-1][0]
    tip, (dx, dy) = _approach(here, goal, gate)
    x, y = tip[0] - HEAD * dx, tip[1] - HEAD * dy
    run = max(0.0, x - gate)  # 終点の層に入ってから矢じりまでは、まっすぐ進む
    path += _curve(pen, here, (x - run, y - run * dy / dx), (dx, dy)) + f"L{pen.at((x, y))}"
    side_x, side_y = -dy * HEAD * 0.45, dx * HEAD * 0.45
    head = pen.at(tip, (x + side_x, y + side_y), (x - side_x, y - side_y))
    weight = ' font-weight="bold"' if ink.width > 2 else ""
    style = f' font-size="{LABEL_FONT:g}" fill="{ink.color}"{weight}'
    text = pen.text(route.label, label, style) if label else ""
    return (
        f'<g opacity="{ink.opacity:g}"><path d="{path}" fill="none" {ink.stroke()}/>'
        f'<polygon points="{head}" fill="{ink.color}"/>{text}</g>'
    )


def _line_across_layers(pen: _Pen, route: Route, start: float, half: float) -> tuple[str, Point]:
    """終点のすぐ前までの線と、その端。係数の文字(幅の半分が``half``)のところで線を切る。"""
    (_, end, across), *middle = route.stops[:-1]
    path, here = f"M{pen.at((start, across))}L{pen.at((end, across))}", (end, across)
    at, line = route.label
    for begin, end, across in middle:
        path += _curve(pen, here, (begin, across))
        here = (end, across)
        if half and begin <= at <= end:
            path += f"L{pen.at((at - half, line))}M{pen.at((at + half, line))}"
        path += f"L{pen.at(here)}"
    return path, here


def _curve(pen: _Pen, start: Point, end: Point, direction: Point = (1.0, 0.0)) -> str:
    reach = (end[0] - start[0]) / 2
    return "C" + pen.at(
        (start[0] + reach, start[1]),
        (end[0] - reach * direction[0], end[1] - reach * direction[1]),
        end,
    )


def _approach(here: Point, goal: tuple[Point, Size], gate: float) -> tuple[Point, Point]:
    """``here``から来た矢印の、先端の位置と向き。図形の中心へ向かい、手前の縁で止まる。

    ``gate``は終点の層の始まり。層の中で横にずれると隣の図形に当たるので、傾きを抑える。
    """
    (x, y), (half_x, half_y) = goal
    depth = x - half_x - gate
    steepest = min(1.0, NODE_GAP / 2 / depth) if depth > 0 else 1.0
    slope = max(-steepest, min(steepest, (y - here[1]) / (x - here[0])))
    length = hypot(1.0, slope)
    direction = (1.0 / length, slope / length)
    if half_x == half_y:  # 演算の丸
        return (x - half_x * direction[0], y - half_x * direction[1]), direction
    across = max(-0.7 * half_y, min(0.7 * half_y, slope * half_x))
    return (x - half_x, y - across), direction


def _n(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")
