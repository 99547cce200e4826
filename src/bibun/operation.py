"""演算: 値の計算と、微分の規則を1組にしたもの。規則の表`TABLE`はこの組の並びである。

規則の書き方
------------
規則は、入力ごとに1つの関数で、**Tensorの式**として書く。引数は「届いた勾配`g`」「演算に渡した引数」「結果`y`」の順で、
**下線で始まる名前は「使わない」**の意味になる。使う値だけがNodeに覚えられる。たとえば掛け算は

    (lambda g, _a, b: g * b, lambda g, a, _b: g * a)

と書く。`a`の勾配に要るのは`b`だけなので、`a * 2`では`a`を覚えない。式がTensorの演算だけでできているので、
記録しながら実行すれば(`create_graph=True`)、そのまま2階の微分になる。
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, wraps
from typing import Any, TypeVar

from bibun import errors
from bibun.array import _version
from bibun.grad_mode import next_order, state
from bibun.node import RUN, Anchor, Node
from bibun.tensor import Tensor, ViewMeta, make

__all__ = ["FUNCTIONS", "TABLE", "Operation", "define", "method"]

Partial = Callable[..., Any]
_Function = TypeVar("_Function", bound=Callable[..., Any])
TABLE: dict[str, Operation] = {}
"""演算の名前から演算へ。微分の規則は、すべてこの1つの表にある。"""

FUNCTIONS: dict[str, Callable[..., Any]] = {}
"""`torch.sin`のように、Tensorを第1引数に取る関数。Tensorのメソッドと同じもの。"""


UNCHANGED = [(0,) * count for count in range(10)]
"""まだ書き換えられていない値のversion。どのNodeもこれを指し、記憶を節約する。"""


class Operation:
    """値の計算`forward`と、入力ごとの微分の規則`partials`の組。

    Parameters
    ----------
    name : str
        表の中の名前。
    node_name : str
        記録の名前(torchの`grad_fn`と同じもの)。
    forward : callable
        引数から、記録のない結果のTensorを作る関数。
    partials : tuple of callable
        入力ごとの規則。空なら微分できない。
    formula : str
        規則の式。`ḡ`は届いた勾配。
    kinks : str
        微分できない点や定義域の端で、どの値を返すか。
    source : str
        規則の出どころ。
    single_rounding : bool
        0次元なら、規則をただの小数で計算してから1回丸めても、Tensorで計算したのと同じ値になるか。

    Examples
    --------
    >>> from bibun.rules import TABLE
    >>> TABLE["sin"].formula
    'ḡ cos x'
    """

    __slots__ = (
        "arguments", "formula", "forward", "keeps", "kinks", "name", "node_name", "partials",
        "single_rounding", "source",
    )  # fmt: skip

    def __init__(
        self,
        name: str,
        node_name: str,
        forward: Callable[..., Tensor],
        partials: Sequence[Partial],
        *,
        formula: str,
        kinks: str = "",
        source: str = "",
        single_rounding: bool = False,
    ) -> None:
        self.name = name
        self.node_name = node_name
        self.forward = forward
        self.partials = tuple(partials)
        self.formula = formula
        self.kinks = kinks
        self.source = source
        self.single_rounding = single_rounding
        self.arguments = [parameter_names(partial)[1:] for partial in self.partials]
        self.keeps = cache(self._keeps)

    def _keeps(self, *needed: bool) -> tuple[bool, ...]:
        """勾配の要る入力が`needed`のとき、引数と結果のうち、どれを覚えておくか。"""
        used = [names for names, need in zip(self.arguments, needed, strict=True) if need]
        return tuple(
            any(not name.startswith("_") for name in names) for names in zip(*used, strict=True)
        )

    def __call__(self, *arguments: Any) -> Tensor:
        """演算を実行し、勾配の要る入力があれば、結果に記録を付ける。"""
        result = self.forward(*arguments)
        if state.enabled and result._dtype.is_floating_point:
            parents = tuple([edge(argument) for argument in arguments[: len(self.partials)]])
            if parents.count(None) < len(parents):
                self.record(parents, arguments, result)
        return result

    def record(
        self, parents: tuple[Node | Tensor | None, ...], arguments: Sequence[Any], result: Tensor
    ) -> None:
        """結果のTensorに、親と、覚えておく値を書いたNodeを付ける。"""
        keeps = self.keeps(*[parent is not None for parent in parents])
        count = len(self.partials)
        saved: list[Any] = []
        versions: list[int] = []
        holds = False
        for index, keep in enumerate(keeps):
            value, version = None, 0
            if keep:  # 引数の次は結果`y`。結果そのものを覚えると循環するので、写しを覚える
                is_result = index == len(arguments)
                value = _lightest(result) if is_result else arguments[index]
                if isinstance(value, Tensor):
                    version = _version(value)
                    holds = True
                    if index < count and parents[index] is not None:
                        value = value._storage if type(value._storage) is float else value
                elif is_result:
                    holds = True
                elif index < count:
                    value = result._dtype.round(value)  # 数は、計算に使った型に丸めて覚える
                    holds = True
            saved.append(value)
            versions.append(version)
        depth = -1
        for parent in parents:
            if isinstance(parent, Node) and parent.depth > depth:
                depth = parent.depth
        seen = tuple(versions) if any(versions) else UNCHANGED[len(versions)]
        self.link(result, parents, tuple(saved), seen if holds else (), depth)

    def link(
        self,
        result: Tensor,
        parents: tuple[Node | Tensor | None, ...],
        saved: tuple[Any, ...],
        versions: tuple[int, ...],
        depth: int,
        by_numbers: bool = False,
    ) -> None:
        """結果にNodeを付ける。`depth`は、親の`depth`の最大(親がどれも葉なら-1)。"""
        node = Node() if depth < RUN else Anchor()
        node.depth = depth + 1 if depth < RUN else 0
        node.operation = self
        node.parents = parents
        node.saved = saved
        node.versions = versions
        node.order = next_order()
        node._shape = result._shape
        node._dtype = result._dtype
        node.hooks = None
        node.result = None
        node.by_numbers = by_numbers
        result._grad_fn = node

    def with_partials(self, partials: Sequence[Partial]) -> Operation:
        """入力の個数が呼ぶたびに違う演算のために、規則だけを差し替えた演算を作る。"""
        return Operation(
            self.name,
            self.node_name,
            self.forward,
            partials,
            formula=self.formula,
            kinks=self.kinks,
            source=self.source,
            single_rounding=self.single_rounding,
        )

    def __repr__(self) -> str:
        return f"<Operation {self.name}: {self.formula}>"


def _lightest(result: Tensor) -> Tensor | float:
    """結果の写し。0次元の小数はその値、ほかは、同じ値をもち由来をもたないTensor。"""
    storage = result._storage
    return storage if type(storage) is float else result.detach()


def parameter_names(function: Callable[..., Any]) -> tuple[str, ...]:
    code = function.__code__
    return tuple(code.co_varnames[: code.co_argcount])


def edge(argument: Any) -> Node | Tensor | None:
    """引数が計算グラフのどこにつながるか。途中の値はNode、葉はTensor自身、それ以外は`None`。

    Examples
    --------
    >>> import bibun.torch_api as torch
    >>> x = torch.tensor(2.0, requires_grad=True)
    >>> edge(x) is x, edge(x * 2).name(), edge(1.0)
    (True, 'MulBackward0', None)
    """
    if not isinstance(argument, Tensor):
        return None
    meta = argument._meta
    # viewは、もとのTensorが書き換えられているかもしれないので、確かめてから読む
    node = argument.grad_fn if type(meta) is ViewMeta else argument._grad_fn
    if node is not None:
        return node
    return argument if meta is not None and meta.requires_grad else None


def define(operation: Operation) -> Operation:
    """演算を表に載せる。

    Raises
    ------
    ValueError
        同じ名前の演算がもうあるとき。
    """
    if operation.name in TABLE:
        raise ValueError(f"演算 {operation.name} は、もう表にあります。別の名前にしてください。")
    if operation.name in VIEWS:
        operation.forward = _remembering_base(operation.forward)
    TABLE[operation.name] = operation
    return operation


def _remembering_base(forward: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def viewed(x: Tensor, *arguments: Any) -> Tensor:
        view = forward(x, *arguments)
        view._meta = ViewMeta(x)
        return view

    return viewed


OVERLOADED = {"eq", "ne", "lt", "le", "gt", "ge", "max", "min"}
"""引数の組み合わせが何通りもある関数。合わない引数に、torchは違う文面で答える。"""


def method(function: _Function) -> _Function:
    """関数を、Tensorのメソッドとしても、`torch`の関数としても呼べるようにする。

    Examples
    --------
    >>> import bibun.torch_api as torch
    >>> @method
    ... def double_of(x):
    ...     return x * 2
    >>> torch.tensor(3.0).double_of(), torch.double_of(torch.tensor(3.0))
    (tensor(6.), tensor(6.))
    """
    name = function.__name__

    @wraps(function)
    def checked(*arguments: Any, **keywords: Any) -> Any:
        if "input" in keywords:
            arguments = (keywords.pop("input"), *arguments)
        if not arguments:
            raise errors.missing_argument(name, "input")
        if not isinstance(arguments[0], Tensor):
            if name in OVERLOADED:
                raise errors.invalid_arguments(name, arguments)
            raise errors.must_be_tensor(name, "input", 1, arguments[0])
        return function(*arguments, **keywords)

    FUNCTIONS[name] = checked
    attach(name, function)
    return function


def pass_on(g: Any, _a: Any, _b: Any) -> Any:
    """届いた勾配をそのまま渡す規則(足し算)。"""
    return g


def gate(g: Any, condition: Any) -> Any:
    """条件が真のところだけ勾配`g`を通し、ほかを0にする。0を掛けるのと違い、無限大も止める。

    Examples
    --------
    >>> gate(3.0, True), gate(float("inf"), False)
    (3.0, 0.0)
    """
    if isinstance(g, Tensor):
        return g.where(condition, 0.0)
    return g if condition else 0.0


def no_gradient(g: Tensor) -> Tensor:
    """どこでも0の勾配。0を掛けるのと違い、無限大やnanが届いても0になる。

    Examples
    --------
    >>> import bibun.torch_api as torch
    >>> no_gradient(torch.tensor([1.0, float("nan")]))
    tensor([0., 0.])
    """
    return make([0.0] * g._shape.numel(), g._shape, g._dtype)


VIEWS: set[str] = set()
"""結果が入力と同じ並びを指す演算の名前。演算を表に載せる前に加えると、結果は入力を`ViewMeta`に覚える。"""


def saves_result(node: Node) -> bool:
    """Nodeが「結果」を覚えているか(覚えていれば、`saved`の最後にある)。

    Examples
    --------
    >>> import bibun.torch_api as torch
    >>> x = torch.tensor(2.0, requires_grad=True)
    >>> saves_result(x.exp().grad_fn), saves_result(x.sin().grad_fn)
    (True, False)
    """
    if not node.saved or not node.operation.arguments or node.saved[-1] is None:
        return False
    return node.operation.arguments[0][len(node.saved) - 1].lstrip("_") == "y"


def attach(name: str, attribute: Any) -> None:
    """Tensorに、名前`name`のメソッドやプロパティを足す。"""
    setattr(Tensor, name, attribute)


def function(function: _Function) -> _Function:
    """関数を、`torch`の関数としてだけ呼べるようにする(第1引数がTensorでないもの)。"""
    FUNCTIONS[function.__name__] = function
    return function
