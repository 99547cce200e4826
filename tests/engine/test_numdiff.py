"""numdiff: 講義に出てくる値、誤差の大きさ、計算した回数。"""

from __future__ import annotations

import cmath
import math

import numpy as np
import pytest
import torch

from bibun import numdiff
from bibun.numdiff import CountCalls, central_diff, complex_step, diff, gradient


def quadratic(xs):
    """2x₀² + x₀x₁ + 3x₁。勾配は (4x₀ + x₁, x₀ + 3)。"""
    return 2 * xs[0] ** 2 + xs[0] * xs[1] + 3 * xs[1]


def test_diff_prints_the_lecture_value():
    assert diff(lambda x: x**2, 2) == 4.0000010006480125


def test_diff_on_a_float32_tensor_shows_the_pitfall():
    assert f"{diff(lambda x: x**2, torch.tensor(2.0)).item():.4f}" == "3.8147"


@pytest.mark.parametrize(
    ("method", "h", "largest"),
    [(diff, 1e-8, 1e-8), (central_diff, 1e-6, 1e-9), (diff, 1e-16, 2.72)],
)
def test_error_of_exp_at_one_is_as_the_chapter_says(method, h, largest):
    error = abs(method(math.exp, 1.0, h) - math.e)
    assert largest / 10 < error < largest


def test_complex_step_has_no_cancellation():
    assert complex_step(cmath.exp, 1.0) == math.e
    assert complex_step(lambda z: z**3, 2.0, h=1e-150) == 12.0


def test_differences_work_elementwise_on_arrays_and_steps():
    np.testing.assert_allclose(central_diff(np.sin, np.array([0.0, 1.0])), [1.0, math.cos(1)])
    errors = abs(diff(np.exp, 1.0, np.array([1e-4, 1e-8])) - math.e)
    assert errors[1] < errors[0]


@pytest.mark.parametrize("method", ["forward", "central", "complex"])
@pytest.mark.parametrize("xs", [[1.5, -2.0], (1.5, -2.0)])
def test_gradient_of_a_list(method, xs):
    assert gradient(quadratic, xs, method=method) == pytest.approx([4.0, 4.5], abs=1e-5)


def test_gradient_of_a_float_is_a_float():
    assert gradient(math.sin, 0.0) == pytest.approx(1.0)


def test_gradient_of_a_nested_list_keeps_the_nesting():
    def squares(rows):
        return sum(x**2 for row in rows for x in row)

    assert gradient(squares, [[1.0, 2.0], [3.0]], method="complex") == [[2.0, 4.0], [6.0]]


@pytest.mark.parametrize("method", ["forward", "central"])
def test_gradient_of_torch_tensor_and_ndarray_keeps_kind_dtype_and_shape(method):
    def f(x):
        return (x**2).sum()

    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]], dtype=torch.float64, requires_grad=True)
    result = gradient(f, x, method=method)
    torch.testing.assert_close(result, 2 * x.detach(), rtol=1e-6, atol=1e-6)
    assert not result.requires_grad
    array = x.detach().numpy()
    result = gradient(f, array, method=method)
    assert result.dtype == np.float64
    np.testing.assert_allclose(result, 2 * array, rtol=1e-6)


def test_gradient_does_not_change_its_argument():
    xs = [1.0, 2.0]
    x = torch.tensor(xs, dtype=torch.float64)
    gradient(quadratic, xs)
    gradient(quadratic, x)
    assert xs == [1.0, 2.0]
    assert x.tolist() == xs


@pytest.mark.parametrize(("method", "expected"), [("forward", 8), ("central", 14), ("complex", 7)])
def test_number_of_evaluations(method, expected):
    f = CountCalls(lambda xs: sum(x * x for x in xs))
    gradient(f, [float(i) for i in range(7)], method=method)
    assert f.calls == expected


def test_diff_itself_does_not_share_the_base():
    f = CountCalls(math.sin)
    for x in range(7):
        diff(f, x)
    assert f.calls == 14


def test_count_calls_passes_arguments_and_errors_through():
    f = CountCalls(divmod)
    assert f(7, 2) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        f(1, 0)
    assert f.calls == 2
    f.calls = 0
    assert f.calls == 0


def test_unknown_method_is_refused_in_japanese():
    with pytest.raises(ValueError, match=r'"forward"、"central"、"complex".*\'centre\''):
        gradient(math.sin, 0.0, method="centre")


def test_tensors_that_cannot_take_a_small_step_are_refused():
    with pytest.raises(TypeError, match="整数の要素"):
        gradient(lambda x: x.sum(), torch.tensor([1, 2]))
    with pytest.raises(TypeError, match=r"tolist\(\)"):
        gradient(lambda x: x.sum(), torch.tensor([1.0, 2.0]), method="complex")


def test_several_outputs_are_refused():
    with pytest.raises(RuntimeError, match="cannot be converted to Scalar"):
        gradient(lambda x: x * 2, torch.tensor([1.0, 2.0]))


def test_all_public_names_are_documented_with_a_running_example():
    import doctest

    results = doctest.testmod(numdiff)
    assert results.failed == 0
    examples = {test.name: test.examples for test in doctest.DocTestFinder().find(numdiff)}
    for name in numdiff.__all__:
        assert examples[f"bibun.numdiff.{name}"]
