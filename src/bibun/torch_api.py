"""`import torch`のあとに章が使う名前. 名前も振る舞いも、torch 2.13のものにそろえてある.

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
    eye,
    full,
    full_like,
    linspace,
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
from bibun.shapes import Size
from bibun.tensor import Tensor

float = float32
double = float64
long = int64
newaxis = None


def __getattr__(name: str) -> Any:
    """演算の名前は規則の表から引く. 表に演算を足せば、`torch.名前`がすぐ使えるようになる."""
    try:
        return FUNCTIONS[name]
    except KeyError:
        raise AttributeError(f"module 'torch' has no attribute '{name}'") from None


def __dir__() -> list[str]:
    return sorted({*globals(), *FUNCTIONS})


def is_tensor(obj: Any) -> Any:
    """Tensorか."""
    return isinstance(obj, Tensor)
