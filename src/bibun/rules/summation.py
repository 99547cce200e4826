"""和を取る順番。小数の和は順番で末尾の桁が変わるので、torchと同じ順番で足す。

torch(ATenのTensorIterator.cppとSumKernel.cpp、AVX2)は、和を次のように取る。

1. 次元を、並びの中で近い順に並べ、隙間なく続くものは1つにまとめる。内側の2つの次元を1枚の面として、面ごとの和を結果に足す。
2. 面のうち、つぶす次元に値が隙間なく並んでいれば、並びを8つ(float64では4つ)のレーンに配り、レーンごとに足す。CPUの
   ベクトル命令が、8つの足し算を同時にするからである。残す次元に並んでいれば(行列の縦の和)、列がレーンになる。
3. レーンの中も4本に配り、4本を別々に足してから合わせる。足し算の待ち時間を隠すためである。4レーン分の列があれば、列どうしで
   待ち時間を隠せるので、配らない。
4. 1本の長い和は、16個ごとに小計を取り、小計を上の段へ送る。誤差が個数に比例して増えるのを防ぐ。
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce
from itertools import pairwise
from math import prod
from operator import add
from typing import Any, NamedTuple

from bibun.array import Storage
from bibun.dtypes import DType, float32, round_to_float32
from bibun.shapes import grid, strides
from bibun.tensor import Tensor

__all__: list[str] = []

STRANDS = 4  # レーンの中を何本に配るか
LEVELS = 4  # 小計の段の数


class _Axis(NamedTuple):
    """1つの次元: 大きさ、値の歩幅、結果の歩幅(つぶす次元では0)。"""

    size: int
    step: int
    result: int


def sum_over(x: Tensor, dims: Sequence[int], dtype: DType) -> list[Any]:
    """`dims`の次元をつぶした和を、残りの次元の行優先の順に返す。

    Parameters
    ----------
    x : Tensor
    dims : sequence of int
        つぶす次元の番号。
    dtype : DType
        結果の型。

    Examples
    --------
    >>> from bibun import dtypes
    >>> import bibun.torch_api as torch
    >>> sum_over(torch.tensor([[1.0, 2.0], [3.0, 4.0]]), (0,), dtypes.float32)
    [4.0, 6.0]
    """
    kept = [1 if d in dims else size for d, size in enumerate(x._shape)]
    results = strides(kept)
    if not dtype.is_floating_point:
        return [
            dtype.round(sum(x._data[start + offset] for offset in _offsets(x, dims)))
            for start in grid(kept, strides(x._shape))
        ]
    totals = [0.0] * prod(kept)
    if not x.numel():
        return totals
    values, first = _memory(x)
    axes = [
        _Axis(size, step, 0 if d in dims else results[d])
        for d, (size, step) in enumerate(zip(x._shape, x._strides(), strict=True))
        if size > 1
    ]
    near, next_, *outer = [*_merged(_nearest_first(axes)), _Axis(1, 0, 0), _Axis(1, 0, 0)]
    outer.reverse()
    sizes = [axis.size for axis in outer]
    starts = grid(sizes, [axis.step for axis in outer], first)
    places = grid(sizes, [axis.result for axis in outer])
    for start, place in zip(starts, places, strict=True):
        for at, total in _sum_face(values, start, near, next_, dtype):
            totals[place + at] = _add_up([total], totals[place + at], dtype)
    return totals


def _offsets(x: Tensor, dims: Sequence[int]) -> list[int]:
    steps = strides(x._shape)
    return grid([x._shape[d] for d in dims], [steps[d] for d in dims])


def _memory(x: Tensor) -> tuple[Sequence[float], int]:
    """値の並びと、その中で最初の要素のある場所。"""
    if type(x._storage) is not Storage:
        return [x._storage], 0
    return x._storage.values, x._index[0] if x._index else 0


def _nearest_first(axes: Sequence[_Axis]) -> list[_Axis]:
    """次元を、つぶすものを先に、並びの中で近い順に並べる。引き伸ばした次元(歩幅0)は、どれとも比べない。

    大きさ1の次元は、ここに来る前に除いてある。torchはその歩幅も比べるので、転置と引き伸ばしの重なった、大きさ1の次元の
    ある値では、まれに順番が違う。
    """
    order = list(reversed(axes))
    for i in range(1, len(order)):
        moving = i
        for k in reversed(range(i)):
            compared = _compare(order[k], order[moving])
            if compared < 0:
                break
            if compared > 0:
                order[k], order[moving] = order[moving], order[k]
                moving = k
    return order


def _compare(a: _Axis, b: _Axis) -> int:
    """`b`を`a`より内側に置くべきなら正、外側に置くべきなら負、どちらでもよければ0."""
    if (a.result == 0) != (b.result == 0):
        return 1 if b.result == 0 else -1
    for one, other in ((a.result, b.result), (a.step, b.step)):
        if one and other and one != other:
            return 1 if one > other else -1
    return 0


def _merged(axes: Sequence[_Axis]) -> list[_Axis]:
    """値も結果も隙間なく続く次元を、1つにまとめる。"""
    merged = list(axes[:1])
    for _, axis in pairwise(axes):
        last = merged[-1]
        if (last.size * last.step, last.size * last.result) == axis[1:]:
            merged[-1] = last._replace(size=last.size * axis.size)
        else:
            merged.append(axis)
    return merged


def _sum_face(
    values: Sequence[float], start: int, down: _Axis, across: _Axis, dtype: DType
) -> list[tuple[int, float]]:
    """2つの次元からなる面の、結果の要素ごとの場所と和。"""
    if down.result and not across.result:
        down, across = across, down
    columns = [
        [values[i] for i in grid([down.size], [down.step], start + j * across.step)]
        for j in range(across.size)
    ]
    if down.result:  # つぶす次元がない
        places = grid([across.size, down.size], [across.result, down.result])
        return list(zip(places, [x for column in columns for x in column], strict=True))
    lanes = 32 // dtype.itemsize
    if down.step == 1 and down.size >= lanes:
        totals = [_sum_lanes(column, lanes, dtype) for column in columns]
    else:
        group = STRANDS
        if across.step == 1 and across.size >= lanes:
            group *= lanes
        elif down.step < across.step:
            group = across.size + 1  # 列どうしを並べない
        together = across.size // group * group
        totals = [_sum_cascade(column, dtype) for column in columns[:together]]
        totals += [_sum_strands(column, dtype) for column in columns[together:]]
    return list(zip(grid([across.size], [across.result]), totals, strict=True))


def _sum_lanes(values: Sequence[float], lanes: int, dtype: DType) -> float:
    """隙間なく並んだ1列の和。レーンに配って足し、余りの和に、レーンの和を順に足す。"""
    full = len(values) // lanes * lanes
    totals = [_sum_strands(values[lane:full:lanes], dtype) for lane in range(lanes)]
    return _add_up(totals, _add_up(values[full:], 0.0, dtype), dtype)


def _sum_strands(values: Sequence[float], dtype: DType) -> float:
    """1レーンの和。4本に配って足し、余りは1本目に足し、最後に4本を合わせる。"""
    full = len(values) // STRANDS * STRANDS
    totals = [_sum_cascade(values[strand:full:STRANDS], dtype) for strand in range(STRANDS)]
    totals[0] = _add_up(values[full:], totals[0], dtype)
    return _add_up(totals[1:], totals[0], dtype)


def _sum_cascade(values: Sequence[float], dtype: DType) -> float:
    """1本の和。`step`個ごとの小計を上の段へ送る。"""
    power = max(4, (len(values) - 1).bit_length() // LEVELS) if values else 4
    step, totals = 1 << power, [0.0] * LEVELS
    full = len(values) // step * step
    for done in range(step, full + 1, step):
        totals[0] = _add_up(values[done - step : done], totals[0], dtype)
        for level in range(1, LEVELS):
            totals[level] = _add_up(totals[level - 1 : level], totals[level], dtype)
            totals[level - 1] = 0.0
            if done & (step - 1) << level * power:
                break
    totals[0] = _add_up(values[full:], totals[0], dtype)
    return _add_up(totals[1:], totals[0], dtype)


def _add_up(values: Iterable[float], total: float, dtype: DType) -> float:
    """前から順に足す。float32では1回ごとに丸める。"""
    if dtype is not float32:
        return reduce(add, values, total)  # sum()は3.12から補正付きの和になった
    for value in values:
        total = round_to_float32(total + value)
    return total
