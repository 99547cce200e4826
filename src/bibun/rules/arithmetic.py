"""四則演算とべき。"""

from __future__ import annotations

from collections.abc import Callable
from operator import add, mul
from typing import Any

from bibun import dtypes, errors
from bibun.elementwise import binary, elementwise, promote, to_floating, unary
from bibun.operation import TABLE, Operation, define, no_gradient, pass_on
from bibun.rules import scalar
from bibun.tensor import Tensor, make

__all__: list[str] = []

DERIVATIVES = "PyTorch tools/autograd/derivatives.yaml"

ADD = binary(
    "add",
    add,
    (pass_on, pass_on),
    formula="(ḡ, ḡ)",
    source=DERIVATIVES,
    single_rounding=True,
)
SUB = binary(
    "sub",
    scalar.subtract,
    (pass_on, lambda g, _a, _b: -g),
    formula="(ḡ, -ḡ)",
    source=DERIVATIVES,
    single_rounding=True,
)
MUL = binary(
    "mul",
    mul,
    (lambda g, _a, b: g * b, lambda g, a, _b: g * a),
    formula="(ḡ b, ḡ a)",
    source=DERIVATIVES,
    single_rounding=True,
)
DIV = binary(
    "div",
    scalar.divide,
    (lambda g, _a, b: g / b, lambda g, a, b: -g * ((a / b) / b)),
    result=to_floating,
    formula="(ḡ / b, -ḡ (a / b) / b)",
    kinks="b = 0 では inf か nan",
    source=DERIVATIVES,
)
NEG = unary(
    "neg",
    scalar.negate,
    lambda g, _x, _y: -g,
    floating=False,
    formula="-ḡ",
    source=DERIVATIVES,
    single_rounding=True,
)
RECIPROCAL = unary(
    "reciprocal",
    scalar.reciprocal,
    lambda g, _x, y: -g * (y * y),
    formula="-ḡ y²",
    kinks="x = 0 では -inf",
    source=DERIVATIVES,
)


_subtract = elementwise(scalar.subtract)
RSUB = define(
    Operation(
        "rsub",
        "RsubBackward1",
        lambda x, number: _subtract(number, x),
        (lambda g, _x, _number: -g,),
        formula="-ḡ",
        source=DERIVATIVES,
        single_rounding=True,
    )
)


def _add_scaled(a: Tensor, b: Any, alpha: float) -> Tensor:
    """`a + alpha * b`。torchは積を丸めずに足す(FMA)。float32どうしの積はfloat64で丸めずに表せる。"""
    factor = promote(a, b).round(alpha)
    return elementwise(lambda x, y: x + factor * y)(a, b)


ADD_SCALED = define(
    Operation(
        "add_scaled",
        "AddBackward0",
        _add_scaled,
        (lambda g, _a, _b, _alpha: g, lambda g, _a, _b, alpha: g * alpha),
        formula="(ḡ, α ḡ)",
        source=DERIVATIVES,
    )
)
SUB_SCALED = define(
    Operation(
        "sub_scaled",
        "SubBackward0",
        lambda a, b, alpha: _add_scaled(a, b, -alpha),
        (lambda g, _a, _b, _alpha: g, lambda g, _a, _b, alpha: -g * alpha),
        formula="(ḡ, -α ḡ)",
        source=DERIVATIVES,
    )
)


# --- べき: torchは、指数が数か、底が数か、両方Tensorかで3つに分ける ---------------------------


_power = elementwise(scalar.power)
_SPECIAL_POWERS: dict[
    float, Callable[[float], float]
] = {  # べきの関数でなく、掛け算や平方根で計算される
    0.5: scalar.sqrt,
    2: scalar.square,
    3: scalar.cube,
    -0.5: scalar.rsqrt,
    -1: scalar.reciprocal,
    -2: scalar.reciprocal_of_square,
}
_IN_FLOAT32: dict[float, Callable[[float], float]] = {
    3: scalar.cube_in_float32,
    -2: scalar.reciprocal_of_square_in_float32,
}


def _power_by_number(x: Tensor, exponent: float) -> Tensor:
    dtype = x._dtype
    if not dtype.is_floating_point:
        dtype = promote(x, exponent)
        if dtype is dtypes.bool:
            return x | (not exponent)  # 1乗はそのまま、0乗は1
        if not dtype.is_floating_point and exponent < 0:
            raise RuntimeError("Integers to negative integer powers are not allowed.")
    function = _SPECIAL_POWERS.get(exponent)
    if function is None or not dtype.is_floating_point:
        return _power(x, exponent)
    if dtype is dtypes.float32:
        function = _IN_FLOAT32.get(exponent, function)
    return make(dtype.round_all(map(function, dtype.round_all(x._data))), x._shape, dtype)


def _power_rule(g: Tensor, x: Tensor, exponent: float, _y: Tensor) -> Tensor:
    return no_gradient(g) if exponent == 0 else g * (exponent * x ** (exponent - 1))


POW_SCALAR = define(
    Operation(
        "pow_scalar",
        "PowBackward0",
        _power_by_number,
        (_power_rule,),
        formula="ḡ n xⁿ⁻¹",
        kinks="n = 0 では 0。n < 1 の x = 0 では inf",
        source=DERIVATIVES,
    )
)


def _power_rule_of_base(g: Tensor, a: Tensor, b: Tensor, _y: Tensor) -> Tensor:
    return (g * (b * a ** (b - 1))).where(b != 0, 0.0)


def _power_rule_of_exponent(g: Tensor, a: Tensor, b: Tensor, y: Tensor) -> Tensor:
    return g * (y * a.log()).where(~((a == 0) & (b >= 0)), 0.0)


POW = binary(
    "pow",
    scalar.power,
    (_power_rule_of_base, _power_rule_of_exponent),
    node_name="PowBackward1",
    formula="(ḡ b aᵇ⁻¹, ḡ aᵇ log a)",
    kinks="b = 0 では前が0。a = 0, b ≥ 0 では後ろが0。a < 0 では後ろが nan",
    source=DERIVATIVES,
)


def _power_rule_of_number(g: Tensor, x: Tensor, base: float, y: Tensor) -> Tensor:
    if base == 0:
        return g * (y * scalar.log(base)).where(~(x >= 0), 0.0)
    return g * (y * scalar.log(base))


POW_OF_SCALAR = define(
    Operation(
        "pow_of_scalar",
        "PowBackward2",
        lambda x, base: _power(base, x),
        (_power_rule_of_number,),
        formula="ḡ aˣ log a",
        kinks="a = 0, x ≥ 0 では 0",
        source=DERIVATIVES,
    )
)


# --- 割り算の仲間 -----------------------------------------------------------------------------

REMAINDER = binary(
    "remainder",
    scalar.remainder,
    (lambda g, _a, _b: g, lambda g, a, b: -g * TABLE["div_rounded"](a, b, "floor")),
    node_name="RemainderBackward1",
    formula="(ḡ, -ḡ ⌊a / b⌋)",
    kinks="割り切れる点でも同じ式",
    source=DERIVATIVES,
)
REMAINDER_BY_NUMBER = define(
    Operation(
        "remainder_by_number",
        "RemainderBackward0",
        elementwise(scalar.remainder),
        (lambda g, _x, _number: g,),
        formula="ḡ",
        kinks="割り切れる点でも ḡ",
        source=DERIVATIVES,
    )
)


def _floor_divide(a: Any, b: Any) -> Tensor:
    in_float32 = promote(a, b) is dtypes.float32
    return elementwise(scalar.floor_divide_in_float32 if in_float32 else scalar.floor_divide)(a, b)


def _truncated_divide(a: Any, b: Any) -> Tensor:
    in_float32 = promote(a, b) is dtypes.float32
    function = scalar.truncated_divide_in_float32 if in_float32 else scalar.truncated_divide
    return elementwise(function)(a, b)


def _divide_rounded(a: Any, b: Any, rounding_mode: str) -> Tensor:
    return (_floor_divide if rounding_mode == "floor" else _truncated_divide)(a, b)


DIV_ROUNDED = define(
    Operation(
        "div_rounded",
        "DivBackward2",
        _divide_rounded,
        (lambda g, _a, _b, _mode: no_gradient(g), lambda g, _a, _b, _mode: no_gradient(g)),
        formula="(0, 0)",
        kinks="段の境目も含めて、どこでも 0",
        source=DERIVATIVES,
    )
)


def _no_derivative(_g: Tensor, *_arguments: Any) -> Tensor:
    raise errors.not_differentiable("floor_divide")


for _name, _partials in {
    "floor_divide": (_no_derivative, _no_derivative),
    "floor_divide_by_number": (_no_derivative,),
}.items():
    define(
        Operation(
            _name,
            "NotImplemented",
            _floor_divide,
            _partials,
            formula="(なし)",
            kinks="torchはこの微分をもたず、backward()が誤りになる",
            source=DERIVATIVES,
        )
    )
