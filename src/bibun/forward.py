"""順方向モードの自動微分: 計算の向きに、値と接線値を一緒に運ぶ。

`Dual`は数1つ分の順方向モードを、二重数として目に見える形にしたもの。`jvp`はTensorの関数に対して、
記録された計算グラフを古い順にたどる。どちらも、入力を1つの方向に動かしたとき出力がどう動くかを、
1回たどるだけで求める。
"""

from __future__ import annotations

import math
from collections.abc import Callable

from bibun.arguments import Tensors, as_tensors, call, fresh_leaves, vectors_like, zeros_like
from bibun.backward import _fit, _unpack, grad
from bibun.grad_mode import enable_grad
from bibun.rules import scalar
from bibun.tensor import Node, Tensor, make

__all__ = ["Dual", "jvp"]


class Dual:
    """二重数x + ẋε(ただし ε² = 0)。値xと接線値 ẋ を組にした数。

    四則演算と関数を、値には普通に、接線値には微分の規則で行う。`Dual(x, 1.0)`を関数に渡せば、
    結果の接線値が微分係数になる。関数はTensorと同じ名前のメソッドなので、`x.sin()`のように書いた
    関数はTensorにも二重数にも使える。

    Parameters
    ----------
    value : float
        値。
    tangent : float
        接線値。微分する変数なら1、定数なら0。

    References
    ----------
    W. K. Clifford, "Preliminary Sketch of Biquaternions", 1873。「逆伝播」の章。

    Examples
    --------
    >>> def f(x):
    ...     return x**2 + 4 * x + 3
    >>> f(Dual(2.0, 1.0))
    Dual(15.0, 8.0)
    >>> f(2.0)
    15.0
    """

    __slots__ = ("tangent", "value")

    def __init__(self, value: float, tangent: float = 0.0) -> None:
        self.value = float(value)
        self.tangent = float(tangent)

    def __repr__(self) -> str:
        return f"Dual({self.value}, {self.tangent})"

    # --- 四則演算 ---

    def __add__(self, other: Dual | float) -> Dual:
        other = _dual(other)
        return Dual(self.value + other.value, self.tangent + other.tangent)

    __radd__ = __add__

    def __sub__(self, other: Dual | float) -> Dual:
        return self + -_dual(other)

    def __rsub__(self, other: float) -> Dual:
        return -self + other

    def __mul__(self, other: Dual | float) -> Dual:
        other = _dual(other)
        x, y = self.value, other.value
        return Dual(x * y, self.tangent * y + x * other.tangent)

    __rmul__ = __mul__

    def __truediv__(self, other: Dual | float) -> Dual:
        return self * _dual(other).reciprocal()

    def __rtruediv__(self, other: float) -> Dual:
        return self.reciprocal() * other

    def __neg__(self) -> Dual:
        return Dual(-self.value, -self.tangent)

    def __pow__(self, other: Dual | float) -> Dual:
        other = _dual(other)
        x, y = self.value, other.value
        z = scalar.power(x, y)
        tangent = y * scalar.power(x, y - 1) * self.tangent if y else 0.0
        if other.tangent and z:  # 指数が定数なら、底が負でもよい
            tangent += z * scalar.log(x) * other.tangent
        return Dual(z, tangent)

    def __rpow__(self, other: float) -> Dual:
        return Dual(other) ** self

    # --- 比較: 値だけを比べる。枝分かれは値で決まり、接線値は通った道の分だけが残る ---

    def __lt__(self, other: Dual | float) -> bool:
        return self.value < _dual(other).value

    def __gt__(self, other: Dual | float) -> bool:
        return self.value > _dual(other).value

    def __le__(self, other: Dual | float) -> bool:
        return self.value <= _dual(other).value

    def __ge__(self, other: Dual | float) -> bool:
        return self.value >= _dual(other).value

    # --- 関数 ---

    def _through(self, value: float, slope: float) -> Dual:
        """傾きslopeの関数を通す。接線値は傾き倍になる(連鎖律)。"""
        return Dual(value, slope * self.tangent)

    def reciprocal(self) -> Dual:
        """1/x。傾きは-1/x²。

        Examples
        --------
        >>> Dual(2.0, 1.0).reciprocal()
        Dual(0.5, -0.25)
        """
        y = scalar.reciprocal(self.value)
        return self._through(y, -y * y)

    def exp(self) -> Dual:
        """指数関数。傾きはeˣ。

        Examples
        --------
        >>> Dual(0.0, 1.0).exp()
        Dual(1.0, 1.0)
        """
        y = scalar.exp(self.value)
        return self._through(y, y)

    def log(self) -> Dual:
        """自然対数。傾きは1/x。x = 0では値が-inf、傾きがinf。

        Examples
        --------
        >>> Dual(2.0, 1.0).log()
        Dual(0.6931471805599453, 0.5)
        """
        return self._through(scalar.log(self.value), scalar.reciprocal(self.value))

    def sin(self) -> Dual:
        """正弦。傾きはcos x。

        Examples
        --------
        >>> Dual(0.0, 1.0).sin()
        Dual(0.0, 1.0)
        """
        return self._through(scalar.sin(self.value), scalar.cos(self.value))

    def cos(self) -> Dual:
        """余弦。傾きは-sin x。

        Examples
        --------
        >>> Dual(0.0, 1.0).cos()
        Dual(1.0, -0.0)
        """
        return self._through(scalar.cos(self.value), -scalar.sin(self.value))

    def tanh(self) -> Dual:
        """双曲線正接。傾きは1 - tanh² x。

        Examples
        --------
        >>> Dual(0.0, 1.0).tanh()
        Dual(0.0, 1.0)
        """
        y = math.tanh(self.value)
        return self._through(y, 1 - y * y)

    def sqrt(self) -> Dual:
        """平方根。傾きは1/(2√x)。x = 0では傾きがinf。

        Examples
        --------
        >>> Dual(4.0, 1.0).sqrt()
        Dual(2.0, 0.25)
        """
        y = scalar.sqrt(self.value)
        return self._through(y, scalar.reciprocal(2 * y))

    def sigmoid(self) -> Dual:
        """シグモイド関数1/(1+e⁻ˣ)。傾きはy(1-y)。

        Examples
        --------
        >>> Dual(0.0, 1.0).sigmoid()
        Dual(0.5, 0.25)
        """
        y = scalar.sigmoid(self.value)
        return self._through(y, y * (1 - y))

    def relu(self) -> Dual:
        """負を0にする関数。傾きはx > 0なら1、x ≤ 0なら0(尖った点0でも0)。

        Examples
        --------
        >>> Dual(-3.0, 1.0).relu()
        Dual(0.0, 0.0)
        """
        return self._through(scalar.relu(self.value), float(self.value > 0))

    def abs(self) -> Dual:
        """絶対値。傾きはxの符号(尖った点0では0)。

        Examples
        --------
        >>> Dual(-3.0, 1.0).abs()
        Dual(3.0, -1.0)
        """
        return self._through(abs(self.value), scalar.sign(self.value))

    __abs__ = abs


def jvp(
    f: Callable[..., Tensor], inputs: Tensors, v: Tensors | None = None
) -> tuple[Tensor, Tensor]:
    """fの値と、入力をvの向きに動かしたときのfの動き(ヤコビ行列とベクトルの積)を求める。

    Parameters
    ----------
    f : callable
        Tensor(何個でもよい)を受け取り、Tensorを1つ返す関数。
    inputs : Tensor or tuple of Tensor
        計算する点。
    v : Tensor or tuple of Tensor, optional
        入力それぞれの接線値。形は入力と同じ。要素が1つの入力が1つだけなら省略でき、1になる。

    Returns
    -------
    output : Tensor
        fの値。
    tangent : Tensor
        出力の接線値。形はoutputと同じ。

    Raises
    ------
    TypeError
        入力や出力がTensorでないとき。
    RuntimeError
        vの形が入力と合わないとき。省略できないのに省略したとき。

    Notes
    -----
    計算を記録し、記録の古い順に接線値を運ぶ。手間は、出力の個数にも入力の個数にもよらず、fの計算の
    定数倍。逆伝播の規則x̄ = Jᵀȳ は ȳ について線形なので、それをもう一度微分したJẋ が接線値の規則になる。
    尖った点での値は、逆伝播と同じ約束に従う。

    References
    ----------
    「逆伝播」の章。A. Griewank and A. Walther, *Evaluating Derivatives*, 2nd ed., 2008。

    Examples
    --------
    >>> from bibun import torch_api as torch
    >>> x = torch.tensor([1.0, 2.0, 3.0])
    >>> jvp(lambda x: x**2, x, torch.tensor([0.0, 1.0, 0.0]))
    (tensor([1., 4., 9.]), tensor([0., 4., 0.]))
    """
    points = as_tensors(inputs, "jvp", "inputs")
    tangents = vectors_like(points, v, "jvp")
    leaves = fresh_leaves(points)
    output = call(f, leaves, "jvp")
    moved: dict[Node | Tensor, Tensor] = dict(zip(leaves, tangents, strict=True))
    for node in _oldest_first(output):
        moved[node] = _push(node, moved)
    last = output.grad_fn or output
    return output.detach(), moved[last].detach() if last in moved else zeros_like(output)


def _dual(value: Dual | float) -> Dual:
    return value if isinstance(value, Dual) else Dual(value)


def _oldest_first(output: Tensor) -> list[Node]:
    """outputに至る記録を、計算された順に並べたもの。"""
    stack: list[Node | Tensor | None] = [output.grad_fn]
    seen: set[Node] = set()
    while stack:
        node = stack.pop()
        if isinstance(node, Node) and node not in seen:
            seen.add(node)
            stack.extend(node.parents)
    return sorted(seen, key=lambda node: -node.order)


def _push(node: Node, moved: dict[Node | Tensor, Tensor]) -> Tensor:
    """入力の接線値から、この演算の出力の接線値を作る。

    逆伝播の規則は届いた勾配について線形なので、規則の結果をもう一度逆伝播すると、向きが元に戻る。
    """
    upstream = make([0.0] * node._shape.numel(), node._shape, node._dtype).requires_grad_()
    saved = [s.detach() if isinstance(s, Tensor) else s for s in _unpack(node, False)]
    pulled, tangents = [], []
    for index, parent in enumerate(node.parents):
        if parent in moved:
            with enable_grad():
                gradient = node.operation.partials[index](upstream, *saved)
                gradient = _fit(gradient, node, index, parent)
            if gradient.requires_grad:  # 傾きがどこでも0の規則はupstreamを使わない
                pulled.append(gradient)
                tangents.append(moved[parent])
    if not pulled:
        return zeros_like(upstream)
    (tangent,) = grad(pulled, upstream, tangents)
    assert tangent is not None  # pulledはどれもupstreamから計算されている
    return tangent
