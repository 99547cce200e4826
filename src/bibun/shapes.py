"""形(shape)の計算: 次元の番号、ブロードキャスト、平らな並びの中の位置。

要素は行優先(最後の次元がいちばん速く動く順)で1列に並べる。どの関数も形と位置だけを扱い、値に触れない。
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate
from math import prod
from operator import index as to_int
from operator import mul
from typing import Any

from bibun import errors

__all__ = [
    "SCALAR", "Size", "broadcast", "broadcast_positions", "dimension", "grid", "integers", "strides",
]  # fmt: skip


class Size(tuple[int, ...]):
    """Tensorの形。印字だけがtupleと違う。

    Examples
    --------
    >>> Size((2, 3))
    torch.Size([2, 3])
    >>> Size((2, 3)).numel()
    6
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return f"torch.Size({list(self)})"

    def numel(self) -> int:
        """要素の個数。

        Examples
        --------
        >>> Size(()).numel()
        1
        """
        return prod(self)

    def __getitem__(self, index: Any) -> Any:
        item = super().__getitem__(index)
        return Size(item) if isinstance(index, slice) else item

    def __add__(self, other: Any) -> Any:
        return Size((*self, *other)) if isinstance(other, tuple) else NotImplemented

    def __radd__(self, other: Any) -> Any:
        return Size((*other, *self)) if isinstance(other, tuple) else NotImplemented

    def __mul__(self, count: Any) -> Size:
        return Size(super().__mul__(count))

    __rmul__ = __mul__


SCALAR = Size()


def strides(shape: Sequence[int]) -> list[int]:
    """各次元の番号が1進むと、並びの中で何個進むか。

    Examples
    --------
    >>> strides((2, 3, 4))
    [12, 4, 1]
    """
    return list(accumulate(reversed(shape[1:]), mul, initial=1))[::-1] if shape else []


def grid(shape: Sequence[int], steps: Sequence[int], start: int = 0) -> list[int]:
    """形`shape`の各要素を行優先で訪ね、次元ごとの歩幅`steps`で数えた位置を並べる。

    転置、スライス、ブロードキャストは、どれも歩幅の選び方にすぎない。

    Examples
    --------
    >>> grid((3, 2), (1, 3))  # 2行3列の並びを、転置の順に読む位置
    [0, 3, 1, 4, 2, 5]
    """
    positions = [start]
    for size, step in zip(shape, steps, strict=True):
        offsets = range(0, size * step, step) if step else [0] * size
        positions = [position + offset for position in positions for offset in offsets]
    return positions


def broadcast(shapes: Iterable[Sequence[int]]) -> Size:
    """形を右端からそろえ、大きさ1の次元を引き伸ばしてできる共通の形。

    Raises
    ------
    RuntimeError
        どちらも1でない違う大きさが向かい合うとき(文面はtorchと同じ)。

    Examples
    --------
    >>> broadcast([(2, 1), (3,)])
    torch.Size([2, 3])
    """
    result: tuple[int, ...] = ()
    for shape in shapes:
        rank = max(len(result), len(shape))
        left = (1,) * (rank - len(result)) + tuple(result)
        right = (1,) * (rank - len(shape)) + tuple(shape)
        for index, (a, b) in enumerate(zip(left, right, strict=True)):
            if a != b and a != 1 and b != 1:
                raise errors.sizes_do_not_match(a, b, index)
        result = tuple(b if a == 1 else a for a, b in zip(left, right, strict=True))
    return Size(result)


def broadcast_positions(shape: Sequence[int], target: Sequence[int]) -> list[int]:
    """形`target`の各要素が、形`shape`の並びのどの位置を読むか。

    Examples
    --------
    >>> broadcast_positions((2, 1), (2, 3))
    [0, 0, 0, 1, 1, 1]
    """
    missing = len(target) - len(shape)
    steps = [0] * missing + [
        0 if size == 1 else step for size, step in zip(shape, strides(shape), strict=True)
    ]
    return grid(target, steps)


def integers(
    function: str, argument: str, values: Sequence[Any], position: int = 1
) -> tuple[int, ...]:
    """`f(2, 3)`でも`f((2, 3))`でも受け取る引数を、整数の組にする。

    Raises
    ------
    TypeError
        整数でないものがあるとき。小数を切り捨てはしない。

    Examples
    --------
    >>> integers("zeros", "size", [(2, 3)])
    (2, 3)
    >>> integers("zeros", "size", [7 / 2])
    Traceback (most recent call last):
        ...
    TypeError: zeros(): argument 'size' (position 1) must be tuple of ints, not float
    """
    if not values:
        raise errors.missing_argument(function, argument)
    packed = len(values) == 1 and isinstance(values[0], (tuple, list))
    result: list[int] = []
    for item in values[0] if packed else values:
        if not hasattr(item, "__index__") or (isinstance(item, bool) and not result):
            raise errors.not_integers(function, argument, position, values, len(result))
        result.append(to_int(item))
    return tuple(result)


def dimension(dim: int, rank: int) -> int:
    """負の番号も許した次元の番号を、0からの番号に直す。

    Raises
    ------
    IndexError
        範囲の外のとき(文面はtorchと同じ)。
    TypeError
        整数でないとき。

    Examples
    --------
    >>> dimension(-1, 3)
    2
    """
    dim = to_int(dim)
    span = max(rank, 1)
    if not -span <= dim < span:
        raise errors.dimension_out_of_range(dim, span)
    return dim % span
