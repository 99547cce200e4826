"""Pythonの演算子(`+`、`*`、`<`、`+=`など)を、Tensorの演算につなぐ。"""

from __future__ import annotations

from collections.abc import Callable
from operator import add, mul, sub
from typing import Any

from bibun import errors
from bibun.elementwise import operand
from bibun.grad_mode import next_order, state
from bibun.in_place import in_place
from bibun.node import RUN, Anchor, Node
from bibun.operation import UNCHANGED, Operation
from bibun.rules import TABLE, scalar
from bibun.shapes import SCALAR
from bibun.tensor import Tensor, new

__all__: list[str] = []

_READY = {Tensor, float, int, bool}
"""直さずに演算へ渡せる相手の型。"""


def _operator(operation: Operation, function: Callable[[Any, Any], Any]) -> Any:
    """二項演算子のメソッドを作る。0次元の同じ小数の型どうしと、小数と数は、表を引かずにここで済ませる。

    スカラーの計算は、ほとんどがこの場合である。ここだけは、関数の呼び出しを減らすために手で開いて書く。
    することは`Operation.__call__`と同じ。
    """
    nothing, unchanged = (None, None), UNCHANGED[2]
    for_left, for_right = operation.keeps(True, False), operation.keeps(False, True)
    holds, by_numbers = any(operation.keeps(True, True)), operation.single_rounding
    general = _binary(operation)

    def method(self: Tensor, other: Any) -> Any:
        a, dtype = self._storage, self._dtype
        cell = dtype.cell
        is_tensor = type(other) is Tensor
        if is_tensor:
            b = other._storage
            if type(a) is not float or type(b) is not float or dtype is not other._dtype:
                return operation(self, other)
        elif type(a) is float and (type(other) is float or type(other) is int):
            cell[0] = other
            b = cell[0]
        else:
            return general(self, other)
        cell[0] = function(a, b)
        result = new(Tensor)
        result._storage = cell[0]
        result._index = None
        result._shape = SCALAR
        result._dtype = dtype
        result._grad_fn = None
        result._meta = None
        result._version = 0
        if not state.enabled:
            return result
        depth = -1
        left: Any = self._grad_fn
        if left is not None:
            depth = left.depth
        elif self._meta is not None and self._meta.requires_grad:
            left = self
        right: Any = None
        if is_tensor:
            right = other._grad_fn
            if right is not None:
                if right.depth > depth:
                    depth = right.depth
            elif other._meta is not None and other._meta.requires_grad:
                right = other
        if left is right is None:
            return result
        if depth < RUN:
            node = Node()
            node.depth = depth + 1
        else:
            node = Anchor()
            node.depth = 0
        node.operation = operation
        node.parents = (left, right)
        node.saved = nothing
        node.versions = ()
        if holds:
            if left is None:  # 由来のない値は、書き換えに気づけるよう、Tensorのまま覚える
                node.saved = (self if for_right[0] else None, b if for_right[1] else None)
            elif right is None:
                b = other if is_tensor else b
                node.saved = (a if for_left[0] else None, b if for_left[1] else None)
            else:
                node.saved = (a, b)
            node.versions = unchanged
            if self._version or (is_tensor and other._version):
                node.versions = (self._version, other._version if is_tensor else 0)
        node.order = next_order()
        node._shape = SCALAR
        node._dtype = dtype
        node.hooks = None
        node.result = None
        node.by_numbers = by_numbers
        result._grad_fn = node
        return result

    return method


def _divide_number_by(x: Tensor, number: Any) -> Tensor:
    return TABLE["mul"](x.reciprocal(), number)


def _by_number(name: str) -> Callable[[Tensor, Any], Tensor]:
    """相手が数のときだけ、入力が1つの演算にする。"""
    by_tensor, by_number = TABLE[name], TABLE[f"{name}_by_number"]
    return lambda x, other: (by_tensor if isinstance(other, Tensor) else by_number)(x, other)


def _raise_to(x: Tensor, exponent: Any) -> Tensor:
    return (
        TABLE["pow"](x, exponent)
        if isinstance(exponent, Tensor)
        else TABLE["pow_scalar"](x, exponent)
    )


def _binary(function: Callable[[Tensor, Any], Any]) -> Any:
    """数でもTensorでもない相手を、Pythonに断る二項演算子。"""

    def method(self: Tensor, other: Any) -> Any:
        if type(other) not in _READY:
            other = operand(other)
        return NotImplemented if other is None else function(self, other)

    return method


def _equality(operation: Operation) -> Any:
    """`==`と`!=`。断ると、Pythonは黙って同じものかどうかを答えるので、NumPyの配列は誤りにする。"""
    compare = _binary(operation)

    def method(self: Tensor, other: Any) -> Any:
        result = compare(self, other)
        if result is NotImplemented and hasattr(other, "__array__"):
            raise errors.UnsupportedError(
                "TensorとNumPyの配列を比べる機能(torch.from_numpyでTensorにすれば比べられます)"
            )
        return result

    return method


def _in_place(function: Callable[[Tensor, Any], Tensor]) -> Any:
    def method(self: Tensor, other: Any) -> Any:
        other = operand(other)
        return NotImplemented if other is None else in_place(self, function, other)

    return method


_remainder, _floor_divide = _by_number("remainder"), _by_number("floor_divide")
_OPERATORS: dict[str, Any] = {
    "__add__": _operator(TABLE["add"], add),
    "__sub__": _operator(TABLE["sub"], sub),
    "__mul__": _operator(TABLE["mul"], mul),
    "__truediv__": _operator(TABLE["div"], scalar.divide),
    "__rsub__": _binary(TABLE["rsub"]),
    "__rtruediv__": _binary(_divide_number_by),
    "__pow__": _binary(_raise_to),
    "__rpow__": _binary(TABLE["pow_of_scalar"]),
    "__mod__": _binary(_remainder),
    "__rmod__": _binary(lambda x, number: TABLE["remainder"](number, x)),
    "__floordiv__": _binary(_floor_divide),
    "__rfloordiv__": _binary(lambda x, number: TABLE["floor_divide"](number, x)),
    "__iadd__": _in_place(TABLE["add"]),
    "__isub__": _in_place(TABLE["sub"]),
    "__imul__": _in_place(TABLE["mul"]),
    "__itruediv__": _in_place(TABLE["div"]),
    "__ipow__": _in_place(_raise_to),
    "__imod__": _in_place(_remainder),
    "__ifloordiv__": _in_place(_floor_divide),
    "__neg__": lambda x: TABLE["neg"](x),
    "__abs__": lambda x: TABLE["abs"](x),
    "__pos__": lambda x: x,
    "__eq__": _equality(TABLE["eq"]),
    "__ne__": _equality(TABLE["ne"]),
    "__lt__": _binary(TABLE["lt"]),
    "__le__": _binary(TABLE["le"]),
    "__gt__": _binary(TABLE["gt"]),
    "__ge__": _binary(TABLE["ge"]),
    "__invert__": lambda x: TABLE["bitwise_not"](x),
    "__matmul__": lambda x, other: x.matmul(other) if isinstance(other, Tensor) else NotImplemented,
}
_OPERATORS["__radd__"] = _OPERATORS["__add__"]
_OPERATORS["__rmul__"] = _OPERATORS["__mul__"]
for _name in ("and", "or", "xor"):
    _bitwise = TABLE[f"bitwise_{_name}"]
    _OPERATORS[f"__{_name}__"] = _OPERATORS[f"__r{_name}__"] = _binary(_bitwise)
    _OPERATORS[f"__i{_name}__"] = _in_place(_bitwise)

for _name, _method in _OPERATORS.items():
    setattr(Tensor, _name, _method)
