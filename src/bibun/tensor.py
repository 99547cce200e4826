"""Tensor: 値と形と型をもち、計算された由来を覚える配列。

`Tensor`は値と形と型をもつ。`requires_grad=True`のTensorから計算された`Tensor`は、さらに`grad_fn`に`Node`をもつ。
`Node`は「どの演算が、何から、この値を作ったか」の記録で、親の`Node`を指す。値から始めて親をたどれば、計算グラフの全体になる。
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from weakref import ref

from bibun import errors
from bibun.array import Array, Storage, _version
from bibun.dtypes import DType
from bibun.grad_mode import next_order, state
from bibun.node import AccumulateGrad, Node, RemovableHandle
from bibun.shapes import SCALAR, Size

__all__ = ["AccumulateGrad", "Node", "Tensor", "make"]


class AutogradMeta:
    """勾配に関わる持ち物。葉と、勾配を残すよう頼まれたTensorと、viewだけがもつ。

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


class ViewMeta(AutogradMeta):
    """viewの持ち物。もとのTensorがその場で書き換えられたら、viewの由来も変わるので、もとを覚えておく。

    Attributes
    ----------
    base : Tensor
        もとのTensor。viewのviewでも、viewでないものまでさかのぼる。
    origin : Node or None
        viewの由来を決めたときの、もとの由来。
    recorded : bool
        `no_grad`の外で作られたか。
    output : int or None
        いくつものviewを返す関数の、何番目の結果か。ふつうのviewでは`None`。

    Examples
    --------
    >>> import bibun.torch_api as torch
    >>> x = torch.zeros(3)
    >>> x[1:]._meta.base is x
    True
    """

    __slots__ = ("base", "origin", "output", "recorded")

    def __init__(self, x: Tensor) -> None:
        super().__init__()
        self.base, self.recorded = x, state.enabled
        self.output: int | None = None
        above = x._meta
        if type(above) is ViewMeta and above.base._storage is x._storage:
            self.base, self.recorded = above.base, state.enabled and above.recorded
            self.output = None if above.output is None else 0
        self.origin = self.base._grad_fn


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


class Tensor(Array):
    """値と形と型をもち、計算された由来を覚える配列。torchの`Tensor`と同じ言葉で話す。

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

    __slots__ = ("_grad_fn", "_meta")

    _grad_fn: Node | None
    _meta: AutogradMeta | None

    def __new__(cls, *arguments: Any) -> Tensor:
        from bibun.creation import legacy_tensor

        return legacy_tensor(*arguments)

    def __iter__(self) -> Iterator[Tensor]:
        if not self._shape:
            raise TypeError("iteration over a 0-d tensor")
        return iter(self.unbind(0))

    def __reversed__(self) -> Tensor:
        return self.flip(0) if self._shape else self

    def __repr__(self) -> str:
        from bibun.printing import format_tensor

        return format_tensor(self)

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

    def cpu(self) -> Tensor:
        """CPUに置く。bibunではいつもCPUなので、自分自身を返す。

        Examples
        --------
        >>> import bibun.torch_api as torch
        >>> torch.tensor(3).cpu()
        tensor(3)
        """
        return self

    # --- 由来と勾配 ---

    @property
    def grad_fn(self) -> Node | None:
        """このTensorを作った演算の記録。葉では`None`。

        Examples
        --------
        >>> import bibun.torch_api as torch
        >>> x = torch.tensor(2.0, requires_grad=True)
        >>> x.grad_fn, (x * x).grad_fn.name()
        (None, 'MulBackward0')
        """
        if type(self._meta) is ViewMeta:
            from bibun.in_place import follow_base

            follow_base(self)
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
        return self.grad_fn is None

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
        meta = self._meta
        if self._grad_fn is not None or (meta is not None and meta.requires_grad):
            return True
        return type(meta) is ViewMeta and meta.base.requires_grad

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        if self.grad_fn is not None:
            if not value:
                raise errors.flag_of_non_leaf()
            return
        if value and not self._dtype.is_floating_point:
            raise errors.setter_needs_floating_point()
        if value or self._meta is not None:
            self._own_meta().requires_grad = value

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """勾配を求める対象にする(しない)。

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
        """`backward()`が足し込んだ勾配。まだなければ`None`。

        Examples
        --------
        >>> import bibun.torch_api as torch
        >>> x = torch.tensor(2.0, requires_grad=True)
        >>> (x * x).backward()
        >>> x.grad
        tensor(4.)
        """
        grad = None if self._meta is None else self._meta.grad
        if grad is None and not (self.is_leaf or self.retains_grad):
            warnings.warn(errors.NON_LEAF_GRAD_WARNING, UserWarning, stacklevel=2)
        return grad

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
        """葉に勾配を足し込む`AccumulateGrad`。だれかが持っているあいだは、いつも同じ1つを返す。

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
        node = self.grad_fn
        if node is not None and not self.retains_grad:
            node.register_hook(self._own_meta())  # Tensorでなくmetaを渡し、循環を作らない

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
        node, meta = self.grad_fn, self._meta
        return node is not None and meta is not None and node.retains_for(meta)

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
        node = self.grad_fn
        if node is not None:
            return node.register_hook(hook)
        return RemovableHandle(self._own_meta().hooks, hook)

    # --- 同じ値を指す別のTensor ---

    @property
    def _base(self) -> Tensor | None:
        """viewなら、もとのTensor。どちらかの`data`が入れ替えられたあとは、もうviewではない。"""
        meta = self._meta
        if type(meta) is not ViewMeta or meta.base._storage is not self._storage:
            return None
        return meta.base

    def _share(self) -> Storage:
        """値の並びを、別のTensorと分け合える形にして返す。"""
        if type(self._storage) is not Storage:
            self._storage = Storage([self._storage], self._version)
            if self._grad_fn is not None:  # 小数で覚えたNodeが、書き換えに気づけるようにする
                self._grad_fn.result = self._storage
        return self._storage

    def _view(self, index: list[int] | None, shape: Size) -> Tensor:
        """同じ並びを、位置`index`の順に、形`shape`として見るTensor(記録なし)。"""
        view = make([None], SCALAR, self._dtype)
        view._storage = self._share()
        view._index = index
        view._shape = shape
        return view

    def detach(self) -> Tensor:
        """同じ値を指し、由来を忘れたTensor。

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

        Raises
        ------
        RuntimeError
            viewのとき。

        Examples
        --------
        >>> import bibun.torch_api as torch
        >>> x = torch.tensor(2.0, requires_grad=True)
        >>> (x * 3).detach_()
        tensor(6.)
        """
        if self._base is not None:
            raise errors.detach_in_place_of_view()
        self._share()
        self._grad_fn = None
        self._meta = None
        return self

    @property
    def data(self) -> Tensor:
        """同じ値を指し、由来を忘れたTensor。`detach()`と違い、書き換えが誤りとして見つからない。

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
        state.written = next_order()
        self._index, self._shape, self._dtype = value._index, value._shape, value._dtype

    def _write(self, values: list[Any]) -> None:
        """値をその場で書き換え、書き換えた回数を1つ増やす。"""
        state.written = next_order()
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
    setattr(Tensor, _name, getattr(Tensor, _name).setter(_refuse_writing(_name)))
