"""`torch.autograd`にあたる名前."""

from bibun.backward import backward, grad
from bibun.grad_mode import enable_grad, no_grad, set_grad_enabled

__all__ = ["backward", "enable_grad", "grad", "no_grad", "set_grad_enabled"]
