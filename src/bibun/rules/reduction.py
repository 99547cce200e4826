"""次元をつぶす演算: 和、平均、積、最大、最小、累積和。"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from itertools import accumulate
from math import prod as product
from typing import Any

from bibun import dtypes, errors
from bibun.dtypes import DType
from bibun.grad_mode import state
from bibun.operation import TABLE, Operation, define, method, no_gradient
from bibun.rules.arithmetic import DERIVATIVES
from bibun.rules.summation import sum_over
from bibun.shapes import SCALAR, Size, dimension, grid, strides
from bibun.tensor import Tensor, make

__all__: list[str] = []


def dimensions(dim: Any, rank: int) -> tuple[int, ...]:
    """引数`dim`を、つぶす次元の番号の組に直す。`None`はすべての次元。

    Examples
    --------
    >>> dimensions(-1, 3), dimensions(None, 2)
    ((2,), (0, 1))
    """
    if dim is None or (isinstance(dim, (tuple, list)) and not dim):
        return tuple(range(rank))
    dims = [dimension(d, rank) for d in (dim if isinstance(dim, (tuple, list)) else [dim])]
    for d in dims:
        if dims.count(d) > 1:
            raise errors.repeated_dimension(d)
    return tuple(sorted(dims)) if rank else ()


def reduced_shape(shape: Size, dims: Sequence[int], keepdim: bool) -> Size:
    if keepdim:
        return Size(1 if d in dims else size for d, size in enumerate(shape))
    return Size(size for d, size in enumerate(shape) if d not in dims)


def groups(x: Tensor, dims: Sequence[int]) -> list[list[Any]]:
    """結果の要素ごとに、つぶされる値の並び。

    Examples
    --------
    >>> import bibun.torch_api as torch
    >>> groups(torch.tensor([[1, 2], [3, 4]]), (0,))
    [[1, 3], [2, 4]]
    """
    steps = strides(x._shape)
    kept = [d for d in range(x.ndim) if d not in dims]
    starts = grid([x._shape[d] for d in kept], [steps[d] for d in kept])
    inner = grid([x._shape[d] for d in dims], [steps[d] for d in dims])
    data = x._data
    return [[data[start + offset] for offset in inner] for start in starts]


def stretch_back(g: Tensor, old: Size, dims: Sequence[int], keepdim: bool) -> Tensor:
    """つぶした次元へ、勾配を引き伸ばして戻す。

    Examples
    --------
    >>> import bibun.torch_api as torch
    >>> stretch_back(torch.tensor([5.0, 6.0]), Size((2, 2)), (1,), keepdim=False)
    tensor([[5., 5.],
            [6., 6.]])
    """
    if not keepdim:
        g = g.reshape(reduced_shape(old, dims, True))
    return g.expand(old)


# --- 和と平均 ---------------------------------------------------------------------------------


def _summed(x: Tensor, dims: Sequence[int], keepdim: bool, _old: Size) -> Tensor:
    dtype = x._dtype if x._dtype.is_floating_point else dtypes.int64
    return make(sum_over(x, dims, dtype), reduced_shape(x._shape, dims, keepdim), dtype)


def _sum_rule(g: Tensor, _x: Tensor, dims: Sequence[int], keepdim: bool, old: Size) -> Tensor:
    return stretch_back(g, old, dims, keepdim)


SUM = define(
    Operation(
        "sum", "SumBackward0", _summed, (_sum_rule,), formula="ḡ を引き伸ばす", source=DERIVATIVES
    )
)
SUM_DIM = define(
    Operation(
        "sum_dim",
        "SumBackward1",
        _summed,
        (_sum_rule,),
        formula="ḡ を引き伸ばす",
        source=DERIVATIVES,
    )
)


def _averaged(x: Tensor, dims: Sequence[int], keepdim: bool, old: Size) -> Tensor:
    total = _summed(x, dims, keepdim, old)
    return TABLE["div"](total, product(x._shape[d] for d in dims))


def _mean_rule(g: Tensor, _x: Tensor, dims: Sequence[int], keepdim: bool, old: Size) -> Tensor:
    stretched = stretch_back(g, old, dims, keepdim)
    return TABLE["div"](stretched, product(old[d] for d in dims))


MEAN = define(
    Operation(
        "mean",
        "MeanBackward0",
        _averaged,
        (_mean_rule,),
        formula="ḡ / n を引き伸ばす",
        source=DERIVATIVES,
    )
)
MEAN_DIM = define(
    Operation(
        "mean_dim",
        "MeanBackward1",
        _averaged,
        (_mean_rule,),
        formula="ḡ / n を引き伸ばす",
        source=DERIVATIVES,
    )
)


def _as(x: Tensor, dtype: DType | None) -> Tensor:
    return x if dtype is None or dtype is x._dtype else TABLE["to_copy"](x, dtype)


def _check_keepdim(function: str, keepdim: Any) -> None:
    if not isinstance(keepdim, bool):
        raise errors.must_be_at(function, "keepdim", 2, "bool", keepdim)


@method
def sum(
    x: Tensor,
    dim: Any = None,
    keepdim: bool = False,
    *,
    axis: Any = None,
    dtype: DType | None = None,
) -> Tensor:
    """要素の和。`dim`を渡すと、その次元だけをつぶす。

    Examples
    --------
    >>> import bibun.torch_api as torch
    >>> m = torch.tensor([[1, 2, 3], [4, 5, 6]])
    >>> m.sum(), m.sum(0), m.sum(1, keepdim=True)
    (tensor(21), tensor([5, 7, 9]), tensor([[ 6],
            [15]]))
    """
    dim = axis if dim is None else dim
    _check_keepdim("sum", keepdim)
    x = _as(x, dtype)
    operation = SUM if dim is None else SUM_DIM
    return operation(x, dimensions(dim, x.ndim), keepdim, x._shape)


@method
def mean(
    x: Tensor,
    dim: Any = None,
    keepdim: bool = False,
    *,
    axis: Any = None,
    dtype: DType | None = None,
) -> Tensor:
    """要素の平均。小数の型だけに使える。

    Examples
    --------
    >>> import bibun.torch_api as torch
    >>> torch.tensor([[1.0, 2.0], [3.0, 6.0]]).mean(), torch.tensor([1.0, 2.0]).mean(0)
    (tensor(3.), tensor(1.5000))
    """
    dim = axis if dim is None else dim
    _check_keepdim("mean", keepdim)
    x = _as(x, dtype)
    if not x._dtype.is_floating_point:
        which = "Input" if dtype is None else "Optional"
        raise errors.mean_of_integers(which, x._dtype.legacy_name)
    operation = MEAN if dim is None else MEAN_DIM
    return operation(x, dimensions(dim, x.ndim), keepdim, x._shape)


# --- 積と累積和 -------------------------------------------------------------------------------


def _multiplied(x: Tensor, dims: Sequence[int], keepdim: bool) -> Tensor:
    dtype = x._dtype if x._dtype.is_floating_point else dtypes.int64
    values = [reduce(lambda a, b: dtype.round(a * b), group, 1) for group in groups(x, dims)]
    return make(dtype.round_all(values), reduced_shape(x._shape, dims, keepdim), dtype)


def _prod_rule(g: Tensor, x: Tensor, dims: Sequence[int], keepdim: bool, y: Tensor) -> Tensor:
    if not dims:
        return g
    if not keepdim:
        shape = reduced_shape(x._shape, dims, True)
        g, y = g.reshape(shape), y.reshape(shape)
    if 0 in x._data:
        return g * _products_of_others(x, dims)
    return g * (y / x)


def _whole_prod_rule(g: Tensor, x: Tensor, dims: Sequence[int], keepdim: bool, y: Tensor) -> Tensor:
    """0が2つ以上あれば、自分以外の積はどれも0なので、もう一度微分しないなら掛け直さない。"""
    if not state.enabled and list(x._data).count(0) > 1:
        return no_gradient(x)
    return _prod_rule(g, x, dims, keepdim, y)


def _products_of_others(x: Tensor, dims: Sequence[int]) -> Tensor:
    """自分以外の積。0で割れないときに使う。手間は個数の2乗だが、何階でも微分できる。"""
    if len(dims) == x.ndim > 1:
        return _products_of_others(x.reshape(-1), (0,)).reshape(x._shape)
    (dim,) = dims
    n = x._shape[dim]
    own = [row == column for row in range(n) for column in range(n)]
    mask = make(own, Size((n, n, *[1] * (x.ndim - dim - 1))), dtypes.bool)
    square = x.unsqueeze(dim).expand(*x._shape[:dim], n, *x._shape[dim:])
    return (square * 1.0).where(~mask, 1.0).prod(dim + 1)  # 対角を1に替えて掛ける


PROD = define(
    Operation(
        "prod",
        "ProdBackward0",
        _multiplied,
        (_whole_prod_rule,),
        formula="ḡ y / x",
        kinks="x に 0 があれば、自分以外の積を掛け直す",
        source=DERIVATIVES,
    )
)
PROD_DIM = define(
    Operation(
        "prod_dim",
        "ProdBackward1",
        _multiplied,
        (_prod_rule,),
        formula="ḡ y / x",
        kinks="x に 0 があれば、自分以外の積を掛け直す",
        source=DERIVATIVES,
    )
)


@method
def prod(
    x: Tensor, dim: int | None = None, keepdim: bool = False, *, dtype: DType | None = None
) -> Tensor:
    """要素の積。`dim`を渡すと、その次元だけをつぶす。

    Examples
    --------
    >>> import bibun.torch_api as torch
    >>> x = torch.tensor([2.0, 0.0, 4.0], requires_grad=True)
    >>> x.prod().backward()
    >>> x.grad
    tensor([0., 8., 0.])
    """
    operation = PROD if dim is None else PROD_DIM
    return _as(operation(_as(x, dtype), dimensions(dim, x.ndim), keepdim), dtype)


def _along(x: Tensor, dim: int, scan: Callable[[list[Any]], list[Any]], dtype: DType) -> Tensor:
    """次元`dim`に沿った並びごとに、同じ長さの並びを返す`scan`を当てはめる。"""
    if not x._shape:
        return make(dtype.round_all(x._data), SCALAR, dtype)
    steps = strides(x._shape)
    rest = [d for d in range(x.ndim) if d != dim]
    data, values = x._data, [0] * x.numel()
    for start in grid([x._shape[d] for d in rest], [steps[d] for d in rest]):
        places = range(start, start + x._shape[dim] * steps[dim], steps[dim])
        for place, value in zip(places, scan([data[p] for p in places]), strict=True):
            values[place] = value
    return make(dtype.round_all(values), x._shape, dtype)


def _accumulated(x: Tensor, dim: int) -> Tensor:
    dtype = x._dtype if x._dtype.is_floating_point else dtypes.int64
    return _along(x, dim, lambda row: list(accumulate(row)), dtype)


CUMSUM = define(
    Operation(
        "cumsum",
        "CumsumBackward0",
        _accumulated,
        (lambda g, _x, dim: g.flip(dim).cumsum(dim).flip(dim) if g._shape else g,),
        formula="後ろからの ḡ の累積和",
        source=DERIVATIVES,
    )
)


@method
def cumsum(x: Tensor, dim: int, *, dtype: DType | None = None) -> Tensor:
    """次元`dim`に沿った、それまでの和。途中はfloat64で足す(torchと同じ)。

    Examples
    --------
    >>> import bibun.torch_api as torch
    >>> torch.tensor([1, 2, 3]).cumsum(0)
    tensor([1, 3, 6])
    """
    return _as(CUMSUM(_as(x, dtype), dimension(dim, x.ndim)), dtype)


# --- 真偽 -------------------------------------------------------------------------------------


def _quantifier(name: str, function: Callable[[Any], bool]) -> None:
    def quantify(x: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
        dims = dimensions(dim, x.ndim)
        values = [function(group) for group in groups(x, dims)]
        return make(values, reduced_shape(x._shape, dims, keepdim), dtypes.bool)

    quantify.__name__ = name
    method(quantify)


_quantifier("any", any)
_quantifier("all", all)
