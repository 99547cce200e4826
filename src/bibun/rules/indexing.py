"""要素を取り出す演算: 添字、スライス、真偽値による選択。取り出した要素の勾配は、もとの場所へ戻る。"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from numbers import Integral
from typing import Any

from bibun import dtypes, errors
from bibun.dtypes import DType
from bibun.grad_mode import state
from bibun.in_place import check_history, check_sharing, repeats, write_view
from bibun.operation import TABLE, Operation, attach, define, method
from bibun.rules.arithmetic import DERIVATIVES
from bibun.rules.shape import define_view, positions, reread
from bibun.shapes import Size, broadcast, broadcast_positions, dimension, grid, strides
from bibun.tensor import Tensor, ViewMeta, make

__all__: list[str] = []


# --- 勾配をもとの場所へ戻す --------------------------------------------------------------------


def _scattered(g: Tensor, shape: Size, places: Sequence[int], _old: Size) -> Tensor:
    values = [0.0] * shape.numel()
    for place, value in zip(places, g._data, strict=True):
        values[place] += value
    return make(g._dtype.round_all(values), shape, g._dtype)


SCATTER = define(
    Operation(
        "scatter",
        "IndexPutBackward0",
        _scattered,
        (lambda g, _x, _shape, places, old: TABLE["index"](g, places, old, g._shape),),
        formula="ḡ から同じ場所を取り出す",
        source=DERIVATIVES,
    )
)


def scatter_back(g: Tensor, shape: Size, places: Sequence[int]) -> Tensor:
    """形`shape`の0を並べ、場所`places`に勾配`g`を足し込む。

    Examples
    --------
    >>> import bibun.torch_api as torch
    >>> scatter_back(torch.tensor([1.0, 2.0]), Size((3,)), [0, 2])
    tensor([1., 0., 2.])
    """
    return SCATTER(g, shape, places, g._shape)


# --- viewになる取り出し -----------------------------------------------------------------------


def _selected_places(shape: Size, dim: int, index: int) -> list[int]:
    steps = strides(shape)
    rest = [d for d in range(len(shape)) if d != dim]
    return grid([shape[d] for d in rest], [steps[d] for d in rest], index * steps[dim])


def _selected(x: Tensor, dim: int, index: int, _old: Size) -> Tensor:
    places = _selected_places(x._shape, dim, index)
    if x._index is not None:
        places = [x._index[place] for place in places]
    return x._view(places, Size((*x._shape[:dim], *x._shape[dim + 1 :])))


SELECT = define_view(
    "select",
    "SelectBackward0",
    _selected,
    lambda g, _x, dim, index, old: scatter_back(g, old, _selected_places(old, dim, index)),
    "ḡ をもとの場所に置き、ほかは 0",
)


def _sliced_places(shape: Size, dim: int, span: range) -> list[int]:
    steps = strides(shape)
    start = span.start * steps[dim]
    steps[dim] *= span.step
    return grid((*shape[:dim], len(span), *shape[dim + 1 :]), steps, start)


def _sliced(x: Tensor, dim: int, span: range, _old: Size) -> Tensor:
    steps = strides(x._shape)
    start = span.start * steps[dim]
    steps[dim] *= span.step
    return reread(x, (*x._shape[:dim], len(span), *x._shape[dim + 1 :]), steps, start)


SLICE = define_view(
    "slice",
    "SliceBackward0",
    _sliced,
    lambda g, _x, dim, span, old: scatter_back(g, old, _sliced_places(old, dim, span)),
    "ḡ をもとの場所に置き、ほかは 0",
)
UNBIND = define_view(
    "unbind",
    "UnbindBackward0",
    _selected,
    lambda g, _x, dim, index, old: scatter_back(g, old, _selected_places(old, dim, index)),
    "ḡ をもとの場所に置き、ほかは 0",
)
SPLIT = define_view(
    "split",
    "SplitBackward0",
    _sliced,
    lambda g, _x, dim, span, old: scatter_back(g, old, _sliced_places(old, dim, span)),
    "ḡ をもとの場所に置き、ほかは 0",
)


@method
def select(x: Tensor, dim: int, index: int) -> Tensor:
    """次元`dim`の`index`番目だけを取り出し、その次元をなくす。

    Examples
    --------
    >>> import bibun.torch_api as torch
    >>> torch.tensor([[1, 2], [3, 4]]).select(1, 0)
    tensor([1, 3])
    """
    dim = dimension(dim, x.ndim)
    return SELECT(x, dim, _checked(index, dim, x._shape[dim]), x._shape)


@method
def narrow(x: Tensor, dim: int, start: int, length: int) -> Tensor:
    """次元`dim`の`start`番目から`length`個を取り出す。

    Examples
    --------
    >>> import bibun.torch_api as torch
    >>> torch.arange(5).narrow(0, 1, 3)
    tensor([1, 2, 3])
    """
    if not x._shape:
        raise RuntimeError("narrow() cannot be applied to a 0-dim tensor.")
    if length < 0:
        raise RuntimeError("narrow(): length must be non-negative.")
    dim = dimension(dim, x.ndim)
    size = x._shape[dim]
    if not -size <= start <= size:
        raise errors.narrow_start_out_of_range(start, size)
    start = start + size if start < 0 else start
    if start + length > size:
        raise errors.narrow_too_long(start, length, size)
    return SLICE(x, dim, range(start, start + length), x._shape)


@method
def unbind(x: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """次元`dim`に沿って、1つずつのTensorに分ける。

    Examples
    --------
    >>> import bibun.torch_api as torch
    >>> torch.tensor([1, 2]).unbind()
    (tensor(1), tensor(2))
    """
    if not x._shape:
        raise RuntimeError("Dimension specified as 0 but tensor has no dimensions")
    dim = dimension(dim, x.ndim)
    return _numbered([UNBIND(x, dim, index, x._shape) for index in range(x._shape[dim])])


@method
def split(x: Tensor, split_size: int, dim: int = 0) -> tuple[Tensor, ...]:
    """次元`dim`を`split_size`個ずつに分ける。最後だけ短くなることがある。

    Examples
    --------
    >>> import bibun.torch_api as torch
    >>> torch.arange(5).split(2)
    (tensor([0, 1]), tensor([2, 3]), tensor([4]))
    """
    dim = dimension(dim, x.ndim)
    size = x._shape[dim]
    spans = [range(start, min(start + split_size, size)) for start in range(0, size, split_size)]
    return _numbered([SPLIT(x, dim, span, x._shape) for span in spans])


@method
def chunk(x: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """次元`dim`を、およそ同じ大きさの`chunks`個に分ける。

    Examples
    --------
    >>> import bibun.torch_api as torch
    >>> torch.arange(4).chunk(2)
    (tensor([0, 1]), tensor([2, 3]))
    """
    size = x._shape[dimension(dim, x.ndim)]
    return split(x, max(1, -(-size // chunks)), dim)


def _numbered(views: list[Tensor]) -> tuple[Tensor, ...]:
    """何番目のviewかを書き入れる。torchは、いくつもいっぺんに作ったviewの書き換えを許さない。"""
    for number, view in enumerate(views):
        assert isinstance(view._meta, ViewMeta)
        view._meta.output = number
    return tuple(views)


def _checked(index: int, dim: int, size: int) -> int:
    if not -size <= index < size:
        raise errors.index_out_of_bounds(index, dim, size)
    return index % size


# --- 写しになる取り出し -----------------------------------------------------------------------


def _gathered(x: Tensor, places: Sequence[int], shape: Size, _old: Size) -> Tensor:
    data = x._data
    return make([data[place] for place in places], shape, x._dtype)


INDEX = define(
    Operation(
        "index",
        "IndexBackward0",
        _gathered,
        (lambda g, _x, places, _shape, old: scatter_back(g, old, places),),
        formula="ḡ をもとの場所に足し込む",
        kinks="同じ要素を何度も取り出すと、その勾配は足し合わされる",
        source=DERIVATIVES,
    )
)


# --- 添字の読み方 -----------------------------------------------------------------------------


def _is_fancy(item: object) -> bool:
    """リストかTensorによる添字か(整数のTensor1つは、ふつうの整数と同じに扱う)。"""
    if isinstance(item, Tensor):
        return bool(item._shape) or item._dtype is dtypes.bool
    return isinstance(item, (list, range))


def _split_index(x: Tensor, index: Any) -> list[Any]:
    """添字を1次元ずつの一覧に直す。`...`は足りない次元の`:`に置き換える。"""
    items = list(index) if isinstance(index, tuple) else [index]
    used = sum(_dimensions_of(item) for item in items if item is not None and item is not ...)
    if used > x.ndim:
        raise errors.too_many_indices(x.ndim)
    for place, item in enumerate(items):
        if item is ...:
            items[place : place + 1] = [slice(None)] * (x.ndim - used)
            break
    return items


def _dimensions_of(item: Any) -> int:
    return item.ndim if isinstance(item, Tensor) and item._dtype is dtypes.bool else 1


def _apply_basic(x: Tensor, items: list[Any]) -> tuple[Tensor, dict[int, Tensor]]:
    """整数、スライス、`None`を順に当てはめる。残った添字を、次元の番号とともに返す。"""
    dim = 0
    fancy: dict[int, Tensor] = {}
    for item in items:
        if item is None:
            x = x.unsqueeze(dim)
            dim += 1
        elif isinstance(item, slice):
            if item.indices(x._shape[dim]) != (0, x._shape[dim], 1):  # `:`は何もしない
                x = _take_slice(x, dim, item)
            dim += 1
        elif isinstance(item, Tensor) and item._dtype is dtypes.bool and not item._shape:
            x = x.unsqueeze(dim)  # 0次元の真偽値は、大きさ1の次元を足し、それを選ぶか選ばない
            fancy[dim] = make([0] * bool(item), Size((int(item),)), dtypes.int64)
            dim += 1
        elif _is_fancy(item):
            for numbers in _positions_of(item, x._shape, dim):
                fancy[dim] = numbers
                dim += 1
        elif isinstance(item, str):
            raise errors.invalid_data_type(item)
        elif isinstance(item, bool) or not hasattr(item, "__index__") or _is_float(item):
            raise errors.invalid_index(item)
        else:
            x = x.select(dim, item.__index__())
    return x, fancy


def _is_float(item: Any) -> bool:
    return isinstance(item, Tensor) and item._dtype.is_floating_point


def _take_slice(x: Tensor, dim: int, item: slice) -> Tensor:
    if item.step is not None and item.step <= 0:
        raise ValueError("step must be greater than zero")
    span = range(*item.indices(x._shape[dim]))
    if len(span) == 0:
        span = range(span.start, span.start, span.step)
    return SLICE(x, dim, span, x._shape)


def _positions_of(item: Any, shape: Size, dim: int) -> list[Tensor]:
    """リスト、整数のTensor、真偽のTensorを、次元ごとの番号のTensorに直す。"""
    if not isinstance(item, Tensor):
        from bibun.creation import tensor

        item = tensor(list(item))
        if not item.numel():
            item = item.long()
    if item._dtype.is_floating_point:
        raise errors.float_tensor_index()
    if item._dtype is dtypes.bool:
        expected = shape[dim : dim + item.ndim]
        if item._shape != expected:
            raise errors.mask_does_not_match(item._shape, shape, dim)
        return _nonzero(item)
    size = shape[dim]
    numbers = [
        _checked(int(number), 0, size) for number in item._data
    ]  # torchは次元をいつも0と言う
    return [make(numbers, item._shape, dtypes.int64)]


def _nonzero(mask: Tensor) -> list[Tensor]:
    places = [place for place, chosen in enumerate(mask._data) if chosen]
    return [
        make([place // step % size for place in places], Size((len(places),)), dtypes.int64)
        for size, step in zip(mask._shape, strides(mask._shape), strict=True)
    ]


def _fancy_places(shape: Size, fancy: dict[int, Tensor]) -> tuple[list[int], Size]:
    """番号による添字の、取り出す場所と結果の形。"""
    shapes = [numbers._shape for numbers in fancy.values()]
    try:
        common = broadcast(shapes)
    except RuntimeError:
        raise errors.indices_do_not_match(shapes) from None
    steps = strides(shape)
    offsets = [0] * common.numel()
    for dim, numbers in fancy.items():
        order = broadcast_positions(numbers._shape, common)
        data = numbers._data
        offsets = [o + data[p] * steps[dim] for o, p in zip(offsets, order, strict=True)]
    dims = sorted(fancy)
    together = dims == list(range(dims[0], dims[-1] + 1))
    front = dims[0] if together else 0  # 離れた番号の次元は、先頭にまとめられる
    rest = [d for d in range(len(shape)) if d not in fancy]
    before = grid([shape[d] for d in rest[:front]], [steps[d] for d in rest[:front]])
    after = grid([shape[d] for d in rest[front:]], [steps[d] for d in rest[front:]])
    places = [b + o + a for b in before for o in offsets for a in after]
    sizes = [shape[d] for d in rest]
    return places, Size((*sizes[:front], *common, *sizes[front:]))


def getitem(x: Tensor, index: Any) -> Tensor:
    """`x[index]`。整数とスライスはview、リストとTensorによる添字は写しになる。

    Examples
    --------
    >>> import bibun.torch_api as torch
    >>> x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    >>> x[1:]
    tensor([2., 3.], grad_fn=<SliceBackward0>)
    >>> x[1].backward()
    >>> x.grad
    tensor([0., 1., 0.])
    """
    if not x._shape and not (index is None or index is ... or index == () or _is_fancy(index)):
        raise errors.index_of_scalar()
    if isinstance(index, slice):
        return _take_slice(x, 0, index)
    items = _split_index(x, index)
    result, fancy = _apply_basic(x, items)
    if fancy:
        places, shape = _fancy_places(result._shape, fancy)
        return INDEX(result, places, shape, result._shape)
    return TABLE["alias"](x) if result is x else result


def setitem(x: Tensor, index: Any, value: Any) -> None:
    """`x[index] = value`。値を書き換え、勾配は書き込んだ値のほうへ流れる。

    Examples
    --------
    >>> import bibun.torch_api as torch
    >>> x = torch.zeros(3)
    >>> x[1:] = torch.tensor([5.0, 6.0])
    >>> x
    tensor([0., 5., 6.])
    """
    if not isinstance(value, Tensor):
        value = _number(value, x._dtype)
    if not x._shape and not (index is None or index is ... or index == () or _is_fancy(index)):
        raise errors.index_of_scalar()
    target, fancy = _apply_basic(x, _split_index(x, index))
    if state.enabled and (target.requires_grad or value.requires_grad):
        check_history(target)
    if fancy:
        _put(
            target,
            fancy,
            value,
            "copy_slices" if target is not x or x._base is not None else "index_put",
        )
        return
    value = _without_leading_ones(value, target.ndim)
    if target is x:
        x.copy_(value)
        return
    if repeats(target):
        raise errors.overlapping_target()
    if value._shape == target._shape:
        check_sharing(target, [value])
    write_view(target, value)


def _number(value: Any, dtype: DType) -> Tensor:
    from bibun.creation import tensor

    if not isinstance(value, (float, complex, Integral)):
        raise errors.cannot_assign(value, dtype.legacy_name)
    return tensor(value)


def _without_leading_ones(value: Tensor, rank: int) -> Tensor:
    """次元が余る値から、先頭の、大きさ1の次元を落とす。"""
    while value.ndim > rank and value._shape[0] == 1:
        value = value.squeeze(0)
    return value


def _put(target: Tensor, fancy: dict[int, Tensor], value: Tensor, rule: str) -> None:
    """番号で選んだ場所に書き込む。"""
    places, shape = _fancy_places(target._shape, fancy)
    value = _without_leading_ones(value, len(shape))
    check_sharing(target, [value])
    if not _stretches(value._shape, shape):
        raise errors.shape_mismatch_in_assignment(value._shape, shape)
    if value._dtype is not target._dtype and value.numel() > 1:
        raise errors.dtypes_do_not_match(target._dtype.legacy_name, value._dtype.legacy_name)
    if repeats(target):
        warnings.warn(errors.INDEX_PUT_WARNING, UserWarning, stacklevel=3)
    order = positions(target)
    chosen = target._view([order[place] for place in places], shape)
    chosen._meta = ViewMeta(target)  # 取り出しと違い、同じ並びを指す
    write_view(chosen, value, rule)


def _stretches(value: Size, shape: Size) -> bool:
    """`value`の形は`shape`まで引き伸ばせるか。"""
    pairs = zip(reversed(value), reversed(shape), strict=False)
    return len(value) <= len(shape) and all(have in (1, want) for have, want in pairs)


# --- viewへの書き込み -------------------------------------------------------------------------


def _written(
    base: Tensor, value: Tensor, view: Tensor, _places: Sequence[int], shape: Size
) -> Tensor:
    """viewに値を書き、書き換わったもとのTensorを返す。"""
    if value._shape != shape:
        value = value.detach().expand(shape)
    view._write(base._dtype.round_all(value._data))
    return base


for _name, _node_name in (("copy_slices", "CopySlices"), ("index_put", "IndexPutBackward0")):
    define(
        Operation(
            _name,
            _node_name,
            _written,
            (
                lambda g, _base, _value, _view, places, _shape: _erased(g, places),
                lambda g, _base, _value, _view, places, shape: INDEX(g, places, shape, g._shape),
            ),
            formula="(書き換えた場所だけ 0 にした ḡ、書き換えた場所の ḡ)",
            source=DERIVATIVES,
        )
    )
define(  # もとのTensorが書き換えられたviewの、新しい由来
    Operation(
        "as_strided",
        "AsStridedBackward0",
        lambda base, places, _old: _gathered(base, places, Size((len(places),)), _old),
        (lambda g, _base, places, old: scatter_back(g, old, places),),
        formula="ḡ をもとの場所に足し込む",
        source=DERIVATIVES,
    )
)


def _erased(g: Tensor, places: Sequence[int]) -> Tensor:
    kept = [True] * g.numel()
    for place in places:
        kept[place] = False
    return g.where(make(kept, g._shape, dtypes.bool), 0.0)  # 0を掛けると、無限大が残る


attach("__getitem__", getitem)
attach("__setitem__", setitem)
