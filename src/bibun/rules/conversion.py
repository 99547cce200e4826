"""引き伸ばす、裏返す、型を変える。"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bibun import dtypes, errors
from bibun.dtypes import DType, as_dtype
from bibun.operation import Operation, attach, define, method
from bibun.rules.arithmetic import DERIVATIVES
from bibun.rules.shape import define_view
from bibun.shapes import Size, broadcast_positions, dimension, grid, integers, strides
from bibun.tensor import Tensor, make

__all__: list[str] = []


def _stretched(x: Tensor, shape: Size) -> Tensor:
    order = broadcast_positions(x._shape, shape)
    if x._index is not None:
        order = [x._index[position] for position in order]
    return x._view(order, shape)


EXPAND = define_view(
    "expand",
    "ExpandBackward0",
    _stretched,
    lambda g, _x, _shape: g,
    "ḡ を足し合わせて x の形に戻す",
)


@method
def expand(x: Tensor, *sizes: Any) -> Tensor:
    """大きさ1の次元を、値を写さずに引き伸ばす。`-1`はその次元をそのままにする。

    Examples
    --------
    >>> import bibun.torch_api as torch
    >>> torch.tensor([1, 2]).expand(3, -1)
    tensor([[1, 2],
            [1, 2],
            [1, 2]])
    """
    target = list(integers("expand", "size", sizes))
    missing = len(target) - x.ndim
    if missing < 0:
        raise errors.too_few_sizes(x, target)
    for dim, size in enumerate(x._shape, start=missing):
        if target[dim] == -1:
            target[dim] = size
        elif size not in (1, target[dim]):
            raise errors.cannot_expand(target[dim], size, dim, target, x._shape)
    for dim, size in enumerate(target):
        if size < 0:
            raise errors.cannot_expand_leading(size, dim)
    return EXPAND(x, Size(target))


@method
def expand_as(x: Tensor, other: Tensor) -> Tensor:
    """`other`と同じ形まで引き伸ばす。

    Examples
    --------
    >>> import bibun.torch_api as torch
    >>> torch.tensor([1, 2]).expand_as(torch.zeros(2, 2))
    tensor([[1, 2],
            [1, 2]])
    """
    return expand(x, other._shape)


FLIP = define(
    Operation(
        "flip",
        "FlipBackward0",
        lambda x, dims: _flipped(x, dims),
        (lambda g, _x, dims: g.flip(dims),),
        formula="ḡ を同じ次元で裏返す",
        source=DERIVATIVES,
    )
)


def _flipped(x: Tensor, dims: Sequence[int]) -> Tensor:
    steps = strides(x._shape)
    start = sum((x._shape[d] - 1) * steps[d] for d in dims)
    turned = [-step if d in dims else step for d, step in enumerate(steps)]
    data = x._data
    return make([data[p] for p in grid(x._shape, turned, start)], x._shape, x._dtype)


@method
def flip(x: Tensor, *dims: Any) -> Tensor:
    """次元`dims`の順を逆にした写し。

    Examples
    --------
    >>> import bibun.torch_api as torch
    >>> torch.tensor([1, 2, 3]).flip(0)
    tensor([3, 2, 1])
    """
    chosen = tuple(dimension(d, x.ndim) for d in integers("flip", "dims", dims))
    for dim in chosen:
        if chosen.count(dim) > 1:
            raise errors.repeated_dimension(dim)
    return FLIP(x, chosen if x._shape else ())


# --- 型を変える -------------------------------------------------------------------------------

TO_COPY = define(
    Operation(
        "to_copy",
        "ToCopyBackward0",
        lambda x, dtype: make(dtype.round_all(x._data), x._shape, dtype),
        (lambda g, _x, _dtype: g,),
        formula="ḡ を x の型に戻す",
        source=DERIVATIVES,
    )
)


@method
def to(x: Tensor, target: Any = None, dtype: Any = None, *, device: Any = None) -> Tensor:
    """型を変える。もうその型なら、自分自身を返す。

    Parameters
    ----------
    target : DType, type, Tensor, or str, optional
        型、まねるTensor、または置き場所(bibunでは`"cpu"`だけ)。

    Examples
    --------
    >>> import bibun.torch_api as torch
    >>> torch.tensor([1, 2]).to(torch.float64)
    tensor([1., 2.], dtype=torch.float64)
    """
    if isinstance(target, Tensor):
        target = target._dtype
    if isinstance(target, str):
        target, device = None, target
    if device not in (None, "cpu"):
        known = str(device).partition(":")[0] in ("cuda", "cpu")
        raise errors.no_gpu() if known else errors.invalid_device(device)
    given = [chosen for chosen in (target, dtype) if chosen is not None]
    if len(given) > 1 or not all(isinstance(chosen, (DType, type)) for chosen in given):
        raise errors.invalid_arguments("to", given)
    chosen = as_dtype(given[0]) if given else x._dtype
    return x if chosen is x._dtype else TO_COPY(x, chosen)


def _to_dtype(name: str, dtype: DType) -> None:
    def convert(x: Tensor) -> Tensor:
        return to(x, dtype)

    convert.__doc__ = f"`{dtype}`に変える。もうその型なら、自分自身を返す."
    attach(name, convert)


for _name, _dtype in {
    "float": dtypes.float32,
    "double": dtypes.float64,
    "long": dtypes.int64,
    "bool": dtypes.bool,
}.items():
    _to_dtype(_name, _dtype)
