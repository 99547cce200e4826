"""大きいほうや小さいほう、条件に合うほうを選ぶ演算。選ばれたほうへ勾配が流れる。"""

from __future__ import annotations

from typing import Any

from bibun import dtypes, errors
from bibun.elementwise import binary, elementwise, operand, promote
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
    if operand(input) is None or operand(other) is None:
        raise errors.invalid_arguments("where", (condition, input, other))
    if condition._dtype is not dtypes.bool:
        raise errors.where_needs_bool(condition._dtype.legacy_name)
    return WHERE(operand(input), operand(other), condition)


def _raised(x: Any, low: Any) -> Any:
    return low if x < low or low != low else x


def _lowered(x: Any, high: Any) -> Any:
    return high if x > high or high != high else x


def _clamped(x: Tensor, low: Any, high: Any) -> Tensor:
    bounds = [bound for bound in (low, high) if bound is not None]
    dtype = promote(x, *bounds)

    def clip(value: Any) -> Any:
        if low is not None:
            value = _raised(value, low)
        return value if high is None else _lowered(value, high)

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


# --- 範囲の端もTensorのとき: 境目の上では、端でなく値へ流れる ---------------------------------


_clamped_below = elementwise(_raised)
_clamped_above = elementwise(_lowered)
_clamped_between = elementwise(lambda x, low, high: _lowered(_raised(x, low), high))


def _clamped_by_tensors(x: Tensor, low: Tensor | None, high: Tensor | None) -> Tensor:
    if high is None:
        return _clamped_below(x, low)
    return _clamped_above(x, high) if low is None else _clamped_between(x, low, high)


CLAMP_BETWEEN = define(
    Operation(
        "clamp_tensor",
        "ClampBackward0",
        _clamped_by_tensors,
        (
            lambda g, x, low, high: gate(g, (x >= low) & (x <= high)),
            lambda g, x, low, high: gate(g, (low < high) & (x < low)),
            lambda g, x, low, high: gate(g, (high < low) | (x > high)),
        ),
        formula="(範囲の中なら ḡ、下なら ḡ、上なら ḡ)。ほかは 0",
        kinks="境目の上では値へ ḡ。下の端が上の端を越えると、いつも上の端へ ḡ",
        source=DERIVATIVES,
    )
)
CLAMP_BELOW = CLAMP_BETWEEN.with_partials(  # ない端の規則は、使われない
    (
        lambda g, x, low, _high: gate(g, x >= low),
        lambda g, x, low, _high: gate(g, x < low),
        lambda g, _x, _low, _high: g,
    )
)
CLAMP_ABOVE = CLAMP_BETWEEN.with_partials(
    (
        lambda g, x, _low, high: gate(g, x <= high),
        lambda g, _x, _low, _high: g,
        lambda g, x, _low, high: gate(g, x > high),
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
    bounds = [bound for bound in (min, max) if bound is not None]
    if all(isinstance(bound, Tensor) for bound in bounds):
        operation = CLAMP_BELOW if max is None else CLAMP_ABOVE if min is None else CLAMP_BETWEEN
        return operation(x, min, max)
    low, high = _as_number(min), _as_number(max)
    if [low, high].count(None) != 2 - len(bounds):
        raise errors.invalid_arguments("clamp", bounds)
    return CLAMP(x, low, high)


def _as_number(bound: Any) -> Any:
    """範囲の端の数。勾配の要らない0次元のTensorも、数とみなす。"""
    if isinstance(bound, Tensor):
        return None if bound._shape or bound.requires_grad else bound.item()
    return operand(bound)


attach("clip", clamp)
FUNCTIONS["clip"] = FUNCTIONS["clamp"]
