"""層に分けたグラフの配置(Sugiyamaの方法の小さな形)。

ノードを「入力からの最長距離」の層に置き、辺の係数の文字にも自分の場所を1つ取る。だから文字が
ノードやほかの辺と重なることはない。座標は「流れの向き」と「それに直交する向き」の2つで表し、
左から右と上から下の両方に使う。足し算は``fsum``でする。``sum``はPython 3.12から丸めが違い、図が0.1ずれる。

References
----------
K. Sugiyama, S. Tagawa, M. Toda, "Methods for visual understanding of hierarchical system
structures", IEEE Trans. SMC 11(2), 1981.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import fsum, inf

__all__ = ["NODE_GAP", "Layout", "Point", "Route", "Size", "lay_out"]

Size = tuple[float, float]
Point = tuple[float, float]
# 配置する場所:ノードなら名前、辺の途中なら(辺の番号、層)。
_Slot = str | tuple[int, int]

NODE_GAP = 16.0
LAYER_GAP = 16.0
MAX_LAYER_GAP = 34.0
SLOPE = 0.55
SWEEPS = 16


@dataclass(frozen=True)
class Route:
    """1本の辺の通り道。

    Attributes
    ----------
    stops : tuple of (float, float, float)
        始点から終点まで、通る層ごとの``(層の始まり, 層の終わり, 直交する向きの位置)``。
    label : tuple of float
        係数の文字の中心。
    """

    stops: tuple[tuple[float, float, float], ...]
    label: Point


@dataclass(frozen=True)
class Layout:
    """配置の結果。座標はすべて(流れの向き、直交する向き)。

    Attributes
    ----------
    size : tuple of float
        全体の大きさ。
    centers : dict of str to tuple of float
        ノードの中心。
    routes : tuple of Route
        辺ごとの通り道。渡された辺と同じ順。
    """

    size: Size
    centers: dict[str, Point]
    routes: tuple[Route, ...]


def lay_out(
    sizes: Mapping[str, Size],
    edges: Sequence[tuple[str, str]],
    labels: Sequence[Size],
) -> Layout:
    """ノードと辺の係数の文字を、重ならないように置く。

    Parameters
    ----------
    sizes : mapping of str to tuple of float
        ノードの大きさ(流れの向き、直交する向き)。トポロジカル順序に並んでいること。
    edges : sequence of tuple of str
        ``(始点, 終点)``の並び。
    labels : sequence of tuple of float
        辺ごとの文字の大きさ。文字がなければ``(0, 0)``。

    Returns
    -------
    Layout
        ノードの中心と、辺の通り道。同じ入力には必ず同じ結果を返す。

    Examples
    --------
    >>> layout = lay_out({"x": (40.0, 20.0), "y": (40.0, 20.0)}, [("x", "y")], [(10.0, 12.0)])
    >>> layout.centers
    {'x': (20.0, 10.0), 'y': (102.0, 10.0)}
    """
    ranks = _ranks(list(sizes), edges, labels)
    extents: dict[_Slot, Size] = {}
    for name, size in sizes.items():
        extents[name] = size
    chains: list[list[_Slot]] = []
    label_slots: list[_Slot] = []
    for number, ((source, target), size) in enumerate(zip(edges, labels, strict=True)):
        between = range(ranks[source] + 1, ranks[target])
        middle = (ranks[source] + ranks[target]) // 2
        inner: list[_Slot] = [(number, rank) for rank in between]
        label_slots.append((number, middle) if inner else source)
        for rank in between:
            extents[number, rank] = size if rank == middle else (0.0, size[1])
        chains.append([source, *inner, target])
    layers = _order(_layers(ranks, extents), chains)
    across = _across(layers, chains, extents)
    rank_of = {slot: rank for rank, layer in enumerate(layers) for slot in layer}
    starts, ends, along = _along(layers, extents, _layer_gaps(chains, across, rank_of))
    low = min(across[slot] - extents[slot][1] / 2 for slot in across)
    high = max(across[slot] + extents[slot][1] / 2 for slot in across)

    def center(slot: _Slot) -> Point:
        return along[rank_of[slot]], across[slot] - low

    routes = tuple(
        Route(
            tuple((starts[rank_of[slot]], ends[rank_of[slot]], center(slot)[1]) for slot in chain),
            center(label),
        )
        for chain, label in zip(chains, label_slots, strict=True)
    )
    return Layout((ends[-1], high - low), {name: center(name) for name in sizes}, routes)


def _ranks(
    names: Sequence[str], edges: Sequence[tuple[str, str]], labels: Sequence[Size]
) -> dict[str, int]:
    """ノードの層。文字のある辺と、同じ向きに2本ある辺には、途中の層を1つあける。"""
    into: dict[str, list[tuple[str, int]]] = {name: [] for name in names}
    out_of: dict[str, list[tuple[str, int]]] = {name: [] for name in names}
    for (source, target), size in zip(edges, labels, strict=True):
        length = 2 if size[0] or edges.count((source, target)) > 1 else 1
        into[target].append((source, length))
        out_of[source].append((target, length))
    ranks: dict[str, int] = {}
    for name in names:
        ranks[name] = max((ranks[source] + length for source, length in into[name]), default=0)
    # 入力は、最初に使われるところのすぐ手前に置くと辺が短くなる。
    for name in names:
        if not into[name] and out_of[name]:
            ranks[name] = min(ranks[target] - length for target, length in out_of[name])
    return ranks


def _layers(ranks: Mapping[str, int], slots: Mapping[_Slot, Size]) -> list[list[_Slot]]:
    layers: list[list[_Slot]] = [[] for _ in range(max(ranks.values(), default=0) + 1)]
    for slot in slots:
        layers[ranks[slot] if isinstance(slot, str) else slot[1]].append(slot)
    return layers


def _neighbours(chains: Sequence[Sequence[_Slot]]) -> tuple[dict[_Slot, list[_Slot]], ...]:
    before: dict[_Slot, list[_Slot]] = {}
    after: dict[_Slot, list[_Slot]] = {}
    for chain in chains:
        for left, right in pairwise(chain):
            before.setdefault(right, []).append(left)
            after.setdefault(left, []).append(right)
    return before, after


def _order(layers: list[list[_Slot]], chains: Sequence[Sequence[_Slot]]) -> list[list[_Slot]]:
    """層の中の順を、隣の層の平均の位置で並べなおし、交差の最も少ないものを選ぶ。"""
    before, after = _neighbours(chains)
    best, fewest = [list(layer) for layer in layers], _crossings(layers, after)
    for sweep in range(SWEEPS):
        forward = sweep % 2 == 0
        sequence = layers[1:] if forward else layers[-2::-1]
        beside = before if forward else after
        place: dict[_Slot, float] = {slot: i for layer in layers for i, slot in enumerate(layer)}
        for layer in sequence:
            means = {slot: _mean(place, beside.get(slot, ()), place[slot]) for slot in layer}
            layer.sort(key=means.__getitem__)
            place.update((slot, i) for i, slot in enumerate(layer))
        crossings = _crossings(layers, after)
        if crossings < fewest:
            best, fewest = [list(layer) for layer in layers], crossings
    return best


def _mean(place: Mapping[_Slot, float], slots: Sequence[_Slot], default: float) -> float:
    return fsum(place[slot] for slot in slots) / len(slots) if slots else default


def _crossings(layers: Sequence[Sequence[_Slot]], after: Mapping[_Slot, Sequence[_Slot]]) -> int:
    place = {slot: i for layer in layers for i, slot in enumerate(layer)}
    total = 0
    for layer in layers:
        ends = [end for slot in layer for end in sorted(place[r] for r in after.get(slot, ()))]
        total += sum(a > b for i, a in enumerate(ends) for b in ends[i + 1 :])
    return total


def _across(
    layers: Sequence[Sequence[_Slot]],
    chains: Sequence[Sequence[_Slot]],
    extents: Mapping[_Slot, Size],
) -> dict[_Slot, float]:
    """直交する向きの位置。隣の層の平均に近づけながら、間隔を保つ。"""
    before, after = _neighbours(chains)
    position: dict[_Slot, float] = {}
    for layer in layers:
        gaps = _gaps(layer, extents)
        total = fsum(gaps)
        offset = -total / 2
        for slot, gap in zip(layer, [0.0, *gaps], strict=False):
            offset += gap
            position[slot] = offset
    for sweep in range(SWEEPS):
        for layer in layers if sweep % 2 == 0 else reversed(layers):
            wanted = [
                _pull(position, slot, (*before.get(slot, ()), *after.get(slot, ())))
                for slot in layer
            ]
            position.update(zip(layer, _spread(wanted, _gaps(layer, extents)), strict=True))
    for chain in chains:
        _straighten(chain, layers, position, extents)
    return position


def _straighten(
    chain: Sequence[_Slot],
    layers: Sequence[Sequence[_Slot]],
    position: dict[_Slot, float],
    extents: Mapping[_Slot, Size],
) -> None:
    """1本の辺の途中を、どの層でも隣に当たらない位置があれば、一直線にそろえる。"""
    inner = [slot for slot in chain if isinstance(slot, tuple)]
    lowest, highest = -inf, inf
    for slot in inner:
        layer = layers[slot[1]]
        i, gaps = layer.index(slot), _gaps(layer, extents)
        if i > 0:
            lowest = max(lowest, position[layer[i - 1]] + gaps[i - 1])
        if i < len(gaps):
            highest = min(highest, position[layer[i + 1]] - gaps[i])
    if inner and lowest <= highest:
        middle = fsum(position[slot] for slot in inner) / len(inner)
        position.update((slot, min(max(middle, lowest), highest)) for slot in inner)


def _pull(position: Mapping[_Slot, float], slot: _Slot, beside: Sequence[_Slot]) -> float:
    """隣の平均の位置。1本の辺の途中どうしは強く引き合い、長い辺をまっすぐにする。"""
    weights = [4 if isinstance(slot, tuple) and isinstance(b, tuple) else 1 for b in beside]
    total = fsum(w * position[b] for w, b in zip(weights, beside, strict=True))
    return total / sum(weights) if beside else position[slot]


def _gaps(layer: Sequence[_Slot], extents: Mapping[_Slot, Size]) -> list[float]:
    return [(extents[a][1] + extents[b][1]) / 2 + NODE_GAP for a, b in pairwise(layer)]


def _spread(wanted: Sequence[float], gaps: Sequence[float]) -> list[float]:
    """間隔を保ったまま、望む位置との差の二乗和が最も小さい位置(単調回帰、PAV法)。"""
    offsets = [0.0]
    for gap in gaps:
        offsets.append(offsets[-1] + gap)
    blocks: list[tuple[float, int]] = []
    for want, offset in zip(wanted, offsets, strict=False):
        mean, count = want - offset, 1
        while blocks and blocks[-1][0] > mean:
            other, number = blocks.pop()
            mean = (mean * count + other * number) / (count + number)
            count += number
        blocks.append((mean, count))
    shifts = [mean for mean, count in blocks for _ in range(count)]
    return [shift + offset for shift, offset in zip(shifts, offsets, strict=False)]


def _layer_gaps(
    chains: Sequence[Sequence[_Slot]],
    across: Mapping[_Slot, float],
    rank_of: Mapping[_Slot, int],
) -> list[float]:
    """隣り合う層の間隔。横に大きく動く辺があるところは広くして、なだらかにする。"""
    gaps = [LAYER_GAP] * (max(rank_of.values()) + 1)
    for chain in chains:
        for left, right in pairwise(chain):
            wanted = min(SLOPE * abs(across[left] - across[right]), MAX_LAYER_GAP)
            gaps[rank_of[left]] = max(gaps[rank_of[left]], wanted)
    return gaps


def _along(
    layers: Sequence[Sequence[_Slot]], extents: Mapping[_Slot, Size], gaps: Sequence[float]
) -> tuple[list[float], list[float], list[float]]:
    starts, ends, centers = [], [], []
    cursor = 0.0
    for layer, gap in zip(layers, gaps, strict=True):
        thickness = max((extents[slot][0] for slot in layer), default=0.0)
        starts.append(cursor)
        ends.append(cursor + thickness)
        centers.append(cursor + thickness / 2)
        cursor += thickness + gap
    return starts, ends, centers
