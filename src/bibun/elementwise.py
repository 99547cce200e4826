"""要素ごとの演算: 数どうしの関数から、型の昇格と形のそろえ方を引き受けて、1つの演算を作る。"""

from __future__ import annotations

from collections.abc import Callable
from itertools import repeat
from typing import Any

from bibun.dtypes import OF_NUMBERS, DType, float32, python_number
from bibun.grad_mode import state
from bibun.node import Node
from bibun.operation import UNCHANGED, Operation, Partial, define, edge, method
from bibun.shapes import SCALAR, Size, broadcast, broadcast_positions
from bibun.tensor import Tensor, make

__all__ = ["binary", "elementwise", "operand", "promote", "to_floating", "unary"]


def operand(value: Any) -> Any:
    """演算に渡せる値: Tensorか、Pythonの数(NumPyの数は直す)。どちらでもなければ`None`。

    Examples
    --------
    >>> import bibun.torch_api as torch
    >>> operand(torch.tensor(3)), operand(2.0), operand([2.0])
    (tensor(3), 2.0, None)
    """
    return value if isinstance(value, Tensor) else python_number(value)


def promote(*operands: Any) -> DType:
    """Tensorと数を混ぜた計算の、結果の型。

    次元のあるTensor、0次元のTensor、Pythonの数の順に強い。弱いほうは、種類(真偽、整数、小数)が
    上のときだけ結果を変える。整数のTensorに2.5を掛けるとfloat32になるのは、このためである。

    Examples
    --------
    >>> import bibun.torch_api as torch
    >>> promote(torch.tensor([1, 2]), 2.5)
    torch.float32
    """
    result = None
    for group in (
        [o._dtype for o in operands if isinstance(o, Tensor) and o._shape],
        [o._dtype for o in operands if isinstance(o, Tensor) and not o._shape],
        [OF_NUMBERS[type(o)] for o in operands if not isinstance(o, Tensor)],
    ):
        if group:
            best = max(group, key=_rank)
            if result is None or min(best.rank, 2) > min(result.rank, 2):
                result = best
    assert result is not None
    return result


def _rank(dtype: DType) -> int:
    return dtype.rank


def to_floating(dtype: DType) -> DType:
    """小数の型はそのまま、ほかの型はfloat32にする。

    Examples
    --------
    >>> from bibun import dtypes
    >>> to_floating(dtypes.int64), to_floating(dtypes.float64)
    (torch.float32, torch.float64)
    """
    return dtype if dtype.is_floating_point else float32


def elementwise(
    function: Callable[..., Any], result: Callable[[DType], DType] = lambda dtype: dtype
) -> Callable[..., Tensor]:
    """数どうしの関数を、形をそろえて要素ごとに計算する関数にする。

    Parameters
    ----------
    function : callable
        Pythonの数から数への関数。
    result : callable
        昇格後の型から、結果の型への関数。

    Examples
    --------
    >>> import bibun.torch_api as torch
    >>> elementwise(max)(torch.tensor([[1], [5]]), torch.tensor([2, 3]))
    tensor([[2, 3],
            [5, 5]])
    """

    def forward(*operands: Any) -> Tensor:
        scalars = _scalars(operands)
        if scalars is not None:
            values, dtype = scalars
            dtype = result(dtype)
            return make([dtype.round(function(*values))], SCALAR, dtype)
        common = promote(*operands)
        dtype = result(common)
        shape = broadcast([o._shape for o in operands if isinstance(o, Tensor)])
        columns = [_column(operand, shape, common) for operand in operands]
        return make(dtype.round_all(map(function, *columns)), shape, dtype)

    return forward


def _scalars(operands: tuple[Any, ...]) -> tuple[list[float], DType] | None:
    """どれも0次元の同じ小数の型か、数なら、その値と型。ほかの形は`None`。"""
    dtype = None
    values = []
    for operand in operands:
        if type(operand) is Tensor:
            if type(operand._storage) is not float or operand._dtype is not (
                dtype or operand._dtype
            ):
                return None
            dtype = operand._dtype
            operand = operand._storage
        elif type(operand) is not float and type(operand) is not int:
            return None
        values.append(operand)
    if dtype is None:
        return None
    return [dtype.round(value) for value in values], dtype


def _column(operand: Any, shape: Size, dtype: DType) -> Any:
    """被演算数を、形`shape`に引き伸ばした値の列にする。"""
    if not isinstance(operand, Tensor):
        return repeat(dtype.round(operand), shape.numel())
    values = operand._data
    if operand._dtype is not dtype:
        values = dtype.round_all(values)
    if operand._shape == shape:
        return values
    if len(values) == 1:
        return repeat(values[0], shape.numel())
    return [values[position] for position in broadcast_positions(operand._shape, shape)]


def unary(
    name: str,
    function: Callable[[Any], Any],
    partial: Partial | None,
    *,
    node_name: str = "",
    floating: bool = True,
    formula: str = "0",
    kinks: str = "",
    source: str = "",
    single_rounding: bool = False,
) -> Operation:
    """1つの入力をもつ要素ごとの演算を定義し、表に載せる。

    Parameters
    ----------
    name : str
        名前。torchの関数名と同じにする。
    function : callable
        数から数への関数。
    partial : callable or None
        規則`(g, x, y)`。
    floating : bool
        整数の入力を、まずfloat32に直すか。

    Examples
    --------
    章「自動微分を作る」は、この1行で演算を増やす。
    """
    general = elementwise(function, to_floating if floating else lambda dtype: dtype)

    def forward(x: Tensor) -> Tensor:
        value = x._storage
        if type(value) is float:  # 0次元の小数。いちばん多いので近道をする
            return make([x._dtype.round(function(value))], x._shape, x._dtype)
        return general(x)

    operation = Operation(
        name,
        node_name or f"{name.capitalize()}Backward0",
        forward,
        () if partial is None else (partial,),
        formula=formula,
        kinks=kinks,
        source=source,
        single_rounding=single_rounding,
    )

    keeps_x, keeps_y = (False, False) if partial is None else operation.keeps(True)

    def apply(x: Tensor) -> Tensor:
        value = x._storage
        if type(value) is not float or partial is None:
            return operation(x)
        result = forward(x)  # 0次元の小数。することは`Operation.__call__`と同じ
        parent = edge(x)
        if parent is not None and state.enabled:
            saved = (value if keeps_x else None, result._storage if keeps_y else None)
            versions = (x._version, 0) if x._version else UNCHANGED[2]
            depth = parent.depth if isinstance(parent, Node) else -1
            holds = keeps_x or keeps_y
            operation.link(
                result, (parent,), saved, versions if holds else (), depth, single_rounding
            )
        return result

    apply.__name__ = name
    define(operation)
    method(apply)
    return operation


def binary(
    name: str,
    function: Callable[[Any, Any], Any],
    partials: tuple[Partial, Partial],
    *,
    node_name: str = "",
    result: Callable[[DType], DType] = lambda dtype: dtype,
    formula: str,
    kinks: str = "",
    source: str = "",
    single_rounding: bool = False,
) -> Operation:
    """2つの入力をもつ要素ごとの演算を定義し、表に載せる。規則の引数は`(g, a, b, y)`。"""
    return define(
        Operation(
            name,
            node_name or f"{name.capitalize()}Backward0",
            elementwise(function, result),
            partials,
            formula=formula,
            kinks=kinks,
            source=source,
            single_rounding=single_rounding,
        )
    )
