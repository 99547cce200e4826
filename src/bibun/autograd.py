"""`torch.autograd`にあたる名前。"""

from bibun import functional
from bibun.backward import backward, grad
from bibun.grad_mode import enable_grad, no_grad, set_grad_enabled
from bibun.gradcheck import torch_gradcheck as gradcheck

__all__ = [
    "backward",
    "enable_grad",
    "functional",
    "grad",
    "gradcheck",
    "no_grad",
    "set_grad_enabled",
]
