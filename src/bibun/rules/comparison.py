"""比べる演算と、真偽の演算。結果は真偽値で、微分はない。"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable

from bibun import dtypes
from bibun.elementwise import elementwise
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
for _name, _function in _FUNCTIONS.items():
    define(
        Operation(
            _name,
            "",
            elementwise(_function, lambda _dtype: dtypes.bool),
            (),
            formula="(微分なし)",
            kinks="どこでも微分できない。結果は requires_grad=False",
        )
    )


def _predicate(name: str) -> None:
    operation = TABLE[name]

    def apply(x: Tensor) -> Tensor:
        return operation(x)

    apply.__name__ = name
    method(apply)


for _name in ("logical_not", "isnan", "isinf", "isfinite"):
    _predicate(_name)
