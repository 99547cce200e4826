"""和を取る順番。小数の和は順番で末尾の桁が変わるので、torchと同じ順番で足す。

torch(ATenのSumKernel.cpp、AVX2)は、1列の和を次のように取る。

1. 並びを8つ(float64では4つ)のレーンに配り、レーンごとに足す。CPUのベクトル命令が、8つの足し算を同時にするからである。
2. レーンの中も4本に配り、4本を別々に足してから合わせる。足し算の待ち時間を隠すためである。
3. 1本の長い和は、16個ごとに小計を取り、小計を上の段へ送る。誤差が個数に比例して増えるのを防ぐ。

列の和を並んだ列どうし同時に取れるとき(行列の縦の和)は、1と2の代わりに列がレーンになる。
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce
from math import prod
from operator import add
from typing import Any

from bibun.dtypes import DType, float32, round_to_float32
from bibun.shapes import grid, strides
from bibun.tensor import Tensor

__all__: list[str] = []

STRANDS = 4  # レーンの中を何本に配るか
LEVELS = 4  # 小計の段の数


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
    if not dtype.is_floating_point:
        return [dtype.round(sum(column)) for column in _columns(x, dims, range(x.ndim), dims)]
    if not x.numel():
        return [0.0] * prod(size for d, size in enumerate(x._shape) if d not in dims)
    actual = x._strides()
    order = sorted(range(x.ndim), key=lambda d: -actual[d])  # 並びの中で遠い次元から
    wide = [d for d in order if x._shape[d] > 1]
    unit = not wide or actual[wide[-1]] == 1
    beside: list[int] = []
    if wide and wide[-1] not in dims:
        beside = _run(wide, [d for d in wide if d not in dims], x._shape, actual)
    block = _run(wide[: len(wide) - len(beside)], dims, x._shape, actual)
    lanes = _lanes(dtype) if unit and _size(x, beside) >= _lanes(dtype) else 1
    outside = [d for d in order if d in dims and d not in block]
    natural = strides(x._shape)
    totals: list[float] = []
    for start in grid([x._shape[d] for d in outside], [natural[d] for d in outside]):
        columns = _columns(x, dims, order, block, start)
        if beside:
            slab = _sum_side_by_side(columns, _size(x, beside), lanes, dtype)
        else:
            sum_column = _sum_lanes if unit else _sum_strands
            slab = [sum_column(column, dtype) for column in columns]
        pairs = zip(totals, slab, strict=True)
        totals = [_add_up([new], old, dtype) for old, new in pairs] if totals else slab
    return _in_natural_order(totals, [d for d in order if d not in dims], x._shape)


def _run(
    order: Sequence[int], allowed: Sequence[int], shape: Sequence[int], steps: Sequence[int]
) -> list[int]:
    """`order`の末尾から、`allowed`の次元が隙間なく続くかぎりを集める。"""
    run: list[int] = []
    for d in reversed(order):
        if d not in allowed or (run and steps[d] != shape[run[0]] * steps[run[0]]):
            break
        run.insert(0, d)
    return run


def _size(x: Tensor, dims: Sequence[int]) -> int:
    return prod(x._shape[d] for d in dims)


def _columns(
    x: Tensor, dims: Sequence[int], order: Sequence[int], block: Sequence[int], start: int = 0
) -> list[list[Any]]:
    """結果の要素ごとに、足される値の並び。次元は`order`の順に訪ね、`block`の次元だけをつぶす。"""
    data, steps = x._data, strides(x._shape)
    kept = [d for d in order if d not in dims]
    starts = grid([x._shape[d] for d in kept], [steps[d] for d in kept], start)
    offsets = grid([x._shape[d] for d in block], [steps[d] for d in block])
    return [[data[start + offset] for offset in offsets] for start in starts]


def _in_natural_order(totals: list[Any], kept: Sequence[int], shape: Sequence[int]) -> list[Any]:
    """`kept`の順に並んだ結果を、次元の番号の順に並べ直す。"""
    natural = sorted(kept)
    if list(kept) == natural:
        return totals
    steps = dict(zip(kept, strides([shape[d] for d in kept]), strict=True))
    places = grid([shape[d] for d in natural], [steps[d] for d in natural])
    return [totals[place] for place in places]


def _lanes(dtype: DType) -> int:
    return 32 // dtype.itemsize


def _sum_lanes(values: Sequence[float], dtype: DType) -> float:
    """隙間なく並んだ1列の和。レーンに配って足し、余りの和に、レーンの和を順に足す。"""
    lanes = _lanes(dtype)
    if len(values) < lanes:
        return _sum_strands(values, dtype)
    full = len(values) // lanes * lanes
    totals = [_sum_strands(values[lane:full:lanes], dtype) for lane in range(lanes)]
    return _add_up(totals, _add_up(values[full:], 0.0, dtype), dtype)


def _sum_side_by_side(
    columns: Sequence[Sequence[float]], width: int, lanes: int, dtype: DType
) -> list[float]:
    """隣り合う`width`列ずつの和. 4レーン分の列は列どうしで待ち時間を隠せるので、4本に配らない。"""
    together = width // (STRANDS * lanes) * STRANDS * lanes
    return [
        (_sum_cascade if index % width < together else _sum_strands)(column, dtype)
        for index, column in enumerate(columns)
    ]


def _sum_strands(values: Sequence[float], dtype: DType) -> float:
    """1レーンの和. 4本に配って足し、余りは1本目に足し、最後に4本を合わせる。"""
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
    """前から順に足す. float32では1回ごとに丸める。"""
    if dtype is not float32:
        return reduce(add, values, total)  # sum()は3.12から補正付きの和になった
    for value in values:
        total = round_to_float32(total + value)
    return total
