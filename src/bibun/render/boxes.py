"""Graphvizのないところ(ページの中)で、DOTの文を箱と矢印のSVGにする。

torchvizやgraphvizパッケージが書く範囲のDOT、つまり、ノードと辺と属性の並びを読む。配置は
計算グラフの図と同じもの(`bibun.render.layout`)を使う。
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import escape
from itertools import pairwise
from math import hypot

from bibun.graph import GraphError
from bibun.render.layout import Layout, Point, Route, lay_out

__all__ = ["Boxes", "parse", "to_svg"]

FONT = 13.0
LINE = 16.0
ADVANCE = 0.62 * FONT  # 等幅の1字
PADDING = 8.0
HEAD = 7.0
MARGIN = 4.0
TOKEN = re.compile(
    r'"((?:[^"\\]|\\.)*)"|(->|--|[\[\]{};,=])|([\w.#:+-]+?)(?=->|--|[\s\[\]{};,="]|$)|//[^\n]*|/\*.*?\*/',
    re.DOTALL,
)
Attributes = dict[str, str]


@dataclass
class Boxes:
    """DOTから読んだもの。ノードと辺は、現れた順に並ぶ。"""

    nodes: dict[str, Attributes] = field(default_factory=dict)
    edges: list[tuple[str, str, Attributes]] = field(default_factory=list)
    graph: Attributes = field(default_factory=dict)

    def label(self, name: str) -> list[str]:
        """箱に書く行。"""
        text = self.nodes[name].get("label", name)
        return [line.strip() for line in text.split("\n")]


def parse(source: str) -> Boxes:
    """DOTの文を読む。

    Raises
    ------
    GraphError
        ノードと辺と属性のほかのものがあるとき。

    Examples
    --------
    >>> boxes = parse('digraph { a [label="x"] ; a -> b [dir=none] }')
    >>> boxes.label("a"), boxes.edges
    (['x'], [('a', 'b', {'dir': 'none'})])
    """
    tokens = list(_tokens(source))
    if tokens[:1] == ["strict"]:
        tokens.pop(0)
    if tokens[:1] not in (["digraph"], ["graph"]) or "{" not in tokens or tokens[-1] != "}":
        raise _unreadable("digraph { … } の形ではありません。")
    tokens = tokens[tokens.index("{") + 1 : -1]
    boxes = Boxes()
    while tokens:
        first = tokens.pop(0)
        if first == ";":
            continue
        if first in ("{", "}", "subgraph", "[", "]", ",", "="):
            raise _unreadable(f"「{first}」は、ページの中では読めません。")
        if tokens[:1] == ["="]:
            boxes.graph[first] = tokens[1]
            del tokens[:2]
            continue
        chain = [first]
        while tokens[:1] in (["->"], ["--"]):
            chain.append(tokens[1])
            del tokens[:2]
        attributes = _attributes(tokens)
        if first in ("graph", "node", "edge") and len(chain) == 1:
            boxes.graph.update(attributes if first == "graph" else {})
            continue
        for name in chain:
            boxes.nodes.setdefault(name, {})
        if len(chain) == 1:
            boxes.nodes[first].update(attributes)
        boxes.edges += [(a, b, attributes) for a, b in pairwise(chain)]
    return boxes


def _tokens(source: str) -> Iterator[str]:
    place = 0
    for match in TOKEN.finditer(source):
        if source[place : match.start()].strip():
            break
        place = match.end()
        quoted, mark, word = match.groups()
        if quoted is not None:
            text = re.sub(r"\\([nlr])", "\n", quoted)
            yield re.sub(r"\\(.)", r"\1", text)
        elif mark or word:
            yield mark or word
    if source[place:].strip():
        raise _unreadable(f"「{source[place:].strip()[:20]}」のところが読めません。")


def _attributes(tokens: list[str]) -> Attributes:
    """先頭の ``[名前=値 …]`` を読み、取り除く。"""
    found: Attributes = {}
    while tokens[:1] == ["["]:
        if "]" not in tokens:
            raise _unreadable("「[」が閉じていません。")
        end = tokens.index("]")
        inside = [token for token in tokens[1:end] if token not in (",", ";")]
        if len(inside) % 3 or any(token != "=" for token in inside[1::3]):
            raise _unreadable("属性は [名前=値] の形で書きます。")
        found.update(zip(inside[::3], inside[2::3], strict=True))
        del tokens[: end + 1]
    return found


def _unreadable(reason: str) -> GraphError:
    return GraphError(f"DOTの構文に誤りがあるか、ページの中では描けない書き方です。{reason}")


def to_svg(source: str) -> tuple[str, list[str]]:
    """DOTの文をSVGにする。

    Returns
    -------
    svg : str
        ``<svg …>`` の1要素。色の名前はDOTのまま。
    labels : list of str
        箱の文字。

    Raises
    ------
    GraphError
        読めないとき、輪があるとき、ノードが100を超えるとき。

    Examples
    --------
    >>> svg, labels = to_svg('digraph { a -> b }')
    >>> svg[:4], labels
    ('<svg', ['a', 'b'])
    """
    boxes = parse(source)
    if len(boxes.nodes) > 100:
        raise GraphError(
            f"ノードが{len(boxes.nodes)}個あり、図にすると読めません。100個までの図を描いてください。"
        )
    across = boxes.graph.get("rankdir") == "LR"
    sizes = {name: _size(boxes.label(name)) for name in _ordered(boxes)}
    edges = [(a, b) for a, b, _ in boxes.edges]
    labels = [
        _size([attributes["label"]]) if attributes.get("label") else (0.0, 0.0)
        for *_, attributes in boxes.edges
    ]
    flip = _same if across else _flipped
    layout = lay_out(
        {name: flip(size) for name, size in sizes.items()}, edges, [flip(size) for size in labels]
    )
    parts = [
        _edge(layout, route, edge, sizes, across)
        for edge, route in zip(boxes.edges, layout.routes, strict=True)
    ]
    parts += [
        _box(flip(layout.centers[name]), size, boxes.label(name), boxes.nodes[name])
        for name, size in sizes.items()
    ]
    width, height = (length + 2 * MARGIN for length in flip(layout.size))
    svg = (
        f'<svg width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}"'
        f' xmlns="http://www.w3.org/2000/svg" font-family="monospace" font-size="{FONT:g}">'
        f'<g transform="translate({MARGIN:g} {MARGIN:g})">{"".join(parts)}</g></svg>'
    )
    return svg, [" ".join(boxes.label(name)).strip() for name in boxes.nodes]


def _same(pair: Point) -> Point:
    return pair


def _flipped(pair: Point) -> Point:
    return pair[1], pair[0]


def _size(lines: list[str]) -> Point:
    widest = max(map(len, lines), default=0)
    return max(24.0, widest * ADVANCE + 2 * PADDING), max(1, len(lines)) * LINE + PADDING


def _ordered(boxes: Boxes) -> list[str]:
    """矢印の元が先に来る順。"""
    waiting = dict.fromkeys(boxes.nodes, 0)
    for _, target, _ in boxes.edges:
        waiting[target] += 1
    order: list[str] = [name for name, count in waiting.items() if not count]
    for name in order:
        for source, target, _ in boxes.edges:
            if source == name:
                waiting[target] -= 1
                if not waiting[target]:
                    order.append(target)
    if len(order) < len(boxes.nodes):
        raise GraphError("矢印が輪になっているので、ページの中では描けません。")
    return order


def _box(center: Point, size: Point, lines: list[str], attributes: Attributes) -> str:
    (x, y), (width, height) = center, size
    fill = attributes.get("fillcolor", "lightgrey")
    texts = "".join(
        f'<text x="{x:.1f}" y="{y + (number - (len(lines) - 1) / 2) * LINE:.1f}"'
        f' text-anchor="middle" dominant-baseline="central">{escape(line)}</text>'
        for number, line in enumerate(lines)
        if line
    )
    return (
        f'<rect x="{x - width / 2:.1f}" y="{y - height / 2:.1f}" width="{width:.1f}"'
        f' height="{height:.1f}" fill="{escape(fill)}" stroke="black"/>{texts}'
    )


def _edge(
    layout: Layout,
    route: Route,
    edge: tuple[str, str, Attributes],
    sizes: dict[str, Point],
    across: bool,
) -> str:
    """層を横切る折れ線。``dir=none`` なら矢じりを付けない。"""
    source, target, attributes = edge
    flip = _same if across else _flipped
    start = layout.centers[source][0] + flip(sizes[source])[0] / 2
    end = layout.centers[target][0] - flip(sizes[target])[0] / 2
    points: list[Point] = [(start, route.stops[0][2])]
    for begin, finish, place in route.stops[1:-1]:
        points += [(begin, place), (finish, place)]
    points.append((end, route.stops[-1][2]))
    drawn = [flip(point) for point in points]
    (x0, y0), (x1, y1) = drawn[-2:]
    style = ' stroke-dasharray="2 3"' if attributes.get("style") == "dotted" else ""
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in drawn)
    parts = f'<polyline points="{line}" fill="none" stroke="black"{style}/>'
    if attributes.get("dir") != "none":
        length = hypot(x1 - x0, y1 - y0) or 1.0
        dx, dy = HEAD * (x1 - x0) / length, HEAD * (y1 - y0) / length
        head = [
            (x1, y1),
            (x1 - dx - dy / 2, y1 - dy + dx / 2),
            (x1 - dx + dy / 2, y1 - dy - dx / 2),
        ]
        corners = " ".join(f"{x:.1f},{y:.1f}" for x, y in head)
        parts += f'<polygon points="{corners}" fill="black"/>'
    if attributes.get("label"):
        x, y = flip(route.label)
        text = escape(attributes["label"])
        parts += (
            f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="middle"'
            f' dominant-baseline="central">{text}</text>'
        )
    return f"<g>{parts}</g>"
