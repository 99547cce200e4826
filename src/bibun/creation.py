"""Tensorを新しく作る関数。"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from fractions import Fraction
from operator import index
from typing import Any

from bibun import dtypes, errors
from bibun.dtypes import OF_NUMBERS, DType, as_dtype, python_number
from bibun.operation import attach
from bibun.shapes import Size, integers
from bibun.tensor import AutogradMeta, Tensor, make

__all__ = ["arange", "eye", "full", "linspace", "ones", "tensor", "zeros"]


def tensor(
    data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """値からTensorを作る。

    Parameters
    ----------
    data : array_like
        数、入れ子のリストやタプル、NumPyの配列、Tensor。
    dtype : DType, optional
        要素の型。省くと、小数があればfloat32、整数だけならint64、真偽だけならboolになる。
        NumPyの値とTensorは、自分の型を保つ。
    device : str, optional
        置き場所。bibunでは`"cpu"`だけ。
    requires_grad : bool
        「このTensorで微分する」という宣言。

    Raises
    ------
    RuntimeError
        小数でない型で`requires_grad=True`としたとき。
    ValueError
        入れ子の長さがそろっていないとき。

    Examples
    --------
    >>> tensor([[1, 2, 3], [4, 5, 6]])
    tensor([[1, 2, 3],
            [4, 5, 6]])
    >>> tensor(3, requires_grad=True)
    Traceback (most recent call last):
        ...
    RuntimeError: Only Tensors of floating point and complex dtype can require gradients
    """
    if isinstance(data, Tensor):
        warnings.warn(errors.COPY_CONSTRUCT_WARNING, UserWarning, stacklevel=2)
        result = make(list(data._data), data._shape, data._dtype)
        result = result if dtype is None else result.to(as_dtype(dtype))
    else:
        leaves, shape = _flatten(data)
        values = [leaf if type(leaf) in OF_NUMBERS else _number(leaf) for leaf in leaves]
        chosen = _infer(data, leaves) if dtype is None else as_dtype(dtype)
        result = make(chosen.round_all(values), Size(shape), chosen)
    return with_requires_grad(result, requires_grad, device)


def legacy_tensor(*arguments: Any) -> Tensor:
    """`torch.Tensor(data)`と`torch.Tensor(2, 3)`。いつもfloat32になる。

    Examples
    --------
    >>> legacy_tensor([1, 2])
    tensor([1., 2.])
    """
    if len(arguments) == 1 and not isinstance(arguments[0], int):
        return tensor(arguments[0], dtype=dtypes.float32)
    return zeros(*arguments)


def with_requires_grad(x: Tensor, requires_grad: bool, device: Any = None) -> Tensor:
    """作ったばかりのTensorを、頼まれたとおり勾配の対象にする。"""
    if device is not None and str(device) != "cpu":
        raise errors.no_gpu()
    if not isinstance(requires_grad, bool):
        raise errors.must_be("tensor", "requires_grad", "bool", requires_grad)
    if requires_grad:
        if not x._dtype.is_floating_point:
            raise errors.constructor_needs_floating_point()
        x._meta = AutogradMeta(True)
    return x


def _flatten(data: Any) -> tuple[list[Any], list[int]]:
    """入れ子の値を、平らな並びと形に直す。"""
    if hasattr(data, "tolist") and not isinstance(data, Tensor):
        data = data.tolist()  # NumPyの配列
    level: list[Any] = [data]
    shape: list[int] = []
    while level and isinstance(level[0], (list, tuple, range)):
        size = len(level[0])
        for item in level:
            got = len(item) if isinstance(item, (list, tuple, range)) else 0
            if got != size:
                raise errors.ragged_sequence(size, len(shape), got)
        level = [value for item in level for value in item]
        shape.append(size)
    return level, shape


def _number(value: Any) -> Any:
    number = python_number(value)
    if number is not None:
        return number
    if isinstance(value, Tensor):
        return value._number()
    if isinstance(value, str):
        raise errors.invalid_data_type(value)
    if isinstance(value, (list, tuple, range)):
        raise errors.not_a_number(value)
    if isinstance(value, complex):
        raise errors.UnsupportedError("複素数のTensor")
    if hasattr(value, "tolist"):
        raise errors.UnsupportedError(
            "NumPyの配列のリストからTensorを作る機能(numpy.arrayで1つの配列にすれば作れます)"
        )
    raise errors.unknown_data_type(value)


_OF_NUMPY = {
    "float64": dtypes.float64,
    "float32": dtypes.float32,
    "int64": dtypes.int64,
    "int32": dtypes.int64,  # 32ビットのPyodideでは、NumPyの整数はふつうint32になる
    "bool": dtypes.bool,
}


def _infer(data: Any, leaves: list[Any]) -> DType:
    """省かれた型: 値ごとの型のうち、いちばん強いもの。"""
    if hasattr(data, "dtype"):  # 空でも型のある、NumPyの配列
        leaves = [data]
    kinds = set(map(type, leaves))
    plain = kinds <= OF_NUMBERS.keys()
    found = {OF_NUMBERS[kind] for kind in kinds} if plain else set(map(_dtype_of, leaves))
    return max(found, key=lambda dtype: dtype.rank, default=dtypes.float32)


def _dtype_of(value: Any) -> DType:
    if isinstance(value, Tensor):
        return value._dtype
    if not hasattr(value, "dtype"):
        return OF_NUMBERS[type(python_number(value))]
    name = str(value.dtype)
    if name not in _OF_NUMPY:
        raise errors.UnsupportedError(f"要素の型{name}(dtypeを渡せば、その型に直して作れます)")
    return _OF_NUMPY[name]


# --- 決まった値 -------------------------------------------------------------------------------


def size_of(function: str, arguments: Sequence[Any], position: int = 1) -> Size:
    sizes = Size(integers(function, "size", arguments, position))
    if any(size < 0 for size in sizes):
        raise errors.negative_size(function, sizes)
    return sizes


def full(
    size: Any,
    fill_value: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """すべての要素が`fill_value`のTensor。

    Examples
    --------
    >>> full((2,), 7)
    tensor([7, 7])
    """
    if not isinstance(size, (tuple, list)):
        raise errors.must_be_at("full", "size", 1, "tuple of ints", size)
    number = _fill_number("full", fill_value)
    chosen = OF_NUMBERS[type(number)] if dtype is None else dtype
    return _filled("full", (size,), number, chosen, device, requires_grad)


def _fill_number(function: str, value: Any) -> Any:
    """`fill_value`を、Pythonの数に直す。"""
    number = python_number(value)
    if isinstance(value, Tensor) and not value._shape and not value.requires_grad:
        number = value.item()
    if isinstance(value, complex):
        raise errors.UnsupportedError("複素数のTensor")
    if number is None:
        raise errors.must_be_at(function, "fill_value", 2, "Number", value)
    return number


def _filled(
    function: str, size: Sequence[Any], number: Any, dtype: Any, device: Any, requires_grad: bool
) -> Tensor:
    shape, chosen = size_of(function, size), as_dtype(dtype)
    values = [chosen.round(number)] * shape.numel()
    return with_requires_grad(make(values, shape, chosen), requires_grad, device)


def zeros(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """すべての要素が0のTensor。

    Examples
    --------
    >>> zeros(2, 2)
    tensor([[0., 0.],
            [0., 0.]])
    """
    return _filled("zeros", size, 0, dtype or dtypes.float32, device, requires_grad)


def ones(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """すべての要素が1のTensor。

    Examples
    --------
    >>> ones(3)
    tensor([1., 1., 1.])
    """
    return _filled("ones", size, 1, dtype or dtypes.float32, device, requires_grad)


def full_like(
    input: Tensor,
    fill_value: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """`input`と同じ形と型で、すべての要素が`fill_value`のTensor。

    Examples
    --------
    >>> full_like(tensor([1, 2]), 7)
    tensor([7, 7])
    """
    number = _fill_number("full_like", fill_value)
    return _filled(
        "full_like", (input._shape,), number, dtype or input._dtype, device, requires_grad
    )


def zeros_like(
    input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """`input`と同じ形と型の、0のTensor。

    Examples
    --------
    >>> zeros_like(tensor([1.0, 2.0]))
    tensor([0., 0.])
    """
    return full_like(input, 0, dtype=dtype, device=device, requires_grad=requires_grad)


def ones_like(
    input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """`input`と同じ形と型の、1のTensor。

    Examples
    --------
    >>> ones_like(tensor([1, 2]))
    tensor([1, 1])
    """
    return full_like(input, 1, dtype=dtype, device=device, requires_grad=requires_grad)


def eye(
    n: int,
    m: int | None = None,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """対角が1の行列。

    Examples
    --------
    >>> eye(2)
    tensor([[1., 0.],
            [0., 1.]])
    """
    if n < 0:
        raise RuntimeError(f"n must be greater or equal to 0, got {n}")
    columns = n if m is None else m
    if columns < 0:
        raise RuntimeError(f"m must be greater or equal to 0, got {columns}")
    chosen = dtypes.float32 if dtype is None else as_dtype(dtype)
    values = [chosen.round(row == column) for row in range(n) for column in range(columns)]
    return with_requires_grad(make(values, Size((n, columns)), chosen), requires_grad, device)


# --- 並んだ値 ---------------------------------------------------------------------------------


def arange(
    start: Any,
    end: Any = None,
    step: Any = 1,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """`start`から`end`の手前まで、`step`おきの値。

    Examples
    --------
    >>> arange(3), arange(0, 1, 0.25)
    (tensor([0, 1, 2]), tensor([0.0000, 0.2500, 0.5000, 0.7500]))
    """
    if end is None:
        start, end = 0, start
    start, end, step = (_number(value) for value in (start, end, step))
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if not (math.isfinite(start) and math.isfinite(end)):
        raise RuntimeError(f"unsupported range: {start} -> {end}")
    if (end - start) * step < 0:
        raise RuntimeError("upper bound and lower bound inconsistent with step sign")
    chosen = _infer(None, [float(0)] if float in {type(v) for v in (start, end, step)} else [0])
    chosen = chosen if dtype is None else as_dtype(dtype)
    if not chosen.is_floating_point:
        start, end, step = (chosen.round(value) for value in (start, end, step))
    count = math.ceil((end - start) / step)
    values = chosen.round_all(start + step * index for index in range(count))
    return with_requires_grad(make(values, Size((count,)), chosen), requires_grad, device)


def linspace(
    start: Any,
    end: Any,
    steps: int,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """`start`から`end`までを等しく分ける`steps`個の値。

    Examples
    --------
    >>> linspace(0, 1, 5)
    tensor([0.0000, 0.2500, 0.5000, 0.7500, 1.0000])
    """
    if not hasattr(steps, "__index__"):
        raise errors.invalid_arguments("linspace", (start, end, steps))
    steps = index(steps)
    if steps < 0:
        raise RuntimeError("number of steps must be non-negative")
    ranks = [value.ndim if isinstance(value, Tensor) else 0 for value in (start, end)]
    if any(ranks):
        raise errors.linspace_needs_scalars(*ranks)
    start, end = _number(start), _number(end)
    chosen = dtypes.float32 if dtype is None else as_dtype(dtype)
    first, last = Fraction(chosen.round(start)), Fraction(chosen.round(end))
    if steps == 1:
        return with_requires_grad(
            make([chosen.round(start)], Size((1,)), chosen), requires_grad, device
        )
    gap = float((last - first) / max(steps - 1, 1))
    step = Fraction(chosen.round(gap) if chosen.is_floating_point else gap)
    half = steps // 2  # torchは、前半を始点から、後半を終点から数え、掛けて足すまで丸めない
    values = [
        float(first + step * i if i < half else last - step * (steps - 1 - i)) for i in range(steps)
    ]
    return with_requires_grad(
        make(chosen.round_all(values), Size((steps,)), chosen), requires_grad, device
    )


def empty(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """形だけを決めたTensor。torchでは値が決まっていない。bibunでは0になる。

    Examples
    --------
    >>> empty(2).shape
    torch.Size([2])
    """
    return _filled("empty", size, 0, dtype or dtypes.float32, device, requires_grad)


def from_numpy(ndarray: Any) -> Tensor:
    """NumPyの配列から、同じ型のTensorを作る(値の写し)。

    Raises
    ------
    TypeError
        NumPyの配列でないとき。

    Examples
    --------
    >>> import numpy
    >>> from_numpy(numpy.array([1.0, 2.0]))
    tensor([1., 2.], dtype=torch.float64)
    """
    if not hasattr(ndarray, "tolist") or not hasattr(ndarray, "dtype"):
        raise TypeError(f"expected np.ndarray (got {type(ndarray).__name__})")
    return tensor(ndarray)


def meshgrid(*tensors: Any, indexing: str = "ij") -> tuple[Tensor, ...]:
    """1次元のTensorの組から、格子点の座標を並べたTensorの組を作る。

    Examples
    --------
    >>> meshgrid(tensor([1, 2]), tensor([3, 4]), indexing="ij")[0]
    tensor([[1, 1],
            [2, 2]])
    """
    axes = tensors[0] if len(tensors) == 1 and not isinstance(tensors[0], Tensor) else tensors
    if len({axis._dtype for axis in axes}) > 1:
        raise errors.meshgrid_needs_same_dtype()
    swapped = indexing == "xy" and len(axes) >= 2
    order = [1, 0, *range(2, len(axes))] if swapped else list(range(len(axes)))
    shape = tuple(axes[d].numel() for d in order)
    grids = [
        axis.reshape([-1 if d == own else 1 for d in order]).expand(shape)
        for own, axis in enumerate(axes)
    ]
    return tuple(grids)


# --- もとのTensorと同じ型で作る ----------------------------------------------------------------


def _new_tensor(
    x: Tensor, data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    return tensor(data, dtype=dtype or x._dtype, device=device, requires_grad=requires_grad)


def _new_zeros(
    x: Tensor, *size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    return zeros(*size, dtype=dtype or x._dtype, device=device, requires_grad=requires_grad)


def _new_ones(
    x: Tensor, *size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    return ones(*size, dtype=dtype or x._dtype, device=device, requires_grad=requires_grad)


def _wrapped(_x: Tensor, array: Any, _context: Any = None, _return_scalar: Any = False) -> Tensor:
    """NumPyの関数にTensorを渡した結果を、Tensorに戻す。"""
    if array.dtype.kind == "b":
        raise errors.UnsupportedError(
            "NumPyの比較や判定にTensorを渡す機能(torchの関数を使うか、.numpy()を渡せば書けます)"
        )
    return from_numpy(array)


attach("__array_wrap__", _wrapped)
attach("__array_priority__", 1000)  # NumPyの数との演算を、NumPyでなくTensorの演算子が引き受ける
attach("new_tensor", _new_tensor)
attach("new_zeros", _new_zeros)
attach("new_ones", _new_ones)
