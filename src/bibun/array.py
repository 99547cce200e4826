"""Array: 値と形と型をもつ並び。由来を覚える`Tensor`は、これに記録を足したものである。

データの置き方: 0次元の値はPythonの数1つを直に持つ。それ以外は、1列に並べた`Storage`を指す。転置やスライスのような
viewは、同じ`Storage`を指し、読む位置の一覧`_index`だけが違う。だから一方を書き換えると他方も変わる(torchと同じ)。
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import TYPE_CHECKING, Any

from bibun import errors
from bibun.dtypes import DType
from bibun.grad_mode import state
from bibun.shapes import Size, dimension, strides

if TYPE_CHECKING:
    from bibun.tensor import Tensor

__all__ = ["Array", "Device", "Storage"]


class Storage:
    """要素の並びと、その場で書き換えられた回数(version)。同じ並びを何個のTensorが指してもよい。

    `writer`は、最後に書き換えた演算の記録の名前。

    Examples
    --------
    >>> Storage([1.0, 2.0]).version
    0
    """

    __slots__ = ("values", "version", "writer")

    def __init__(self, values: list[Any], version: int = 0) -> None:
        self.values = values
        self.version = version
        self.writer = ""


class Device(str):
    """置き場所の名前。torchの`device`と同じに印字される。

    Examples
    --------
    >>> Device("cpu")
    device(type='cpu')
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return f"device(type='{self}')"


class Array:
    """値と形と型をもつ並び。読み出しと、Pythonの数との橋渡しを引き受ける。使うのは`Tensor`だけである。

    Examples
    --------
    >>> import bibun.torch_api as torch
    >>> isinstance(torch.zeros(2), Array)
    True
    """

    __slots__ = ("_dtype", "_index", "_shape", "_storage", "_version")

    _storage: Any
    _index: list[int] | None
    _shape: Size
    _dtype: DType
    _version: int

    if TYPE_CHECKING:  # 勾配はTensorがもつ。演算のメソッドは、規則の表を読み込むときに足される
        requires_grad: bool
        T: Tensor
        mT: Tensor

        def __getattr__(self, name: str) -> Callable[..., Tensor]: ...
        def __setitem__(self, index: Any, value: Any) -> None: ...
        def __eq__(self, other: Any) -> Tensor: ...  # type: ignore[override]
        def __ne__(self, other: Any) -> Tensor: ...  # type: ignore[override]
        def __and__(self, other: Any) -> Tensor: ...
        def __or__(self, other: Any) -> Tensor: ...
        def __invert__(self) -> Tensor: ...
        def __mod__(self, other: Any) -> Tensor: ...
        def __floordiv__(self, other: Any) -> Tensor: ...
        def __add__(self, other: Any) -> Tensor: ...
        def __radd__(self, other: Any) -> Tensor: ...
        def __sub__(self, other: Any) -> Tensor: ...
        def __rsub__(self, other: Any) -> Tensor: ...
        def __mul__(self, other: Any) -> Tensor: ...
        def __rmul__(self, other: Any) -> Tensor: ...
        def __truediv__(self, other: Any) -> Tensor: ...
        def __rtruediv__(self, other: Any) -> Tensor: ...
        def __pow__(self, other: Any) -> Tensor: ...
        def __rpow__(self, other: Any) -> Tensor: ...
        def __matmul__(self, other: Any) -> Tensor: ...
        def __neg__(self) -> Tensor: ...
        def __getitem__(self, index: Any) -> Tensor: ...
        def __gt__(self, other: Any) -> Tensor: ...
        def __lt__(self, other: Any) -> Tensor: ...
        def __ge__(self, other: Any) -> Tensor: ...
        def __le__(self, other: Any) -> Tensor: ...

    # --- 値と形 ---

    @property
    def _data(self) -> list[Any]:
        """行優先の値の並び。読むだけにする(書き換えは`_write`)。"""
        storage = self._storage
        if type(storage) is not Storage:
            return [storage]
        if self._index is None:
            return storage.values
        values = storage.values
        return [values[position] for position in self._index]

    @property
    def shape(self) -> Size:
        """形。`torch.Size([2, 3])`のように印字される。

        Examples
        --------
        >>> import bibun.torch_api as torch
        >>> torch.zeros(2, 3).shape
        torch.Size([2, 3])
        """
        return self._shape

    @property
    def dtype(self) -> DType:
        """要素の型。

        Examples
        --------
        >>> import bibun.torch_api as torch
        >>> torch.tensor(3).dtype
        torch.int64
        """
        return self._dtype

    @property
    def device(self) -> Device:
        """置き場所。bibunではいつも`cpu`。

        Examples
        --------
        >>> import bibun.torch_api as torch
        >>> torch.tensor(3).device
        device(type='cpu')
        """
        return Device("cpu")

    def cuda(self) -> Tensor:
        """GPUに置く。bibunでは、CPU版のtorchと同じ誤りになる。

        Examples
        --------
        >>> import bibun.torch_api as torch
        >>> torch.tensor(3).cuda()
        Traceback (most recent call last):
            ...
        AssertionError: Torch not compiled with CUDA enabled
        """
        raise errors.no_gpu()

    def type(self, dtype: DType | None = None) -> Any:
        """torchでの型名。`dtype`を渡すと、その型に変える。

        Examples
        --------
        >>> import bibun.torch_api as torch
        >>> torch.tensor(3).type()
        'torch.LongTensor'
        """
        return f"torch.{self._dtype.legacy_name}Tensor" if dtype is None else self.to(dtype)

    @property
    def ndim(self) -> int:
        """次元の数(階数)。

        Examples
        --------
        >>> import bibun.torch_api as torch
        >>> torch.zeros(2, 3).ndim
        2
        """
        return len(self._shape)

    def dim(self) -> int:
        """次元の数(階数)。`ndim`と同じ。

        Examples
        --------
        >>> import bibun.torch_api as torch
        >>> torch.tensor(3).dim()
        0
        """
        return len(self._shape)

    def size(self, dim: int | None = None) -> Any:
        """形、または次元`dim`の大きさ。

        Examples
        --------
        >>> import bibun.torch_api as torch
        >>> torch.zeros(2, 3).size(-1)
        3
        """
        return self._shape if dim is None else self._shape[dimension(dim, len(self._shape))]

    def numel(self) -> int:
        """要素の個数。

        Examples
        --------
        >>> import bibun.torch_api as torch
        >>> torch.zeros(2, 3).numel()
        6
        """
        return self._shape.numel()

    nelement = numel

    def element_size(self) -> int:
        """1要素のバイト数(torchでの)。

        Examples
        --------
        >>> import bibun.torch_api as torch
        >>> torch.zeros(2).element_size()
        4
        """
        return self._dtype.itemsize

    def stride(self, dim: int | None = None) -> Any:
        """次元ごとの歩幅。

        Examples
        --------
        >>> import bibun.torch_api as torch
        >>> torch.zeros(2, 3).stride(), torch.zeros(2, 3).T.stride()
        ((3, 1), (1, 3))
        """
        steps = tuple(self._strides())
        return steps if dim is None else steps[dimension(dim, len(steps))]

    def _strides(self) -> list[int]:
        steps = strides(self._shape)
        index = self._index
        if index is None or not index:
            return steps
        return [
            index[step] - index[0] if size > 1 else step
            for size, step in zip(self._shape, steps, strict=True)
        ]

    def is_contiguous(self) -> bool:
        """要素が行優先の順に隙間なく並んでいるか。

        Examples
        --------
        >>> import bibun.torch_api as torch
        >>> torch.zeros(2, 3).T.is_contiguous()
        False
        """
        return self._index is None or all(
            step == natural or size == 1
            for step, natural, size in zip(
                self._strides(), strides(self._shape), self._shape, strict=True
            )
        )

    def is_floating_point(self) -> bool:
        """小数の型か。

        Examples
        --------
        >>> import bibun.torch_api as torch
        >>> torch.tensor(3).is_floating_point()
        False
        """
        return self._dtype.is_floating_point

    def __len__(self) -> int:
        if not self._shape:
            raise TypeError("len() of a 0-d tensor")
        return int(self._shape[0])

    # --- Pythonの数との橋渡し ---

    def item(self) -> Any:
        """要素が1つのTensorを、Pythonの数にする。由来の記録はここで途切れる。

        Raises
        ------
        RuntimeError
            要素が1つでないとき。

        Examples
        --------
        >>> import bibun.torch_api as torch
        >>> torch.tensor(0.1).item()
        0.10000000149011612
        """
        if self.numel() != 1:
            raise errors.many_elements_to_number(self.numel())
        return self._data[0]

    def tolist(self) -> Any:
        """入れ子のリスト(0次元ならPythonの数)にする。

        Examples
        --------
        >>> import bibun.torch_api as torch
        >>> torch.tensor([[1, 2], [3, 4]]).tolist()
        [[1, 2], [3, 4]]
        """
        return _nest(list(self._data), self._shape)

    def numpy(self) -> Any:
        """NumPyの配列にする(値の写し)。

        Raises
        ------
        RuntimeError
            勾配を求めるTensorのとき(`no_grad`の中を除く)。

        Examples
        --------
        >>> import bibun.torch_api as torch
        >>> torch.tensor([1, 2]).numpy()
        array([1, 2])
        """
        if self.requires_grad and state.enabled:
            raise errors.numpy_of_grad()
        import numpy

        return numpy.array(self._data, dtype=self._dtype.name).reshape(self._shape)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        array = self.numpy()
        return array if dtype is None else array.astype(dtype)

    def _number(self) -> Any:
        if self.numel() != 1:
            raise errors.not_one_element()
        if self.requires_grad and state.enabled:
            errors.warn_once(errors.SCALAR_CONVERSION_WARNING, stacklevel=4)
        return self._data[0]

    def __float__(self) -> float:
        return float(self._number())

    def __int__(self) -> int:
        return int(self._number())

    def __complex__(self) -> complex:
        return complex(self._number())

    def __index__(self) -> int:
        if self._dtype.is_floating_point or self.numel() != 1:
            raise errors.not_an_index()
        return int(self._data[0])

    def __bool__(self) -> bool:
        if self.numel() != 1:
            raise errors.ambiguous_truth() if self.numel() else errors.empty_truth()
        return bool(self._data[0])

    def __contains__(self, element: Any) -> bool:
        return bool((self == element).any())

    __hash__ = object.__hash__  # `==`は要素ごとの比較なので、同じかどうかは身元で決める

    def __format__(self, spec: str) -> str:
        if self._shape:
            if spec:
                raise errors.unsupported_format()
            return repr(self)
        return format(self._data[0], spec)


def _version(tensor: Tensor) -> int:
    storage = tensor._storage
    return storage.version if type(storage) is Storage else tensor._version


def _nest(values: list[Any], shape: Sequence[int]) -> Any:
    """平らな並びを、形`shape`の入れ子のリストにする。"""
    if not shape:
        return values[0]
    if len(shape) == 1:
        return values
    step = prod(shape[1:])
    return [_nest(values[row * step : (row + 1) * step], shape[1:]) for row in range(shape[0])]
