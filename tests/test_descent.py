"""勾配降下法:手計算、PyTorch、bibunのどれでも同じ道をたどり、発散しても記録が残ること。"""

from __future__ import annotations

import math

import pytest
import torch

import bibun.torch_api as bibun_torch
from bibun.descent import descend

HALF_LAMBERT = 0.35173371124919584  # W(1/2)。x² + exp(-x)の最小点


def by_hand(x: float) -> float:
    return x**2 + math.exp(-x)


def slope(x: float) -> float:
    return 2 * x - math.exp(-x)


def test_descent_with_the_derivative_by_hand_ends_where_the_lecture_says() -> None:
    history = descend(by_hand, 3.0, lr=0.0005, steps=10001, every=1000, derivative=slope)
    assert history.steps == [*range(0, 10001, 1000), 10001]
    assert history.xs[0] == 3.0
    assert history.xs[-1] == pytest.approx(0.3517383, abs=5e-8)
    assert history.note is None


def test_descent_with_autograd_ends_where_the_lecture_says() -> None:
    start = torch.tensor(3.0)
    history = descend(lambda x: x**2 + torch.exp(-x), start, lr=0.01, steps=10001, every=5000)
    assert history.xs[-1] == pytest.approx(HALF_LAMBERT, abs=1e-6)
    assert history.values[-1] == pytest.approx(0.827184, abs=1e-6)
    assert start.item() == 3.0
    assert start.grad is None


def test_history_holds_the_value_and_gradient_at_each_position() -> None:
    history = descend(by_hand, 3.0, lr=0.1, steps=5, derivative=slope)
    assert history.values == [by_hand(x) for x in history.xs]
    assert history.gradients == [slope(x) for x in history.xs]
    for before, gradient, after in zip(history.xs, history.gradients, history.xs[1:], strict=False):
        assert after == before - 0.1 * gradient


@pytest.mark.parametrize("engine", [torch, bibun_torch], ids=["torch", "bibun"])
def test_every_engine_walks_the_same_way(engine) -> None:
    start = engine.tensor(3.0, dtype=engine.float64)
    history = descend(lambda x: x**2 + engine.exp(-x), start, lr=0.1, steps=50)
    expected = descend(by_hand, 3.0, lr=0.1, steps=50, derivative=slope)
    assert history.xs == pytest.approx(expected.xs, rel=1e-12)
    assert history.values == pytest.approx(expected.values, rel=1e-12)
    assert history.gradients == pytest.approx(expected.gradients, rel=1e-9)


@pytest.mark.parametrize("engine", [torch, bibun_torch], ids=["torch", "bibun"])
def test_vectors_are_recorded_as_lists(engine) -> None:
    history = descend(lambda x: (x * x).sum(), engine.tensor([1.0, -2.0]), lr=0.25, steps=2)
    assert history.xs == [[1.0, -2.0], [0.5, -1.0], [0.25, -0.5]]
    assert history.gradients[0] == [2.0, -4.0]


@pytest.mark.parametrize("engine", [torch, bibun_torch], ids=["torch", "bibun"])
def test_divergence_stops_with_a_note(engine) -> None:
    history = descend(lambda x: x**2 - engine.exp(-x), engine.tensor(3.0), lr=0.01, steps=10001)
    assert history.diverged
    assert history.steps[-1] < 400
    assert math.isinf(history.values[-1])
    assert (
        history.note
        == f"{history.steps[-1]}回更新したところで関数の値がinfかnanになったので、止めました。"
    )


def test_an_overflow_of_a_plain_function_stops_with_a_note() -> None:
    history = descend(
        lambda x: x**2 - math.exp(-x),
        3.0,
        lr=0.01,
        steps=10001,
        derivative=lambda x: 2 * x + math.exp(-x),
    )
    assert history.diverged
    assert "関数が計算できなくなった" in (history.note or "")
    assert math.isnan(history.values[-1])


def test_no_step_records_the_start_alone() -> None:
    history = descend(by_hand, 3.0, lr=0.1, steps=0, derivative=slope)
    assert (history.steps, history.xs) == ([0], [3.0])


def test_an_integer_tensor_gets_torchs_own_words() -> None:
    with pytest.raises(RuntimeError, match="only Tensors of floating point"):
        descend(lambda x: x * x, torch.tensor(3), lr=0.1, steps=1)


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ((lambda x: x * x, 3.0, 0.1, 5), TypeError, "出発点x0は"),
        ((lambda x: x.item() ** 2, torch.tensor(3.0), 0.1, 5), TypeError, "fはTensorを返す"),
        ((lambda x: torch.tensor(1.0, requires_grad=True) * 2, torch.tensor(3.0), 0.1, 5), ValueError, "xが使われていない"),
        ((lambda x: x * x, torch.tensor(3.0), 0.1, -1), ValueError, "stepsは0以上"),
    ],
)  # fmt: skip
def test_wrong_arguments_are_refused_in_japanese(arguments, kind, message) -> None:
    with pytest.raises(kind, match=message):
        descend(*arguments)
    with pytest.raises(ValueError, match="everyは1以上"):
        descend(by_hand, 3.0, 0.1, 5, every=0, derivative=slope)
