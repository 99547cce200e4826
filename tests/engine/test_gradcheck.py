"""gradcheck: 正しい規則を通し、まちがった規則を、場所と値を言って落とす。"""

from __future__ import annotations

import math
import warnings

import pytest
import torch

import bibun.torch_api
from bibun.gradcheck import GradcheckError, gradcheck, gradgradcheck, torch_gradcheck

ENGINES = [torch, bibun.torch_api]


@pytest.fixture(params=ENGINES, ids=["torch", "bibun"])
def engine(request):
    return request.param


def float64(engine, data):
    return engine.tensor(data, dtype=engine.float64)


@pytest.mark.parametrize("check", [gradcheck, gradgradcheck])
def test_right_derivatives_pass(engine, check):
    x = float64(engine, [[0.5, 2.0], [1.0, -1.5]])
    scalar = float64(engine, 0.7)
    assert check(lambda x: x.sin() * x @ x, x)
    assert check(lambda x, y: x * y + (x / 3).exp() ** 2, (x, scalar))
    assert check(lambda x: x.sum() * 3, x)
    assert check(lambda x, n: x**n, (x, 3))


def test_a_value_cut_off_from_the_graph_is_reported_with_place_and_both_values(engine):
    x = float64(engine, [[1.0, 2.0]])
    with pytest.raises(GradcheckError) as report:
        gradcheck(lambda x, y: y + x.detach() * x, (x, float64(engine, 3.0)))
    text = str(report.value)
    assert "入力0の要素[0, 0]を動かしたときの、出力の要素[0, 0]の微分係数" in text
    assert "自動微分: 1.0\n" in text
    assert "数値微分: 2.0" in text


def test_an_integer_index_of_the_input_that_is_wrong_is_named(engine):
    x = float64(engine, [1.0, 2.0, 3.0])
    with pytest.raises(GradcheckError, match=r"入力1の要素\[2\]を動かしたときの、出力の微分係数"):
        gradcheck(lambda a, b: (a * b)[:2].sum() + a[2] * b[2].item(), (x, x + 1))


def test_math_functions_that_drop_the_graph_are_caught(engine):
    x = float64(engine, 1.0)
    with pytest.raises(GradcheckError, match=r"自動微分: 0\.0"):
        gradcheck(lambda x: x * 0 + math.sin(x.item()), x)


def test_second_order_finds_a_gradient_that_is_right_but_not_differentiable():
    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, x_bar):
            (x,) = ctx.saved_tensors
            return x_bar * 2 * x.detach()

    x = float64(torch, [1.0, 2.0])
    assert gradcheck(Square.apply, x)
    with pytest.raises(GradcheckError):
        gradgradcheck(Square.apply, x)


def test_nan_never_passes(engine):
    with pytest.raises(GradcheckError, match="nan"):
        gradcheck(lambda x: (x - 2).sqrt(), float64(engine, 1.0))


def test_at_a_kink_the_two_disagree(engine):
    with pytest.raises(GradcheckError):
        gradcheck(lambda x: x.relu() + (x - 1).abs() / 3, float64(engine, [0.0, 1.0]))


def test_float32_is_refused_with_the_way_out(engine):
    with pytest.raises(TypeError, match=r"入力1はtorch\.float32.*x\.double\(\)"):
        gradcheck(lambda a, b: a * b, (float64(engine, 1.0), engine.tensor(2.0)))


def test_inputs_are_left_alone(engine):
    x = engine.tensor([1.0, 2.0], dtype=engine.float64, requires_grad=True)
    gradgradcheck(lambda x: x**3, x)
    assert x.grad is None
    assert x.tolist() == [1.0, 2.0]


# torch自身のgradcheckと、同じ結果、同じ文面、同じ警告になる
CHECKS = {"torch": (torch, torch.autograd.gradcheck), "bibun": (bibun.torch_api, torch_gradcheck)}
CALLS = {
    "right": lambda T, check: check(lambda x: x * x, T.tensor(2.0, **double(T))),
    "vector": lambda T, check: check(
        lambda x: x.sin() * x[0], (T.tensor([1.0, 2.0], **double(T)),)
    ),
    "careless": lambda T, check: check(lambda x: x * x.item(), T.tensor(2.0, **double(T))),
    "two inputs": lambda T, check: check(
        lambda x, y: (x * y.detach()) @ y, (T.ones(2, 2, **double(T)), T.ones(2, **double(T)))
    ),
    "unchecked input": lambda T, check: check(
        lambda x, y: x * y.detach(), (T.ones(2, **double(T)), T.ones(2))
    ),
    "not raised": lambda T, check: check(
        lambda x: x.detach() * x, T.tensor(2.0, **double(T)), raise_exception=False
    ),
    "wide tolerance": lambda T, check: check(
        lambda x: x * x.item(), T.tensor(2.0, **double(T)), atol=3.0
    ),
    "detached": lambda T, check: check(lambda x: x.detach() * 2, T.tensor(2.0, **double(T))),
    "single precision": lambda T, check: check(
        lambda x: x * x, (T.tensor(2.0, requires_grad=True),)
    ),
    "nothing to check": lambda T, check: check(lambda x: x * x, T.tensor(2.0)),
}


def double(engine):
    return {"dtype": engine.float64, "requires_grad": True}


def told(engine, call):
    """結果かエラー、そして警告。"""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = CALLS[call](*CHECKS[engine])
        except (RuntimeError, ValueError) as error:
            kind = type(error)
            result = f"{kind.__module__}.{kind.__qualname__}: {error}"
    return result, [str(warning.message) for warning in caught]


@pytest.mark.parametrize("call", CALLS)
def test_torch_gradcheck_says_what_torch_says(call):
    assert told("bibun", call) == told("torch", call)
