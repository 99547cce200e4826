"""ベクトルと行列の積。

float32の積和は、掛けて丸め、足して丸める。torchはBLASに任せるので、CPUによっては足す順番や丸める回数が違い、
末尾の桁がそろわないことがある。整数の値のように、途中で丸めが起きない計算では必ず一致する。
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from bibun import errors
from bibun.dtypes import DType
from bibun.operation import Operation, define, method
from bibun.rules.arithmetic import DERIVATIVES
from bibun.rules.shape import SQUEEZE_DIMS
from bibun.shapes import SCALAR, Size
from bibun.tensor import Tensor, make

__all__: list[str] = []


def _inner(a: Sequence[Any], b: Sequence[Any], dtype: DType) -> Any:
    """同じ長さの並びの内積。"""
    total = dtype.round(0)
    for product in dtype.round_all([x * y for x, y in zip(a, b, strict=True)]):
        total = dtype.round(total + product)
    return total


def _rows(x: Tensor) -> list[list[Any]]:
    data, width = x._data, x._shape[1]
    return [data[row * width : (row + 1) * width] for row in range(x._shape[0])]


def _columns(x: Tensor) -> list[list[Any]]:
    data, width = x._data, x._shape[1]
    return [data[column::width] for column in range(width)]


DOT = define(
    Operation(
        "dot",
        "DotBackward0",
        lambda a, b: make([_inner(a._data, b._data, a._dtype)], SCALAR, a._dtype),
        (lambda g, _a, b: g * b, lambda g, a, _b: g * a),
        formula="(ḡ b, ḡ a)",
        source=DERIVATIVES,
    )
)
MV = define(
    Operation(
        "mv",
        "MvBackward0",
        lambda a, b: make(
            [_inner(row, b._data, a._dtype) for row in _rows(a)], Size(a._shape[:1]), a._dtype
        ),
        (lambda g, _a, b: g.outer(b), lambda g, a, _b: a.t().mv(g)),
        formula="(ḡ bᵀ, aᵀ ḡ)",
        source=DERIVATIVES,
    )
)
MM = define(
    Operation(
        "mm",
        "MmBackward0",
        lambda a, b: make(
            [_inner(row, column, a._dtype) for row in _rows(a) for column in _columns(b)],
            Size((a._shape[0], b._shape[1])),
            a._dtype,
        ),
        (lambda g, _a, b: g.mm(b.t()), lambda g, a, _b: a.t().mm(g)),
        formula="(ḡ bᵀ, aᵀ ḡ)",
        source=DERIVATIVES,
    )
)


def _check_tensor(function: str, argument: str, value: object) -> None:
    if not isinstance(value, Tensor):
        raise errors.must_be_tensor(function, argument, 2, value)


@method
def dot(x: Tensor, tensor: Tensor) -> Tensor:
    """同じ長さの1次元のTensorの内積。

    Examples
    --------
    >>> import bibun.torch_api as torch
    >>> torch.tensor([1.0, 2.0]).dot(torch.tensor([3.0, 4.0]))
    tensor(11.)
    """
    _check_tensor("dot", "tensor", tensor)
    if x.ndim != 1 or tensor.ndim != 1:
        raise errors.dot_needs_vectors(x.ndim, tensor.ndim)
    if x._dtype is not tensor._dtype:
        raise errors.dot_needs_same_dtype(x._dtype.legacy_name, tensor._dtype.legacy_name)
    if x._shape != tensor._shape:
        raise errors.dot_needs_same_length(x._shape[0], tensor._shape[0])
    return DOT(x, tensor)


@method
def mv(x: Tensor, vec: Tensor) -> Tensor:
    """行列とベクトルの積。

    Examples
    --------
    >>> import bibun.torch_api as torch
    >>> torch.tensor([[1.0, 2.0], [2.0, 1.0]]).mv(torch.tensor([1.0, 2.0]))
    tensor([5., 4.])
    """
    _check_tensor("mv", "vec", vec)
    if x.ndim != 2 or vec.ndim != 1:
        raise errors.mv_needs_matrix_and_vector(x.ndim, vec.ndim)
    if x._dtype is not vec._dtype:
        raise errors.mv_needs_same_dtype(x._dtype.legacy_name, vec._dtype.legacy_name)
    if x._shape[1] != vec._shape[0]:
        raise errors.mv_sizes_do_not_match(x._shape, vec._shape[0])
    return MV(x, vec)


@method
def mm(x: Tensor, mat2: Tensor) -> Tensor:
    """行列どうしの積。

    Examples
    --------
    >>> import bibun.torch_api as torch
    >>> torch.tensor([[1.0, 2.0]]).mm(torch.tensor([[3.0], [4.0]]))
    tensor([[11.]])
    """
    _check_tensor("mm", "mat2", mat2)
    for name, matrix in (("self", x), ("mat2", mat2)):
        if matrix.ndim != 2:
            raise errors.mm_needs_matrix(name)
    if x._shape[1] != mat2._shape[0]:
        raise errors.cannot_multiply(x._shape, mat2._shape)
    if x._dtype is not mat2._dtype:
        raise errors.mm_needs_same_dtype(x._dtype, mat2._dtype)
    return MM(x, mat2)


def _matmul_of_batch(x: Tensor, other: Tensor) -> Tensor:
    """行列の束と、1つの行列かベクトルの積。束を縦に積んで、1つの行列の積に直す。"""
    if other.ndim <= 2:
        tall = x.reshape(prod(x._shape[:-1]), x._shape[-1])
        return matmul(tall, other).reshape(*x._shape[:-1], *other._shape[1:])
    if x.ndim <= 2:
        product = _matmul_of_batch(other.mT, x if x.ndim == 1 else x.t())
        return product if x.ndim == 1 else product.mT
    raise errors.UnsupportedError("3次元以上のTensorの行列積")


@method
def matmul(x: Tensor, other: Tensor) -> Tensor:
    """積`x @ other`。次元の数に応じて、内積、行列とベクトルの積、行列の積になる。

    Examples
    --------
    >>> import bibun.torch_api as torch
    >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
    >>> y = x @ torch.tensor([[1.0, 2.0], [2.0, 1.0]]) @ x
    >>> y.backward()
    >>> y.item(), x.grad
    (13.0, tensor([10.,  8.]))
    """
    _check_tensor("matmul", "other", other)
    if not x.ndim or not other.ndim:
        raise errors.matmul_of_scalar(x.ndim, other.ndim)
    if x.ndim > 2 or other.ndim > 2:
        return _matmul_of_batch(x, other)
    if x.ndim == 1 and other.ndim == 1:
        return dot(x, other)
    if other.ndim == 1:
        return mv(x, other)
    if x.ndim == 1:
        row = mm(x.unsqueeze(0), other)
        return SQUEEZE_DIMS(row, [0], row._shape)
    return mm(x, other)


@method
def outer(x: Tensor, vec2: Tensor) -> Tensor:
    """ベクトルの外積。`x[i] * vec2[j]`を並べた行列。

    Examples
    --------
    >>> import bibun.torch_api as torch
    >>> torch.tensor([1, 2]).outer(torch.tensor([3, 4]))
    tensor([[3, 4],
            [6, 8]])
    """
    _check_tensor("outer", "vec2", vec2)
    for name, vector in (("self", x), ("vec2", vec2)):
        if vector.ndim != 1:
            raise errors.outer_needs_vectors(name, vector.ndim)
    return x.reshape(-1, 1) * vec2
