"""forward: 二重数とjvp。torchの順方向モードと、数値微分と比べる。"""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import bibun.torch_api
from bibun.forward import Dual, jvp
from bibun.numdiff import central_diff

FUNCTIONS = {
    "polynomial": lambda x: x**3 - 2 * x**2 + 4 * x - 5,
    "reflected": lambda x: 1 - (2 / (x + 6)) + (3 - x) * 2,
    "quotient": lambda x: (x + 1) / (x * x + 1),
    "powers": lambda x: 2**x + (x * x + 1) ** 0.5 + (x * x + 1) ** (x / 4) + x**0,
    "composed": lambda x: ((x * x).sin() + (-x).exp()).cos().tanh(),
    "logarithm": lambda x: (x * x + 1).log() + (x * x + 2).sqrt() + (x + 8).reciprocal(),
    "sigmoid": lambda x: x.sigmoid() * x.relu() + abs(x - 0.3),
    "branching": lambda x: x * x if x > 0 else -x.sin(),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@settings(max_examples=50, derandomize=True, database=None)
@given(x=st.floats(-3, 3).filter(lambda x: min(abs(x), abs(x - 0.3)) > 1e-3))
def test_dual_carries_the_derivative_that_torch_finds(name, x):
    f = FUNCTIONS[name]
    leaf = torch.tensor(x, dtype=torch.float64, requires_grad=True)
    y = f(leaf)
    y.backward()
    dual = f(Dual(x, 1.0))
    assert dual.value == pytest.approx(y.item(), rel=1e-12, abs=1e-12)
    assert dual.tangent == pytest.approx(leaf.grad.item(), rel=1e-9, abs=1e-9)


def test_dual_agrees_with_differences():
    f = FUNCTIONS["composed"]
    numerical = central_diff(lambda x: f(Dual(x)).value, 0.7)
    assert f(Dual(0.7, 1.0)).tangent == pytest.approx(numerical, rel=1e-8)


@pytest.mark.parametrize(
    ("base", "exponent"), [(-2, 3), (-2.0, -1), (0, 2), (0.0, 0), (2, -1), (3.0, Dual(2, 1))]
)
def test_powers_of_any_sign_and_of_whole_numbers(base, exponent):
    x = torch.tensor(float(base), requires_grad=True, dtype=torch.float64)
    n = exponent
    if isinstance(exponent, Dual):
        n = torch.tensor(exponent.value, requires_grad=True, dtype=torch.float64)
    y = x**n
    y.backward()
    expected = x.grad.item() + (n.grad.item() if isinstance(exponent, Dual) else 0)
    dual = Dual(base, 1) ** exponent
    assert (dual.value, dual.tangent) == pytest.approx((y.item(), expected))


def test_epsilon_squared_is_zero():
    epsilon = Dual(0.0, 1.0)
    square = epsilon * epsilon
    assert (square.value, square.tangent) == (0.0, 0.0)


@pytest.mark.parametrize("name", ["abs", "relu", "sqrt", "log", "reciprocal"])
def test_kinks_follow_the_same_convention_as_torch(name):
    leaf = torch.tensor(0.0, dtype=torch.float64, requires_grad=True)
    y = getattr(leaf, name)()
    y.backward()
    dual = getattr(Dual(0.0, 1.0), name)()
    assert (dual.value, dual.tangent) == (y.item(), leaf.grad.item())


def test_the_tangent_is_linear_in_the_seed():
    f = FUNCTIONS["composed"]
    assert f(Dual(0.5, 3.0)).tangent == pytest.approx(3 * f(Dual(0.5, 1.0)).tangent)


PROGRAMS = {
    "elementwise": lambda T, x: T.sin(x * x) / (x + 5) - x**3,
    "broadcast": lambda T, x: x * x.sum(dim=0) - x[0],
    "reductions": lambda T, x: x.mean() * x.prod(dim=1) + x.max(),
    "matrix": lambda T, x: x.T @ x + T.matmul(x[:, 0], x),
    "shapes": lambda T, x: T.cat([x.reshape(-1), x.T.flatten()]) * 2,
    "choices": lambda T, x: T.where(x > 0, x * x, T.exp(x)) + T.maximum(x, -x / 2),
    "flat": lambda T, x: x + T.round(x) + T.sign(x),
    "reused": lambda T, x: (x * x) * (x * x) + x,
    "constant": lambda T, x: T.ones(3),
    "closure": lambda T, x: T.tensor([1.0, 2.0], dtype=T.float64, requires_grad=True) * x,
}
POINT = [[0.5, -1.25], [2.0, 0.75]]
DIRECTION = [[1.0, 0.5], [-0.25, 2.0]]


# torchは順方向モードを初めて使うとき、自分自身が非推奨にした関数を呼ぶ
@pytest.mark.filterwarnings("ignore:.*torch.jit.script.* is deprecated:DeprecationWarning")
@pytest.mark.parametrize("name", PROGRAMS)
def test_jvp_is_what_torch_s_forward_mode_gives(name):
    f = PROGRAMS[name]
    expected_output, expected = torch.func.jvp(
        lambda x: f(torch, x),
        (torch.tensor(POINT, dtype=torch.float64),),
        (torch.tensor(DIRECTION, dtype=torch.float64),),
    )
    T = bibun.torch_api
    x, v = T.tensor(POINT, dtype=T.float64), T.tensor(DIRECTION, dtype=T.float64)
    output, tangent = jvp(lambda x: f(T, x), x, v)
    torch.testing.assert_close(torch.tensor(output.tolist()), expected_output.float())
    assert tangent.shape == tuple(expected.shape)
    torch.testing.assert_close(
        torch.tensor(tangent.tolist(), dtype=torch.float64), expected.double()
    )


def test_jvp_of_two_inputs_adds_both_ways():
    T = bibun.torch_api
    x, y = T.tensor(2.0), T.tensor(3.0)
    output, tangent = jvp(lambda x, y: x * y + y, (x, y), (T.tensor(1.0), T.tensor(10.0)))
    assert (output.item(), tangent.item()) == (9.0, 3.0 + 10.0 * 3.0)


def test_jvp_without_a_direction_takes_one():
    T = bibun.torch_api
    _, tangent = jvp(lambda x: x**3, T.tensor(2.0))
    assert tangent.item() == 12.0


def test_jvp_reaches_the_end_of_a_deep_chain_in_linear_time():
    T = bibun.torch_api

    def deep(x):
        for _ in range(20_000):
            x = x * 1.0 + 0.0
        return x

    _, tangent = jvp(deep, T.tensor(2.0))
    assert tangent.item() == 1.0


def test_jvp_leaves_inputs_and_their_grad_alone():
    T = bibun.torch_api
    x = T.tensor([1.0, 2.0], requires_grad=True)
    jvp(lambda x: x**2, x, T.ones(2))
    assert x.grad is None


@pytest.mark.parametrize("inputs", [2.0, (torch.tensor(1.0),)])
def test_jvp_of_something_else_is_refused(inputs):
    with pytest.raises(TypeError, match="must be either a Tensor or a tuple of Tensors"):
        jvp(lambda x: x, inputs)


def test_math_domain_errors_do_not_stop_dual_numbers():
    assert math.isnan(Dual(-1.0, 1.0).sqrt().value)
    assert Dual(0.0, 1.0).log().value == -math.inf
