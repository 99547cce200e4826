"""答え合わせ: 自動微分の結果を、数値微分と比べる。

微分の規則を書きまちがえても、プログラムは何も言わずに動き続ける。値だけから計算する差分は
規則を使わないので、比べれば誤りが見つかる。bibunのTensorにもtorchのTensorにも使える。
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from math import prod
from typing import Any

from bibun import backward
from bibun.numdiff import gradient
from bibun.tensor import Tensor

__all__ = ["GradcheckError", "gradcheck", "gradgradcheck", "torch_gradcheck"]


class GradcheckError(RuntimeError):
    """自動微分と数値微分が合わないときのエラー。どの入力のどの要素かと、両方の値を述べる。

    Examples
    --------
    >>> issubclass(GradcheckError, RuntimeError)
    True
    """


def gradcheck(
    f: Callable[..., Any], inputs: Any, h: float = 1e-6, atol: float = 1e-5, rtol: float = 1e-3
) -> bool:
    """fの1階の微分を、出力と入力の要素の全部の組について確かめる。

    Parameters
    ----------
    f : callable
        Tensorを受け取り、Tensorを1つ返す関数。形は何でもよい。
    inputs : Tensor or tuple
        計算する点。小数のTensorはfloat64でなければならない。ほかの値はそのままfに渡す。
    h : float
        中心差分の刻み幅。
    atol, rtol : float
        許す差。``|自動微分-数値微分| <= atol + rtol * |数値微分|``なら合格とする。

    Returns
    -------
    bool
        合格すればTrue。

    Raises
    ------
    GradcheckError
        合わない組があるとき。
    TypeError
        小数のTensorがfloat64でないとき。

    Notes
    -----
    尖った点では、合わなくてもまちがいではない(差分は左右の傾きの平均を、自動微分は約束で決めた値を返す)。
    fを、出力の要素数 × 入力の要素数の2倍と少しの回数だけ計算する。

    References
    ----------
    「数値微分」の章。

    Examples
    --------
    >>> from bibun import torch_api as torch
    >>> x = torch.tensor([0.5, 2.0], dtype=torch.float64)
    >>> gradcheck(lambda x: torch.sin(x) * x, x)
    True
    """
    points = _points(inputs)
    checked = _float64_positions(points)
    output_shape = f(*points).shape
    for i, k, exact, rough in _gradients(f, points, checked, prod(output_shape), h):
        for j, (a, n) in enumerate(zip(exact, rough, strict=True)):
            if not _close(a, n, atol, rtol):
                moved = f"入力{k}{_element(j, points[k].shape)}"
                raise _disagreement(moved, f"出力{_element(i, output_shape)}", a, n, atol, rtol)
    return True


def gradgradcheck(
    f: Callable[..., Any], inputs: Any, h: float = 1e-6, atol: float = 1e-5, rtol: float = 1e-3
) -> bool:
    """fの2階の微分を確かめる。

    `create_graph=True`で求めた勾配を1つの関数と見て、その微分を`gradcheck`で確かめる。出力の要素が
    いくつもあるときは、1、1/2、1/3、… を掛けた和の勾配を使う。

    Parameters
    ----------
    f, inputs, h, atol, rtol
        `gradcheck`と同じ。

    Returns
    -------
    bool
        合格すればTrue。

    Raises
    ------
    GradcheckError
        合わない組があるとき。
    TypeError
        小数のTensorがfloat64でないとき。

    Examples
    --------
    >>> from bibun import torch_api as torch
    >>> x = torch.tensor([0.5, 2.0], dtype=torch.float64)
    >>> gradgradcheck(lambda x: torch.sin(x) * x, x)
    True
    """
    points = _points(inputs)
    return all(
        gradcheck(_slope_of(f, k), points, h, atol, rtol) for k in _float64_positions(points)
    )


def torch_gradcheck(
    func: Callable[..., Any],
    inputs: Any,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
) -> bool:
    """`torch.autograd.gradcheck`と同じ引数、同じ文面の`gradcheck`。

    Parameters
    ----------
    func : callable
        Tensorを受け取り、Tensorを1つ返す関数。
    inputs : Tensor or tuple of Tensor
        計算する点。`requires_grad=True`のものだけを調べる。
    eps : float
        中心差分の刻み幅。
    atol, rtol : float
        許す差。`gradcheck`と同じ。
    raise_exception : bool
        不合格のとき、エラーにするか。しないなら`False`を返す。

    Returns
    -------
    bool
        合格すればTrue。

    Raises
    ------
    RuntimeError
        合わないとき(`torch.autograd.gradcheck.GradcheckError`)。
    ValueError
        `requires_grad=True`の入力がないとき。

    Warns
    -----
    UserWarning
        調べる入力がfloat64でないとき。

    Examples
    --------
    >>> from bibun import torch_api as torch
    >>> x = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
    >>> torch_gradcheck(lambda x: x * x, x)
    True
    """
    several = inputs if isinstance(inputs, tuple) else (inputs,)
    checked = [k for k, x in enumerate(several) if getattr(x, "requires_grad", False)]
    for k in checked:
        if str(several[k].dtype) != "torch.float64":
            warnings.warn(_SINGLE_PRECISION.format(k), UserWarning, stacklevel=2)
    if not checked:
        raise ValueError(
            "gradcheck expects at least one input tensor to require gradient, "
            "but none of them have requires_grad=True."
        )
    failure = _torch_failure(func, several, checked, eps, atol, rtol)
    if failure is not None and raise_exception:
        raise TorchGradcheckError(failure)
    return failure is None


TorchGradcheckError = type(
    "GradcheckError",
    (GradcheckError,),
    {"__module__": "torch.autograd.gradcheck", "__doc__": "torchと同じ名前で表示されるエラー。"},
)

_SINGLE_PRECISION = (
    "Input #{} requires gradient and is not a double precision floating point or complex. "
    "This check will likely fail if all the inputs are not of double precision floating point "
    "or complex. "
)


def _torch_failure(
    func: Callable[..., Any],
    inputs: tuple[Any, ...],
    checked: Sequence[int],
    eps: float,
    atol: float,
    rtol: float,
) -> str | None:
    """合わない入力があれば、torchの文面。"""
    points = _points(inputs)
    output = func(*inputs)
    rows: dict[int, list[tuple[list[float], list[float]]]] = {k: [] for k in checked}
    for _, k, exact, rough in _gradients(func, points, checked, output.numel(), eps):
        rows[k].append((exact, rough))
    for k in checked:
        # torchのヤコビ行列は、行が入力の要素、列が出力の要素
        analytical, numerical = (
            points[k].new_tensor([list(column) for column in zip(*matrix, strict=True)])
            for matrix in zip(*rows[k], strict=True)
        )
        pairs = zip(_flat(analytical), _flat(numerical), strict=True)
        if not output.requires_grad and any(_flat(numerical)):
            return "Numerical gradient for function expected to be zero"
        if not all(_close(a, n, atol, rtol) for a, n in pairs):
            return (
                f"Jacobian mismatch for output 0 with respect to input {k},\n"
                f"numerical:{numerical}\nanalytical:{analytical}\n"
            )
    return None


def _gradients(
    f: Callable[..., Any], points: tuple[Any, ...], checked: Sequence[int], outputs: int, h: float
) -> Iterator[tuple[int, int, list[float], list[float]]]:
    """出力の要素iと入力kの組ごとの、自動微分と数値微分による勾配。"""
    for i in range(outputs):
        element = _element_of(f, i)
        exact = _by_autograd(element, points, checked)
        for k in checked:
            rough = gradient(_in_one_input(element, points, k), points[k], h, "central")
            yield i, k, exact[k], _flat(rough)


def _close(exact: float, rough: float, atol: float, rtol: float) -> bool:
    return abs(exact - rough) <= atol + rtol * abs(rough)  # nanはいつも不合格になる


def _points(inputs: Any) -> tuple[Any, ...]:
    several = inputs if isinstance(inputs, tuple) else (inputs,)
    return tuple(x.detach() if _is_float_tensor(x) else x for x in several)


def _is_float_tensor(x: Any) -> bool:
    return hasattr(x, "requires_grad") and bool(x.dtype.is_floating_point)


def _float64_positions(points: Sequence[Any]) -> list[int]:
    """調べる入力の番号。"""
    positions = [k for k, x in enumerate(points) if _is_float_tensor(x)]
    for k in positions:
        if str(points[k].dtype) != "torch.float64":
            raise TypeError(
                f"gradcheckにはfloat64のTensorを渡してください(入力{k}は{points[k].dtype})。"
                "float32では差分の誤差が大きく、正しい微分も合いません。x.double()で直せます"
            )
    return positions


def _element_of(f: Callable[..., Any], i: int) -> Callable[..., Any]:
    return lambda *xs: f(*xs).reshape(-1)[i]


def _in_one_input(f: Callable[..., Any], points: Sequence[Any], k: int) -> Callable[[Any], Any]:
    """k番目の入力だけの関数。"""
    return lambda x: f(*points[:k], x, *points[k + 1 :])


def _by_autograd(
    f: Callable[..., Any], points: Sequence[Any], checked: Sequence[int]
) -> dict[int, list[float]]:
    """調べる入力ごとの、平らに並べた勾配。"""
    leaves = [x.clone().requires_grad_() if k in checked else x for k, x in enumerate(points)]
    output = f(*leaves)
    if output.requires_grad:
        output.backward()
    return {
        k: [0.0] * points[k].numel() if leaves[k].grad is None else _flat(leaves[k].grad)
        for k in checked
    }


def _slope_of(f: Callable[..., Any], k: int) -> Callable[..., Any]:
    """fの出力の重み付きの和の、k番目の入力による勾配を返す関数。"""

    def slope(*xs: Any) -> Any:
        xs = tuple(
            x.detach().requires_grad_() if _is_float_tensor(x) and not x.requires_grad else x
            for x in xs
        )
        output = f(*xs)
        if not output.requires_grad:
            return xs[k] * 0
        weights = output.new_tensor([1 / (i + 1) for i in range(output.numel())])
        total = (output.reshape(-1) * weights).sum()
        (result,) = _grad(total)(total, xs[k], create_graph=True, allow_unused=True)
        return xs[k] * 0 if result is None else result

    return slope


def _grad(tensor: Any) -> Any:
    """tensorを作ったエンジンの`grad`。"""
    if isinstance(tensor, Tensor):
        return backward.grad
    import torch

    return torch.autograd.grad


def _flat(tensor: Any) -> list[float]:
    flat: list[float] = tensor.reshape(-1).tolist()
    return flat


def _disagreement(
    moved: str, seen: str, exact: float, rough: float, atol: float, rtol: float
) -> GradcheckError:
    return GradcheckError(
        "自動微分と数値微分が合いません。\n"
        f"  {moved}を動かしたときの、{seen}の微分係数\n"
        f"    自動微分: {exact}\n"
        f"    数値微分: {rough}\n"
        f"  許す差は{atol} + {rtol} × |数値微分|です。"
        "使った演算の微分の規則と、点が尖った所でないかを見直してください。"
    )


def _element(position: int, shape: Sequence[int]) -> str:
    """平らな番号を、`の要素[1, 2]`の形に直す。0次元なら何も書かない。"""
    index: list[int] = []
    for size in reversed(shape):
        position, last = divmod(position, size)
        index.insert(0, last)
    return f"の要素{index}" if index else ""
