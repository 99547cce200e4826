"""計算グラフの絵:文字が線や箱と重ならないこと、毎回同じであること、読み上げられること。"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree import ElementTree

import pytest
import torch
import torchviz
from hypothesis import given, settings
from hypothesis import strategies as st

from bibun.graph import Graph, GraphError, diamond_chain
from bibun.render import Drawing, draw, draw_dot, draw_sweep, to_dot

SVG = "{http://www.w3.org/2000/svg}"
Point = tuple[float, float]


def lecture_graph() -> Graph:
    u = torch.tensor(3.0, requires_grad=True)
    v = torch.tensor(2.0, requires_grad=True)
    x, y = u + v, u - v
    z = x * y
    return Graph.from_tensor(z, {"u": u, "v": v, "x": x, "y": y, "z": z})


def sine_of_sum() -> tuple[torch.Tensor, torch.Tensor, Graph]:
    x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    s = x.sum()
    a = s + 2
    y = torch.sin(a)
    graph = Graph.from_tensor(y, {"x": x, "s": s, "a": a, "y": y}, operations={"a": "+ 2"})
    return x, y, graph


def shared_and_parallel() -> Graph:
    """同じ値を2回使う積と、層を飛ばす辺のあるグラフ。"""
    u = torch.tensor(3.0, requires_grad=True)
    p = u * u
    q = p * u + torch.exp(u) * p
    return Graph.from_tensor(q, {"u": u, "p": p, "q": q})


GRAPHS = {
    "lecture": lecture_graph,
    "sine": lambda: sine_of_sum()[2],
    "diamond": lambda: diamond_chain(1),
    "three diamonds": lambda: diamond_chain(3),
    "shared": shared_and_parallel,
}


# --- SVGを図形として読む ------------------------------------------------------------------------


@dataclass(frozen=True)
class Box:
    left: float
    top: float
    right: float
    bottom: float

    def holds(self, point: Point) -> bool:
        return self.left < point[0] < self.right and self.top < point[1] < self.bottom

    def meets(self, other: Box) -> bool:
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )


def parsed(drawing: Drawing) -> ElementTree.Element:
    return ElementTree.fromstring(drawing.svg)


def text_boxes(root: ElementTree.Element) -> list[Box]:
    """文字の占める場所。ふつうのゴシック体の字の幅(数字は0.55字分、空白や括弧は0.3字分)で見積もる。"""
    boxes = []
    for text in root.iter(f"{SVG}text"):
        size = float(text.get("font-size", root.get("font-size", "")))
        content = "".join(text.itertext()).replace("\u0304", "").replace("\u0307", "")
        half = sum(0.3 if c in " .,()" else 0.55 for c in content) * size / 2
        x, y = float(text.get("x", "")), float(text.get("y", ""))
        boxes.append(Box(x - half, y - size / 2, x + half, y + size / 2))
    return boxes


def node_boxes(root: ElementTree.Element) -> list[Box]:
    boxes = []
    for rect in root.iter(f"{SVG}rect"):
        x, y, width, height = (float(rect.get(key, "")) for key in ("x", "y", "width", "height"))
        boxes.append(Box(x, y, x + width, y + height))
    for circle in root.iter(f"{SVG}circle"):
        x, y, r = (float(circle.get(key, "")) for key in ("cx", "cy", "r"))
        r *= 0.7  # 円に内接する正方形
        boxes.append(Box(x - r, y - r, x + r, y + r))
    return boxes


def edge_points(root: ElementTree.Element) -> Iterator[Point]:
    """すべての線の上の点を、細かく取る。"""
    for path in root.iter(f"{SVG}path"):
        here = (0.0, 0.0)
        for command, rest in re.findall(r"([MLC])([^MLC]*)", path.get("d", "")):
            points = [tuple(map(float, pair.split(","))) for pair in rest.split()]
            if command == "M":
                here = points[0]
                continue
            if command == "L":
                points = [here, points[0], points[0]]
            yield from (bezier(here, *points, t / 24) for t in range(25))
            here = points[-1]


def bezier(a: Point, b: Point, c: Point, d: Point, t: float) -> Point:
    s = 1 - t
    weights = (s**3, 3 * s * s * t, 3 * s * t * t, t**3)
    return tuple(sum(w * p[i] for w, p in zip(weights, (a, b, c, d), strict=True)) for i in (0, 1))


def assert_nothing_overlaps(drawing: Drawing) -> None:
    root = parsed(drawing)
    texts, nodes = text_boxes(root), node_boxes(root)
    width, height = float(root.get("width", "")), float(root.get("height", ""))
    for box in [*texts, *nodes]:
        assert box.left + 4 >= 0, box
        assert box.right + 4 <= width + 0.5, box
        assert box.top + 4 >= 0, box
        assert box.bottom + 4 <= height + 0.5, box
    for i, text in enumerate(texts):
        assert not any(text.meets(other) for other in texts[:i])
        for node in nodes:
            inside = node.holds(((text.left + text.right) / 2, (text.top + text.bottom) / 2))
            assert inside or not text.meets(node)
    for i, node in enumerate(nodes):
        assert not any(node.meets(other) for other in nodes[:i])
    for point in edge_points(root):
        assert not any(text.holds(point) for text in texts), point
        assert not any(shrunk(node).holds(point) for node in nodes), point


def shrunk(box: Box) -> Box:
    return Box(box.left + 0.3, box.top + 0.3, box.right - 0.3, box.bottom - 0.3)


@pytest.mark.parametrize("name", GRAPHS)
@pytest.mark.parametrize("direction", ["LR", "TB"])
def test_no_text_touches_a_line_or_another_box(name: str, direction: str) -> None:
    graph = GRAPHS[name]()
    assert_nothing_overlaps(draw(graph, direction=direction))
    if name != "sine":
        sweep = graph.reverse_sweep(graph.topological_order()[-1])
        assert_nothing_overlaps(draw(graph, direction=direction, sweep=sweep))


@st.composite
def dags(draw: st.DrawFn) -> Graph:
    size = draw(st.integers(2, 8))
    pairs = st.integers(0, size - 2).flatmap(
        lambda i: st.tuples(st.just(i), st.integers(i + 1, size - 1))
    )
    edges = draw(st.lists(st.tuples(pairs, st.integers(-99, 99)), min_size=1, max_size=12))
    made = [(f"x{i}", f"x{j}", partial) for (i, j), partial in edges]
    names = sorted({name for edge in made for name in edge[:2]})
    symbols = st.dictionaries(st.sampled_from(names), st.sampled_from(["+", "sin", "sigmoid"]))
    numbers = st.dictionaries(st.sampled_from(names), st.sampled_from([1.0, -0.12345, 1e-20]))
    return Graph.from_edges(made, operations=draw(symbols), values=draw(numbers))


@settings(deadline=None, max_examples=150)
@given(dags(), st.sampled_from(["LR", "TB"]))
def test_nothing_overlaps_in_any_graph(graph: Graph, direction: str) -> None:
    assert_nothing_overlaps(draw(graph, direction=direction))


@pytest.mark.parametrize("name", GRAPHS)
def test_text_stays_legible_on_a_phone(name: str) -> None:
    root = parsed(draw(GRAPHS[name]()))
    scale = min(1.0, 340 / float(root.get("width", "")))  # 390 pxの画面で、図に使える幅
    sizes = [float(text.get("font-size", "15")) for text in root.iter(f"{SVG}text")]
    assert min(sizes) * scale >= 11


def test_drawing_is_one_image_with_a_description_and_no_ids() -> None:
    drawing = draw(lecture_graph())
    root = parsed(drawing)
    assert root.tag == f"{SVG}svg"
    assert root.get("role") == "img"
    assert root.get("aria-label") == drawing.alt
    assert drawing.alt == (
        "計算グラフ。入力はu = 3、v = 2。x = 5はuとvから+で計算される。y = 1はuとvから−で計算される。"
        "z = 5はxとyから×で計算される。"
        "偏微分係数はu→xが1、v→xが1、u→yが1、v→yが-1、x→zが1、y→zが5。"
    )
    assert not any("id" in element.attrib for element in root.iter())
    assert drawing._repr_html_() == drawing.svg


def test_every_colour_follows_the_theme() -> None:
    graph = lecture_graph()
    drawing = draw(graph, highlight=graph.paths("u", "z"), sweep=graph.reverse_sweep("z"))
    colours = re.findall(r'(?:fill|stroke)="([^"]*)"', drawing.svg)
    assert {re.sub(r"^var\(.*", "var", colour) for colour in colours} == {
        "none", "currentColor", "var",
    }  # fmt: skip


def test_what_the_reader_asked_for_is_shown_and_nothing_else() -> None:
    graph = lecture_graph()

    def words(**options) -> list[str]:
        return [
            "".join(text.itertext()) for text in parsed(draw(graph, **options)).iter(f"{SVG}text")
        ]

    assert sorted(words()) == sorted(
        ["1", "1", "1", "−1", "1", "5", "u = 3", "v = 2", "+", "x = 5", "−", "y = 1", "×", "z = 5"]
    )
    assert sorted(words(show=())) == ["u", "v", "x", "y", "z"]
    assert "u\u0304 = 6" in words(sweep=graph.reverse_sweep("z"))
    assert "x\u0307 = 1" in words(sweep=graph.forward_sweep("u"))


def test_highlighted_paths_differ_in_colour_and_in_dashes() -> None:
    graph = lecture_graph()
    one, two = graph.paths("u", "z")
    strokes = set(re.findall(r'stroke="(var[^"]*)" stroke-width="3"( stroke-dasharray="[^"]*")?',
                             draw(graph, highlight=[one, two]).svg))  # fmt: skip
    assert len({colour for colour, _ in strokes}) == 2
    assert len({dash for _, dash in strokes}) == 2
    assert draw(graph, highlight=one).svg == draw(graph, highlight=[one]).svg
    assert draw(graph, highlight=one).alt.endswith("強調したパスはu → x → z。")


def test_of_two_parallel_edges_only_the_one_on_the_path_is_highlighted() -> None:
    graph = Graph.from_edges([("u", "z", 3.0), ("u", "z", 3.0)])
    assert draw(graph, highlight=next(graph.paths("u", "z"))).svg.count('stroke-width="3"') == 1


def test_frames_show_each_step_of_the_sweep_in_turn() -> None:
    frames = draw_sweep(lecture_graph(), "z")
    assert len(frames.drawings) == len(frames.captions) == 7
    known = [re.findall(r"随伴値は(.*)。", drawing.alt)[0] for drawing in frames.drawings]
    assert known[0] == "zが1"
    assert known[3] == "zが1、xが1、yが5、uが5"
    assert known[6] == "zが1、xが1、yが5、uが6、vが-4"
    assert 'stroke-width="3"' not in frames.drawings[0].svg
    assert all(d.svg.count('stroke-width="3"') == 1 for d in frames.drawings[1:])
    html = frames._repr_html_()
    assert html.count("<details ") == 7
    assert html.count(" open>") == 1
    assert "<script" not in html


def test_a_frame_keeps_its_numbers_to_itself_until_it_is_opened() -> None:
    html = draw_sweep(lecture_graph(), "z")._repr_html_()
    closed = re.sub(r"</summary>.*?</details>", "", html)
    assert "1手目:z ⇒ x" in closed
    assert "→" not in closed
    assert "=" not in re.sub("<[^>]*>", "", closed)
    assert "<div>1 × 1 = 1　x̄: 0 → 1</div>" in html


def test_a_value_that_the_sweep_never_reached_is_unknown_until_the_end_and_then_zero() -> None:
    graph = lecture_graph()
    sweep = graph.forward_sweep("u")
    assert "v\u0307 = ?" in draw(graph, sweep=sweep, step=3).svg
    assert "v\u0307 = 0" in draw(graph, sweep=sweep).svg


def test_the_same_graph_gives_the_same_bytes_in_every_process() -> None:
    program = (
        "from bibun.graph import diamond_chain; from bibun.render import draw, draw_sweep;"
        "g = diamond_chain(2); print(draw(g).svg, draw_sweep(g, 'a2')._repr_html_())"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": "src"},
            check=True,
            capture_output=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1


def test_names_are_escaped() -> None:
    graph = Graph.from_edges([('<b>&"', "y", 1.0)])
    drawing = draw(graph)
    assert "".join(next(parsed(drawing).iter(f"{SVG}text")).itertext()) in ('<b>&"', "1")
    assert "<b>" not in drawing.svg
    assert r'label="<b>&\""' in to_dot(graph)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"show": ("values",)}, "showには"),
        ({"show": "value"}, "showには"),
        ({"direction": "RL"}, "directionは"),
        ({"highlight": "u"}, "highlightには"),
        ({"highlight": diamond_chain(1).paths("a0", "a1")}, "highlightには"),
        ({"sweep": diamond_chain(1).reverse_sweep("a1")}, "sweepには"),
        ({"step": 1}, "stepは0以上0以下"),
    ],
)
def test_unknown_options_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(GraphError, match=message):
        draw(diamond_chain(1), **options)


def test_a_graph_too_large_to_read_is_refused() -> None:
    with pytest.raises(GraphError, match="100個まで"):
        draw(diamond_chain(40))


def torchviz_drawing() -> Drawing:
    x, y, _ = sine_of_sum()
    return draw_dot(torchviz.make_dot(y, params={"x": x, "y": y}, show_saved=True))


# torchvizが版の比較に使うsetuptoolsの部品は、廃止の予告を出す。torchvizの中のことで、図とは関わらない。
@pytest.mark.filterwarnings("ignore:distutils Version classes:DeprecationWarning")
def test_torchviz_drawing_is_stable_readable_and_silent(capfd: pytest.CaptureFixture[str]) -> None:
    first, second = torchviz_drawing(), torchviz_drawing()
    assert first == second
    assert not re.search(r"\d{9,}|0x", first.svg + first.dot)
    assert capfd.readouterr() == ("", "")
    root = parsed(first)
    assert (root.get("role"), root.get("aria-label")) == ("img", first.alt)
    assert "SinBackward0" in first.alt
    assert "x (3)" in first.alt
    colours = set(re.findall(r'(?:fill|stroke)="([^"]*)"', first.svg))
    assert all(c in ("none", "currentColor") or c.startswith("var(") for c in colours), colours


def test_written_dot_is_understood_by_graphviz() -> None:
    for build in GRAPHS.values():
        drawn = parsed(draw_dot(to_dot(build())))
        words = ["".join(text.itertext()) for text in drawn.iter(f"{SVG}text")]
        assert words


@pytest.mark.parametrize(
    ("source", "message"),
    [("digraph { a -> }", "DOTの構文"), ("", "DOTの構文"), (diamond_chain(1), "drawで描けます")],
)
def test_what_is_not_a_graphviz_graph_is_refused_silently_on_stderr(
    source: object, message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(GraphError, match=message):
        draw_dot(source)
    assert capfd.readouterr() == ("", "")


def test_missing_pygraphviz_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    with pytest.raises(ImportError, match="pygraphvizが要ります"):
        draw_dot("digraph { a -> b }")


def test_torchviz_without_names_is_drawn_and_the_process_goes_on() -> None:
    code = (
        "import torch, torchviz\n"
        "from bibun.render import draw_dot\n"
        "x = torch.tensor(2.0, requires_grad=True)\n"
        "print(draw_dot(torchviz.make_dot(torch.sin(x) + x * 3)).alt)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, "Graphvizがプロセスごと止まりました"
    assert "SinBackward0" in done.stdout
