"""関数としての微分: 関数と点を受け取り、勾配、ヤコビ行列、ヘッセ行列を返す。

名前と引数は`torch.autograd.functional`と同じで、`grad`には何も足し込まない。`jvp`は`forward`の
順方向モードで、ほかはどれも逆方向モードで計算する。
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bibun.arguments import (
    OUTPUT,
    Tensors,
    as_tensors,
    call,
    fresh_leaves,
    vectors_like,
    zeros_like,
)
from bibun.backward import grad
from bibun.forward import jvp
from bibun.shapes import Size
from bibun.tensor import Tensor, make

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vjp"]


def vjp(
    f: Callable[..., Tensor], inputs: Tensors, v: Tensor | None = None
) -> tuple[Tensor, Tensors]:
    """fの値と、ベクトルとヤコビ行列の積vᵀJを、1回の逆伝播で求める。

    Parameters
    ----------
    f : callable
        Tensor(何個でもよい)を受け取り、Tensorを1つ返す関数。
    inputs : Tensor or tuple of Tensor
        計算する点。
    v : Tensor, optional
        出力に掛けるベクトル。形は出力と同じ。出力の要素が1つなら省略でき、1になる。

    Returns
    -------
    output : Tensor
        fの値。
    gradient : Tensor or tuple of Tensor
        入力それぞれのv·fの勾配。形はinputsと同じ。

    Raises
    ------
    TypeError
        入力や出力がTensorでないとき。
    RuntimeError
        vの形が出力と合わないとき。省略できないのに省略したとき。

    References
    ----------
    「逆伝播」の章。

    Examples
    --------
    >>> from bibun import torch_api as torch
    >>> vjp(lambda x: x**2, torch.tensor([1.0, 2.0]), torch.tensor([0.0, 1.0]))
    (tensor([1., 4.]), tensor([0., 4.]))
    """
    points = as_tensors(inputs, "vjp", "inputs")
    leaves = fresh_leaves(points)
    output = call(f, leaves, "vjp")
    (weight,) = vectors_like((output,), v, "vjp", OUTPUT)
    gradients = _gradients(output, leaves, weight)
    return output.detach(), _like(inputs, gradients)


def jacobian(f: Callable[..., Tensor], inputs: Tensors) -> Tensors:
    """ヤコビ行列(出力の各要素の、入力の各要素による偏微分係数)を求める。

    Parameters
    ----------
    f : callable
        Tensor(何個でもよい)を受け取り、Tensorを1つ返す関数。
    inputs : Tensor or tuple of Tensor
        計算する点。

    Returns
    -------
    Tensor or tuple of Tensor
        入力ごとの、形が「出力の形 + 入力の形」のTensor。

    Raises
    ------
    TypeError
        入力や出力がTensorでないとき。

    Notes
    -----
    出力の要素ごとに1行を、1回の逆伝播で求める。手間は出力の要素数に比例する。

    References
    ----------
    「逆伝播」の章。

    Examples
    --------
    >>> from bibun import torch_api as torch
    >>> jacobian(lambda x: x**2, torch.tensor([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 4.]])
    """
    leaves = fresh_leaves(as_tensors(inputs, "jacobian", "inputs"))
    return _like(inputs, _jacobian_blocks(call(f, leaves, "jacobian"), leaves))


def hessian(f: Callable[..., Tensor], inputs: Tensors) -> Tensor | tuple[tuple[Tensor, ...], ...]:
    """ヘッセ行列(1つの数を返す関数の、2階の偏微分係数)を求める。

    Parameters
    ----------
    f : callable
        Tensor(何個でもよい)を受け取り、要素が1つのTensorを返す関数。
    inputs : Tensor or tuple of Tensor
        計算する点。

    Returns
    -------
    Tensor or tuple of tuple of Tensor
        形が「入力の形 + 入力の形」のTensor。入力がtupleなら、その組ごとの表。

    Raises
    ------
    TypeError
        入力や出力がTensorでないとき。
    RuntimeError
        出力の要素が1つでないとき。

    Notes
    -----
    勾配を求める計算も記録して、もう一度微分する。手間は入力の要素数に比例する。

    Examples
    --------
    >>> from bibun import torch_api as torch
    >>> hessian(lambda x: x[0] ** 2 * x[1], torch.tensor([1.0, 2.0]))
    tensor([[4., 2.],
            [2., 0.]])
    """
    leaves = fresh_leaves(as_tensors(inputs, "hessian", "inputs"))
    output = _single_element(call(f, leaves, "hessian"), "hessian")
    rows = [_jacobian_blocks(g, leaves) for g in _gradients(output, leaves, create_graph=True)]
    return rows[0][0] if isinstance(inputs, Tensor) else tuple(rows)


def hvp(
    f: Callable[..., Tensor], inputs: Tensors, v: Tensors | None = None
) -> tuple[Tensor, Tensors]:
    """fの値と、ヘッセ行列とベクトルの積Hvを、ヘッセ行列を作らずに求める。

    Parameters
    ----------
    f : callable
        Tensor(何個でもよい)を受け取り、要素が1つのTensorを返す関数。
    inputs : Tensor or tuple of Tensor
        計算する点。
    v : Tensor or tuple of Tensor, optional
        入力それぞれに掛けるベクトル。要素が1つの入力が1つだけなら省略でき、1になる。

    Returns
    -------
    output : Tensor
        fの値。
    product : Tensor or tuple of Tensor
        Hv。形はinputsと同じ。

    Raises
    ------
    TypeError
        入力や出力がTensorでないとき。
    RuntimeError
        出力の要素が1つでないとき。vの形が入力と合わないとき、省略できないのに省略したとき。

    Notes
    -----
    勾配とvの内積を、もう一度逆伝播する。手間は入力の要素数によらず、fの計算の定数倍。

    References
    ----------
    B. A. Pearlmutter, "Fast Exact Multiplication by the Hessian", 1994。

    Examples
    --------
    >>> from bibun import torch_api as torch
    >>> x, v = torch.tensor([1.0, 2.0]), torch.tensor([1.0, 0.0])
    >>> hvp(lambda x: x[0] ** 2 * x[1], x, v)
    (tensor(2.), tensor([4., 2.]))
    """
    points = as_tensors(inputs, "hvp", "inputs")
    vectors = vectors_like(points, v, "hvp")
    leaves = fresh_leaves(points)
    output = _single_element(call(f, leaves, "hvp"), "hvp")
    gradients = _gradients(output, leaves, create_graph=True)
    products = [zeros_like(leaf) for leaf in leaves]
    for gradient, vector in zip(gradients, vectors, strict=True):
        contributions = _gradients(gradient, leaves, vector)
        products = [p + c for p, c in zip(products, contributions, strict=True)]
    return output.detach(), _like(inputs, products)


def _single_element(output: Tensor, function: str) -> Tensor:
    if output.numel() != 1:
        raise RuntimeError(
            f"The Tensor returned by the function given to {function} should contain "
            "a single element"
        )
    return output


def _gradients(
    output: Tensor,
    leaves: Sequence[Tensor],
    weight: Tensor | None = None,
    *,
    create_graph: bool = False,
) -> list[Tensor]:
    """葉ごとの勾配。outputによらない葉の勾配は0。"""
    if not output.requires_grad:
        return [zeros_like(leaf) for leaf in leaves]
    gradients = grad(
        output, leaves, weight, retain_graph=True, create_graph=create_graph, materialize_grads=True
    )
    return [gradient for gradient in gradients if gradient is not None]


def _jacobian_blocks(output: Tensor, leaves: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """outputの要素ごとに1回逆伝播し、その行を葉ごとに積み重ねる。"""
    rows = [_gradients(element, leaves) for element in output.reshape(-1)]
    return tuple(
        make(
            [number for row in rows for number in row[i]._data],
            Size((*output.shape, *leaf.shape)),
            leaf.dtype,
        )
        for i, leaf in enumerate(leaves)
    )


def _like(inputs: Tensors, results: Sequence[Tensor]) -> Tensors:
    """inputsがTensorならTensor、tupleならtuple。"""
    return results[0] if isinstance(inputs, Tensor) else tuple(results)
