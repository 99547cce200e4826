"""要素の型(dtype)と、その型への丸め。

Pythonの小数はfloat64である。float32のTensorは「float64で1回計算し、結果をfloat32へ丸める」ことで作る。
加減乗除と平方根では、これがはじめからfloat32で計算した値と必ず一致する(float64の仮数53ビットが、
float32の24ビットの2倍より2ビット以上多いため。Figueroa 1995)。

Examples
--------
>>> from bibun import dtypes
>>> dtypes.float32
torch.float32
>>> dtypes.float32.round(0.1)
0.10000000149011612
"""

from __future__ import annotations

from array import array
from builtins import bool as python_bool
from collections.abc import Callable, Iterable
from typing import Any

from bibun import errors

__all__ = [
    "DType", "as_dtype", "bool", "float32", "float64", "int64", "python_number", "round_to_float32",
]  # fmt: skip

# 4バイトのfloatを1つだけ置ける場所。書いて読むと丸まる。structより速く、あふれは例外でなくinfになる。
_float32_cell = memoryview(bytearray(4)).cast("f")


def round_to_float32(value: float) -> float:
    """小数を、いちばん近いfloat32の値へ丸める(同じ近さなら偶数へ)。

    Parameters
    ----------
    value : float
        丸める値。

    Returns
    -------
    float
        float32で表せる値。大きすぎる値は無限大になる。

    Examples
    --------
    >>> round_to_float32(16777217.0)
    16777216.0
    >>> round_to_float32(1e39)
    inf
    """
    _float32_cell[0] = value
    return _float32_cell[0]


def _round_all_to_float32(values: Iterable[float]) -> list[float]:
    return array("f", values).tolist()


def _wrap_to_int64(value: float) -> int:
    integer = int(value)
    if -(2**63) <= integer < 2**63:
        return integer
    return (integer + 2**63) % 2**64 - 2**63


class DType:
    """Tensorの要素の型。

    Parameters
    ----------
    name : str
        名前(`"float32"` など)。
    legacy_name : str
        torchのエラー文に現れる型名(`"Float"` など)。
    rank : int
        型の昇格の順位。`bool` < `int64` < `float32` < `float64`。
    convert : callable
        Pythonの数1つを、この型の値に直す関数。

    Attributes
    ----------
    cell : memoryview
        この型の値を1つだけ置ける場所。小数は、書いて読むと丸まる(関数を呼ばずに済むので速い)。
    is_floating_point : bool
        小数の型か。勾配をもてるのは小数の型だけである。

    Examples
    --------
    >>> from bibun import dtypes
    >>> dtypes.int64.round(3.7), dtypes.int64.is_floating_point
    (3, False)
    """

    __slots__ = ("cell", "is_floating_point", "itemsize", "legacy_name", "name", "rank", "round")

    def __init__(
        self, name: str, legacy_name: str, rank: int, itemsize: int, convert: Callable[[Any], Any]
    ) -> None:
        self.name = name
        self.legacy_name = legacy_name
        self.rank = rank
        self.itemsize = itemsize
        self.is_floating_point = name.startswith("float")
        self.round = convert
        place: Any = memoryview(bytearray(8))
        self.cell = place.cast({"float32": "f", "float64": "d"}.get(name, "q"))

    def round_all(self, values: Iterable[Any]) -> list[Any]:
        """数の列をまとめてこの型の値に直す。

        Parameters
        ----------
        values : iterable
            Pythonの数の列。

        Returns
        -------
        list

        Examples
        --------
        >>> from bibun import dtypes
        >>> dtypes.bool.round_all([0, 2.5])
        [False, True]
        """
        if self is float32:
            return _round_all_to_float32(values)
        return [self.round(value) for value in values]

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __reduce__(self) -> str:
        return self.name  # copyとpickleで、同じ型は同じ1つのまま


bool = DType("bool", "Bool", 0, 1, python_bool)
int64 = DType("int64", "Long", 1, 8, _wrap_to_int64)
float32 = DType("float32", "Float", 2, 4, round_to_float32)
float64 = DType("float64", "Double", 3, 8, float)

OF_NUMBERS: dict[Any, DType] = {float: float32, int: int64, python_bool: bool}
"""Pythonの数の型から、その数だけで作るTensorの型へ。"""


def python_number(value: Any) -> Any:
    """Pythonの数。NumPyの数も、同じ値のPythonの数に直す。数でなければ`None`。

    NumPyの真偽値は、torchが数を受け取るときと同じく、小数になる。

    Examples
    --------
    >>> python_number(1.5), python_number(True), python_number([1.5])
    (1.5, True, None)
    """
    if type(value) in OF_NUMBERS:
        return value
    if isinstance(value, (float, int)):  # 子のクラス(numpy.float64、IntEnum)
        return float(value) if isinstance(value, float) else int(value)
    if hasattr(value, "__len__"):  # 並び。NumPyの配列は、0次元でも数ではない
        return None
    kind = getattr(getattr(value, "dtype", None), "kind", "")
    return {"i": int, "u": int, "f": float, "b": float}.get(kind, lambda _: None)(value)


def as_dtype(dtype: Any) -> DType:
    """`dtype`引数を読む。Pythonの型`float`、`int`、`bool`も受け取る。

    Examples
    --------
    >>> as_dtype(float)
    torch.float64
    """
    if isinstance(dtype, DType):
        return dtype
    if isinstance(dtype, type) and dtype in OF_NUMBERS:
        return float64 if dtype is float else OF_NUMBERS[dtype]
    raise errors.must_be("tensor", "dtype", "torch.dtype", dtype)
