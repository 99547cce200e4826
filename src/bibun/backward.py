"""逆方向モードの自動微分: 記録を新しい順にたどり、勾配を親へ配る。

順番は、ただ「作られた順の逆」でよい。ある値を使う演算は、かならずその値よりあとに作られている。だから新しいNodeから
処理すれば、Nodeの番が来たとき、その勾配はもう出そろっている。再帰を使わないので、どれほど深いグラフでも倒れない。
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat
from operator import attrgetter
from typing import Any

from bibun import errors
from bibun.array import Storage, _version
from bibun.grad_mode import next_order, state
from bibun.node import Node
from bibun.operation import TABLE, edge, pass_on, saves_result
from bibun.shapes import SCALAR
from bibun.tensor import AutogradMeta, Tensor, make

__all__ = ["backward", "grad"]

Edge = Node | Tensor
Gradient = Tensor | float
_order = attrgetter("order")


def backward(
    tensors: Tensor | Sequence[Tensor],
    gradients: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Sequence[Tensor] | Tensor | None = None,
) -> None:
    """`tensors`を葉で微分し、結果を葉の`grad`に足し込む。`torch.autograd.backward`。

    Parameters
    ----------
    tensors : Tensor or sequence of Tensor
        微分される値。
    gradients : Tensor or sequence of Tensor, optional
        それぞれの勾配の初めの値。スカラーなら省略でき、1になる。
    retain_graph, create_graph : bool
        `Tensor.backward`と同じ。
    inputs : Tensor or sequence of Tensor, optional
        勾配を足し込む葉を限る。

    Examples
    --------
    >>> import bibun.torch_api as torch
    >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
    >>> backward([x.sum(), (x * x).sum()])
    >>> x.grad
    tensor([3., 5.])
    """
    outputs, starts = _outputs_and_starts(tensors, gradients)
    if create_graph:
        errors.warn_once(errors.CREATE_GRAPH_WARNING, stacklevel=4)
    keep = create_graph if retain_graph is None else retain_graph
    if inputs is None:
        _sweep(outputs, starts, keep, create_graph)
        return
    chosen = _as_list(inputs)
    for tensor, gradient in zip(
        chosen, _gradients_of(chosen, outputs, starts, keep, create_graph), strict=True
    ):
        if gradient is not None:
            _accumulate(tensor, tensor._meta or tensor._own_meta(), gradient, create_graph)


def grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor],
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool | None = None,
    materialize_grads: bool = False,
) -> tuple[Tensor | None, ...]:
    """`outputs`の`inputs`による微分を、`grad`に足し込まずに返す。`torch.autograd.grad`。

    Parameters
    ----------
    outputs : Tensor or sequence of Tensor
        微分される値。
    inputs : Tensor or sequence of Tensor
        微分する変数。途中の値でもよい。
    grad_outputs : Tensor or sequence of Tensor, optional
        それぞれの勾配の初めの値。スカラーなら省略でき、1になる。
    retain_graph : bool, optional
        グラフの覚えた値を残すか。省略すると`create_graph`と同じ。
    create_graph : bool
        逆伝播の計算も記録し、結果をさらに微分できるようにするか。
    allow_unused : bool, optional
        計算に使われなかった変数を許し、その勾配を`None`にするか。
    materialize_grads : bool
        `None`の代わりに0を返すか。

    Returns
    -------
    tuple of Tensor
        変数ごとの勾配。

    Raises
    ------
    RuntimeError
        `inputs`が勾配を求める対象でないとき、または使われていないとき。

    Examples
    --------
    >>> import bibun.torch_api as torch
    >>> x = torch.tensor(2.0, requires_grad=True)
    >>> (slope,) = grad(x**3, x, create_graph=True)
    >>> grad(slope, x)
    (tensor(12.),)
    """
    results, starts = _outputs_and_starts(outputs, grad_outputs)
    chosen = _as_list(inputs)
    keep = create_graph if retain_graph is None else retain_graph
    gradients = _gradients_of(chosen, results, starts, keep, create_graph)
    for index, gradient in enumerate(gradients):
        if gradient is None and not (allow_unused or materialize_grads):
            raise errors.input_not_used(index)
    if materialize_grads:
        gradients = [
            make([0.0] * t.numel(), t._shape, t._dtype) if g is None else g
            for t, g in zip(chosen, gradients, strict=True)
        ]
    return tuple(gradients)


def _as_list(tensors: Tensor | Sequence[Tensor]) -> list[Tensor]:
    return [tensors] if isinstance(tensors, Tensor) else list(tensors)


def _outputs_and_starts(
    tensors: Tensor | Sequence[Tensor], gradients: Any
) -> tuple[list[Edge], list[Tensor]]:
    """微分される値のグラフ上の位置と、そこに置く初めの勾配。"""
    outputs = _as_list(tensors)
    given: list[Any] = [None] * len(outputs) if gradients is None else _as_list(gradients)
    for index, (output, gradient) in enumerate(zip(outputs, given, strict=True)):
        if gradient is not None and not isinstance(gradient, Tensor):
            raise errors.wrong_gradient_type(gradient)
        if gradient is not None and gradient._shape != output._shape:
            raise errors.wrong_gradient_shape(index, gradient._shape, output._shape)
        if gradient is None and output.requires_grad and output.numel() != 1:
            raise errors.implicit_gradient_of_non_scalar()
    edges = []
    for index, output in enumerate(outputs):
        place = edge(output)
        if place is None:
            raise errors.output_without_grad(index)
        edges.append(place)
    starts = [
        make([1.0], output._shape, output._dtype) if gradient is None else gradient
        for output, gradient in zip(outputs, given, strict=True)
    ]
    return edges, starts


def _gradients_of(
    inputs: list[Tensor],
    outputs: list[Edge],
    starts: list[Tensor],
    retain_graph: bool,
    create_graph: bool,
) -> list[Tensor | None]:
    """選んだ変数に届く勾配。届かなければ`None`。"""
    places = [edge(tensor) for tensor in inputs]
    if any(place is None for place in places):
        raise errors.input_without_grad()
    found: dict[Edge, Tensor | None] = dict.fromkeys(places)  # type: ignore[arg-type]
    _sweep(outputs, starts, retain_graph, create_graph, found)
    return [found[place] for place in places if place is not None]


def _sweep(
    outputs: list[Edge],
    starts: list[Tensor],
    retain_graph: bool,
    create_graph: bool,
    found: dict[Edge, Tensor | None] | None = None,
) -> None:
    """1回の逆伝播。`found`があれば、葉に足し込む代わりに、その鍵に届いた勾配を書き込む。

    0次元の勾配は、記録しないあいだ、Tensorでなくただの小数で運ぶ(`Gradient`)。
    """
    arrived: dict[Any, Gradient] = {}
    nodes = _newest_first(outputs)
    useful = None if found is None else _leading_to(found, nodes)
    previous, state.enabled = state.enabled, create_graph
    try:
        for place, start in zip(outputs, starts, strict=True):
            _deliver(place, start if create_graph else _lighten(start), arrived)
        for node in nodes:
            gradient = arrived.pop(node, None)
            if gradient is None:
                continue  # 求めない枝
            if node.hooks:
                gradient = _run_hooks(node.hooks, _as_tensor(gradient, node))
                gradient = gradient if create_graph else _lighten(gradient)
            if found is not None and node in found:
                found[node] = _as_tensor(gradient, node)
            numbers = None
            if node.by_numbers and type(gradient) is float:
                numbers = _numbers(node) if node.versions else node.saved
            if numbers is None:
                _share_tensors(node, gradient, useful, create_graph, arrived)
            else:  # 規則が足し算や掛け算1回なら、ただの小数で計算しても値は同じ
                a, b = numbers
                cell = node._dtype.cell
                partials = node.operation.partials
                index = -1
                for parent in node.parents:
                    index += 1
                    if parent is None or (useful is not None and parent not in useful):
                        continue
                    partial = partials[index]
                    share = gradient
                    if partial is not pass_on:
                        cell[0] = partial(gradient, a, b)
                        share = cell[0]
                    if parent not in arrived:
                        arrived[parent] = share
                    else:
                        earlier = arrived[parent]
                        if type(earlier) is float:
                            cell[0] = earlier + share
                            arrived[parent] = cell[0]
                        else:
                            _deliver(parent, share, arrived)
            if node.versions and not retain_graph:
                node.saved = None  # 何も覚えていないNode(足し算など)は、何度でも使える
        for leaf, gradient in arrived.items():  # 残っているのは葉だけ
            meta = leaf._meta
            if found is not None or meta is None or meta.hooks:
                _arrive_at_leaf(leaf, gradient, create_graph, found)
            else:
                _accumulate(leaf, meta, gradient, create_graph)
    finally:
        state.enabled = previous


def _newest_first(outputs: list[Edge]) -> list[Node]:
    """`outputs`からたどれるNodeを、新しい順に並べる。"""
    nodes = [place for place in dict.fromkeys(outputs) if isinstance(place, Node)]
    reached = set(nodes)
    for node in nodes:  # 見つけたNodeを末尾に足しながら進む
        for parent in node.parents:
            if isinstance(parent, Node) and parent not in reached:
                reached.add(parent)
                nodes.append(parent)
    nodes.sort(key=_order)
    return nodes


def _share_tensors(
    node: Node,
    gradient: Gradient,
    useful: set[Edge] | None,
    create_graph: bool,
    arrived: dict[Edge, Gradient],
) -> None:
    """規則をTensorで計算し、勾配を親へ配る。"""
    saved = _unpack(node, create_graph)
    gradient = _as_tensor(gradient, node)
    for index, parent in enumerate(node.parents):
        if parent is not None and (useful is None or parent in useful):
            share = node.operation.partials[index](gradient, *saved)
            if share._shape != parent._shape or share._dtype is not parent._dtype:
                share = _fit(share, node, index, parent)
            _deliver(parent, share if create_graph else _lighten(share), arrived)


def _lighten(gradient: Tensor) -> Gradient:
    """0次元の勾配を、ただの小数にする。"""
    return gradient._storage if type(gradient._storage) is float else gradient


def _as_tensor(gradient: Gradient, place: Edge) -> Tensor:
    if isinstance(gradient, Tensor):
        return gradient
    return make([gradient], place._shape, place._dtype)


def _deliver(place: Edge, share: Gradient, arrived: dict[Edge, Gradient]) -> None:
    """勾配の分け前を渡す。2つ目からは足し合わせる(同じ値を2度使うと、勾配は和になる)。"""
    earlier = arrived.get(place)
    if earlier is None:
        arrived[place] = share
    elif type(earlier) is float and type(share) is float:
        arrived[place] = place._dtype.round(earlier + share)
    else:
        arrived[place] = _as_tensor(earlier, place) + _as_tensor(share, place)


def _numbers(node: Node) -> tuple[Any, Any] | None:
    """覚えた2つの値を、ただの小数にする(1回の丸めで済む規則は、値を2つまでしか覚えない)。そうできない(してはならない)ときは`None`。"""
    if node.saved is None or (node.order > state.written and not _untouched(node)):
        return None  # 手放したことや書き換えの報告は`_unpack`に任せる
    a, b = node.saved
    if type(a) is Tensor:
        if type(a._storage) is not float or a._version != node.versions[0]:
            return None
        a = a._storage
    if type(b) is Tensor:
        if type(b._storage) is not float or b._version != node.versions[1]:
            return None
        b = b._storage
    return a, b


def _untouched(node: Node) -> bool:
    """小数で覚えた値が、どれも書き換えられていないか。"""
    return node.result is None and all(
        parent is None
        or (
            parent.result is None
            if isinstance(parent, Node)
            else type(parent._storage) is float and parent._version == version
        )
        for parent, version in zip(node.parents, node.versions, strict=False)
    )


def _leading_to(found: dict[Edge, Any], nodes: list[Node]) -> set[Edge]:
    """`found`のどれかへ続くNodeだけを選ぶ。ほかの枝は計算しない。"""
    useful = set(found)
    for node in reversed(nodes):  # 古い順: 親が先
        if any(parent in useful for parent in node.parents):
            useful.add(node)
    return useful


def _unpack(node: Node, create_graph: bool) -> tuple[Any, ...]:
    """覚えた値を取り出す。もう手放していたり、書き換えられていたりすれば誤りにする。"""
    if node.saved is None:
        raise errors.graph_already_freed()
    if not node.versions:
        return node.saved
    saved = list(node.saved)
    origins: list[Edge | None] = [*node.parents, *repeat(None, len(saved) - len(node.parents))]
    if saves_result(node):
        origins[-1] = node
    for index, (value, origin) in enumerate(zip(saved, origins, strict=True)):
        if type(value) is float and origin is not None:
            saved[index] = value = _as_saved(value, origin)
        if isinstance(value, Tensor):
            version, expected = _version(value), node.versions[index]
            if version != expected:
                name = node.name() if origin is node else _writer(value)
                raise _modified(value, name, version, expected)
    if create_graph and origins[-1] is node:
        saved[-1] = saved[-1].detach()
        saved[-1]._grad_fn = node  # 結果も微分できるように、由来をつけ直す
    return tuple(saved)


def _as_saved(value: float, origin: Edge) -> Tensor:
    """小数で覚えた値を、由来のあるTensorに戻す。"""
    if isinstance(origin, Tensor):
        return origin
    tensor = make([value], SCALAR, origin._dtype)
    if origin.result is not None:
        tensor._storage = origin.result
    tensor._grad_fn = origin
    return tensor


def _writer(value: Tensor) -> str:
    """値を最後に書き換えた(書き換えがなければ、作った)演算の記録の名前。"""
    if type(value._storage) is Storage and value._storage.writer:
        return value._storage.writer
    return "" if value._grad_fn is None else value._grad_fn.name()


def _modified(value: Tensor, name: str, version: int, expected: int) -> RuntimeError:
    name = name.partition("Backward")[0]
    return errors.modified_in_place(
        value._dtype.legacy_name,
        value._shape,
        f", which is output 0 of {name}," if name else "",
        version,
        expected,
    )


def _run_hooks(hooks: dict[int, Any], gradient: Tensor) -> Tensor:
    metas = []
    for hook in list(hooks.values()):
        if isinstance(hook, AutogradMeta):
            metas.append(hook)
            continue
        replaced = hook(gradient)
        if replaced is not None:
            _check_replacement(hook, gradient, replaced)
            gradient = replaced
    for meta in metas:  # retain_grad は、ほかのフックのあとの勾配を残す
        meta.grad = gradient if meta.grad is None else meta.grad + gradient
    return gradient


def _check_replacement(hook: Any, gradient: Tensor, replaced: Any) -> None:
    """フックが返した勾配が、届いた勾配と同じ型と形か。"""
    if not isinstance(replaced, Tensor):
        raise errors.hook_returned(type(replaced).__name__)
    name = getattr(hook, "__name__", "<unknown>")
    if replaced._dtype is not gradient._dtype:
        raise errors.hook_changed_dtype(
            name, gradient._dtype.legacy_name, replaced._dtype.legacy_name
        )
    if replaced._shape != gradient._shape:
        raise errors.hook_changed_shape(name)


def _fit(contribution: Tensor, node: Node, index: int, parent: Edge) -> Tensor:
    """規則の結果を親の形と型に合わせる。ブロードキャストで引き伸ばした次元は、足し合わせて戻す。"""
    shape, target = contribution._shape, parent._shape
    missing = len(shape) - len(target)
    pairs = zip(shape[missing:], target, strict=True)
    if missing < 0 or any(goal not in (1, size) for size, goal in pairs):
        raise errors.wrong_rule_shape(node.name(), index, shape, target)
    stretched = [
        axis
        for axis, size in enumerate(shape)
        if axis < missing or (target[axis - missing] == 1 and size != 1)
    ]
    if stretched:
        contribution = contribution.sum(dim=stretched, keepdim=True)
    if contribution._shape != target:
        contribution = contribution.reshape(target)
    return contribution.to(parent._dtype)


def _arrive_at_leaf(
    leaf: Edge, gradient: Gradient, create_graph: bool, found: dict[Edge, Tensor | None] | None
) -> None:
    assert isinstance(leaf, Tensor)
    meta = leaf._meta
    if meta is not None and meta.hooks:
        gradient = _run_hooks(meta.hooks, _as_tensor(gradient, leaf))
    if found is None:
        _accumulate(leaf, meta or leaf._own_meta(), gradient, create_graph)
    elif leaf in found:
        found[leaf] = _as_tensor(gradient, leaf)


def _accumulate(leaf: Tensor, meta: AutogradMeta, gradient: Gradient, create_graph: bool) -> None:
    """葉の`grad`に足し込む。ふだんは同じTensorをその場で書き換え、高階の微分のときだけ新しく作る。"""
    earlier = meta.grad
    if earlier is None:
        meta.grad = _copy(gradient, leaf, create_graph)
    elif type(gradient) is float and type(earlier._storage) is float:
        cell = leaf._dtype.cell
        cell[0] = earlier._storage + gradient
        earlier._storage = cell[0]
        earlier._version += 1
        state.written = next_order()
    else:
        total = earlier + _as_tensor(gradient, leaf)
        if create_graph:
            meta.grad = total
        else:
            earlier._write(total._data)


def _copy(gradient: Gradient, leaf: Tensor, create_graph: bool) -> Tensor:
    """1つの勾配が2つの葉に届くことがあるので、写しを取る。"""
    if not isinstance(gradient, Tensor):
        return make([gradient], leaf._shape, leaf._dtype)
    copy = make(list(gradient._data), gradient._shape, gradient._dtype)
    if create_graph:
        TABLE["copy"].record((edge(gradient),), (gradient,), copy)
    return copy
