"""値をその場で書き換える手続き(`add_`、`x += 1`、`x[0] = 5`などに共通)。

書き換えても、前の値から計算されたものの勾配は正しくなければならない。そこで、前の値の写しで演算を記録し、
結果を書き込んだあと、Tensorの由来をその記録に付け替える。だれかが覚えている値を書き換えたときは、versionの
食い違いから、逆伝播のときに見つかる。
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bibun import errors
from bibun.array import Storage
from bibun.grad_mode import state
from bibun.node import Node
from bibun.operation import VIEWS, saves_result
from bibun.tensor import Tensor, make

__all__ = ["in_place"]


def in_place(target: Tensor, compute: Callable[..., Tensor], *arguments: Any) -> Tensor:
    """`target`を、`compute(target, *arguments)`の結果で置き換える(`add_`などの共通の手続き)。

    Raises
    ------
    RuntimeError
        勾配を求める葉やそのviewのとき、形や型が結果と合わないとき。

    Examples
    --------
    >>> import bibun.torch_api as torch
    >>> x = torch.zeros(2)
    >>> in_place(x, lambda before: before + 1)
    tensor([1., 1.])
    """
    before = target
    if state.enabled:
        _check_in_place(target)
        before = make(list(target._data), target._shape, target._dtype)  # 書き換える前の値
        before._share()  # 写しを、由来のNodeに結果と思わせない
        before._grad_fn = target._grad_fn
        arguments = tuple([_alias_of_past(a) if a is target else a for a in arguments])
    result = compute(before, *arguments)
    if result._shape != target._shape:
        raise errors.in_place_changes_shape(target._shape, result._shape)
    if min(result._dtype.rank, 2) > min(target._dtype.rank, 2):
        raise errors.in_place_changes_dtype(result._dtype.legacy_name, target._dtype.legacy_name)
    target._write(target._dtype.round_all(result._data))
    if result._grad_fn is not None:
        target._grad_fn = result._grad_fn
        if type(target._storage) is Storage:
            target._storage.writer = target._grad_fn.name()
        _save_written_result(target)
    return target


def _alias_of_past(target: Tensor) -> Tensor:
    """`y.mul_(y)`の右の`y`。記録が`y`自身を覚えると循環するので、並びだけを分け合うTensorに替える。"""
    alias = target.detach()
    alias._grad_fn = target._grad_fn
    return alias


def _check_in_place(target: Tensor) -> None:
    node = target._grad_fn
    if node is None:
        if target.requires_grad:
            raise errors.in_place_on_leaf()
        return
    base = node.parents[0] if node.parents else None
    while isinstance(base, Node) and base.parents and base.operation.name in VIEWS:
        base = base.parents[0]
    if node.operation.name in VIEWS:
        if isinstance(base, Tensor):
            raise errors.in_place_on_view_of_leaf()
        raise errors.UnsupportedError("計算の途中の値のviewを、その場で書き換える機能")


def _save_written_result(target: Tensor) -> None:
    """記録が覚えた「結果」を、書き換えたあとの`target`と同じ並びを指すように直す。"""
    node = target._grad_fn
    assert node is not None
    if not saves_result(node):
        return
    storage = target._share()
    assert node.saved is not None
    saved = node.saved[-1]
    if isinstance(saved, Tensor):
        saved._storage, saved._index = storage, target._index
    else:
        node.result = storage
    node.versions = (*node.versions[:-1], storage.version)
