"""次元をつぶす演算: 和、平均、積、最大、最小、累積和."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate
from math import prod as product
from typing import Any

from bibun import dtypes, errors
from bibun.dtypes import DType
from bibun.operation import Operation, define, method
from bibun.rules.arithmetic import DERIVATIVES
from bibun.rules.summation import sum_columns
from bibun.shapes import SCALAR, Size, dimension, grid, strides
from bibun.tensor import Tensor, make

__all__: list[str] = []


def dimensions(dim: Any, rank: int) -> tuple[int, ...]:
    """引数`dim`を、つぶす次元の番号の組に直す. `None`はすべての次元."""
    if dim is None or dim == () or dim == []:
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
    """結果の要素ごとに、つぶされる値の並び."""
    steps = strides(x._shape)
    kept = [d for d in range(x.ndim) if d not in dims]
    starts = grid([x._shape[d] for d in kept], [steps[d] for d in kept])
    inner = grid([x._shape[d] for d in dims], [steps[d] for d in dims])
    data = x._data
    return [[data[start + offset] for offset in inner] for start in starts]


def stretch_back(g: Tensor, old: Size, dims: Sequence[int], keepdim: bool) -> Tensor:
    """つぶした次元へ、勾配を引き伸ばして戻す."""
    if not keepdim:
        g = g.reshape(reduced_shape(old, dims, True))
    return g.expand(old)


# --- 和と平均 ---------------------------------------------------------------------------------


def _summed(x: Tensor, dims: Sequence[int], keepdim: bool, _old: Size) -> Tensor:
    dtype = x._dtype if x._dtype.is_floating_point else dtypes.int64
    return make(sum_columns(x, dims, dtype), reduced_shape(x._shape, dims, keepdim), dtype)


def _sum_rule(g: Tensor, _x: Tensor, dims: Sequence[int], keepdim: bool, old: Size) -> Tensor:
    return stretch_back(g, old, dims, keepdim)


SUM = define(
    Operation("sum", "SumBackward0", _summed, (_sum_rule,), formula="ḡ を引き伸ばす", source=DERIVATIVES)
)
SUM_DIM = define(
    Operation(
        "sum_dim", "SumBackward1", _summed, (_sum_rule,), formula="ḡ を引き伸ばす", source=DERIVATIVES
    )
)


def _averaged(x: Tensor, dims: Sequence[int], keepdim: bool, old: Size) -> Tensor:
    total = _summed(x, dims, keepdim, old)
    return total / product(x._shape[d] for d in dims)


def _mean_rule(g: Tensor, _x: Tensor, dims: Sequence[int], keepdim: bool, old: Size) -> Tensor:
    return stretch_back(g, old, dims, keepdim) / product(old[d] for d in dims)


MEAN = define(
    Operation(
        "mean", "MeanBackward0", _averaged, (_mean_rule,), formula="ḡ / n を引き伸ばす", source=DERIVATIVES
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


def _check_keepdim(function: str, keepdim: Any) -> None:
    if not isinstance(keepdim, bool):
        raise errors.must_be_at(function, "keepdim", 2, "bool", keepdim)


@method
def sum(
    x: Tensor, dim: Any = None, keepdim: bool = False, *, axis: Any = None, dtype: DType | None = None
) -> Tensor:
    """要素の和. `dim`を渡すと、その次元だけをつぶす."""
    dim = axis if dim is None else dim
    _check_keepdim("sum", keepdim)
    if dtype is not None:
        x = x.to(dtype)
    operation = SUM if dim is None else SUM_DIM
    return operation(x, dimensions(dim, x.ndim), keepdim, x._shape)


@method
def mean(
    x: Tensor, dim: Any = None, keepdim: bool = False, *, axis: Any = None, dtype: DType | None = None
) -> Tensor:
    """要素の平均. 小数の型だけに使える."""
    dim = axis if dim is None else dim
    _check_keepdim("mean", keepdim)
    if dtype is not None:
        x = x.to(dtype)
    if not x._dtype.is_floating_point:
        raise errors.mean_of_integers(x._dtype.legacy_name)
    operation = MEAN if dim is None else MEAN_DIM
    return operation(x, dimensions(dim, x.ndim), keepdim, x._shape)
