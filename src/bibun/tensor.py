"""Tensor: 値と形と型をもち、計算された由来を覚える配列。

`Tensor`は値と形と型をもつ。`requires_grad=True`のTensorから計算された`Tensor`は、さらに`grad_fn`に`Node`をもつ。
`Node`は「どの演算が、何から、この値を作ったか」の記録で、親の`Node`を指す。値から始めて親をたどれば、計算グラフの全体になる。

データの置き方: 0次元の値はPythonの数1つを直に持つ。それ以外は、1列に並べた`Storage`を指す。転置やスライスのような
viewは、同じ`Storage`を指し、読む位置の一覧`_index`だけが違う。だから一方を書き換えると他方も変わる(torchと同じ)。
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from math import prod
from typing import TYPE_CHECKING, Any
from weakref import ref

from bibun import errors
from bibun.dtypes import DType
from bibun.grad_mode import state
from bibun.node import AccumulateGrad, Node, RemovableHandle
from bibun.shapes import SCALAR, Size, dimension, strides

__all__ = ["AccumulateGrad", "Node", "Tensor", "make"]


class Storage:
    """要素の並びと、その場で書き換えられた回数(version). 同じ並びを何個のTensorが指してもよい。

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


class AutogradMeta:
    """勾配に関わる持ち物。葉と、勾配を残すよう頼まれたTensorだけがもつ。

    Examples
    --------
    >>> import bibun.torch_api as torch
    >>> torch.tensor(1.0, requires_grad=True)._meta.requires_grad
    True
    """

    __slots__ = ("accumulator", "grad", "hooks", "requires_grad")

    def __init__(self, requires_grad: bool = False) -> None:
        self.requires_grad = requires_grad
        self.grad: Tensor | None = None
        self.hooks: dict[int, Callable[[Tensor], Any]] = {}
        self.accumulator: ref[AccumulateGrad] | None = None


def make(values: list[Any], shape: Size, dtype: DType) -> Tensor:
    """すでに`dtype`へ丸めた値の並びから、記録のないTensorを作る。

    Parameters
    ----------
    values : list
        行優先の並び。この先は新しいTensorのもので、呼んだ側は書き換えてはならない。
    shape : Size
        形。
    dtype : DType
        要素の型。

    Examples
    --------
    >>> from bibun import dtypes
    >>> make([1.0, 2.0], Size((2,)), dtypes.float32)
    tensor([1., 2.])
    """
    tensor = new(Tensor)
    tensor._storage = values[0] if shape == () else Storage(values)
    tensor._index = None
    tensor._shape = shape
    tensor._dtype = dtype
    tensor._grad_fn = None
    tensor._meta = None
    tensor._version = 0
    return tensor


new = object.__new__


class Device(str):
    """置き場所の名前. torchの`device`と同じに印字される。

    Examples
    --------
    >>> Device("cpu")
    device(type='cpu')
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return f"device(type='{self}')"


class Tensor:
    """値と形と型をもち、計算された由来を覚える配列. torchの`Tensor`と同じ言葉で話す。

    Parameters
    ----------
    data : sequence
        値。`torch.Tensor([1, 2])`のように呼ぶと、torchと同じくいつもfloat32になる。ふつうは`torch.tensor`を使う。

    Examples
    --------
    >>> import bibun.torch_api as torch
    >>> x = torch.tensor(2.0, requires_grad=True)
    >>> y = x**2 + 4 * x + 3
    >>> y.backward()
    >>> x.grad
    tensor(8.)
    """

    __slots__ = ("_dtype", "_grad_fn", "_index", "_meta", "_shape", "_storage", "_version")

    _storage: Any
    _index: list[int] | None
    _shape: Size
    _dtype: DType
    _grad_fn: Node | None
    _meta: AutogradMeta | None
    _version: int

    if TYPE_CHECKING:  # 演算のメソッドは、規則の表を読み込むときに足される
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

    def __new__(cls, *arguments: Any) -> Tensor:
        from bibun.creation import legacy_tensor

        return legacy_tensor(*arguments)

    # --- 値と形 ---

    @property
    def _data(self) -> list[Any]:
        """行優先の値の並び。読むだけにする(書き換えは`_write`)."""
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
        """置き場所. bibunではいつも`cpu`.

        Examples
        --------
        >>> import bibun.torch_api as torch
        >>> torch.tensor(3).device
        device(type='cpu')
        """
        return Device("cpu")

    def cpu(self) -> Tensor:
        """CPUに置く. bibunではいつもCPUなので、自分自身を返す。

        Examples
        --------
        >>> import bibun.torch_api as torch
        >>> torch.tensor(3).cpu()
        tensor(3)
        """
        return self

    def cuda(self) -> Tensor:
        """GPUに置く. bibunでは、CPU版のtorchと同じ誤りになる。

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
        """次元の数(階数).

        Examples
        --------
        >>> import bibun.torch_api as torch
        >>> torch.zeros(2, 3).ndim
        2
        """
        return len(self._shape)

    def dim(self) -> int:
        """次元の数(階数). `ndim`と同じ。

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
        """1要素のバイト数(torchでの).

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
        """NumPyの配列にする(値の写し).

        Raises
        ------
        RuntimeError
            勾配を求めるTensorのとき。

        Examples
        --------
        >>> import bibun.torch_api as torch
        >>> torch.tensor([1, 2]).numpy()
        array([1, 2])
        """
        if self.requires_grad:
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

    def __iter__(self) -> Iterator[Tensor]:
        if not self._shape:
            raise TypeError("iteration over a 0-d tensor")
        return iter(self.unbind(0))

    def __reversed__(self) -> Tensor:
        return self.flip(0) if self._shape else self

    def __contains__(self, element: Any) -> bool:
        return bool((self == element).any())

    __hash__ = object.__hash__  # `==`は要素ごとの比較なので、同じかどうかは身元で決める

    def __repr__(self) -> str:
        from bibun.printing import format_tensor

        return format_tensor(self)

    def __format__(self, spec: str) -> str:
        if self._shape:
            if spec:
                raise errors.unsupported_format()
            return repr(self)
        return format(self._data[0], spec)

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        if not self.is_leaf:
            raise errors.deepcopy_of_non_leaf()
        copy = make(list(self._data), self._shape, self._dtype)
        if self._meta is not None:
            copy._meta = AutogradMeta(self._meta.requires_grad)
            if self._meta.grad is not None:
                copy._meta.grad = self._meta.grad.__deepcopy__(memo)
        memo[id(self)] = copy
        return copy

    # --- 由来と勾配 ---

    @property
    def grad_fn(self) -> Node | None:
        """このTensorを作った演算の記録。葉では`None`.

        Examples
        --------
        >>> import bibun.torch_api as torch
        >>> x = torch.tensor(2.0, requires_grad=True)
        >>> x.grad_fn, (x * x).grad_fn.name()
        (None, 'MulBackward0')
        """
        return self._grad_fn

    @property
    def is_leaf(self) -> bool:
        """計算の結果でない(利用者が作った)Tensorか。

        Examples
        --------
        >>> import bibun.torch_api as torch
        >>> x = torch.tensor(2.0, requires_grad=True)
        >>> x.is_leaf, (x * x).is_leaf
        (True, False)
        """
        return self._grad_fn is None

    @property
    def requires_grad(self) -> bool:
        """勾配を求める対象か。対象から計算されたTensorも`True`になる。

        Examples
        --------
        >>> import bibun.torch_api as torch
        >>> x = torch.tensor(2.0, requires_grad=True)
        >>> (x + 1).requires_grad, torch.tensor(1.0).requires_grad
        (True, False)
        """
        return self._grad_fn is not None or (self._meta is not None and self._meta.requires_grad)

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        if self._grad_fn is not None:
            if not value:
                raise errors.flag_of_non_leaf()
            return
        if value and not self._dtype.is_floating_point:
            raise errors.setter_needs_floating_point()
        if value or self._meta is not None:
            self._own_meta().requires_grad = value

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """勾配を求める対象にする(しない).

        Raises
        ------
        RuntimeError
            小数でない型のとき、または計算の結果を対象から外そうとしたとき。

        Examples
        --------
        >>> import bibun.torch_api as torch
        >>> torch.tensor(1.0).requires_grad_()
        tensor(1., requires_grad=True)
        """
        if requires_grad and not self._dtype.is_floating_point:
            raise errors.method_needs_floating_point()
        self.requires_grad = requires_grad
        return self

    @property
    def grad(self) -> Tensor | None:
        """`backward()`が足し込んだ勾配。まだなければ`None`.

        Examples
        --------
        >>> import bibun.torch_api as torch
        >>> x = torch.tensor(2.0, requires_grad=True)
        >>> (x * x).backward()
        >>> x.grad
        tensor(4.)
        """
        meta = self._meta
        if meta is not None:
            return meta.grad
        if self._grad_fn is not None:
            warnings.warn(errors.NON_LEAF_GRAD_WARNING, UserWarning, stacklevel=2)
        return None

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is not None:
            if not isinstance(value, Tensor):
                raise errors.wrong_grad_type(value)
            if value._shape != self._shape:
                raise errors.wrong_grad_shape(value._shape, self._shape)
            if value._dtype is not self._dtype:
                raise errors.wrong_grad_dtype(value._dtype.legacy_name, self._dtype.legacy_name)
        self._own_meta().grad = value

    @grad.deleter
    def grad(self) -> None:
        self._own_meta().grad = None

    def _own_meta(self) -> AutogradMeta:
        if self._meta is None:
            self._meta = AutogradMeta()
        return self._meta

    def accumulator(self) -> AccumulateGrad:
        """葉に勾配を足し込む`AccumulateGrad`. だれかが持っているあいだは、いつも同じ1つを返す。

        Examples
        --------
        >>> import bibun.torch_api as torch
        >>> x = torch.tensor(2.0, requires_grad=True)
        >>> x.accumulator().name()
        'torch::autograd::AccumulateGrad'
        """
        meta = self._own_meta()
        node = meta.accumulator() if meta.accumulator else None
        if node is None:  # 葉から強く指すと循環するので、弱い参照だけを残す
            node = AccumulateGrad(self)
            meta.accumulator = ref(node)
        return node

    def backward(
        self,
        gradient: Tensor | None = None,
        retain_graph: bool | None = None,
        create_graph: bool = False,
        inputs: Sequence[Tensor] | Tensor | None = None,
    ) -> None:
        """このTensorを葉で微分し、結果を葉の`grad`に足し込む。

        Parameters
        ----------
        gradient : Tensor, optional
            このTensorの勾配の初めの値。スカラーなら省略でき、1になる。
        retain_graph : bool, optional
            グラフの覚えた値を残し、もう一度`backward`できるようにする。
        create_graph : bool
            逆伝播の計算も記録し、高階の微分ができるようにする。
        inputs : Tensor or sequence of Tensor, optional
            勾配を足し込む葉を限る。

        Raises
        ------
        RuntimeError
            勾配を求める対象でないとき、スカラーでないのに`gradient`がないとき、
            覚えた値をもう手放したグラフのとき、覚えた値がその場で書き換えられていたとき。

        Notes
        -----
        手間はグラフのノードと辺の数に比例する(章「逆方向モード」)。

        Examples
        --------
        >>> import bibun.torch_api as torch
        >>> v = torch.tensor([1.0, 2.0], requires_grad=True)
        >>> (v * v).backward(torch.tensor([1.0, 10.0]))
        >>> v.grad
        tensor([ 2., 40.])
        """
        from bibun.backward import backward

        backward(self, gradient, retain_graph, create_graph, inputs)

    def retain_grad(self) -> None:
        """途中の値にも`grad`を残すよう頼む。

        Raises
        ------
        RuntimeError
            勾配を求める対象でないとき。

        Examples
        --------
        >>> import bibun.torch_api as torch
        >>> x = torch.tensor(2.0, requires_grad=True)
        >>> y = x * 3
        >>> y.retain_grad()
        >>> (y * y).backward()
        >>> y.grad
        tensor(12.)
        """
        if not self.requires_grad:
            raise errors.retain_grad_without_grad()
        if self._grad_fn is not None:
            meta = self._own_meta()
            self._grad_fn.register_hook(meta)  # Tensorでなくmetaを渡し、循環を作らない

    @property
    def retains_grad(self) -> bool:
        """途中の値で、`grad`を残すよう頼まれているか。

        Examples
        --------
        >>> import bibun.torch_api as torch
        >>> x = torch.tensor(2.0, requires_grad=True)
        >>> (x * 3).retains_grad
        False
        """
        return self._grad_fn is not None and self._meta is not None

    def register_hook(self, hook: Callable[[Tensor], Any]) -> RemovableHandle:
        """このTensorの勾配が計算されたときに呼ぶ関数を登録する。

        Parameters
        ----------
        hook : callable
            勾配を受け取り、`None`か、代わりに使う勾配を返す関数。

        Returns
        -------
        RemovableHandle
            `remove()`で外せる。

        Examples
        --------
        >>> import bibun.torch_api as torch
        >>> x = torch.tensor(2.0, requires_grad=True)
        >>> _ = x.register_hook(lambda grad: grad * 10)
        >>> (x * 3).backward()
        >>> x.grad
        tensor(30.)
        """
        if not self.requires_grad:
            raise errors.hook_without_grad()
        if self._grad_fn is not None:
            return self._grad_fn.register_hook(hook)
        return RemovableHandle(self._own_meta().hooks, hook)

    # --- 同じ値を指す別のTensor ---

    def _share(self) -> Storage:
        """値の並びを、別のTensorと分け合える形にして返す。"""
        if type(self._storage) is not Storage:
            self._storage = Storage([self._storage], self._version)
            if self._grad_fn is not None:  # 小数で覚えたNodeが、書き換えに気づけるようにする
                self._grad_fn.result = self._storage
        return self._storage

    def _view(self, index: list[int] | None, shape: Size) -> Tensor:
        """同じ並びを、位置`index`の順に、形`shape`として見るTensor(記録なし)."""
        view = make([None], SCALAR, self._dtype)
        view._storage = self._share()
        view._index = index
        view._shape = shape
        return view

    def detach(self) -> Tensor:
        """同じ値を指し、由来を忘れたTensor.

        Examples
        --------
        >>> import bibun.torch_api as torch
        >>> x = torch.tensor(2.0, requires_grad=True)
        >>> (x * 3).detach()
        tensor(6.)
        """
        return self._view(self._index, self._shape)

    def detach_(self) -> Tensor:
        """由来を忘れ、葉になる。

        Examples
        --------
        >>> import bibun.torch_api as torch
        >>> x = torch.tensor(2.0, requires_grad=True)
        >>> (x * 3).detach_()
        tensor(6.)
        """
        self._share()
        self._grad_fn = None
        self._meta = None
        return self

    @property
    def data(self) -> Tensor:
        """同じ値を指し、由来を忘れたTensor. `detach()`と違い、書き換えが誤りとして見つからない。

        Examples
        --------
        >>> import bibun.torch_api as torch
        >>> x = torch.tensor(2.0, requires_grad=True)
        >>> x.data += 1
        >>> x
        tensor(3., requires_grad=True)
        """
        view = self._view(self._index, self._shape)
        view._storage = Storage(view._storage.values)
        return view

    @data.setter
    def data(self, value: Tensor) -> None:
        if not isinstance(value, Tensor):
            raise errors.data_must_be_tensor(value)
        self._share()
        self._storage = Storage(value._share().values, _version(self))
        if self._grad_fn is not None:
            self._grad_fn.result = self._storage
        state.writes += 1
        self._index, self._shape, self._dtype = value._index, value._shape, value._dtype

    def _write(self, values: list[Any]) -> None:
        """値をその場で書き換え、書き換えた回数を1つ増やす。"""
        state.writes += 1
        if self._grad_fn is None and type(self._storage) is not Storage:
            self._storage = values[0]
            self._version += 1
            return
        storage = self._share()
        if self._index is None:
            storage.values[:] = values
        else:
            for position, value in zip(self._index, values, strict=True):
                storage.values[position] = value
        storage.version += 1


def _refuse_writing(name: str) -> Callable[[Tensor, Any], None]:
    def refuse(_tensor: Tensor, _value: Any) -> None:
        raise errors.not_writable(name)

    return refuse


for _name in ("shape", "dtype", "ndim", "grad_fn", "is_leaf", "device"):
    setattr(Tensor, _name, vars(Tensor)[_name].setter(_refuse_writing(_name)))


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
