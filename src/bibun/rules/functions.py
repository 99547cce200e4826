"""1つの入力をもつ関数: 指数、対数、三角関数、活性化関数、丸め。"""

from __future__ import annotations

import math
from typing import Any

from bibun import dtypes
from bibun.elementwise import binary, elementwise, to_floating, unary
from bibun.operation import TABLE, Operation, define, gate, method, no_gradient
from bibun.rules import scalar
from bibun.rules.arithmetic import DERIVATIVES
from bibun.tensor import Tensor

__all__: list[str] = []


def gate_number(g: float, y: float) -> float:
    return 0.0 if y <= 0 else g


unary(
    "abs",
    abs,
    lambda g, x, _y: g * x.sgn(),
    floating=False,
    formula="ḡ sign x",
    kinks="x = 0 では 0(劣微分 [-1, 1] のまん中)",
    source=DERIVATIVES,
)
unary(
    "sqrt",
    scalar.sqrt,
    lambda g, _x, y: g / (2 * y),
    formula="ḡ / (2 √x)",
    kinks="x = 0 では inf、x < 0 では nan",
    source=DERIVATIVES,
)
unary(
    "rsqrt",
    scalar.rsqrt,
    lambda g, _x, y: -0.5 * g * y**3,
    formula="-ḡ y³ / 2",
    kinks="x = 0 では -inf",
    source=DERIVATIVES,
)
unary("exp", scalar.exp, lambda g, _x, y: g * y, formula="ḡ eˣ", source=DERIVATIVES)
unary("expm1", scalar.expm1, lambda g, _x, y: g * (y + 1), formula="ḡ (y + 1)", source=DERIVATIVES)
unary(
    "log",
    scalar.log,
    lambda g, x, _y: g / x,
    formula="ḡ / x",
    kinks="x = 0 では inf。x < 0 でも式のまま(値は nan)",
    source=DERIVATIVES,
)
unary(
    "log2",
    scalar.log2,
    lambda g, x, _y: g / (x * math.log(2)),
    formula="ḡ / (x log 2)",
    kinks="logと同じ",
    source=DERIVATIVES,
)
unary(
    "log10",
    scalar.log10,
    lambda g, x, _y: g / (x * math.log(10)),
    formula="ḡ / (x log 10)",
    kinks="logと同じ",
    source=DERIVATIVES,
)
unary(
    "log1p",
    scalar.log1p,
    lambda g, x, _y: g / (x + 1),
    node_name="Log1PBackward0",
    formula="ḡ / (x + 1)",
    kinks="x = -1 では inf",
    source=DERIVATIVES,
)
unary("sin", scalar.sin, lambda g, x, _y: g * x.cos(), formula="ḡ cos x", source=DERIVATIVES)
unary("cos", scalar.cos, lambda g, x, _y: g * -x.sin(), formula="-ḡ sin x", source=DERIVATIVES)
unary(
    "tan",
    scalar.tan,
    lambda g, _x, y: g * (1 + y**2),
    formula="ḡ (1 + y²)",
    source=DERIVATIVES,
)
unary(
    "asin",
    scalar.asin,
    lambda g, x, _y: g * (-x * x + 1).rsqrt(),
    formula="ḡ / √(1 - x²)",
    kinks="x = ±1 では inf",
    source=DERIVATIVES,
)
unary(
    "acos",
    scalar.acos,
    lambda g, x, _y: g * -((-x * x + 1).rsqrt()),
    formula="-ḡ / √(1 - x²)",
    kinks="x = ±1 では -inf",
    source=DERIVATIVES,
)
unary(
    "atan", math.atan, lambda g, x, _y: g / (x * x + 1), formula="ḡ / (x² + 1)", source=DERIVATIVES
)
unary("sinh", scalar.sinh, lambda g, x, _y: g * x.cosh(), formula="ḡ cosh x", source=DERIVATIVES)
unary("cosh", scalar.cosh, lambda g, x, _y: g * x.sinh(), formula="ḡ sinh x", source=DERIVATIVES)
unary("tanh", math.tanh, lambda g, _x, y: g * (1 - y * y), formula="ḡ (1 - y²)", source=DERIVATIVES)
_sigmoid_by_dtype = {
    dtypes.float32: elementwise(scalar.sigmoid_in_float32, to_floating),
    dtypes.float64: elementwise(scalar.sigmoid, to_floating),
}
SIGMOID = define(
    Operation(
        "sigmoid",
        "SigmoidBackward0",
        lambda x: _sigmoid_by_dtype[to_floating(x._dtype)](x),
        (lambda g, _x, y: g * (1 - y) * y,),
        formula="ḡ (1 - y) y",
        source=DERIVATIVES,
    )
)


@method
def sigmoid(x: Tensor) -> Tensor:
    """シグモイド関数`1 / (1 + exp(-x))`。値は0から1のあいだにある。

    Examples
    --------
    >>> import bibun.torch_api as torch
    >>> torch.sigmoid(torch.tensor([0.0, 100.0]))
    tensor([0.5000, 1.0000])
    """
    return SIGMOID(x)


binary(
    "threshold_backward",
    gate_number,
    (lambda g, _a, b: gate(g, ~(b <= 0)), lambda g, _a, _b: no_gradient(g)),
    node_name="ThresholdBackwardBackward0",
    formula="(b > 0 なら ḡ、でなければ 0。0)",
    kinks="b = 0 では 0、b = nan では ḡ",
    source=DERIVATIVES,
)


def gate_by_sign(g: Any, y: Any) -> Any:
    """`y`が正のところだけ勾配を通す。`y`にもつながるので、もう一度微分すると0になる。"""
    return TABLE["threshold_backward"](g, y) if isinstance(g, Tensor) else gate_number(g, y)


unary(
    "relu",
    scalar.relu,
    lambda g, _x, y: gate_by_sign(g, y),
    floating=False,
    formula="x > 0 なら ḡ、でなければ 0",
    kinks="x = 0 では 0、x = nan では ḡ",
    source=DERIVATIVES,
    single_rounding=True,
)
unary(
    "erf",
    math.erf,
    lambda g, x, _y: 2 / math.sqrt(math.pi) * (-(x**2)).exp() * g,
    formula="2 ḡ e^(-x²) / √π",
    source=DERIVATIVES,
)

for _name, _function in (
    ("sign", scalar.sign),
    ("sgn", scalar.sign),
    ("floor", scalar.floor),
    ("ceil", scalar.ceil),
    ("trunc", scalar.trunc),
    ("round", scalar.round_half_even),
):
    unary(
        _name,
        _function,
        lambda g, _x, _y: no_gradient(g),
        floating=False,
        formula="0",
        kinks="段の境目も含めて、どこでも 0",
        source=DERIVATIVES,
    )
