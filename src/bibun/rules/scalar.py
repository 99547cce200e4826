"""Pythonの数1つを受け取る関数。torchが例外でなく`inf`や`nan`を返すところは、そのとおりに返す。"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import wraps
from math import copysign, inf, isinf, isnan, nan
from typing import Any

from bibun import dtypes, errors

__all__: list[str] = []


def nan_outside(function: Callable[[float], float]) -> Callable[[float], float]:
    """定義域の外で`ValueError`を投げる関数を、`nan`を返す関数にする。"""

    @wraps(function)
    def safe(x: float) -> float:
        try:
            return function(x)
        except ValueError:
            return nan

    return safe


def divide(a: float, b: float) -> float:
    try:
        return a / b
    except ZeroDivisionError:
        if a == 0 or isnan(a):
            return nan
        return copysign(inf, a) * copysign(1.0, b)


def floor_divide(a: Any, b: Any) -> Any:
    try:
        return a // b
    except ZeroDivisionError:
        return divide(a, b) if isinstance(a, float) else _integer_division_by_zero()


def truncated_divide(a: Any, b: Any) -> Any:
    if isinstance(a, float):
        return trunc(divide(a, b))
    if not b:
        return _integer_division_by_zero()
    return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


def floor_divide_in_float32(a: float, b: float) -> float:
    """torchは余りを引き、割り、切り捨てる計算を、1段ずつfloat32に丸める。"""
    if not b:
        return divide(a, b)
    if isinf(a) or isnan(a) or isnan(b):
        return nan
    rest = math.fmod(a, b)
    quotient = dtypes.round_to_float32(dtypes.round_to_float32(a - rest) / b)
    if rest and (rest < 0) != (b < 0):
        quotient = dtypes.round_to_float32(quotient - 1)
    if not quotient or isinf(quotient):
        return copysign(quotient, a) * copysign(1.0, b)
    whole = float(math.floor(quotient))
    return whole + 1 if quotient - whole > 0.5 else whole


def truncated_divide_in_float32(a: float, b: float) -> float:
    """torchは商をいちどfloat32に丸めてから、端数を捨てる。"""
    return float(trunc(dtypes.round_to_float32(divide(a, b))))


def remainder(a: Any, b: Any) -> Any:
    """余り。符号は割る数にそろう。割り切れるときだけは、割られる数の符号の0になる(Pythonと違う)。"""
    if not isinstance(a, float):
        return a % b if b else _integer_division_by_zero()
    try:
        rest = math.fmod(a, b)
    except ValueError:
        return nan
    return rest + b if rest and (rest < 0) != (b < 0) else rest


def _integer_division_by_zero() -> Any:
    raise RuntimeError("ZeroDivisionError")


def reciprocal(x: float) -> float:
    return divide(1.0, x)


def power(a: Any, b: Any) -> Any:
    if isinstance(a, int) and isinstance(b, int):
        if isinstance(a, bool):
            raise errors.power_of_bool()
        return integer_power(a, b)
    try:
        return math.pow(a, b)
    except ValueError:  # 0の負のべき、または負の数の整数でないべき
        if a != 0:
            return nan
        return copysign(inf, a) if float(b).is_integer() and b % 2 == 1 else inf
    except OverflowError:
        return -inf if a < 0 and b % 2 == 1 else inf


def integer_power(a: int, b: int) -> int:
    """整数のべき。負のべきは、torchと同じく1と-1だけが0にならない。"""
    if b >= 0:
        return int(a**b)
    return a if a == 1 or (a == -1 and b % 2) else int(a == -1)


def square(x: float) -> float:
    return x * x


def reciprocal_of_square(x: float) -> float:
    return divide(1.0, x * x)


def reciprocal_of_square_in_float32(x: float) -> float:
    """torchは`x * x`をいちどfloat32に丸めてから、逆数にする。"""
    return divide(1.0, dtypes.round_to_float32(x * x))


def cube(x: float) -> float:
    return x * x * x


def cube_in_float32(x: float) -> float:
    """torchは`x * x`をいちどfloat32に丸めてから、もう一度掛ける。"""
    return dtypes.round_to_float32(x * x) * x


def exp(x: float) -> float:
    try:
        return math.exp(x)
    except OverflowError:
        return inf


def expm1(x: float) -> float:
    try:
        return math.expm1(x)
    except OverflowError:
        return inf


def log_with(function: Callable[[float], float], edge: float) -> Callable[[float], float]:
    """対数の仲間。定義域の端`edge`で負の無限大、その左で`nan`になる。"""

    @wraps(function)
    def safe(x: float) -> float:
        try:
            return function(x)
        except ValueError:
            return -inf if x == edge else nan

    return safe


log = log_with(math.log, 0.0)
log2 = log_with(math.log2, 0.0)
log10 = log_with(math.log10, 0.0)
log1p = log_with(math.log1p, -1.0)
sin = nan_outside(math.sin)
cos = nan_outside(math.cos)
tan = nan_outside(math.tan)
asin = nan_outside(math.asin)
acos = nan_outside(math.acos)
sqrt = nan_outside(math.sqrt)


def rsqrt(x: float) -> float:
    return divide(1.0, sqrt(x))


def sinh(x: float) -> float:
    try:
        return math.sinh(x)
    except OverflowError:
        return copysign(inf, x)


def cosh(x: float) -> float:
    try:
        return math.cosh(x)
    except OverflowError:
        return inf


def sigmoid(x: float) -> float:
    return 1.0 / (1.0 + exp(-x))


def sigmoid_in_float32(x: float) -> float:
    """torchは`exp(-x)`をいちどfloat32に丸める。`x`が-88.7より小さいと無限大になり、結果は0になる。"""
    return 1.0 / (1.0 + dtypes.round_to_float32(exp(-x)))


def relu(x: Any) -> Any:
    return x if x > 0 or x != x else type(x)(0)


def sign(x: Any) -> Any:
    return type(x)((x > 0) - (x < 0))


def _whole(function: Callable[[float], int]) -> Callable[[Any], Any]:
    @wraps(function)
    def safe(x: Any) -> Any:
        if isinstance(x, float):
            return x if isinf(x) or isnan(x) else copysign(float(function(x)), x)
        return x

    return safe


floor = _whole(math.floor)
ceil = _whole(math.ceil)
trunc = _whole(math.trunc)
round_half_even = _whole(round)


def maximum(a: Any, b: Any) -> Any:
    return a if a > b or a != a else b


def minimum(a: Any, b: Any) -> Any:
    return a if a < b or a != a else b


def subtract(a: Any, b: Any) -> Any:
    if isinstance(a, bool) and isinstance(b, bool):
        raise errors.subtraction_of_bool()
    return a - b


def negate(x: Any) -> Any:
    if isinstance(x, bool):
        raise errors.negation_of_bool()
    return -x
