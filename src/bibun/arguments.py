"""微分する関数と、その引数と接線値を、確かめて形をそろえる。

`forward`と`functional`の関数は、入力にTensor 1つもTensorのtupleも受け取る。文面は
`torch.autograd.functional`のものにそろえる。
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bibun.errors import UnsupportedError
from bibun.grad_mode import enable_grad
from bibun.tensor import Tensor, make

__all__ = ["OUTPUT", "Tensors", "as_tensors", "call", "fresh_leaves", "vectors_like", "zeros_like"]

Tensors = Tensor | tuple[Tensor, ...]

# 省略できないvを省略したときの、torchの文の主語
INPUT = "the input to the user-provided function is"
OUTPUT = "the user-provided function returns"


def as_tensors(tensors: Tensors, function: str, what: str) -> tuple[Tensor, ...]:
    """Tensor 1つでもtupleでも、tupleにする。"""
    several = tensors if isinstance(tensors, tuple) else (tensors,)
    for position, tensor in enumerate(several):
        if not isinstance(tensor, Tensor):
            where = f"value at index {position}" if several is tensors else f"given {what}"
            raise TypeError(
                f"The {what} given to {function} must be either a Tensor or a tuple of Tensors "
                f"but the {where} has type {type(tensor)}."
            )
    return several


def fresh_leaves(points: Sequence[Tensor]) -> list[Tensor]:
    """同じ値をもち、勾配を求める新しい葉。呼び出し側のTensorのグラフと`grad`に触れないため。"""
    return [point.detach().clone().requires_grad_() for point in points]


def call(f: Callable[..., Tensor], leaves: Sequence[Tensor], function: str) -> Tensor:
    """計算を記録しながらfを呼ぶ。"""
    with enable_grad():
        output = f(*leaves)
    if isinstance(output, tuple):
        raise UnsupportedError(f"Tensorをいくつも返す関数の{function}")
    if not isinstance(output, Tensor):
        raise TypeError(
            f"The outputs of the user-provided function given to {function} must be either a Tensor "
            "or a tuple of Tensors but the given outputs of the user-provided function has type "
            f"{type(output)}."
        )
    return output


def vectors_like(
    points: Sequence[Tensor], v: Tensors | None, function: str, of: str = INPUT
) -> tuple[Tensor, ...]:
    """pointsと同じ形のベクトルの組。要素が1つだけなら省略でき、1になる。"""
    if v is None:
        if len(points) != 1 or points[0].numel() != 1:
            raise RuntimeError(
                f"The vector v can only be None if {of} a single Tensor with a single element."
            )
        return (make([1.0], points[0].shape, points[0].dtype),)
    vectors = as_tensors(v, function, "v")
    if len(vectors) != len(points):
        raise RuntimeError(
            f"v is a tuple of invalid length: should be {len(points)} but got {len(vectors)}."
        )
    for position, (vector, point) in enumerate(zip(vectors, points, strict=True)):
        if vector.shape != point.shape:
            entry = f"Entry {position} in " if len(points) > 1 else ""
            raise RuntimeError(
                f"{entry}v has invalid size: should be {point.shape} but got {vector.shape}."
            )
    return vectors


def zeros_like(tensor: Tensor) -> Tensor:
    """同じ形の0。"""
    return make([0.0] * tensor.numel(), tensor.shape, tensor.dtype)
