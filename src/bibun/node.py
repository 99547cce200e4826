"""Node: 「どの演算が、何から、この値を作ったか」の記録。

`Node`は親の`Node`を指す。値から始めて親をたどれば、計算グラフの全体になる。
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from bibun.dtypes import DType
from bibun.shapes import Size

if TYPE_CHECKING:
    from bibun.array import Storage
    from bibun.operation import Operation
    from bibun.tensor import AutogradMeta, Tensor

__all__ = ["AccumulateGrad", "Anchor", "Node", "RemovableHandle"]


class RemovableHandle:
    """登録したフックを外すための取っ手。

    Examples
    --------
    >>> import bibun.torch_api as torch
    >>> x = torch.tensor(2.0, requires_grad=True)
    >>> handle = x.register_hook(lambda grad: grad * 10)
    >>> handle.remove()
    >>> (x * 3).backward()
    >>> x.grad
    tensor(3.)
    """

    _next_key = 0

    def __init__(self, hooks: dict[int, Any], hook: Any) -> None:
        self.hooks = hooks
        self.key = RemovableHandle._next_key
        RemovableHandle._next_key += 1
        hooks[self.key] = hook

    def remove(self) -> None:
        """フックを外す。もう外れていれば何もしない。

        Examples
        --------
        >>> import bibun.torch_api as torch
        >>> x = torch.tensor(2.0, requires_grad=True)
        >>> handle = x.register_hook(print)
        >>> handle.remove()
        >>> (x * 3).backward()
        """
        self.hooks.pop(self.key, None)


class Node:
    """1回の演算の記録。Tensorの`grad_fn`がこれである。

    Attributes
    ----------
    operation : Operation
        演算。微分の規則をもつ。
    parents : tuple
        入力ごとに、途中の値ならその`Node`、葉ならそのTensor、勾配を求めないものなら`None`。
    saved : tuple or None
        規則を使うために覚えておく値。逆伝播が済むと`None`になり、記憶を手放す。勾配の要る0次元の値は、
        Tensorでなくただの小数で覚える。親と合わせれば、Tensorに戻せる。
    versions : tuple of int
        覚えたときの、その値が書き換えられた回数。何も覚えていなければ空。
    result : Storage or None
        0次元の結果が、書き換えられたか、ほかのTensorと分け合われているとき、その並び。
    by_numbers : bool
        0次元の同じ型どうしの、1回の丸めで済む演算か。そうなら、規則をただの小数で計算してよい。
    order : int
        作られた順番に-1を掛けたもの。親はかならず子より先に作られるので、この順が逆伝播の順になる。
        最後の書き換えの順番(`state.written`)より小さければ、覚えた値はどれも書き換えられていない。
    depth : int
        いちばん近い`Anchor`から何段目か。

    Examples
    --------
    >>> import bibun.torch_api as torch
    >>> y = torch.tensor(2.0, requires_grad=True).sin()
    >>> y.grad_fn.name()
    'SinBackward0'
    >>> y.grad_fn.next_functions[0][0].name()
    'torch::autograd::AccumulateGrad'
    """

    __slots__ = (
        "_dtype", "_shape", "by_numbers", "depth", "hooks", "operation", "order", "parents",
        "result", "saved", "versions",
    )  # fmt: skip

    operation: Operation
    parents: tuple[Node | Tensor | None, ...]
    saved: tuple[Any, ...] | None
    versions: tuple[int, ...]
    order: int
    depth: int
    _shape: Size
    _dtype: DType
    hooks: dict[int, Any] | None
    result: Storage | None
    by_numbers: bool

    def name(self) -> str:
        """演算の記録の名前。torchと同じもの。

        Examples
        --------
        >>> import bibun.torch_api as torch
        >>> (1 - torch.tensor(2.0, requires_grad=True)).grad_fn.name()
        'RsubBackward1'
        """
        return self.operation.node_name

    @property
    def next_functions(self) -> tuple[tuple[Node | None, int], ...]:
        """入力ごとの`(Node, 出力の番号)`。葉は`AccumulateGrad`、勾配を求めない入力は`None`になる。

        Examples
        --------
        >>> import bibun.torch_api as torch
        >>> x = torch.tensor(2.0, requires_grad=True)
        >>> [node and node.name() for node, _ in (x.sin() * 3).grad_fn.next_functions]
        ['SinBackward0', None]
        """
        return tuple(
            (parent if parent is None or isinstance(parent, Node) else parent.accumulator(), 0)
            for parent in self.parents
        )

    def register_hook(self, hook: Callable[[Any], Any] | AutogradMeta) -> RemovableHandle:
        """出力の勾配が届いたときに呼ぶ関数を登録する。

        Parameters
        ----------
        hook : callable
            勾配を受け取り、`None`か、代わりに使う勾配を返す関数。

        Examples
        --------
        >>> import bibun.torch_api as torch
        >>> x = torch.tensor(2.0, requires_grad=True)
        >>> y = x * 3
        >>> _ = y.grad_fn.register_hook(print)
        >>> y.backward()
        tensor(1.)
        """
        if self.hooks is None:
            self.hooks = {}
        return RemovableHandle(self.hooks, hook)

    def retains_for(self, meta: AutogradMeta) -> bool:
        """届いた勾配を`meta`に残すよう、頼まれているか。"""
        return self.hooks is not None and any(hook is meta for hook in self.hooks.values())

    def __repr__(self) -> str:
        return f"<{self.name().rpartition('::')[2]} object at {id(self):#x}>"


RUN = 100
"""いちばん近い`Anchor`まで、Nodeが何段続いてよいか。"""


class Anchor(Node):
    """鎖のところどころに置く、片付けを引き受けるNode。

    鎖の先頭を手放すと、Pythonは親を、その親を……と入れ子で手放す。Pyodideはこの入れ子が数千段で倒れる。
    `Anchor`は、手放すものを列に並べ、いちばん外の1回だけが列を空にする。どの道も`RUN`段ごとに`Anchor`を
    通るので、入れ子は`RUN`段より深くならない。すべてのNodeに`__del__`をもたせるより、ずっと安い。

    Examples
    --------
    >>> import bibun.torch_api as torch
    >>> x = torch.tensor(2.0, requires_grad=True)
    >>> for _ in range(2 * RUN):
    ...     x = x + 1.0
    >>> type(x.grad_fn).__name__, x.grad_fn.depth <= RUN
    ('Node', True)
    """

    __slots__ = ()

    _waiting: ClassVar[list[Any]] = []
    _busy: ClassVar[list[bool]] = [False]

    def __del__(self, waiting: list[Any] = _waiting, busy: list[bool] = _busy) -> None:
        waiting.append((self.parents, self.saved))
        self.parents, self.saved = (), None  # 列だけが持つようにする。残すと、ここから入れ子が続く
        if not busy[0]:
            busy[0] = True
            while waiting:
                waiting.pop()
            busy[0] = False


class AccumulateGrad(Node):
    """葉のTensorへ勾配を足し込む場所。計算グラフの行き止まりに立つ。

    Examples
    --------
    >>> import bibun.torch_api as torch
    >>> x = torch.tensor(2.0, requires_grad=True)
    >>> (x * 3).grad_fn.next_functions[0][0].variable is x
    True
    """

    __slots__ = ("__weakref__", "variable")

    def __init__(self, variable: Tensor) -> None:
        self.variable = variable
        self.parents = ()
        self.saved = ()
        self._shape = variable._shape
        self._dtype = variable._dtype
        self.hooks = None
        self.depth = 0

    def name(self) -> str:
        return "torch::autograd::AccumulateGrad"
