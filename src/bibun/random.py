"""乱数: PyTorchのCPUの乱数生成器と、ビットまで同じ乱数の列。

もとになるのはメルセンヌ・ツイスタ(MT19937)が出す32ビット整数の列で、Python標準の`random`も
同じものを使っている。違うのは種から最初の状態を作る方法と、整数から一様乱数や正規乱数を
作る方法なので、ここにはその2つだけが書いてある。
"""

from __future__ import annotations

import math
import os
import random
from collections.abc import Callable, Iterator

from bibun.box_muller import normals_float32
from bibun.dtypes import DType, float32, float64

__all__ = ["Generator", "default_generator", "manual_seed", "rand", "randint", "randn", "randperm"]

STATE_WORDS = 624  # MT19937の状態は、32ビット整数624個
BLOCK = 16  # 正規乱数をまとめて作る単位
WIDE_RANGE = 2**28  # 整数乱数の幅がこれ以上なら、32ビットでは偏るので64ビットを使う


class Generator:
    """種から決まる乱数の列。

    Parameters
    ----------
    seed : int, optional
        種。省略すると、起動のたびに変わる。

    References
    ----------
    M. Matsumoto and T. Nishimura, "Mersenne Twister", ACM TOMACS 8(1), 1998。
    PyTorch 2.13のCPUの生成器のふるまい。

    Examples
    --------
    >>> generator = Generator(0)
    >>> generator.randint(0, 10, 5)
    [4, 9, 3, 0, 3]
    >>> generator.manual_seed(0).randint(0, 10, 5)
    [4, 9, 3, 0, 3]
    """

    def __init__(self, seed: int | None = None) -> None:
        self._twister = random.Random()
        self.manual_seed(int.from_bytes(os.urandom(4), "little") if seed is None else seed)

    def manual_seed(self, seed: int) -> Generator:
        """種を定め、列を最初から始める。

        Parameters
        ----------
        seed : int
            種。下位32ビットだけが使われる。

        Returns
        -------
        Generator
            自分自身。

        Raises
        ------
        ValueError
            種が-2⁶³ 以上2⁶⁴ 未満でないとき。

        Examples
        --------
        >>> [round(x, 4)for x in Generator().manual_seed(42).rand(2)]
        [0.8823, 0.915]
        """
        seed = int(seed)
        if not -(2**63) <= seed < 2**64:
            raise ValueError("Overflow when unpacking long long")
        self._twister.setstate((3, (*_first_state(seed), STATE_WORDS), None))
        self._spare_normal: float | None = None
        return self

    def rand(self, count: int, dtype: DType = float32) -> list[float]:
        """0以上1未満の一様乱数。

        Parameters
        ----------
        count : int
            個数。
        dtype : DType
            `float32`か`float64`。dtypeが違えば、種が同じでも値は違う。

        Returns
        -------
        list of float
            float32なら2⁻²⁴、float64なら2⁻⁵³ の倍数。

        Examples
        --------
        >>> Generator(0).rand(1)
        [0.49625658988952637]
        """
        uniform = self._uniform_of(dtype)
        return [uniform() for _ in range(count)]

    def randn(self, count: int, dtype: DType = float32) -> list[float]:
        """標準正規分布に従う乱数。

        Parameters
        ----------
        count : int
            個数。
        dtype : DType
            `float32`か`float64`。

        Returns
        -------
        list of float
            平均0、分散1の正規乱数。

        Notes
        -----
        一様乱数2つを正規乱数2つに変えるボックス=ミュラー法を使う。PyTorchは16個未満ならfloat64で
        1組ずつ(余った1つは次の回に使う)、16個以上なら16個ずつまとめて、そのdtypeのまま計算する。
        だから`randn(16)`の最初の値は`randn(15)`の最初の値と違う。

        References
        ----------
        G. E. P. Box and M. E. Muller, "A Note on the Generation of Random Normal Deviates", 1958.

        Examples
        --------
        >>> Generator(0).randn(2)
        [1.5409960746765137, -0.293428897857666]
        """
        if count >= BLOCK:
            return self._randn_in_blocks(count, dtype)
        return dtype.round_all(self._next_normal() for _ in range(count))

    def randint(self, low: int, high: int, count: int) -> list[int]:
        """low以上high未満の整数の乱数。

        Parameters
        ----------
        low, high : int
            範囲。highは含まない。
        count : int
            個数。

        Returns
        -------
        list of int
            整数の乱数。

        Raises
        ------
        RuntimeError
            low < highでないとき。

        Examples
        --------
        >>> Generator(0).randint(1, 7, 6)
        [3, 4, 6, 1, 2, 4]
        """
        if low >= high:
            raise RuntimeError(
                f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}"
            )
        width = high - low
        bits = self._bits64 if width >= WIDE_RANGE else self._bits32
        return [low + bits() % width for _ in range(count)]

    def randperm(self, count: int) -> list[int]:
        """0からcount-1までの整数の、でたらめな並べかえ。

        Parameters
        ----------
        count : int
            個数。

        Returns
        -------
        list of int
            並べかえ。

        Examples
        --------
        >>> Generator(1).randperm(6)
        [1, 5, 2, 0, 3, 4]
        """
        order = list(range(count))
        for i in range(count - 1):
            j = i + self._bits32() % (count - i)
            order[i], order[j] = order[j], order[i]
        return order

    def _bits32(self) -> int:
        return self._twister.getrandbits(32)

    def _bits64(self) -> int:
        return self._bits32() << 32 | self._bits32()

    def _uniform_of(self, dtype: DType) -> Callable[[], float]:
        return self._uniform_float64 if dtype is float64 else self._uniform_float32

    def _uniform_float32(self) -> float:
        return (self._bits32() & 0xFFFFFF) * 2.0**-24

    def _uniform_float64(self) -> float:
        return (self._bits64() & 0x1FFFFFFFFFFFFF) * 2.0**-53

    def _next_normal(self) -> float:
        """正規乱数を1つ。2つずつできるので、残りの1つをとっておく。"""
        if self._spare_normal is not None:
            normal, self._spare_normal = self._spare_normal, None
            return normal
        angle = 2 * math.pi * self._uniform_float64()
        radius = math.sqrt(-2 * math.log1p(-self._uniform_float64()))
        self._spare_normal = radius * math.sin(angle)
        return radius * math.cos(angle)

    def _randn_in_blocks(self, count: int, dtype: DType) -> list[float]:
        uniform = self._uniform_of(dtype)
        block_of_normals = normals_float32 if dtype is float32 else _normals_float64
        values = [uniform() for _ in range(count)]
        for start in range(0, count - BLOCK + 1, BLOCK):
            values[start : start + BLOCK] = block_of_normals(values[start : start + BLOCK])
        if count % BLOCK:  # 端数があれば、最後の16個を引き直す
            values[-BLOCK:] = block_of_normals([uniform() for _ in range(BLOCK)])
        return values


def _first_state(seed: int) -> Iterator[int]:
    """種から作る、最初の状態。"""
    word = seed & 0xFFFFFFFF
    for i in range(1, STATE_WORDS + 1):
        yield word
        word = (1812433253 * (word ^ (word >> 30)) + i) & 0xFFFFFFFF


def _normals_float64(uniforms: list[float]) -> list[float]:
    """一様乱数16個を正規乱数16個に変える。"""
    cosines, sines = [], []
    for u, v in zip(uniforms[:8], uniforms[8:], strict=True):
        radius, angle = math.sqrt(-2 * math.log(1 - u)), 2 * math.pi * v
        cosines.append(radius * math.cos(angle))
        sines.append(radius * math.sin(angle))
    return cosines + sines


default_generator = Generator()
manual_seed = default_generator.manual_seed
rand = default_generator.rand
randn = default_generator.randn
randint = default_generator.randint
randperm = default_generator.randperm
