"""演算子と同じ演算の、名前で呼ぶ形: `torch.add`、`x.mul(y)`、`x.add_(1)`、`x.zero_()`など。"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bibun import errors
from bibun.elementwise import operand
from bibun.in_place import in_place
from bibun.operation import FUNCTIONS, Operation, attach, define, function, method, no_gradient
from bibun.rules import TABLE
from bibun.rules.arithmetic import DERIVATIVES
from bibun.tensor import Tensor, make

__all__: list[str] = []


# --- 二項演算 ---------------------------------------------------------------------------------


def _register(names: tuple[str, ...], compute: Callable[..., Any], first: str = "other") -> None:
    """`compute(x, other)`を、`names`のどれでも呼べるようにする。末尾に`_`の付く形も足す。"""

    def checked(x: Tensor, *operands: Any, **options: Any) -> Any:
        if not operands and first in options:
            operands = (options.pop(first),)
        if not operands:
            raise errors.missing_argument(names[0], first)
        other = operand(operands[0])
        if other is None:
            raise errors.must_be_tensor(names[0], first, 2, operands[0])
        return compute(x, other, *operands[1:], **options)

    def written(x: Tensor, *operands: Any, **options: Any) -> Tensor:
        return in_place(x, lambda *inputs: checked(*inputs, **options), *operands)

    for name in names:
        checked.__name__ = name
        method(checked)
        attach(f"{name}_", written)


def _add(x: Tensor, other: Any, alpha: Any = 1) -> Any:
    return x + other if alpha == 1 else TABLE["add_scaled"](x, other, alpha)


def _sub(x: Tensor, other: Any, alpha: Any = 1) -> Any:
    return x - other if alpha == 1 else TABLE["sub_scaled"](x, other, alpha)


def _div(x: Tensor, other: Any, rounding_mode: str | None = None) -> Any:
    if rounding_mode is None:
        return x / other
    return TABLE["div_rounded"](x, other, rounding_mode)


_register(("add",), _add)
_register(("sub", "subtract"), _sub)
_register(("mul", "multiply"), lambda x, other: x * other)
_register(("div", "divide", "true_divide"), _div)
_register(("pow",), lambda x, exponent: x**exponent, first="exponent")
_register(("remainder",), lambda x, other: x % other)
_register(("floor_divide",), lambda x, other: x // other)
for _name in ("eq", "ne", "lt", "le", "gt", "ge", "logical_and", "logical_or", "logical_xor"):
    _register((_name,), TABLE[_name].__call__)


def _pairwise(name: str) -> None:
    operation = TABLE[name]

    def apply(x: Tensor, other: Tensor) -> Tensor:
        if not isinstance(other, Tensor):
            raise errors.must_be_tensor(name, "other", 2, other)
        return operation(x, other)

    apply.__name__ = name
    method(apply)


_pairwise("maximum")
_pairwise("minimum")


@function
def pow(input: Any, exponent: Any) -> Tensor:
    """べき。底と指数の、少なくとも一方がTensorであればよい。

    Examples
    --------
    >>> import bibun.torch_api as torch
    >>> pow(2, torch.tensor([1.0, 2.0]))
    tensor([2., 4.])
    """
    base = operand(input)
    if base is None or not (isinstance(input, Tensor) or isinstance(exponent, Tensor)):
        raise errors.invalid_arguments("pow", (input, exponent))
    power: Tensor = base**exponent
    return power


@method
def negative(x: Tensor) -> Tensor:
    """符号を変える。`-x`と同じ。

    Examples
    --------
    >>> import bibun.torch_api as torch
    >>> torch.negative(torch.tensor([1, -2]))
    tensor([-1,  2])
    """
    return -x


@method
def square(x: Tensor) -> Tensor:
    """2乗。`x ** 2`と同じ。

    Examples
    --------
    >>> import bibun.torch_api as torch
    >>> x = torch.tensor(2.0, requires_grad=True)
    >>> x.square()
    tensor(4., grad_fn=<PowBackward0>)
    """
    return x**2


# --- その場での書き換え -----------------------------------------------------------------------


def _written_form(name: str) -> Callable[..., Tensor]:
    compute = FUNCTIONS[name]

    def written(x: Tensor, *arguments: Any, **keywords: Any) -> Tensor:
        return in_place(x, lambda *inputs: compute(*inputs, **keywords), *arguments)

    return written


for _name in (
    "abs", "acos", "asin", "atan", "ceil", "clamp", "cos", "cosh", "erf", "exp", "expm1", "floor",
    "log", "log10", "log1p", "log2", "neg", "reciprocal", "relu", "round", "rsqrt", "sigmoid",
    "sign", "sin", "sinh", "sqrt", "square", "tan", "tanh", "trunc",
):  # fmt: skip
    attach(f"{_name}_", _written_form(_name))

ZERO = define(
    Operation(
        "zero",
        "ZeroBackward0",
        lambda x: make(x._dtype.round_all([0] * x.numel()), x._shape, x._dtype),
        (lambda g, _x: no_gradient(g),),
        formula="0",
        source=DERIVATIVES,
    )
)
FILL = define(
    Operation(
        "fill",
        "FillBackward2",
        lambda x, value: make(x._dtype.round_all([value] * x.numel()), x._shape, x._dtype),
        (lambda g, _x, _value: no_gradient(g),),
        formula="0",
        source=DERIVATIVES,
    )
)
FILL_WITH = define(
    Operation(
        "fill_with",
        "FillBackward3",
        lambda x, value: FILL.forward(x, value.item()),
        (lambda g, _x, _value: no_gradient(g), lambda g, _x, _value: g.sum()),
        formula="(0、ḡ の和)",
        source=DERIVATIVES,
    )
)
OVERWRITE = define(
    Operation(
        "overwrite",
        "CopyBackwards",
        lambda x, source: source.detach().to(x._dtype).expand(x._shape),
        (lambda g, _x, _source: no_gradient(g), lambda g, _x, _source: g),
        formula="(0、ḡ)",
        source=DERIVATIVES,
    )
)
COPY = define(  # 逆伝播が、葉に届いた勾配の写しを記録するときに使う
    Operation(
        "copy",
        "CopyBackwards",
        TABLE["clone"].forward,
        (lambda g, _source: g,),
        formula="ḡ",
        source=DERIVATIVES,
    )
)


def zero_(x: Tensor) -> Tensor:
    """すべての要素を0にする。勾配を消すのに使う。

    Examples
    --------
    >>> import bibun.torch_api as torch
    >>> torch.tensor([1.0, 2.0]).zero_()
    tensor([0., 0.])
    """
    return in_place(x, ZERO)


def fill_(x: Tensor, value: Any) -> Tensor:
    """すべての要素を`value`にする。

    Examples
    --------
    >>> import bibun.torch_api as torch
    >>> torch.zeros(2).fill_(3)
    tensor([3., 3.])
    """
    if not isinstance(value, Tensor):
        return in_place(x, FILL, value)
    if value.ndim:
        raise errors.fill_needs_scalar(value.ndim)
    return in_place(x, FILL_WITH, value)


def copy_(x: Tensor, source: Tensor) -> Tensor:
    """`source`の値を写す。

    Examples
    --------
    >>> import bibun.torch_api as torch
    >>> torch.zeros(2).copy_(torch.tensor([1, 2]))
    tensor([1., 2.])
    """
    return in_place(x, OVERWRITE, source)


for _function in (zero_, fill_, copy_):
    attach(_function.__name__, _function)


# --- 2つのTensorを比べる ----------------------------------------------------------------------


@method
def equal(x: Tensor, other: Tensor) -> bool:
    """形と、すべての要素が等しいか。

    Examples
    --------
    >>> import bibun.torch_api as torch
    >>> torch.equal(torch.tensor([1, 2]), torch.tensor([1, 2]))
    True
    """
    if not isinstance(other, Tensor):
        raise errors.must_be_tensor("equal", "other", 2, other)
    return x._shape == other._shape and x._data == other._data


@method
def isclose(
    x: Tensor, other: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> Tensor:
    """要素ごとに、差が`atol + rtol * |other|`以内か。

    Examples
    --------
    >>> import bibun.torch_api as torch
    >>> torch.isclose(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 2.1]))
    tensor([ True, False])
    """
    if not isinstance(other, Tensor):
        raise errors.must_be_tensor("isclose", "other", 2, other)
    if x._dtype is not other._dtype:
        raise errors.isclose_needs_same_dtype(x._dtype.legacy_name, other._dtype.legacy_name)
    x, other = x.detach(), other.detach()
    close = (x == other) | (
        ((x - other).abs() <= atol + rtol * other.abs()) & (x - other).isfinite()
    )
    return close | (x.isnan() & other.isnan()) if equal_nan else close


@method
def allclose(
    x: Tensor, other: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> bool:
    """すべての要素が近いか。`isclose`を参照。

    Examples
    --------
    >>> import bibun.torch_api as torch
    >>> torch.allclose(torch.tensor(0.1) + 0.2, torch.tensor(0.3))
    True
    """
    if not isinstance(other, Tensor):
        raise errors.must_be_tensor("allclose", "other", 2, other)
    return bool(x.isclose(other, rtol, atol, equal_nan).all())
