"""比べる演算、真偽の演算、ビットごとの演算。微分はない。"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

from bibun import dtypes, errors
from bibun.elementwise import elementwise, promote
from bibun.operation import TABLE, Operation, define, method
from bibun.tensor import Tensor

__all__: list[str] = []

_FUNCTIONS: dict[str, Callable[..., bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
    "logical_and": lambda a, b: bool(a) and bool(b),
    "logical_or": lambda a, b: bool(a) or bool(b),
    "logical_xor": lambda a, b: bool(a) != bool(b),
    "logical_not": operator.not_,
    "isnan": lambda x: x != x,
    "isinf": math.isinf,
    "isfinite": math.isfinite,
}


def _define(name: str, forward: Callable[..., Tensor]) -> None:
    kinks = "どこでも微分できない。結果は requires_grad=False"
    define(Operation(name, "", forward, (), formula="(微分なし)", kinks=kinks))


for _name, _function in _FUNCTIONS.items():
    _define(_name, elementwise(_function, lambda _dtype: dtypes.bool))


def _bitwise(name: str, function: Callable[[Any, Any], Any]) -> None:
    compute = elementwise(function)

    def forward(a: Any, b: Any) -> Tensor:
        dtype = promote(a, b)
        if dtype.is_floating_point:
            raise errors.not_implemented_for(f"{name}_cpu", dtype.legacy_name)
        return compute(a, b)

    _define(name, forward)


def _inverted(x: Tensor) -> Tensor:
    if x._dtype.is_floating_point:
        raise errors.inversion_of_floating_point()
    return _flip_bits(x)


_flip_bits = elementwise(lambda x: not x if isinstance(x, bool) else ~x)
_bitwise("bitwise_and", operator.and_)
_bitwise("bitwise_or", operator.or_)
_bitwise("bitwise_xor", operator.xor)
_define("bitwise_not", _inverted)


def _predicate(name: str) -> None:
    operation = TABLE[name]

    def apply(x: Tensor) -> Tensor:
        return operation(x)

    apply.__name__ = name
    method(apply)


for _name in ("logical_not", "isnan", "isinf", "isfinite"):
    _predicate(_name)
