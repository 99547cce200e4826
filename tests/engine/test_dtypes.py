"""要素の型: 丸め、型の昇格、torchの名前."""

from __future__ import annotations

import copy
import itertools
import pickle
import struct

import numpy
import pytest
import torch as real
from hypothesis import given
from hypothesis import strategies as st

import bibun.torch_api as torch
from bibun import dtypes

NAMES = ["bool", "int64", "float32", "float64"]


@given(st.floats())
def test_float32_rounds_as_numpy_does(value: float) -> None:
    with numpy.errstate(over="ignore"):
        expected = float(numpy.float32(value))
    for rounded in (dtypes.round_to_float32(value), dtypes.float32.round_all([value])[0]):
        assert struct.pack("d", rounded) == struct.pack("d", expected) or value != value


@given(st.integers(-(2**70), 2**70))
def test_int64_wraps_around(value: int) -> None:
    assert dtypes.int64.round(value) == ((value + 2**63) % 2**64) - 2**63


def test_integer_arithmetic_wraps_as_in_torch() -> None:
    big = 2**62
    for a, b in [(big, big), (big, 2), (-big, big), (3, -7)]:
        for symbol in ("+", "-", "*"):
            results = [
                eval(f"x {symbol} y", {"x": engine.tensor(a), "y": engine.tensor(b)}).item()
                for engine in (real, torch)
            ]
            assert results[0] == results[1]


@pytest.mark.parametrize("name", NAMES)
def test_dtype_prints_and_copies_as_one_object(name: str) -> None:
    dtype = getattr(torch, name)
    assert repr(dtype) == repr(getattr(real, name))
    assert dtype.is_floating_point == getattr(real, name).is_floating_point
    assert dtype.itemsize == getattr(real, name).itemsize
    assert copy.deepcopy(dtype) is dtype
    assert pickle.loads(pickle.dumps(dtype)) is dtype


OPERANDS = [
    f"torch.tensor({value}, dtype=torch.{name})" for name in NAMES for value in ("1", "[1, 0]")
] + ["True", "3", "2.5"]


PAIRS = [
    (left, right)
    for left, right in itertools.product(OPERANDS, OPERANDS)
    if "torch" in left + right  # どちらもPythonの数なら、Tensorの計算ではない
]


@pytest.mark.parametrize("symbol", ["+", "*", "/", "**", "<"])
@pytest.mark.parametrize(("left", "right"), PAIRS)
def test_mixed_types_promote_as_in_torch(left: str, right: str, symbol: str) -> None:
    results = []
    for engine in (real, torch):
        try:
            results.append(repr(eval(f"{left} {symbol} {right}", {"torch": engine})))
        except (RuntimeError, TypeError) as error:
            results.append((type(error).__name__, str(error)))
    assert results[0] == results[1]
