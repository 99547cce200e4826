"""規則の表: 記録の名前、値と勾配、尖った点、定義域の端、高階の微分、表への追加."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch as real
from side_by_side import ENGINES, outcome

import bibun.torch_api as torch
from bibun.elementwise import unary
from bibun.operation import FUNCTIONS, Operation, define, method
from bibun.rules import TABLE
from bibun.tensor import Tensor

# --- 記録の名前とつながり ---------------------------------------------------------------------

RECORDED = """
x % c; x.div(c, rounding_mode="floor"); torch.add(x, v, alpha=2); x - v; x.sub(v, alpha=3)
x + 2; 2 + x; x - 2; 2 - x; x * 2; 2 * x; x / 2; 2 / x; x ** 2; 2 ** x; x ** x; x ** c; c ** x
torch.pow(2, x); x // 2; x % 2; -x; abs(x); +x * 1; x.sqrt(); x.square(); x.exp(); x.log()
x.log1p(); x.expm1(); x.sin(); x.cos(); x.tan(); x.tanh(); x.sigmoid(); x.relu(); x.log2()
x.log10(); x.sinh(); x.cosh(); x.asin(); x.acos(); x.atan(); x.erf(); x.reciprocal(); x.rsqrt()
x.round(); x.floor(); x.ceil(); x.trunc(); x.sign(); x.sgn(); x.clamp(0, 1); x.clamp(min=0)
v.clamp(min=x); m.clamp(max=v); v.clamp(c, c); v.clamp(0, torch.tensor(2.0)); x.clamp(x)
v.maximum(x); v.minimum(v); torch.where(b, v, x); torch.where(b, v, 0.0); torch.where(b, 0.0, v)
v.sum(); m.sum(0); m.sum(dim=(0, 1)); v.mean(); m.mean(1); v.prod(); m.prod(1); v.max(); v.min()
m.max(1)[0]; m.min(0, True).values; v.amax(); v.amin(0); v.cumsum(0); v.dot(v); v @ v; m @ v
m.mv(v); m.mm(m.T); m @ m.T; m.T; m.mT; m.t(); m.transpose(0, 1); m.permute(1, 0)
torch.outer(v, v); m.reshape(3, 2); m.view(6); m.flatten(); m.reshape(-1); m.T.reshape(6)
m.T @ x.reshape(1, 1).expand(2, 1); v @ m.T; v.unsqueeze(0); v[None]; m[None].squeeze()
m[None].squeeze(0); v.expand(2, 3); torch.cat([v, v]); torch.cat([v, c]); torch.stack([v, v])
v[0]; v[-1]; m[0, 1]; m[:, 1]; m[0]; m[0:1]; m[:]; m[...]; m[..., 0]; v[1:]; v[::2]; v[[0, 1]]
v[torch.tensor([0, 1])]; v[b]; m[[0, 1], [1, 2]]; m[:, [0, 1]]; v.clone(); v.double()
v.to(torch.float64); next(iter(v)); list(m)[1]; v.flip(0); v.view_as(v); m.split(1)[1]
m.chunk(2)[0]; x.reshape(1); m.view(2, 3); v + v.double(); m.sum(1, keepdim=True) * v
(m * 1).mul_(2); (m * 1).zero_(); (m * 1).fill_(x.item()); (m * 1).sin_(); v.contiguous() * 1
(m * 1).copy_(m); (m * 1).copy_(c); m.T.reshape(3, 2); m[:, 1].reshape(1, 2); m[0].reshape(1, 3)
x.expand(2).reshape(-1); x.expand(2, 3).flatten(); v[::2].reshape(2, 1)
"""
EXPRESSIONS = [e.strip() for line in RECORDED.strip().splitlines() for e in line.split(";")]


def record(node: Any) -> Any:
    """記録の名前と、その先のつながり."""
    if node is None:
        return None
    return (node.name().rpartition("::")[2], [(record(n), i) for n, i in node.next_functions])


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_record_is_that_of_torch(expression: str) -> None:
    unbind = "iter" in expression or "split" in expression or "chunk" in expression
    found = {}
    for name, engine in ENGINES.items():
        names: dict[str, Any] = {}
        exec(NAMES, {"torch": engine}, names)
        result = eval(expression, {"torch": engine, **names})
        found[name] = (record(result.grad_fn), repr(result), unbind)
    assert found["bibun"] == found["torch"]


NAMES = """
x = torch.tensor(2.0, requires_grad=True)
v = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
m = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], requires_grad=True)
b = torch.tensor([True, False, True])
c = torch.tensor([1.0, 2.0, 3.0])
"""


# --- 尖った点と定義域の端 ---------------------------------------------------------------------

EDGES = [0.0, -0.0, 1.0, -1.0, 0.5, 2.5, -2.5, 2.0, 3.0, 1e-30, 1e30, 89.0, -104.0, 710.0]
EDGES += [math.inf, -math.inf, math.nan]
UNARY = [
    "abs",
    "sqrt",
    "rsqrt",
    "exp",
    "expm1",
    "log",
    "log2",
    "log10",
    "log1p",
    "sin",
    "cos",
    "tan",
    "asin",
    "acos",
    "atan",
    "sinh",
    "cosh",
    "tanh",
    "sigmoid",
    "relu",
    "erf",
    "sign",
    "sgn",
    "floor",
    "ceil",
    "trunc",
    "round",
    "reciprocal",
    "neg",
    "square",
]
SCALED = [f"lambda x: x ** {n}" for n in (0, 1, 2, 3, 4, 0.5, -0.5, -1, -2, 1.5, -3)]
SCALED += [f"lambda x: {n} ** x" for n in (0, 1, 2, 0.5, -1)]
SCALED += ["lambda x: 2 / x", "lambda x: 1 - x", "lambda x: x % 2", "lambda x: x.clamp(-1, 1)"]
SCALED += ["lambda x: x.maximum(x * 0)", "lambda x: x.minimum(x * 0)", "lambda x: x.amax()"]
SCALED += ["lambda x: x * x * x", "lambda x: x / (x * x)", "lambda x: x ** x"]


def value_and_slopes(engine: Any, function: Callable[[Any], Any], at: float) -> list[float]:
    """値と、1階と2階の微分."""
    x = engine.tensor(at, requires_grad=True)
    y = function(x)
    results = [y]
    (slope,) = engine.autograd.grad(y, x, create_graph=True)
    results.append(slope)
    if slope.requires_grad:
        (bend,) = engine.autograd.grad(slope, x, allow_unused=True)
        results.append(slope * 0 if bend is None else bend)
    return [result.item() for result in results]


@pytest.mark.parametrize("at", EDGES)
@pytest.mark.parametrize("source", [f"lambda x: x.{name}()" for name in UNARY] + SCALED)
def test_value_and_derivatives_at_the_edges_are_those_of_torch(source: str, at: float) -> None:
    theirs, ours = (value_and_slopes(e, eval(source), at) for e in ENGINES.values())
    assert len(ours) == len(theirs)
    for mine, other in zip(ours, theirs, strict=True):
        assert mine == pytest.approx(other, rel=3e-6, abs=1e-37, nan_ok=True)


NAN_AMONG_VALUES = [
    "w.prod()", "torch.where(w > 1, 0.0, w).prod()", "w.max()", "w.min()", "w.amax()", "w.amin()",
    "w.max(0).values", "w.min(0).values",
]  # fmt: skip


@pytest.mark.parametrize("source", NAN_AMONG_VALUES)
def test_values_with_nan_get_the_gradient_torch_gives_them(source: str) -> None:
    program = "v = torch.tensor([1.0, -1.0, 3.0, -2.0], requires_grad=True); w = v.log()\n"
    program += f"{source}.backward(); r = v.grad"
    theirs, ours = (outcome(engine, program) for engine in ENGINES.values())
    assert ours == theirs
    assert ours.error is None


def test_value_overwritten_by_copying_gets_zeros() -> None:
    program = """
y = v.log()
y.copy_(c)
y.sum().backward()
r = v.grad, y
"""
    theirs, ours = (outcome(engine, program) for engine in ENGINES.values())
    assert ours == theirs
    assert ours.error is None


# --- 何階でも微分できること -------------------------------------------------------------------


@pytest.mark.parametrize(
    "source",
    [
        "lambda v: v.prod()",
        "lambda v: (v * torch.tensor([1.0, 0.0, 1.0])).prod()",
        "lambda v: (v * torch.tensor([0.0, 0.0, 1.0])).prod()",
        "lambda v: v.cumsum(0).exp().sum()",
        "lambda v: (v.reshape(1, 3) * v.reshape(3, 1)).sin().sum()",
        "lambda v: torch.stack([v, v * v]).mean(0).prod()",
        "lambda v: torch.cat([v[:2], v[1:]]).square().sum()",
        "lambda v: (v ** v).sum()",
        "lambda v: torch.where(v > 1.5, v ** 3, v.sin()).sum()",
        "lambda v: v.outer(v).mm(v.outer(v)).sum()",
        "lambda v: (v.max() * v.min()).tanh()",
        "lambda v: v[[0, 0, 2]].prod() + v[v > 1].prod()",
        "lambda v: (v.outer(v)[:, 1:] ** 2).prod()",
        "lambda v: v.outer(v).sin().split(1, 1)[2].prod()",
        "lambda v: v.outer(v).max(1, keepdim=True).values.square().prod()",
        "lambda v: (v / v.norm_squared()).sum()",
    ],
)
def test_second_derivatives_are_those_of_torch(source: str) -> None:
    source = source.replace("v.norm_squared()", "v.dot(v)")
    found = []
    for engine in ENGINES.values():
        v = engine.tensor([1.0, 2.0, 3.0], dtype=engine.float64, requires_grad=True)
        y = eval(source, {"torch": engine})(v)
        if engine is real:  # 右辺の定数がfloat32なので、値の型をそろえる
            y = y.double()
        (slopes,) = engine.autograd.grad(y, v, create_graph=True)
        weights = engine.tensor([1.0, -2.0, 0.5], dtype=engine.float64)
        (bends,) = engine.autograd.grad((slopes * weights).sum(), v)
        found.append([*slopes.tolist(), *bends.tolist()])
    assert found[1] == pytest.approx(found[0], rel=1e-12)


# --- 表 ---------------------------------------------------------------------------------------


def test_every_rule_states_its_formula_and_source() -> None:
    for operation in TABLE.values():
        assert operation.formula, operation.name
        assert operation.source or not operation.partials, operation.name


def test_operation_is_added_by_one_entry() -> None:
    softplus = unary(
        "softplus_for_test",
        lambda x: math.log1p(math.exp(x)),
        lambda g, x, _y: g * x.sigmoid(),
        node_name="SoftplusBackward0",
        formula="ḡ σ(x)",
        source="このテスト",
    )
    try:
        x = torch.tensor(1.0, requires_grad=True)
        y = x.softplus_for_test()
        assert repr(y) == "tensor(1.3133, grad_fn=<SoftplusBackward0>)"
        y.backward()
        assert repr(x.grad) == "tensor(0.7311)"
        assert torch.softplus_for_test(x).item() == y.item()
        assert TABLE["softplus_for_test"] is softplus
        (slope,) = torch.autograd.grad(x.softplus_for_test(), x, create_graph=True)
        assert torch.autograd.grad(slope, x)[0].item() == pytest.approx(0.19661193)
    finally:
        del TABLE["softplus_for_test"], FUNCTIONS["softplus_for_test"]
        delattr(Tensor, "softplus_for_test")


def test_the_same_name_cannot_be_taken_twice() -> None:
    with pytest.raises(ValueError, match="演算 sin は、もう表にあります"):
        unary("sin", math.sin, None)


def test_rule_of_the_wrong_shape_is_reported_with_the_words_of_torch() -> None:
    wrong = define(
        Operation(
            "wrong_for_test",
            "WrongBackward0",
            lambda x: x.detach() * 1,
            (lambda g, _x: torch.ones(2),),
            formula="まちがい",
        )
    )
    try:
        y = wrong(torch.ones(3, requires_grad=True))
        with pytest.raises(RuntimeError) as caught:
            y.sum().backward()
        assert str(caught.value) == (
            "Function WrongBackward0 returned an invalid gradient at index 0 - got [2] but "
            "expected shape compatible with [3]"
        )
    finally:
        del TABLE["wrong_for_test"]


def test_only_what_a_rule_uses_is_remembered() -> None:
    """`x * 2`はxを覚えない. だから、xをあとで書き換えても逆伝播できる."""
    program = """
y = x * torch.tensor(3.0)
with torch.no_grad():
    x += 1
y.backward()
r = x.grad, x
"""
    theirs, ours = (outcome(engine, program) for engine in ENGINES.values())
    assert ours == theirs
    assert ours.error is None
    kept = torch.tensor(2.0, requires_grad=True)
    product = kept * torch.tensor(3.0)
    assert product.grad_fn.saved[0] is None


def test_method_makes_a_function_too() -> None:
    @method
    def twice_for_test(x: Tensor) -> Tensor:
        return x * 2

    try:
        assert torch.twice_for_test(torch.ones(1)).item() == 2
        with pytest.raises(TypeError, match="must be Tensor, not float"):
            torch.twice_for_test(1.0)
    finally:
        del FUNCTIONS["twice_for_test"]
        delattr(Tensor, "twice_for_test")
