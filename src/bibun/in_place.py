"""値をその場で書き換える手続き(`add_`、`x += 1`、`x[0] = 5`などに共通)。

書き換えても、前の値から計算されたものの勾配は正しくなければならない。そこで、前の値の写しで演算を記録し、
結果を書き込んだあと、Tensorの由来をその記録に付け替える。だれかが覚えている値を書き換えたときは、versionの
食い違いから、逆伝播のときに見つかる。

viewを書き換えると、もとのTensorと、そのほかのviewの値も変わる。そこで、もとのTensorの由来を「一部を書き換えた」
記録に付け替える。viewの由来は、次に読まれたときに、もとの新しい由来から付け直す(`follow_base`)。
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from bibun import errors
from bibun.array import Storage
from bibun.grad_mode import state
from bibun.node import Node
from bibun.operation import TABLE, saves_result
from bibun.tensor import Tensor, ViewMeta, make

__all__ = [
    "check_history",
    "check_sharing",
    "follow_base",
    "in_place",
    "repeats",
    "write_view",
]


def in_place(target: Tensor, compute: Callable[..., Tensor], *arguments: Any) -> Tensor:
    """`target`を、`compute(target, *arguments)`の結果で置き換える(`add_`などの共通の手続き)。

    Raises
    ------
    RuntimeError
        勾配を求める葉やそのviewのとき、形や型が結果と合わないとき、1つの値を何度も読むviewのとき。

    Examples
    --------
    >>> import bibun.torch_api as torch
    >>> x = torch.zeros(2)
    >>> in_place(x, lambda before: before + 1)
    tensor([1., 1.])
    """
    before = target
    check_sharing(target, arguments)
    if state.enabled:
        if target.requires_grad:
            check_history(target)
        before = make(list(target._data), target._shape, target._dtype)  # 書き換える前の値
        before._share()  # 写しを、由来のNodeに結果と思わせない
        before._grad_fn = target.grad_fn
        arguments = tuple([_alias_of_past(a) if a is target else a for a in arguments])
    result = compute(before, *arguments)
    node = result._grad_fn
    if result._shape != target._shape:
        raise errors.in_place_changes_shape(target._shape, result._shape)
    if min(result._dtype.rank, 2) > min(target._dtype.rank, 2):
        raise errors.in_place_changes_dtype(result._dtype.legacy_name, target._dtype.legacy_name)
    if repeats(target) and (node is not None or compute not in (TABLE["zero"], TABLE["fill"])):
        raise errors.overlapping_target()
    if node is None:
        target._write(target._dtype.round_all(result._data))
        return target
    check_history(target)
    if target._base is not None:
        write_view(target, result)
        follow_base(target)
    else:
        past = target._grad_fn
        target._write(target._dtype.round_all(result._data))
        target._grad_fn = node
        _keep_retaining(target, past)
        if type(target._storage) is Storage:
            target._storage.writer = node.name()
    _save_written_result(target, node)
    return target


def write_view(view: Tensor, value: Tensor, rule: str = "copy_slices") -> None:
    """viewに`value`を書き込む。勾配の要る値なら、もとのTensorの由来に、一部を書き換えたことを加える。

    Parameters
    ----------
    view : Tensor
        書き込む先。
    value : Tensor
        `view`と同じ形か、その形に引き伸ばせるもの。
    rule : str
        もとのTensorに記録する演算。

    Examples
    --------
    >>> import bibun.torch_api as torch
    >>> x = torch.zeros(3)
    >>> write_view(x[1:], torch.tensor(2.0, requires_grad=True))
    >>> x
    tensor([0., 2., 2.], grad_fn=<CopySlices>)
    """
    base = view._base
    assert base is not None
    past = base._grad_fn
    TABLE[rule](base, value, view, _places(view, base), view._shape)
    if base._grad_fn is not past:
        _keep_retaining(base, past)
        base._share().writer = f"torch::autograd::{TABLE[rule].node_name}"


def follow_base(view: Tensor) -> None:
    """もとのTensorが書き換えられて由来が変わっていたら、viewの由来を、もとの新しい由来から付け直す。

    Raises
    ------
    RuntimeError
        `no_grad`の中で作られたか、いくつものviewを返す関数で作られたviewで、由来が変わっていたとき。

    Examples
    --------
    >>> import bibun.torch_api as torch
    >>> x = torch.zeros(3)
    >>> view = x[1:]
    >>> _ = x.add_(torch.tensor(1.0, requires_grad=True))
    >>> follow_base(view)
    >>> view
    tensor([1., 1.], grad_fn=<AsStridedBackward0>)
    """
    meta, past = view._meta, view._grad_fn
    assert isinstance(meta, ViewMeta)
    base, node = meta.base, meta.base._grad_fn
    if node is None or node is meta.origin:
        return
    _check_restriction(view, meta, indirect=True)
    TABLE["as_strided"].record((node,), (None, _places(view, base), base._shape), view)
    _keep_retaining(view, past)
    meta.origin = node


def check_history(target: Tensor) -> None:
    """勾配の要る書き換えをしてよいTensorか。

    Raises
    ------
    RuntimeError
        勾配を求める葉、そのview、書き換えを許さないviewのとき。

    Examples
    --------
    >>> import bibun.torch_api as torch
    >>> check_history(torch.zeros(3, requires_grad=True))
    Traceback (most recent call last):
        ...
    RuntimeError: a leaf Variable that requires grad is being used in an in-place operation.
    """
    meta = target._meta
    if isinstance(meta, ViewMeta):
        _check_restriction(target, meta, indirect=False)
        if target.requires_grad and meta.base.is_leaf:
            raise errors.in_place_on_view_of_leaf()
    if target.requires_grad and target._grad_fn is None:  # torchと同じく、古いままの由来を見る
        raise errors.in_place_on_leaf()


def repeats(target: Tensor) -> bool:
    """同じ値を何度も読むTensor(`expand`したもの)か。書き込む値を1つに決められない。

    Examples
    --------
    >>> import bibun.torch_api as torch
    >>> repeats(torch.zeros(1, 2).expand(3, 2))
    True
    """
    return bool(target._index) and any(
        step == 0 and size > 1 for step, size in zip(target._strides(), target._shape, strict=True)
    )


def check_sharing(target: Tensor, inputs: Sequence[Any]) -> None:
    """書き込む先の一部だけを読む入力があれば、書きながら読むことになるので断る。

    Examples
    --------
    >>> import bibun.torch_api as torch
    >>> x = torch.arange(3)
    >>> check_sharing(x[1:], [x[:-1]])
    Traceback (most recent call last):
        ...
    RuntimeError: unsupported operation: some elements of the input tensor and the written-to tensor refer to a single memory location. Please clone() the tensor before performing the operation.
    """
    for other in inputs:
        if isinstance(other, Tensor) and _kin(other, target):
            ours, theirs = _span(target), _span(other)
            apart = not ours or not theirs or ours.stop <= theirs.start or theirs.stop <= ours.start
            if not apart and (ours != theirs or target._strides() != other._strides()):
                raise errors.input_shares_memory()


def _kin(a: Tensor, b: Tensor) -> bool:
    return a is not b and type(a._storage) is Storage and a._storage is b._storage


def _span(tensor: Tensor) -> range | None:
    """並びの続いた範囲を一度ずつ読むなら、その範囲。飛び飛びや重複があれば、torchも調べない。"""
    if tensor._index is None:
        return range(tensor.numel())
    places = set(tensor._index)
    if not places or not len(tensor._index) == len(places) == max(places) - min(places) + 1:
        return None
    return range(min(places), max(places) + 1)


def _check_restriction(view: Tensor, meta: ViewMeta, indirect: bool) -> None:
    if view._base is None:
        raise errors.UnsupportedError("dataを入れ替えたTensorとそのviewの、一方を書き換える機能")
    if meta.recorded and meta.output is None:
        return
    node = view._grad_fn if meta.recorded else None
    output = "" if node is None else f"Output {meta.output} of {node.name().partition('Back')[0]}"
    raise errors.restricted_view(output, indirect, several=meta.recorded)


def _places(view: Tensor, base: Tensor) -> list[int]:
    """viewの要素が、もとのTensorの何番目の要素か。"""
    positions = list(range(view.numel())) if view._index is None else view._index
    if base._index is None:
        return positions
    if repeats(base):
        raise errors.overlapping_target()
    place_of = {position: place for place, position in enumerate(base._index)}
    return [place_of[position] for position in positions]


def _keep_retaining(tensor: Tensor, past: Node | None) -> None:
    """前の由来に`retain_grad`で頼まれていたことを、付け替えた由来に引き継ぐ。"""
    node, meta = tensor._grad_fn, tensor._meta
    if past is None or past.hooks is None or node is None or meta is None:
        return
    if past.retains_for(meta):
        past.hooks = {key: hook for key, hook in past.hooks.items() if hook is not meta}
        node.register_hook(meta)


def _alias_of_past(target: Tensor) -> Tensor:
    """`y.mul_(y)`の右の`y`。記録が`y`自身を覚えると循環するので、並びだけを分け合うTensorに替える。"""
    alias = target.detach()
    alias._grad_fn = target._grad_fn
    return alias


def _save_written_result(target: Tensor, node: Node) -> None:
    """記録が覚えた「結果」を、書き換えたあとの`target`と同じ並びを指すように直す。"""
    if not saves_result(node):
        return
    storage = target._share()
    assert node.saved is not None
    if type(node.saved[-1]) is float and target._index is None:
        node.result = storage
    else:
        node.saved = (*node.saved[:-1], target.detach())
    node.versions = (*node.versions[:-1], storage.version)
