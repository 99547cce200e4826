"""乱数のTensor。種が同じなら、torchと同じ値になる。"""

from __future__ import annotations

from typing import Any

from bibun import dtypes, errors, random
from bibun.creation import size_of, with_requires_grad
from bibun.dtypes import as_dtype
from bibun.shapes import Size
from bibun.tensor import Tensor, make

__all__ = ["manual_seed", "rand", "rand_like", "randint", "randn", "randn_like", "randperm"]


def manual_seed(seed: int) -> random.Generator:
    """乱数の種を定める。

    Parameters
    ----------
    seed : int
        種。同じ種からは、いつも同じ乱数が出る。

    Examples
    --------
    >>> _ = manual_seed(0)
    >>> rand(2)
    tensor([0.4963, 0.7682])
    """
    return random.manual_seed(int(seed))


def rand(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """0以上1未満の一様乱数。

    Examples
    --------
    >>> rand(2, 3).shape
    torch.Size([2, 3])
    """
    shape, chosen = size_of("rand", size), _floating(dtype, "check_uniform_bounds")
    return with_requires_grad(
        make(random.rand(shape.numel(), chosen), shape, chosen), requires_grad, device
    )


def randn(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """平均0、分散1の正規乱数。

    Examples
    --------
    >>> _ = manual_seed(0)
    >>> randn(2)
    tensor([ 1.5410, -0.2934])
    """
    shape, chosen = size_of("randn", size), _floating(dtype, "normal_kernel_cpu")
    return with_requires_grad(
        make(random.randn(shape.numel(), chosen), shape, chosen), requires_grad, device
    )


def rand_like(
    input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """`input`と同じ形と型の一様乱数。

    Examples
    --------
    >>> rand_like(randn(2, 3)).shape
    torch.Size([2, 3])
    """
    return rand(
        input._shape, dtype=dtype or input._dtype, device=device, requires_grad=requires_grad
    )


def randn_like(
    input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """`input`と同じ形と型の正規乱数。

    Examples
    --------
    >>> randn_like(rand(2, 3)).shape
    torch.Size([2, 3])
    """
    return randn(
        input._shape, dtype=dtype or input._dtype, device=device, requires_grad=requires_grad
    )


def randint(
    *arguments: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """`low`以上`high`未満の整数の乱数。`randint(high, size)`か`randint(low, high, size)`と呼ぶ。

    Raises
    ------
    TypeError
        引数の組が合わないとき。
    RuntimeError
        `low`が`high`以上のとき。

    Examples
    --------
    >>> _ = manual_seed(0)
    >>> randint(10, (3,))
    tensor([4, 9, 3])
    """
    if len(arguments) not in (2, 3) or not isinstance(arguments[-1], (tuple, list)):
        raise errors.invalid_arguments("randint", arguments)
    low, high = (0, *arguments[:-1])[-2:]
    if low >= high:
        raise errors.empty_random_range(low, high)
    shape = size_of("randint", arguments[-1:], position=len(arguments))
    chosen = dtypes.int64 if dtype is None else as_dtype(dtype)
    values = chosen.round_all(random.randint(low, high, shape.numel()))
    return with_requires_grad(make(values, shape, chosen), requires_grad, device)


def randperm(n: int) -> Tensor:
    """0から`n - 1`までの整数を、でたらめに並べ替えたもの。

    Examples
    --------
    >>> sorted(randperm(4).tolist())
    [0, 1, 2, 3]
    """
    return make(random.randperm(n), Size((n,)), dtypes.int64)


def _floating(dtype: Any, kernel: str) -> dtypes.DType:
    chosen = dtypes.float32 if dtype is None else as_dtype(dtype)
    if not chosen.is_floating_point:
        raise errors.not_implemented_for(kernel, chosen.legacy_name)
    return chosen
