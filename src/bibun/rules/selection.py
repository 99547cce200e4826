"""大きいほうや小さいほう、条件に合うほうを選ぶ演算。選ばれたほうへ勾配が流れる。"""

from __future__ import annotations

from typing import Any

from bibun import dtypes, errors
from bibun.elementwise import binary, elementwise, promote
from bibun.operation import FUNCTIONS, Operation, attach, define, function, gate, method
from bibun.rules import scalar
from bibun.rules.arithmetic import DERIVATIVES
from bibun.tensor import Tensor

__all__: list[str] = []


def _half_at_ties(g: Tensor, beaten: Tensor, tied: Tensor) -> Tensor:
    """負けたところに0、同点のところに`g / 2`、ほかに`g`。"""
    shared = (g / 2).where(tied, g)
    return shared.where(~beaten, 0.0)


MAXIMUM = binary(
    "maximum",
    scalar.maximum,
    (
        lambda g, a, b, _y: _half_at_ties(g, a < b, a == b),
        lambda g, a, b, _y: _half_at_ties(g, b < a, a == b),
    ),
    formula="大きいほうへ ḡ",
    kinks="a = b では両方へ ḡ / 2、どちらかが nan なら両方へ ḡ",
    source=DERIVATIVES,
)
MINIMUM = binary(
    "minimum",
    scalar.minimum,
    (
        lambda g, a, b, _y: _half_at_ties(g, a > b, a == b),
        lambda g, a, b, _y: _half_at_ties(g, b > a, a == b),
    ),
    formula="小さいほうへ ḡ",
    kinks="a = b では両方へ ḡ / 2、どちらかが nan なら両方へ ḡ",
    source=DERIVATIVES,
)


def _chosen(a: Any, b: Any, condition: Tensor) -> Tensor:
    dtype = promote(a, b)
    pick = elementwise(lambda c, x, y: x if c else y, lambda _common: dtype)
    widened = [o.to(dtype) if isinstance(o, Tensor) else dtype.round(o) for o in (a, b)]
    return pick(condition, *widened)


WHERE = define(
    Operation(
        "where",
        "WhereBackward0",
        _chosen,
        (
            lambda g, _a, _b, condition: g.where(condition, 0.0),
            lambda g, _a, _b, condition: g.where(~condition, 0.0),
        ),
        formula="(c なら ḡ、でなければ 0。その逆)",
        kinks="選ばれなかったほうの勾配は、そこでの値がinfやnanでも 0",
        source=DERIVATIVES,
    )
)


def _where_method(x: Any, condition: Tensor, other: Any) -> Tensor:
    return WHERE(x, other, condition)


attach("where", _where_method)


@function
def where(condition: Tensor, input: Any, other: Any) -> Tensor:
    """条件が真の要素は`input`から、偽の要素は`other`から選ぶ。

    Examples
    --------
    >>> import bibun.torch_api as torch
    >>> x = torch.tensor([-1.0, 2.0])
    >>> torch.where(x > 0, x, 0.0)
    tensor([0., 2.])
    """
    if not isinstance(condition, Tensor):
        raise errors.must_be_tensor("where", "condition", 1, condition)
    if not all(isinstance(value, (Tensor, float, int)) for value in (input, other)):
        raise errors.invalid_arguments("where", (condition, input, other))
    if condition._dtype is not dtypes.bool:
        raise errors.where_needs_bool(condition._dtype.legacy_name)
    return WHERE(input, other, condition)


def _clamped(x: Tensor, low: Any, high: Any) -> Tensor:
    bounds = [bound for bound in (low, high) if bound is not None]
    dtype = promote(x, *bounds)

    def clip(value: Any) -> Any:
        if low is not None and value < low:
            value = low
        if high is not None and value > high:
            value = high
        return value

    return elementwise(clip, lambda _dtype: dtype)(x.to(dtype))


def _inside(g: Tensor, x: Tensor, low: Any, high: Any) -> Tensor:
    if low is not None:
        g = gate(g, x >= low)
    if high is not None:
        g = gate(g, x <= high)
    return g


CLAMP = define(
    Operation(
        "clamp",
        "ClampBackward1",
        _clamped,
        (_inside,),
        formula="範囲の中なら ḡ、外なら 0",
        kinks="境目の上では ḡ",
        source=DERIVATIVES,
    )
)


@method
def clamp(x: Tensor, min: Any = None, max: Any = None) -> Tensor:
    """値を`min`以上`max`以下に収める。

    Examples
    --------
    >>> import bibun.torch_api as torch
    >>> torch.tensor([-1.0, 0.5, 2.0]).clamp(0, 1)
    tensor([0.0000, 0.5000, 1.0000])
    """
    if min is None and max is None:
        raise RuntimeError("torch.clamp: At least one of 'min' or 'max' must not be None")
    if isinstance(min, Tensor):
        x, min = x.maximum(min), None
    if isinstance(max, Tensor):
        x, max = x.minimum(max), None
    return x if min is None and max is None else CLAMP(x, min, max)


attach("clip", clamp)
FUNCTIONS["clip"] = FUNCTIONS["clamp"]
