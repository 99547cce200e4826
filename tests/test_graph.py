"""計算グラフ:本数と和を総当たりと照らし、PyTorchの記録から読んだものを自動微分と照らす。"""

from __future__ import annotations

import math
from typing import Any
from xml.etree import ElementTree

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import bibun.torch_api as bibun_torch
from bibun.graph import Edge, Graph, GraphError, Value, diamond_chain

Triple = tuple[str, str, int]


@st.composite
def dags(draw: st.DrawFn) -> list[Triple]:
    """番号の小さい方から大きい方へだけ進む、重なりのある辺の列。"""
    size = draw(st.integers(2, 7))
    pairs = st.integers(0, size - 2).flatmap(
        lambda i: st.tuples(st.just(i), st.integers(i + 1, size - 1))
    )
    edges = draw(st.lists(st.tuples(pairs, st.integers(-3, 3)), min_size=1, max_size=12))
    return [(f"n{i}", f"n{j}", partial) for (i, j), partial in edges]


def walks(edges: list[Triple], source: str, target: str) -> list[list[Triple]]:
    """定義どおりの再帰で、すべてのパスを挙げる。"""
    if source == target:
        return [[]]
    return [
        [edge, *rest]
        for edge in edges
        if edge[0] == source
        for rest in walks(edges, edge[1], target)
    ]


@given(dags())
def test_paths_and_their_sum_agree_with_brute_force(edges: list[Triple]) -> None:
    graph = Graph.from_edges(edges)
    names = graph.topological_order()
    for source in names:
        for target in names:
            expected = walks(edges, source, target)
            found = [
                [(e.source, e.target, e.partial) for e in p.edges]
                for p in graph.paths(source, target)
            ]
            assert sorted(found) == sorted(expected)
            assert graph.count_paths(source, target) == len(expected)
            products = [math.prod(edge[2] for edge in walk) for walk in expected]
            assert graph.path_sum(source, target).total == sum(products)


@given(dags())
def test_both_sweeps_give_the_path_sum_and_visit_each_edge_once(edges: list[Triple]) -> None:
    graph = Graph.from_edges(edges)
    names = graph.topological_order()
    for target in names:
        sweep = graph.reverse_sweep(target)
        for source in names:
            total = graph.path_sum(source, target).total
            assert sweep.results.get(source, 0) == total
            assert graph.forward_sweep(source).results.get(target, 0) == total
        useful = {name for name in names if graph.count_paths(name, target)}
        inner = [edge for edge in graph.edges if edge.target in useful]
        assert sweep.nodes_visited == len(useful)
        assert sorted(map(repr, (step.edge for step in sweep.steps))) == sorted(map(repr, inner))


@given(dags())
def test_reverse_sweep_starts_a_value_only_after_all_its_users(edges: list[Triple]) -> None:
    graph = Graph.from_edges(edges)
    target = graph.topological_order()[-1]
    finished: set[str] = set()
    for step in graph.reverse_sweep(target).steps:
        finished.add(step.edge.target)
        assert step.edge.source not in finished
        assert step.after == step.before + step.upstream * step.local


@given(dags())
def test_topological_order_puts_every_source_before_its_target(edges: list[Triple]) -> None:
    order = Graph.from_edges(edges).topological_order()
    assert all(order.index(source) < order.index(target) for source, target, _ in edges)


UNARY = {
    "sin": lambda engine, x: engine.sin(x),
    "exp": lambda engine, x: engine.exp(-x * x),
    "sigmoid": lambda engine, x: engine.sigmoid(x),
    "pow": lambda engine, x: x**2,
    "shift": lambda engine, x: 1 - x / 2,
}
BINARY = {
    "add": lambda engine, x, y: x + y,
    "sub": lambda engine, x, y: x - y,
    "mul": lambda engine, x, y: x * y,
    "div": lambda engine, x, y: x / (1 + y * y),
}
Recipe = tuple[list[float], list[tuple[str, int, int]]]


@st.composite
def recipes(draw: st.DrawFn) -> Recipe:
    """乱数で作ったスカラーの計算の手順:入力の値と、(演算、使う値の番号2つ)の列。"""
    numbers = st.floats(-2, 2).map(lambda x: round(x, 3))
    inputs = draw(st.lists(numbers, min_size=1, max_size=3))
    steps = []
    for made in range(draw(st.integers(1, 8))):
        pick = st.integers(0, len(inputs) + made - 1)
        operation = draw(st.sampled_from([*UNARY, *BINARY]))
        steps.append((operation, draw(pick), draw(pick)))
    return inputs, steps


def run(engine: Any, recipe: Recipe) -> tuple[list[Any], Any]:
    inputs = [engine.tensor(x, dtype=engine.float64, requires_grad=True) for x in recipe[0]]
    values = list(inputs)
    for operation, first, second in recipe[1]:
        if operation in UNARY:
            values.append(UNARY[operation](engine, values[first]))
        else:
            values.append(BINARY[operation](engine, values[first], values[second]))
    return inputs, values[-1]


@settings(deadline=None)
@given(recipes())
@pytest.mark.parametrize("engine", [torch, bibun_torch], ids=["torch", "bibun"])
def test_path_sum_of_a_record_is_autograds_gradient(engine: Any, recipe: Recipe) -> None:
    inputs, result = run(engine, recipe)
    gradients = engine.autograd.grad(result, inputs, retain_graph=True, allow_unused=True)
    used = {
        f"x{i}": (x, gradient.item())
        for i, (x, gradient) in enumerate(zip(inputs, gradients, strict=True))
        if gradient is not None
    }
    names = {name: x for name, (x, _) in used.items()}
    graph = Graph.from_tensor(result, {**names, "result": result})
    sweep = graph.reverse_sweep("result")
    for name, (_, gradient) in used.items():
        assert graph.path_sum(name, "result").total == pytest.approx(gradient, rel=1e-9, abs=1e-12)
        assert sweep.results[name] == pytest.approx(gradient, rel=1e-9, abs=1e-12)
    assert all(x.grad is None for x in inputs)
    result.backward()  # 読みとったあとも、記録は使える


@settings(deadline=None)
@given(recipes())
def test_both_engines_give_the_same_graph(recipe: Recipe) -> None:
    one, other = (Graph.from_tensor(run(engine, recipe)[1]) for engine in (torch, bibun_torch))
    assert one.nodes == other.nodes
    assert [(e.source, e.target) for e in one.edges] == [(e.source, e.target) for e in other.edges]
    for mine, theirs in zip(one.edges, other.edges, strict=True):
        assert mine.partial == pytest.approx(theirs.partial, rel=1e-12, abs=1e-15)


def lecture_graph(engine: Any = torch) -> tuple[dict[str, Any], Graph]:
    u = engine.tensor(3.0, requires_grad=True)
    v = engine.tensor(2.0, requires_grad=True)
    x, y = u + v, u - v
    names = {"u": u, "v": v, "x": x, "y": y, "z": x * y}
    return names, Graph.from_tensor(names["z"], names)


@pytest.mark.parametrize("engine", [torch, bibun_torch], ids=["torch", "bibun"])
def test_lecture_graph_has_the_partials_of_the_text(engine: Any) -> None:
    _, graph = lecture_graph(engine)
    assert {(e.source, e.target): e.partial for e in graph.edges} == {
        ("u", "x"): 1, ("v", "x"): 1, ("u", "y"): 1, ("v", "y"): -1, ("x", "z"): 1, ("y", "z"): 5,
    }  # fmt: skip
    assert [(v.name, v.operation, v.value) for v in graph.nodes] == [
        ("u", None, 3.0), ("v", None, 2.0), ("x", "+", 5.0), ("y", "−", 1.0), ("z", "×", 5.0),
    ]  # fmt: skip
    assert graph.reverse_sweep("z").results == {"z": 1, "x": 1, "y": 5, "u": 6, "v": -4}


def test_the_ledger_is_a_table_with_a_row_for_each_step() -> None:
    graph = Graph.from_edges([("x<1", "y", 2.0), ("y", "z", -3.0)])
    table = ElementTree.fromstring(graph.reverse_sweep("z")._repr_html_())
    assert "".join(table.find("caption").itertext()) == "訪れたノード3、辺2"
    rows = [["".join(cell.itertext()) for cell in row] for row in table.iter("tr")]
    assert rows[1:] == [
        ["1", "z ⇒ y", "1 × (-3) = -3", "y\u0304: 0 → -3"],
        ["2", "y ⇒ x<1", "-3 × 2 = -6", "x<1\u0304: 0 → -6"],
    ]


def test_a_value_used_twice_by_one_operation_has_two_edges() -> None:
    u = torch.tensor(3.0, requires_grad=True)
    z = u * u
    graph = Graph.from_tensor(z, {"u": u, "z": z})
    assert graph.edges == (Edge("u", "z", 3.0), Edge("u", "z", 3.0))
    assert graph.count_paths("u", "z") == 2
    assert graph.path_sum("u", "z").total == 6


@pytest.mark.parametrize("engine", [torch, bibun_torch], ids=["torch", "bibun"])
def test_operations_have_the_symbols_of_the_lecture(engine: Any) -> None:
    x = engine.tensor(2.0, requires_grad=True)
    expected = {
        x + 2: "+", 1 - x: "−", 3 * x: "×", x / 2: "÷", -x: "−", x**2: "2乗", x**-0.5: "-0.5乗",
        2**x: "pow", x.sin(): "sin", x.relu(): "relu",
    }  # fmt: skip
    for y, symbol in expected.items():
        assert Graph.from_tensor(y, {"y": y})["y"].operation == symbol


def test_unnamed_values_get_names_that_do_not_clash() -> None:
    u = torch.tensor(3.0, requires_grad=True)
    graph = Graph.from_tensor((u.sin() + 1).exp(), {"v1": u})
    assert [value.name for value in graph.nodes] == ["v1", "v2", "v3", "v4"]
    assert [value.operation for value in graph.nodes] == [None, "sin", "+", "exp"]


def test_operations_of_one_record_with_several_outputs_are_kept_apart() -> None:
    x = torch.tensor([2.0, 3.0, 5.0], requires_grad=True)
    a, b, _ = x.unbind()
    z = a * b
    graph = Graph.from_tensor(z, {"x": x, "a": a, "b": b, "z": z})
    assert {(e.source, e.target, e.partial) for e in graph.edges} == {
        ("x", "a", None), ("x", "b", None), ("a", "z", 3.0), ("b", "z", 2.0),
    }  # fmt: skip


def test_partials_of_several_outputs_of_one_operation_are_kept_apart() -> None:
    class SinCos(torch.autograd.Function):
        @staticmethod
        def forward(context, x):
            context.save_for_backward(x)
            return x.sin(), x.cos()

        @staticmethod
        def backward(context, upstream_sin, upstream_cos):
            (x,) = context.saved_tensors
            return upstream_sin * x.cos() - upstream_cos * x.sin()

    x = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
    s, c = SinCos.apply(x)
    z = s + c
    graph = Graph.from_tensor(z, {"x": x, "s": s, "c": c, "z": z})
    assert graph.path_sum("x", "s").total == pytest.approx(math.cos(2))
    assert graph.path_sum("x", "c").total == pytest.approx(-math.sin(2))


def test_a_custom_function_is_read_like_any_operation() -> None:
    class Cube(torch.autograd.Function):
        @staticmethod
        def forward(context, x):
            context.save_for_backward(x)
            return x**3

        @staticmethod
        def backward(context, upstream):
            (x,) = context.saved_tensors
            return 3 * x**2 * upstream

    x = torch.tensor(2.0, requires_grad=True)
    y = Cube.apply(x)
    assert Graph.from_tensor(y, {"x": x, "y": y}).path_sum("x", "y").total == 12


@pytest.mark.parametrize("engine", [torch, bibun_torch], ids=["torch", "bibun"])
def test_vectors_are_drawn_without_partials(engine: Any) -> None:
    x = engine.tensor([1.0, 2.0, 3.0], requires_grad=True)
    s = x.sum()
    y = engine.sin(s + 2)
    graph = Graph.from_tensor(y, {"x": x, "s": s, "y": y}, operations={"s": "合計"})
    assert graph["x"].value == (1.0, 2.0, 3.0)
    assert graph["s"].operation == "合計"
    assert [edge.partial is None for edge in graph.edges] == [True, False, False]
    assert graph.path_sum("s", "y").total == pytest.approx(math.cos(8))
    with pytest.raises(GraphError, match="「x → s」に偏微分係数がありません"):
        graph.path_sum("x", "y")


def torch_chain(operations: int) -> tuple[torch.Tensor, torch.Tensor]:
    x = torch.tensor(0.0, requires_grad=True)
    y = x
    for _ in range(operations):
        y = y + 1
    return x, y


def test_a_long_torch_record_is_read_without_recursion_up_to_the_limit() -> None:
    x, y = torch_chain(9_999)
    graph = Graph.from_tensor(y, {"x": x, "y": y})
    assert graph.path_sum("x", "y").total == 1
    assert graph.reverse_sweep("y").edges_visited == 9_999


def test_a_bibun_record_of_a_hundred_thousand_operations_is_read() -> None:
    x = bibun_torch.tensor(0.0, requires_grad=True)
    y = x
    for _ in range(100_000):
        y = y + 1
    graph = Graph.from_tensor(y, {"x": x, "y": y})
    assert graph.path_sum("x", "y").total == 1


def test_a_torch_record_that_torch_could_not_free_again_is_refused() -> None:
    _, y = torch_chain(10_000)
    with pytest.raises(GraphError, match="10000個を超えて"):
        Graph.from_tensor(y)


def test_a_chain_of_a_hundred_thousand_nodes_needs_no_recursion() -> None:
    n = 100_000
    graph = Graph.from_edges((f"n{i}", f"n{i + 1}", 1) for i in range(n))
    assert graph.count_paths("n0", f"n{n}") == 1
    assert len(next(graph.paths("n0", f"n{n}")).edges) == n
    assert graph.reverse_sweep(f"n{n}").results["n0"] == 1
    assert graph.forward_sweep("n0").results[f"n{n}"] == 1


def test_a_thousand_diamonds_are_counted_exactly() -> None:
    graph = diamond_chain(1000)
    assert graph.count_paths("a0", "a1000") == 2**1000
    sweep = graph.reverse_sweep("a1000")
    assert (sweep.results["a0"], sweep.nodes_visited, sweep.edges_visited) == (2**1000, 3001, 4000)
    assert sum(1 for _ in diamond_chain(10).paths("a0", "a10")) == 2**10
    with pytest.raises(GraphError, match="1本ずつたどるには多すぎます"):
        graph.path_sum("a0", "a1000")


def test_paths_do_not_wander_where_the_target_cannot_be_reached() -> None:
    edges = [(edge.source, edge.target) for edge in diamond_chain(60).edges]
    graph = Graph.from_edges([*edges, ("a0", "goal")])
    assert [str(path) for path in graph.paths("a0", "goal")] == ["a0 → goal"]


def test_zero_diamonds_are_one_node() -> None:
    graph = diamond_chain(0)
    assert (len(graph.nodes), len(graph.edges), graph.count_paths("a0", "a0")) == (1, 0, 1)
    assert str(graph.path_sum("a0", "a0")).endswith("∂a0/∂a0 = 1")


@pytest.mark.parametrize("engine", [torch, bibun_torch], ids=["torch", "bibun"])
def test_a_freed_record_is_refused_with_what_to_do(engine: Any) -> None:
    names, _ = lecture_graph(engine)
    names["z"].backward()
    with pytest.raises(GraphError, match="もう一度計算してから"):
        Graph.from_tensor(names["z"])


@pytest.mark.parametrize("engine", [torch, bibun_torch], ids=["torch", "bibun"])
def test_a_value_overwritten_after_its_use_gets_the_engines_own_error(engine: Any) -> None:
    x = engine.tensor(2.0, requires_grad=True)
    y = x * 3
    z = y * y
    y.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        Graph.from_tensor(z)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Graph.from_edges([("a", "b"), ("b", "c"), ("c", "b")]), "閉路b → c → bが"),
        (lambda: Graph.from_edges([("a", "a")]), "閉路a → aが"),
        (lambda: Graph.from_edges([("a",)]), r"\(始点, 終点\)か"),
        (lambda: Graph.from_edges(["ab"]), r"\(始点, 終点\)か"),
        (lambda: Graph.from_edges([(1, "b")]), "名前は文字列"),
        (lambda: Graph.from_edges([("a", "b", "3")]), "係数は数に"),
        (lambda: Graph.from_edges([("a", "b", True)]), "係数は数に"),
        (lambda: Graph.from_edges([("a", "b")], values={"c": 1.0}), "「c」というノード"),
        (lambda: Graph([Value("a"), Value("a")], []), "「a」が重なって"),
        (lambda: Graph([Value("a")], [Edge("a", "b")]), "「b」というノード"),
        (lambda: Graph.from_edges([("a", "b")]).path_sum("a", "b"), "偏微分係数がありません"),
        (lambda: Graph.from_edges([("a", "b")]).reverse_sweep("b"), "偏微分係数がありません"),
        (lambda: Graph.from_edges([("a", "b")]).reverse_sweep("c"), "ノード:a, b"),
        (lambda: Graph.from_edges([("a", "b")]).paths("a", "c"), "ノード:a, b"),
        (lambda: diamond_chain(-1), "0以上"),
        (lambda: Graph.from_tensor(torch.tensor(1.0)), "grad_fnがなく"),
        (lambda: Graph.from_tensor(torch.tensor(1.0, requires_grad=True)), "grad_fnがなく"),
        (lambda: Graph.from_tensor(3.0), "grad_fnがなく"),
    ],
)
def test_what_cannot_be_is_refused_in_japanese(build, message: str) -> None:
    with pytest.raises(GraphError, match=message):
        build()


def test_names_must_be_tensors_of_this_computation() -> None:
    names, _ = lecture_graph()
    other = torch.tensor(1.0, requires_grad=True)
    for wrong, message in (
        ({"w": other}, "「w」は、この値の計算に現れません"),
        ({"w": other * 2}, "「w」は、この値の計算に現れません"),
        ({"w": 3.0}, "{名前: Tensor}"),
        ({names["u"]: "u"}, "{名前: Tensor}"),
    ):
        with pytest.raises(GraphError, match=message):
            Graph.from_tensor(names["z"], wrong)
    with pytest.raises(GraphError, match="namesにない名前"):
        Graph.from_tensor(names["z"], operations={"y": "+ 2"})
