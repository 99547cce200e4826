"""`import torch`のあとに章が使う名前。名前も振る舞いも、torch 2.13のものにそろえてある。

Examples
--------
>>> import bibun.torch_api as torch
>>> x = torch.tensor(2.0, requires_grad=True)
>>> torch.sin(x)
tensor(0.9093, grad_fn=<SinBackward0>)
"""

from __future__ import annotations

from math import e, inf, nan, pi
from typing import Any

from bibun import autograd, optim
from bibun.creation import (
    arange,
    empty,
    eye,
    from_numpy,
    full,
    full_like,
    linspace,
    meshgrid,
    ones,
    ones_like,
    tensor,
    zeros,
    zeros_like,
)
from bibun.dtypes import DType as dtype
from bibun.dtypes import bool, float32, float64, int64
from bibun.grad_mode import enable_grad, is_grad_enabled, no_grad, set_grad_enabled
from bibun.operation import FUNCTIONS
from bibun.sampling import manual_seed, rand, rand_like, randint, randn, randn_like, randperm
from bibun.shapes import Size
from bibun.tensor import Tensor

__all__ = [
    "Size", "Tensor", "arange", "autograd", "bool", "double", "dtype", "e", "empty", "enable_grad",
    "eye", "float", "float32", "float64", "from_numpy", "full", "full_like", "get_default_dtype",
    "inf", "int64", "is_grad_enabled", "is_tensor", "linspace", "long", "manual_seed", "meshgrid",
    "nan", "newaxis", "no_grad", "numel", "ones", "ones_like", "optim", "pi", "rand", "rand_like",
    "randint", "randn", "randn_like", "randperm", "set_grad_enabled", "tensor", "zeros",
    "zeros_like",
]  # fmt: skip

__version__ = "2.13.0+bibun"  # 言葉をそろえた相手の版。後ろの飾りが、本物ではないことを示す
float = float32
double = float64
long = int64
newaxis = None


def __getattr__(name: str) -> Any:
    """演算の名前は規則の表から引く。表に演算を足せば、`torch.名前`がすぐ使えるようになる。"""
    try:
        return FUNCTIONS[name]
    except KeyError:
        raise AttributeError(f"module 'torch' has no attribute '{name}'") from None


def __dir__() -> list[str]:
    return sorted({*globals(), *FUNCTIONS})


def is_tensor(obj: Any) -> Any:
    """`obj`がTensorか。

    Examples
    --------
    >>> is_tensor(tensor(1.0)), is_tensor(1.0)
    (True, False)
    """
    return isinstance(obj, Tensor)


def numel(input: Tensor) -> int:
    """要素の個数。

    Examples
    --------
    >>> numel(zeros(2, 3))
    6
    """
    return input.numel()


def get_default_dtype() -> dtype:
    """小数のTensorの、断らないときの型。

    Examples
    --------
    >>> get_default_dtype()
    torch.float32
    """
    return float32
