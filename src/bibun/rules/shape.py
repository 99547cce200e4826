"""形を変える演算。値を写さず、同じ並びを別の順に読む(view)。"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from bibun import errors
from bibun.operation import VIEWS, Operation, attach, define, method
from bibun.rules.arithmetic import DERIVATIVES
from bibun.shapes import Size, dimension, grid, integers, strides
from bibun.tensor import Tensor, make

__all__: list[str] = []


def define_view(name: str, node_name: str, forward: Any, partial: Any, formula: str) -> Operation:
    """viewを作る演算を定義する。形だけを覚えればよいので、規則は入力の値`_x`を使わない。"""
    VIEWS.add(name)
    return define(
        Operation(name, node_name, forward, (partial,), formula=formula, source=DERIVATIVES)
    )


def positions(x: Tensor) -> list[int]:
    """`x`の要素が、その並びのどこにあるか。"""
    return list(range(x.numel())) if x._index is None else x._index


def reread(x: Tensor, shape: Sequence[int], steps: Sequence[int], start: int = 0) -> Tensor:
    """`x`を、形`shape`、歩幅`steps`で読み直したview。"""
    order = grid(shape, steps, start)
    if x._index is not None:
        order = [x._index[position] for position in order]
    return x._view(order, Size(shape))


# --- 並べ替えない変形 -------------------------------------------------------------------------


def complete(shape: Sequence[int], count: int) -> Size:
    """`-1`の次元の大きさを、要素の個数から決める。"""
    shape = list(shape)
    if shape.count(-1) > 1:
        raise RuntimeError("only one dimension can be inferred")
    if any(size < -1 for size in shape):
        index, size = next((i, s) for i, s in enumerate(shape) if s < -1)
        raise RuntimeError(f"invalid shape dimension {size} at index {index} of shape {shape}")
    if -1 in shape:
        rest = prod(size for size in shape if size != -1)
        if rest == 0 and count == 0:
            raise RuntimeError(
                f"cannot reshape tensor of {count} elements into shape {shape} because the "
                "unspecified dimension size -1 can be any value and is ambiguous"
            )
        if rest == 0 or count % rest:
            raise errors.invalid_shape(shape, count)
        return Size(count // rest if size == -1 else size for size in shape)
    if prod(shape) != count:
        raise errors.invalid_shape(shape, count)
    return Size(shape)


def _viewable(x: Tensor, shape: Size) -> bool:
    """`shape`への変形が、要素を写さずに歩幅だけで書けるか。"""
    if x._index is None or x.is_contiguous():
        return True
    order, steps = x._index, strides(shape)
    actual = [
        order[step] - order[0] if size > 1 else 0 for size, step in zip(shape, steps, strict=True)
    ]
    return grid(shape, actual, order[0]) == order


def _reshaped(x: Tensor, shape: Size, _old: Size) -> Tensor:
    return x._view(x._index, shape)


def _shaped_back(g: Tensor, _x: Tensor, _shape: Size, old: Size) -> Tensor:
    return g.reshape(old)


VIEW = define_view("view", "ViewBackward0", _reshaped, _shaped_back, "ḡ を x の形に戻す")
RESHAPE_ALIAS = define_view(
    "reshape_alias", "ReshapeAliasBackward0", _reshaped, _shaped_back, "ḡ を x の形に戻す"
)
UNSAFE_VIEW = define(
    Operation(
        "unsafe_view",
        "UnsafeViewBackward0",
        _reshaped,
        (_shaped_back,),
        formula="ḡ を x の形に戻す",
        source=DERIVATIVES,
    )
)
CLONE = define(
    Operation(
        "clone",
        "CloneBackward0",
        lambda x: make(list(x._data), x._shape, x._dtype),
        (lambda g, _x: g,),
        formula="ḡ",
        source=DERIVATIVES,
    )
)
ALIAS = define_view(
    "alias", "AliasBackward0", lambda x: x._view(x._index, x._shape), lambda g, _x: g, "ḡ"
)


@method
def view(x: Tensor, *shape: Any) -> Tensor:
    """値を写さずに形を変える。読む順が飛び飛びで写さずに済まないときは誤りになる。

    Examples
    --------
    >>> import bibun.torch_api as torch
    >>> torch.arange(6).view(2, 3)
    tensor([[0, 1, 2],
            [3, 4, 5]])
    """
    size = complete(integers("view", "size", shape), x.numel())
    if not _viewable(x, size):
        raise errors.not_viewable()
    return VIEW(x, size, x._shape)


@method
def view_as(x: Tensor, other: Tensor) -> Tensor:
    """`other`と同じ形の`view`。

    Examples
    --------
    >>> import bibun.torch_api as torch
    >>> torch.arange(4).view_as(torch.zeros(2, 2))
    tensor([[0, 1],
            [2, 3]])
    """
    return x.view(other._shape)


@method
def reshape(x: Tensor, *shape: Any) -> Tensor:
    """形を変える。`-1`の次元は個数から決まる。写さずに済むときはview、済まないときは写しになる。

    Examples
    --------
    >>> import bibun.torch_api as torch
    >>> torch.arange(6).reshape(3, -1)
    tensor([[0, 1],
            [2, 3],
            [4, 5]])
    """
    size = complete(integers("reshape", "shape", shape), x.numel())
    if x.is_contiguous():
        return VIEW(x, size, x._shape)
    if _viewable(x, size):
        return RESHAPE_ALIAS(x, size, x._shape)
    return UNSAFE_VIEW(CLONE(x), size, x._shape)


@method
def flatten(x: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """`start_dim`から`end_dim`までの次元を1つにつなぐ。

    Examples
    --------
    >>> import bibun.torch_api as torch
    >>> torch.zeros(2, 3, 4).flatten(1).shape
    torch.Size([2, 12])
    """
    rank = x.ndim
    if rank == 0:
        return x.reshape(1)
    start, end = dimension(start_dim, rank), dimension(end_dim, rank)
    if start > end:
        raise RuntimeError("flatten() has invalid args: start_dim cannot come after end_dim")
    if start == end:
        return x
    return reshape(x, (*x._shape[:start], prod(x._shape[start : end + 1]), *x._shape[end + 1 :]))


@method
def clone(x: Tensor) -> Tensor:
    """値を写した新しいTensor。勾配は元へ流れる。

    Examples
    --------
    >>> import bibun.torch_api as torch
    >>> x = torch.zeros(2)
    >>> y = x.clone()
    >>> y += 1
    >>> x, y
    (tensor([0., 0.]), tensor([1., 1.]))
    """
    return CLONE(x)


@method
def contiguous(x: Tensor) -> Tensor:
    """要素が順に並んでいなければ、並べ直した写し。

    Examples
    --------
    >>> import bibun.torch_api as torch
    >>> torch.zeros(2, 3).T.contiguous().stride()
    (2, 1)
    """
    return x if x.is_contiguous() else CLONE(x)


# --- 次元を1つ増やす、減らす ------------------------------------------------------------------

UNSQUEEZE = define_view(
    "unsqueeze",
    "UnsqueezeBackward0",
    lambda x, dim: x._view(x._index, Size((*x._shape[:dim], 1, *x._shape[dim:]))),
    lambda g, _x, dim: g.squeeze(dim),
    "ḡ からその次元を取り除く",
)


def _without(x: Tensor, dims: Sequence[int], _old: Size) -> Tensor:
    return x._view(x._index, Size(s for d, s in enumerate(x._shape) if d not in dims))


def _put_back(g: Tensor, _x: Tensor, _dims: Sequence[int], old: Size) -> Tensor:
    return g.reshape(old)


SQUEEZE_ALL = define_view("squeeze", "SqueezeBackward0", _without, _put_back, "ḡ にその次元を戻す")
SQUEEZE = define_view("squeeze_dim", "SqueezeBackward1", _without, _put_back, "ḡ にその次元を戻す")


SQUEEZE_MANY = define_view(
    "squeeze_many", "SqueezeBackward2", _without, _put_back, "ḡ にその次元を戻す"
)
SQUEEZE_DIMS = define_view(
    "squeeze_dims", "SqueezeBackward4", _without, _put_back, "ḡ にその次元を戻す"
)


@method
def unsqueeze(x: Tensor, dim: int) -> Tensor:
    """大きさ1の次元を`dim`の位置に差し込む。

    Examples
    --------
    >>> import bibun.torch_api as torch
    >>> torch.zeros(3).unsqueeze(0).shape
    torch.Size([1, 3])
    """
    return UNSQUEEZE(x, dimension(dim, x.ndim + 1))


@method
def squeeze(x: Tensor, dim: int | Sequence[int] | None = None) -> Tensor:
    """大きさ1の次元を取り除く。`dim`を渡すと、その次元だけを見る。

    Examples
    --------
    >>> import bibun.torch_api as torch
    >>> torch.zeros(1, 3, 1).squeeze().shape, torch.zeros(1, 3, 1).squeeze(0).shape
    (torch.Size([3]), torch.Size([3, 1]))
    """
    ones = [d for d, size in enumerate(x._shape) if size == 1]
    if dim is None:
        return SQUEEZE_ALL(x, ones, x._shape)
    if not isinstance(dim, int):
        dims = [dimension(d, x.ndim) for d in dim]
        return SQUEEZE_MANY(x, [d for d in dims if d in ones], x._shape)
    chosen = dimension(dim, x.ndim)
    return SQUEEZE(x, [chosen] if chosen in ones else [], x._shape)


# --- 次元を並べ替える -------------------------------------------------------------------------


def _permuted(x: Tensor, dims: Sequence[int]) -> Tensor:
    steps = strides(x._shape)
    return reread(x, [x._shape[d] for d in dims], [steps[d] for d in dims])


def _inverse(dims: Sequence[int]) -> tuple[int, ...]:
    return tuple(sorted(range(len(dims)), key=dims.__getitem__))


PERMUTE = define_view(
    "permute",
    "PermuteBackward0",
    _permuted,
    lambda g, _x, dims: g.permute(_inverse(dims)),
    "ḡ を逆に並べ替える",
)


def _swapped(x: Tensor, dim0: int, dim1: int) -> Tensor:
    dims = list(range(x.ndim))
    if dims:
        dims[dim0], dims[dim1] = dims[dim1], dims[dim0]
    return _permuted(x, dims)


TRANSPOSE = define_view(
    "transpose",
    "TransposeBackward0",
    _swapped,
    lambda g, _x, dim0, dim1: g.transpose(dim0, dim1),
    "ḡ の同じ2つの次元を入れ替える",
)
T = define_view(
    "t",
    "TBackward0",
    lambda x: _permuted(x, range(x.ndim)[::-1]),
    lambda g, _x: g.t(),
    "ḡᵀ",
)


@method
def permute(x: Tensor, *dims: Any) -> Tensor:
    """次元を`dims`の順に並べ替える。

    Examples
    --------
    >>> import bibun.torch_api as torch
    >>> torch.zeros(2, 3, 4).permute(2, 0, 1).shape
    torch.Size([4, 2, 3])
    """
    order = integers("permute", "dims", dims)
    if len(order) != x.ndim:
        raise errors.wrong_permutation(x.ndim, len(order))
    chosen = tuple(dimension(d, x.ndim) for d in order)
    if len(set(chosen)) != len(chosen):
        raise errors.duplicate_permutation()
    return PERMUTE(x, chosen)


@method
def transpose(x: Tensor, dim0: int, dim1: int) -> Tensor:
    """2つの次元を入れ替える。

    Examples
    --------
    >>> import bibun.torch_api as torch
    >>> torch.tensor([[1, 2], [3, 4]]).transpose(0, 1)
    tensor([[1, 3],
            [2, 4]])
    """
    return TRANSPOSE(x, dimension(dim0, x.ndim), dimension(dim1, x.ndim))


@method
def t(x: Tensor) -> Tensor:
    """行列の転置。1次元以下はそのまま。

    Examples
    --------
    >>> import bibun.torch_api as torch
    >>> torch.tensor([[1, 2], [3, 4]]).t()
    tensor([[1, 3],
            [2, 4]])
    """
    if x.ndim > 2:
        raise errors.t_of_many_dimensions(x.ndim)
    return T(x)


def _reversed_dimensions(x: Tensor) -> Tensor:
    if x.ndim != 2:
        errors.warn_once(errors.T_WARNING, stacklevel=3)
    return PERMUTE(x, tuple(range(x.ndim))[::-1])


def _matrix_transpose(x: Tensor) -> Tensor:
    if x.ndim < 2:
        raise errors.matrix_transpose_needs_matrix(x.ndim)
    return TRANSPOSE(x, x.ndim - 2, x.ndim - 1)


attach("T", property(_reversed_dimensions))
attach("mT", property(_matrix_transpose))
