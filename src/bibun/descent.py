"""勾配降下法を、たどった道すじの記録とともに行う。PyTorchでもbibunでも、手計算の微分でも動く。"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

__all__ = ["History", "descend"]


@dataclass
class History:
    """勾配降下法がたどった道すじ。

    Attributes
    ----------
    steps : list of int
        記録したときの更新回数。先頭は0。
    xs : list
        そのときの位置。スカラーなら数、ベクトルなら数のリスト。
    values : list of float
        そのときの関数の値。
    gradients : list
        そのときの勾配。形は``xs``と同じ。
    note : str or None
        途中で止めた理由。最後まで進んだらNone。

    Examples
    --------
    >>> history = descend(lambda x: x**2, 1.0, lr=0.25, steps=2, derivative=lambda x: 2 * x)
    >>> history.xs
    [1.0, 0.5, 0.25]
    """

    steps: list[int] = field(default_factory=list)
    xs: list[Any] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    gradients: list[Any] = field(default_factory=list)
    note: str | None = None

    @property
    def diverged(self) -> bool:
        """値が数でなくなって途中で止めたかどうか。"""
        return self.note is not None


def descend(
    f: Callable[[Any], Any],
    x0: Any,
    lr: float,
    steps: int,
    *,
    every: int = 1,
    derivative: Callable[[float], float] | None = None,
) -> History:
    """勾配降下法``x ← x - lr * f'(x)``を``steps``回くり返し、道すじを記録する。

    Parameters
    ----------
    f : callable
        最小にしたい関数。Tensorを受け取ってスカラーのTensorを返すもの。``derivative``を渡すときは
        数を受け取って数を返すもの。
    x0 : torch.Tensor, bibun.tensor.Tensor or float
        出発点。Tensorは書き換えない。
    lr : float
        学習率。
    steps : int
        更新の回数。0以上。
    every : int
        何回ごとに記録するか。最初と最後は必ず記録する。
    derivative : callable, optional
        手で求めた導関数。渡せば自動微分を使わない。

    Returns
    -------
    History
        道すじ。値がinfやnanになったら、そこで止めて``note``に理由を書く。

    Raises
    ------
    TypeError
        ``derivative``がなく、``x0``かfの値がTensorでないとき。
    ValueError
        ``steps``や``every``が範囲にないとき、``f``の計算に``x``が使われていないとき。

    Examples
    --------
    >>> import torch
    >>> history = descend(lambda x: x**2 + torch.exp(-x), torch.tensor(3.0), lr=0.1, steps=500)
    >>> round(history.xs[-1], 4)
    0.3517
    """
    if steps < 0 or every < 1:
        raise ValueError(
            f"stepsは0以上、everyは1以上にしてください。渡された値:steps={steps}, every={every}"
        )
    evaluate = _by_hand(f, derivative) if derivative else _by_autograd(f, x0)
    x = float(x0) if derivative else x0.detach()
    history = History()
    for step in range(steps + 1):
        value, gradient, reason = evaluate(x)
        if step % every == 0 or step == steps or reason:
            _record(history, step, x, value, gradient)
        if reason:
            history.note = f"{step}回更新したところで{reason}ので、止めました。"
            break
        if step < steps:
            x = x - lr * gradient
    return history


_Evaluation = tuple[Any, Any, str]


def _by_hand(
    f: Callable[[Any], Any], derivative: Callable[[float], float]
) -> Callable[[Any], _Evaluation]:
    def evaluate(x: Any) -> _Evaluation:
        try:
            value, gradient = f(x), derivative(x)
        except (OverflowError, ValueError, ZeroDivisionError) as error:
            nan = float("nan")
            return nan, nan, f"関数が計算できなくなった({error})"
        return value, gradient, _reason(x, value, gradient)

    return evaluate


def _by_autograd(f: Callable[[Any], Any], x0: Any) -> Callable[[Any], _Evaluation]:
    if not hasattr(x0, "detach"):
        raise TypeError(
            "出発点x0はtorch.tensor(3.0)のような浮動小数点数のTensorにしてください。"
            f"数で始めるならderivativeに導関数を渡してください。渡されたもの:{x0!r}"
        )

    def evaluate(x: Any) -> _Evaluation:
        variable = x.detach().clone().requires_grad_()
        result = f(variable)
        if not hasattr(result, "backward"):
            raise TypeError(
                "fはTensorを返す関数にしてください。途中で.item()やfloat()やmathの関数を使うと、Tensorでは"
                f"なくなります。返されたもの:{result!r}"
            )
        result.backward()
        gradient = variable.grad
        if gradient is None:
            raise ValueError("fの計算にxが使われていないので、xで微分できません。")
        return result.item(), gradient, _reason(*map(_plain, (variable, result, gradient)))

    return evaluate


def _record(history: History, step: int, x: Any, value: Any, gradient: Any) -> None:
    history.steps.append(step)
    history.xs.append(_plain(x))
    history.values.append(float(value))
    history.gradients.append(_plain(gradient))


def _plain(x: Any) -> Any:
    return x.tolist() if hasattr(x, "tolist") else x


def _reason(x: Any, value: Any, gradient: Any) -> str:
    for name, number in (("x", x), ("関数の値", value), ("勾配", gradient)):
        if not all(map(isfinite, _flat(number))):
            return f"{name}がinfかnanになった"
    return ""


def _flat(number: Any) -> list[float]:
    if isinstance(number, list):
        return [leaf for part in number for leaf in _flat(part)]
    return [float(number)]
