"""`torch.optim`のうち、講義で使う`SGD`。"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from bibun import errors
from bibun.grad_mode import enable_grad, no_grad
from bibun.tensor import Tensor

__all__ = ["SGD"]


class SGD:
    """確率的勾配降下法。`step()`が、各パラメーターを`param -= lr * param.grad`と更新する。

    Parameters
    ----------
    params : iterable of Tensor
        更新するパラメーター。
    lr : float
        学習率。
    momentum : float
        前回の動きをどれだけ残すか。
    dampening : float
        `momentum`を使うとき、新しい勾配を弱める割合。
    weight_decay : float
        重みを0へ引く強さ。
    nesterov : bool
        Nesterovの加速を使うか。
    maximize : bool
        最小でなく最大を探すか。

    Raises
    ------
    TypeError
        `params`がTensorの列でないとき。
    ValueError
        `params`が空のとき、係数が負のとき、計算の結果のTensorを渡したとき。

    Examples
    --------
    >>> import bibun.torch_api as torch
    >>> x = torch.tensor(3.0, requires_grad=True)
    >>> optimizer = SGD([x], lr=0.1)
    >>> (x**2).backward()
    >>> optimizer.step()
    >>> x
    tensor(2.4000, requires_grad=True)
    >>> optimizer.zero_grad()
    >>> print(x.grad)
    None
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        if lr < 0:
            raise ValueError(f"Invalid learning rate: {lr}")
        if momentum < 0:
            raise ValueError(f"Invalid momentum value: {momentum}")
        if weight_decay < 0:
            raise ValueError(f"Invalid weight_decay value: {weight_decay}")
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        self.params = _checked_params(params)
        self.param_groups: list[dict[str, Any]] = [
            {
                "params": self.params,
                "lr": lr,
                "momentum": momentum,
                "dampening": dampening,
                "weight_decay": weight_decay,
                "nesterov": nesterov,
                "maximize": maximize,
            }
        ]
        self._velocities: dict[int, Tensor] = {}

    def zero_grad(self, set_to_none: bool = True) -> None:
        """すべてのパラメーターの`grad`を消す(`None`にする)。

        Examples
        --------
        >>> import bibun.torch_api as torch
        >>> x = torch.tensor(2.0, requires_grad=True)
        >>> x.backward()
        >>> SGD([x]).zero_grad()
        >>> print(x.grad)
        None
        """
        for param in self.params:
            if param.grad is None:
                continue
            if set_to_none:
                param.grad = None
            else:
                param.grad.detach_().zero_()

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """パラメーターを1回更新する。

        Parameters
        ----------
        closure : callable, optional
            損失を計算し直して返す関数。

        Examples
        --------
        >>> import bibun.torch_api as torch
        >>> x = torch.tensor(2.0, requires_grad=True)
        >>> x.backward()
        >>> SGD([x], lr=0.5).step()
        >>> x
        tensor(1.5000, requires_grad=True)
        """
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        with no_grad():
            for group in self.param_groups:
                for param in group["params"]:
                    if param.grad is not None:
                        param.add_(self._direction(param, group), alpha=-group["lr"])
        return loss

    def _direction(self, param: Tensor, group: dict[str, Any]) -> Tensor:
        assert param.grad is not None
        gradient: Tensor = -param.grad if group["maximize"] else param.grad
        if group["weight_decay"]:
            gradient = gradient.add(param, alpha=group["weight_decay"])
        momentum = group["momentum"]
        if not momentum:
            return gradient
        velocity = self._velocities.get(id(param))
        if velocity is None:
            velocity = gradient.detach().clone()
        else:
            velocity = velocity.mul_(momentum).add_(gradient, alpha=1 - group["dampening"])
        self._velocities[id(param)] = velocity
        return gradient.add(velocity, alpha=momentum) if group["nesterov"] else velocity


def _checked_params(params: Any) -> list[Tensor]:
    if isinstance(params, Tensor):
        raise errors.params_must_be_iterable(params.type())
    checked = list(params)
    if not checked:
        raise ValueError("optimizer got an empty parameter list")
    for param in checked:
        if not isinstance(param, Tensor):
            raise errors.can_only_optimize_tensors(param)
        if not param.is_leaf:
            raise ValueError("can't optimize a non-leaf Tensor")
    return checked
