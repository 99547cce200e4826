"""表示: Tensorを、PyTorchが表示するのと同じ文字の並びにする。

まず表示される要素だけを集め、それらに共通の書き方(桁数、指数表示にするか、幅)を決め、
次に入れ子の括弧の形に並べ、最後にdtypeや`grad_fn`の注記を付ける。
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from bibun.tensor import Tensor

__all__ = ["format_tensor", "format_values"]

Value = float | int | bool

PRECISION = 4  # 小数点以下の桁数
SUMMARIZE_ABOVE = 1000  # 要素がこれより多ければ、端だけを表示する
EDGE_ITEMS = 3  # 省略するとき、両端に残す個数
LINE_WIDTH = 80
PREFIX = "tensor("
INDENT = len(PREFIX)
DEFAULT_DTYPES = ("torch.float32", "torch.int64", "torch.bool")  # dtypeを書き添えないもの


def format_tensor(tensor: Tensor) -> str:
    """TensorをPyTorchと同じ形の文字列にする。`repr(tensor)`が呼ぶ。

    Parameters
    ----------
    tensor : Tensor
        表示するTensor。形とdtypeは何でもよい。

    Returns
    -------
    str
        PyTorchの`repr`と1文字も違わない文字列。

    Notes
    -----
    要素が1000個より多ければ、各次元の両端の3つずつだけを表示する。計算量は要素数に比例する。

    References
    ----------
    PyTorchの`torch/_tensor_str.py`のふるまい(2.13)。

    Examples
    --------
    >>> from bibun import torch_api as torch
    >>> print(format_tensor(torch.tensor([1.0, 2.5], requires_grad=True)))
    tensor([1.0000, 2.5000], requires_grad=True)
    """
    try:
        grad_fn = tensor.grad_fn
        name = None if grad_fn is None else grad_fn.name()
    except RuntimeError:  # もう使えないviewも、値は見られる
        name = "Invalid"
    return format_values(
        tensor._data,
        tensor.shape,
        str(tensor.dtype),
        requires_grad=tensor.requires_grad,
        grad_fn_name=name,
    )


def format_values(
    values: Sequence[Value],
    shape: Sequence[int],
    dtype: str = "torch.float32",
    *,
    requires_grad: bool = False,
    grad_fn_name: str | None = None,
) -> str:
    """値の並びと形から、PyTorchのTensorと同じ表示を作る。

    Parameters
    ----------
    values : sequence of float, int or bool
        要素を行優先で1列に並べたもの。長さは`shape`の積。
    shape : sequence of int
        形。
    dtype : str
        `"torch.float64"`のようなdtypeの表示名。
    requires_grad : bool
        勾配を求める葉ならTrue。
    grad_fn_name : str, optional
        計算されたTensorなら`"AddBackward0"`のような名前。

    Returns
    -------
    str
        表示。

    References
    ----------
    PyTorchの`torch/_tensor_str.py`のふるまい(2.13)。

    Examples
    --------
    >>> print(format_values([1.0, 20.0, 3.0, 4.5], (2, 2), grad_fn_name="AddBackward0"))
    tensor([[ 1.0000, 20.0000],
            [ 3.0000,  4.5000]], grad_fn=<AddBackward0>)
    """
    notes = []
    if not values:
        body = "[]"
        # 要素から形とdtypeを読みとれないので、どちらも書き添える
        if len(shape) != 1:
            notes.append(f"size={tuple(shape)}")
        if dtype != "torch.float32":
            notes.append(f"dtype={dtype}")
    else:
        summarize = len(values) > SUMMARIZE_ABOVE
        shown = [values[i] for i in _shown_positions(shape, summarize)]
        style = _float_style(shown) if "float" in dtype else _exact_style(shown)
        body = _Layout(values, style, summarize).block(tuple(shape), start=0, indent=INDENT)
        if dtype not in DEFAULT_DTYPES:
            notes.append(f"dtype={dtype}")
    if grad_fn_name is not None:
        notes.append(f"grad_fn=<{grad_fn_name}>")
    elif requires_grad:
        notes.append("requires_grad=True")
    return _with_notes(PREFIX + body, notes)


class _Style(NamedTuple):
    """1つのTensorの全要素に共通の書き方。"""

    width: int
    write: Callable[[Value], str]

    def cell(self, value: Value) -> str:
        return self.write(value).rjust(self.width)


def _exact_style(shown: Sequence[Value]) -> _Style:
    """整数と真偽値: そのまま書き、いちばん長いものに幅を合わせる。"""
    return _Style(max(len(str(value)) for value in shown), str)


def _float_style(shown: Sequence[Value]) -> _Style:
    """小数: 0でない有限の値だけを見て、整数表示、小数表示、指数表示のどれかを選ぶ。"""
    numbers = [value for value in shown if math.isfinite(value) and value != 0]
    if not numbers:
        return _Style(1, _write_whole)
    smallest, largest = min(map(abs, numbers)), max(map(abs, numbers))
    write: Callable[[Value], str]
    if largest / smallest > 1000 or largest > 1e8 or smallest < 1e-4:
        write = f"{{:.{PRECISION}e}}".format
    elif all(float(value).is_integer() for value in numbers):
        write = _write_whole
    else:
        write = f"{{:.{PRECISION}f}}".format
    return _Style(max(len(write(value)) for value in numbers), write)


def _write_whole(value: Value) -> str:
    """整数値の小数は`3.`と、点だけを付けて書く。"""
    return f"{value:.0f}" + ("." if math.isfinite(value) else "")


def _shown_along(size: int, summarize: bool) -> list[int | None]:
    """1つの次元で表示される番号の列。Noneは省略の`...`。"""
    if summarize and size > 2 * EDGE_ITEMS:
        return [*range(EDGE_ITEMS), None, *range(size - EDGE_ITEMS, size)]
    return list(range(size))


def _shown_positions(shape: Sequence[int], summarize: bool) -> Iterator[int]:
    """表示される要素の、行優先で数えた位置。"""
    if not shape:
        yield 0
        return
    step = math.prod(shape[1:])
    for i in _shown_along(shape[0], summarize):
        if i is not None:
            yield from (i * step + inner for inner in _shown_positions(shape[1:], summarize))


class _Layout(NamedTuple):
    """要素を、入れ子の括弧の形に並べる。"""

    values: Sequence[Value]
    style: _Style
    summarize: bool

    def block(self, shape: tuple[int, ...], start: int, indent: int) -> str:
        """valuesのstartから始まる、形shapeの部分の表示。"""
        if not shape:
            return self.style.cell(self.values[start])
        if len(shape) == 1:
            return self._row(shape[0], start, indent)
        step = math.prod(shape[1:])
        parts = [
            "..." if i is None else self.block(shape[1:], start + i * step, indent + 1)
            for i in _shown_along(shape[0], self.summarize)
        ]
        # 次元が1つ上がるごとに、空行が1つ増える
        return "[" + ("," + "\n" * (len(shape) - 1) + " " * (indent + 1)).join(parts) + "]"

    def _row(self, size: int, start: int, indent: int) -> str:
        cells = [
            " ..." if i is None else self.style.cell(self.values[start + i])
            for i in _shown_along(size, self.summarize)
        ]
        per_line = max(1, (LINE_WIDTH - indent) // (self.style.width + len(", ")))
        lines = [", ".join(cells[i : i + per_line]) for i in range(0, len(cells), per_line)]
        return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"


def _with_notes(text: str, notes: Sequence[str]) -> str:
    """`dtype=…`などの注記を付けて括弧を閉じる。行が長くなるときは改行する。"""
    line_length = len(text) - text.rfind("\n") + 1  # 実際より2文字長い。PyTorchがこう数える
    for note in notes:
        if line_length + len(note) + 2 > LINE_WIDTH:
            text += ",\n" + " " * INDENT + note
            line_length = INDENT + len(note)
        else:
            text += ", " + note
            line_length += len(note) + 2
    return text + ")"
