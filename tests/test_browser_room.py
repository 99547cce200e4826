"""ページの中の実行(`bibun.browser`)のうち、ブラウザーのいらないところ: 値の表示、torchvizの代わり、DOTの図。"""

from __future__ import annotations

import enum
import json
import random
from collections import namedtuple
from types import MappingProxyType
from typing import Any

import pytest
from IPython.lib.pretty import pretty as ipython_pretty

import bibun.torch_api as torch
from bibun.browser import Session
from bibun.browser.pretty import pretty
from bibun.browser.torchviz import make_dot
from bibun.graph import GraphError
from bibun.render.boxes import parse, to_svg

Point = namedtuple("Point", "x y")


class Colour(enum.Enum):
    RED = 1


def anything(chance: random.Random, depth: int) -> Any:
    """入れ子の、無作為な値。"""
    kinds = ["int", "float", "str", "none", "list", "tuple", "dict", "set", "point"]
    kind = chance.choice(kinds[:4] if depth == 0 else kinds)
    count = chance.choice([0, 1, 2, 3, 7])
    if kind == "int":
        return chance.randrange(10 ** chance.randrange(1, 30))
    if kind == "float":
        return chance.random() * 10 ** chance.randrange(-5, 5)
    if kind == "str":
        return chance.choice(["短い", "a" * chance.randrange(1, 40), "引用'と\"", "改\n行"])
    if kind == "none":
        return None
    if kind == "set":
        return {chance.randrange(1000) for _ in range(count)}
    if kind == "point":
        return Point(chance.random(), anything(chance, depth - 1))
    items = [anything(chance, depth - 1) for _ in range(count)]
    if kind == "dict":
        return {f"key{number}": item for number, item in enumerate(items)}
    return items if kind == "list" else tuple(items)


@pytest.mark.parametrize("seed", range(300))
def test_values_look_as_in_ipython(seed: int) -> None:
    value = anything(random.Random(seed), 4)
    assert pretty(value) == ipython_pretty(value)


def a_function(x: int, *, y: float = 1.0) -> None:
    """表示を比べるだけの関数。"""


@pytest.mark.parametrize(
    "value",
    [
        int,
        Point,
        Colour,
        Colour.RED,
        a_function,
        len,
        random.Random.random,
        ValueError("a", 1),
        GraphError("だめ"),
        MappingProxyType({"a": 1}),
        frozenset({3, 1, 2}),
        set(),
        (),
        list(range(1100)),
        [torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor(1.0)],
        {"grad": torch.tensor([[1.0, 2.0], [3.0, 4.0]])},
    ],
)
def test_other_kinds_look_as_in_ipython(value: Any) -> None:
    assert pretty(value) == ipython_pretty(value)


def test_a_list_that_holds_itself_ends() -> None:
    value: list[Any] = [1]
    value.append(value)
    assert pretty(value) == ipython_pretty(value) == "[1, [...]]"


@pytest.mark.filterwarnings("ignore:distutils Version classes are deprecated")
def test_torchviz_stand_in_writes_the_boxes_that_torchviz_writes() -> None:
    import torch as real_torch
    import torchviz

    def shape(library: Any, make: Any, **options: Any) -> tuple[list[str], list[str], int]:
        x = library.tensor([1.0, 2.0, 3.0], requires_grad=True)
        y = library.sin(x.sum() + 2) * x.sum()
        boxes = parse(make(y, params={"x": x, "y": y}, **options).source)
        labels = sorted(" ".join(boxes.label(name)).strip() for name in boxes.nodes)
        colours = sorted(attributes.get("fillcolor", "") for attributes in boxes.nodes.values())
        return labels, colours, len(boxes.edges)

    assert shape(torch, make_dot) == shape(real_torch, torchviz.make_dot)
    ours, theirs = (
        shape(library, make, show_saved=True)
        for library, make in ((torch, make_dot), (real_torch, torchviz.make_dot))
    )
    assert ours[1:] == theirs[1:]


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("a -> b", "digraph"),
        ("digraph { subgraph { a } }", "subgraph"),
        ("digraph { a [label] }", "名前=値"),
        ("digraph { a [label=x }", "閉じていません"),
        ("digraph { a ~ b }", "読めません"),
        ("digraph { a -> b -> a }", "輪"),
        ("digraph {" + " ".join(f"n{i};" for i in range(101)) + "}", "100個まで"),
    ],
)
def test_dot_that_cannot_be_drawn_is_refused_in_words(source: str, says: str) -> None:
    with pytest.raises(GraphError, match=says):
        to_svg(source)


def test_labels_of_dot_are_text_not_markup() -> None:
    svg, labels = to_svg('digraph { a [label="<script>&\\"" fillcolor="x\\"><script>"] a -> b }')
    assert "<script>" not in svg
    assert labels == ['<script>&"', "b"]


def test_a_session_reports_the_verdicts_and_gives_check_back() -> None:
    import bibun.exercises

    before = bibun.exercises.check
    outputs: list[str] = []
    session = Session(outputs.append)
    result = json.loads(session.run('from bibun.exercises import check\ncheck("1-1", ...)', "a#1"))
    assert [(found["id"], found["status"]) for found in result["verdicts"]] == [
        ("1-1", "unanswered")
    ]
    assert bibun.exercises.check is before


def test_a_last_expression_with_a_semicolon_or_none_is_not_shown() -> None:
    outputs: list[str] = []
    session = Session(outputs.append)
    for code in ("1;", "None", "x = 1", "", "# 注釈だけ"):
        assert json.loads(session.run(code, "a#1"))["ended"] == "done"
    assert outputs == []


@pytest.mark.parametrize(
    "code",
    [
        "raise ValueError('長' * 10**6)",
        "raise type('長' * 10**6, (Exception,), {})('\\0' * 10**6)",
        "f = lambda n: 1 / n and f(n - 1)  # " + "長" * 10**5 + "\nf(30)",
        "'長' * 10**6",
    ],
)
def test_what_is_too_long_to_be_read_is_cut_and_said(code: str) -> None:
    outputs: list[str] = []
    result = Session(outputs.append).run(code, "a#1")
    for text in (result, *outputs):
        assert len(text) < 2_000_000
    assert "文字を超えたので、続きは表示しません" in outputs[0]
    assert len(outputs) == 1
