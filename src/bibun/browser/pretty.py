"""値を、IPythonと同じ文字にする: 長いリストや辞書を、要素ごとに改行する。

本の出力はIPythonが作る。ページの中で動かしても同じ文字になるように、IPythonの ``pretty`` の決まりを、
標準の入れ物、関数、クラス、例外について写した。ほかの型は ``repr`` のまま表す。
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from types import BuiltinFunctionType, FunctionType, MappingProxyType
from typing import Any

__all__ = ["pretty"]

WIDTH = 79
LONGEST = 1000  # これより後の要素は「...」にする


@dataclass(frozen=True)
class _Group:
    """かっこでくくった並び。入らなければ、すべての要素の後で改行する。"""

    open: str
    items: list[list[_Doc]]
    close: str


_Doc = str | _Group


def pretty(value: Any) -> str:
    """値を表す文字列。

    Parameters
    ----------
    value : object
        表す値。

    Returns
    -------
    str
        IPythonがセルの最後の式の値として見せるものと同じ文字列。

    Examples
    --------
    >>> print(pretty({"loss": 0.5, "steps": list(range(30))}))
    {'loss': 0.5,
     'steps': [0,
      1,
      2,
      3,
      4,
      5,
      6,
      7,
      8,
      9,
      10,
      11,
      12,
      13,
      14,
      15,
      16,
      17,
      18,
      19,
      20,
      21,
      22,
      23,
      24,
      25,
      26,
      27,
      28,
      29]}
    >>> pretty([1.0, int])
    '[1.0, int]'
    """
    return _lay_out(_doc(value, ()), 0, 0, 0)


def _flat(doc: _Doc) -> str:
    if isinstance(doc, str):
        return doc
    items = ("".join(map(_flat, item)) for item in doc.items)
    return doc.open + ", ".join(items) + doc.close


def _lay_out(doc: _Doc, indent: int, column: int, after: int) -> str:
    """``column`` 桁目から書いた文字列。``after`` は、すぐ後に続く、改行できない文字の数。"""
    if isinstance(doc, str):
        return ("\n" + " " * indent).join(doc.splitlines())
    flat = _flat(doc)
    if "\n" not in flat and column + len(flat) + after <= WIDTH:
        return flat
    indent += len(doc.open)
    text, column = doc.open, column + len(doc.open)
    for number, item in enumerate(doc.items):
        if number:
            text, column = text + ",\n" + " " * indent, indent
        last = number == len(doc.items) - 1
        for place, part in enumerate(item):
            ends = place == len(item) - 1
            following = (len(doc.close) + after if last else 1) if ends else 0
            text += _lay_out(part, indent, column, following)
            column = len(text) - text.rfind("\n") - 1 if "\n" in text else column + len(_flat(part))
    return text + doc.close


def _doc(value: Any, inside: tuple[int, ...]) -> _Doc:
    """値の形。``inside`` は、いま表している途中の入れ物(自分を含む入れ物のため)。"""
    for kind in type(value).__mro__:
        if kind in PRINTERS:
            return PRINTERS[kind](value, inside)
        if kind is not object and "__repr__" in vars(kind):
            return repr(value)
    return f"<{_flat(_of_type(type(value), ()))} at {id(value):#x}>"


def _sequence(open: str, close: str) -> Callable[[Any, tuple[int, ...]], _Doc]:
    def of(values: Any, inside: tuple[int, ...]) -> _Doc:
        if id(values) in inside:
            return f"{open}...{close}"
        end = "," + close if isinstance(values, tuple) and len(values) == 1 else close
        return _Group(open, _items(values, (*inside, id(values))), end)

    return of


def _set(open: str, close: str) -> Callable[[Any, tuple[int, ...]], _Doc]:
    def of(values: Any, inside: tuple[int, ...]) -> _Doc:
        if not values:
            return f"{type(values).__name__}()"
        return _Group(open, _items(_sorted(values), (*inside, id(values))), close)

    return of


def _mapping(open: str, close: str) -> Callable[[Any, tuple[int, ...]], _Doc]:
    def of(values: Any, inside: tuple[int, ...]) -> _Doc:
        if id(values) in inside:
            return "{...}"
        inside = (*inside, id(values))
        items: list[list[_Doc]] = [
            [_doc(key, inside), ": ", _doc(item, inside)]
            for key, item in islice(values.items(), LONGEST)
        ]
        return _Group(open, items + [["..."]] * (len(values) > LONGEST), close)

    return of


def _items(values: Any, inside: tuple[int, ...]) -> list[list[_Doc]]:
    items: list[list[_Doc]] = [[_doc(item, inside)] for item in islice(values, LONGEST)]
    return items + [["..."]] * (len(values) > LONGEST)


def _sorted(values: Iterable[Any]) -> list[Any]:
    try:
        return sorted(values)
    except TypeError:
        return sorted(values, key=str)


def _of_type(kind: Any, _: tuple[int, ...]) -> _Doc:
    if next(each for each in type(kind).__mro__ if "__repr__" in vars(each)) is not type:
        return repr(kind)  # 自分の __repr__ をもつメタクラス(enumなど)
    name: str = kind.__qualname__
    return name if kind.__module__ == "builtins" else f"{kind.__module__}.{name}"


def _of_function(function: Any, _: tuple[int, ...]) -> _Doc:
    module = function.__module__
    prefix = f"{module}." if module and module != "builtins" else ""
    try:
        signature = str(inspect.signature(function))
    except ValueError:
        signature = ""
    return f"<function {prefix}{function.__qualname__}{signature}>"


def _of_exception(error: BaseException, inside: tuple[int, ...]) -> _Doc:
    name = _flat(_of_type(type(error), ()))
    return _Group(f"{name}(", _items(error.args, (*inside, id(error))), ")")


PRINTERS: dict[type, Callable[[Any, tuple[int, ...]], _Doc]] = {
    list: _sequence("[", "]"),
    tuple: _sequence("(", ")"),
    set: _set("{", "}"),
    frozenset: _set("frozenset({", "})"),
    dict: _mapping("{", "}"),
    MappingProxyType: _mapping("mappingproxy({", "})"),
    type: _of_type,
    FunctionType: _of_function,
    BuiltinFunctionType: _of_function,
    BaseException: _of_exception,
}
