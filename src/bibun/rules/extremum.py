"""いちばん大きい、または小さい要素を選ぶ演算。"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from bibun import dtypes, errors
from bibun.operation import TABLE, Operation, define, method
from bibun.rules.arithmetic import DERIVATIVES
from bibun.rules.indexing import scatter_back
from bibun.rules.reduction import dimensions, groups, reduced_shape
from bibun.shapes import Size, dimension, grid, strides
from bibun.tensor import Tensor, make

__all__: list[str] = []


def _best(values: list[Any], better: Callable[[Any, Any], bool]) -> int:
    """いちばんよい値の、最初の番号。`nan`があれば、それを選ぶ。"""
    best = 0
    for index, value in enumerate(values):
        if values[best] != values[best]:
            break
        if value != value or better(value, values[best]):
            best = index
    return best


def _extremes(better: Callable[[Any, Any], bool]) -> Callable[..., Tensor]:
    def forward(x: Tensor, dims: Sequence[int], keepdim: bool) -> Tensor:
        values = [group[_best(group, better)] for group in groups(x, dims)]
        return make(values, reduced_shape(x._shape, dims, keepdim), x._dtype)

    return forward


def _shared_among_ties(
    g: Tensor, x: Tensor, dims: Sequence[int], keepdim: bool, y: Tensor
) -> Tensor:
    if not keepdim:
        shape = reduced_shape(x._shape, dims, True)
        g, y = g.reshape(shape), y.reshape(shape)
    winners = (x == y).to(g._dtype)
    return (g * winners) / winners.sum(dim=dims, keepdim=True)


def _only_to_winners(
    g: Tensor, x: Tensor, _dims: Sequence[int], _keepdim: bool, y: Tensor
) -> Tensor:
    winners = x.isnan() if y != y else x == y
    return (g / winners.sum()).expand(x._shape).where(winners, 0.0)


def _picked(x: Tensor, dim: int, keepdim: bool, places: list[int], _old: Size) -> Tensor:
    data = x._data
    shape = reduced_shape(x._shape, (dim,) if x.ndim else (), keepdim)
    return make([data[place] for place in places], shape, x._dtype)


def _picked_rule(
    g: Tensor, _x: Tensor, _dim: int, _keepdim: bool, places: list[int], old: Size
) -> Tensor:
    return scatter_back(g, old, places)


_TIES = "同点では、勝った要素どうしで等分する"
_FIRST = "同点では、返した番号の要素だけに ḡ"
for _name, _better in {"max": operator.gt, "min": operator.lt}.items():
    for _key, _node, _rule in (
        (_name, f"{_name.capitalize()}Backward1", _only_to_winners),
        (f"a{_name}", f"A{_name}Backward0", _shared_among_ties),
    ):
        define(
            Operation(
                _key,
                _node,
                _extremes(_better),
                (_rule,),
                formula="選ばれた要素へ ḡ",
                kinks=_TIES,
                source=DERIVATIVES,
            )
        )
    define(
        Operation(
            f"{_name}_dim",
            f"{_name.capitalize()}Backward0",
            _picked,
            (_picked_rule,),
            formula="選ばれた要素へ ḡ",
            kinks=_FIRST,
            source=DERIVATIVES,
        )
    )


class Maximum(NamedTuple):
    """`max(dim)`の結果。値と、その番号。

    Examples
    --------
    >>> import bibun.torch_api as torch
    >>> torch.tensor([3, 1, 3]).max(0)
    torch.return_types.max(
    values=tensor(3),
    indices=tensor(0))
    """

    values: Tensor
    indices: Tensor

    def __repr__(self) -> str:
        return f"torch.return_types.max(\nvalues={self.values!r},\nindices={self.indices!r})"


class Minimum(NamedTuple):
    """`min(dim)`の結果。値と、その番号。

    Examples
    --------
    >>> import bibun.torch_api as torch
    >>> torch.tensor([3, 1, 3]).min(0).indices
    tensor(1)
    """

    values: Tensor
    indices: Tensor

    def __repr__(self) -> str:
        return f"torch.return_types.min(\nvalues={self.values!r},\nindices={self.indices!r})"


def _winners(x: Tensor, dim: int, better: Callable[[Any, Any], bool]) -> list[int]:
    return [_best(group, better) for group in groups(x, (dim,) if x.ndim else ())]


def _extremum(name: str, better: Callable[[Any, Any], bool]) -> None:
    def extremum(x: Tensor, dim: Any = None, keepdim: bool = False) -> Any:
        if isinstance(dim, Tensor):
            return TABLE[f"{name}imum"](x, dim)
        if dim is None:
            if not x.numel():
                raise errors.reduction_of_nothing(f"{name}()", RuntimeError)
            return TABLE[name](x, tuple(range(x.ndim)), False)
        dim = dimension(dim, x.ndim)
        winners = _winners(x, dim, better)
        steps = strides(x._shape)
        rest = [d for d in range(x.ndim) if d != dim]
        starts = grid([x._shape[d] for d in rest], [steps[d] for d in rest])
        step = steps[dim] if x.ndim else 0
        places = [start + step * winner for start, winner in zip(starts, winners, strict=True)]
        values = TABLE[f"{name}_dim"](x, dim, keepdim, places, x._shape)
        pair = Maximum if name == "max" else Minimum
        return pair(values, make(winners, values._shape, dtypes.int64))

    def amount(x: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
        return TABLE[f"a{name}"](x, dimensions(dim, x.ndim), keepdim)

    def position(x: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
        if not x.numel():
            raise errors.reduction_of_nothing(f"arg{name}()", IndexError)
        if dim is None:
            shape = reduced_shape(x._shape, range(x.ndim), keepdim)
            return make([_best(x._data, better)], shape, dtypes.int64)
        dim = dimension(dim, x.ndim)
        shape = reduced_shape(x._shape, (dim,), keepdim)
        return make(_winners(x, dim, better), shape, dtypes.int64)

    for key, register in ((name, extremum), (f"a{name}", amount), (f"arg{name}", position)):
        register.__name__ = key
        method(register)


_extremum("max", operator.gt)
_extremum("min", operator.lt)
