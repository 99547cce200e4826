"""Tensorの列を1つにつなぐ演算。"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

from bibun import errors
from bibun.operation import Operation, define, function
from bibun.rules.arithmetic import DERIVATIVES
from bibun.shapes import Size, dimension
from bibun.tensor import Tensor, make

__all__: list[str] = []


def _joined(*arguments: Any) -> Tensor:
    """Tensorの列と次元`dim`を受け取り、その次元でつなぐ。"""
    dim = arguments[-1]
    tensors = [x for x in arguments[:-1] if not _is_blank(x)] or arguments[:1]
    dtype = max((x._dtype for x in arguments[:-1]), key=lambda dtype: dtype.rank)
    shape = list(tensors[0]._shape)
    shape[dim] = sum(x._shape[dim] for x in tensors)
    rows = prod(shape[:dim])
    columns = [(x._data, x.numel() // rows if rows else 0) for x in tensors]
    values = [v for r in range(rows) for data, n in columns for v in data[r * n : (r + 1) * n]]
    return make(dtype.round_all(values), Size(shape), dtype)


CAT = define(
    Operation("cat", "CatBackward0", _joined, (), formula="ḡ を切り分けて返す", source=DERIVATIVES)
)
STACK = define(
    Operation(
        "stack",
        "StackBackward0",
        lambda *arguments: _joined(
            *[_split_dim(x, arguments[-1]) for x in arguments[:-1]], arguments[-1]
        ),
        (),
        formula="ḡ を1枚ずつ返す",
        source=DERIVATIVES,
    )
)


def _split_dim(x: Tensor, dim: int) -> Tensor:
    return make(x._data, Size((*x._shape[:dim], 1, *x._shape[dim:])), x._dtype)


def _piece(dim: int, start: int, length: int) -> Callable[[Tensor], Any]:
    return lambda g: g.narrow(dim, start, length)


def _layer(dim: int, index: int) -> Callable[[Tensor], Any]:
    return lambda g: g.select(dim, index)


def _is_blank(x: Tensor) -> bool:
    """形(0,)のTensorは、どの形とも合うとみなして飛ばす(torchの古くからの約束)。"""
    return x._shape == (0,)


def _nothing(g: Tensor) -> Any:
    return g.reshape(-1).narrow(0, 0, 0)


def _check_joinable(first: Tensor, x: Tensor, dim: int, index: int) -> None:
    if x.ndim != first.ndim:
        raise errors.cat_needs_same_rank(first.ndim, x.ndim)
    for axis, (expected, got) in enumerate(zip(first._shape, x._shape, strict=True)):
        if axis != dim and expected != got:
            raise errors.cat_sizes_do_not_match(dim, expected, got, index)


@function
def cat(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Tensorの列を、次元`dim`でつなぐ。

    Raises
    ------
    ValueError
        列が空のとき。
    RuntimeError
        つなぐ次元以外の大きさが違うとき。

    Examples
    --------
    >>> import bibun.torch_api as torch
    >>> torch.cat([torch.tensor([1, 2]), torch.tensor([3])])
    tensor([1, 2, 3])
    """
    tensors = list(tensors)
    if not tensors:
        raise ValueError("torch.cat(): expected a non-empty list of Tensors")
    for index, x in enumerate(tensors):
        if not isinstance(x, Tensor):
            raise errors.not_a_tensor_in_list(index, x)
    first = next((x for x in tensors if not _is_blank(x)), tensors[0])
    if not first._shape:
        raise RuntimeError("zero-dimensional tensor (at position 0) cannot be concatenated")
    dim = dimension(dim, first.ndim)
    pieces: list[Callable[[Tensor], Any]] = []
    start = 0
    for index, x in enumerate(tensors):
        if _is_blank(x) and x is not first:
            pieces.append(_nothing)
            continue
        _check_joinable(first, x, dim, index)
        pieces.append(_piece(dim, start, x._shape[dim]))
        start += x._shape[dim]
    return CAT.with_partials(pieces)(*tensors, dim)


@function
def stack(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """同じ形のTensorの列を、新しい次元`dim`に沿って重ねる。

    Raises
    ------
    RuntimeError
        列が空のとき、形が違うとき。

    Examples
    --------
    >>> import bibun.torch_api as torch
    >>> torch.stack([torch.tensor([1, 2]), torch.tensor([3, 4])])
    tensor([[1, 2],
            [3, 4]])
    """
    tensors = list(tensors)
    if not tensors:
        raise RuntimeError("stack expects a non-empty TensorList")
    for index, x in enumerate(tensors):
        if not isinstance(x, Tensor):
            raise errors.not_a_tensor_in_list(index, x)
    for index, x in enumerate(tensors):
        if x._shape != tensors[0]._shape:
            raise errors.stack_sizes_differ(tensors[0]._shape, x._shape, index)
    dim = dimension(dim, tensors[0].ndim + 1)
    layers = [_layer(dim, index) for index in range(len(tensors))]
    return STACK.with_partials(layers)(*tensors, dim)
