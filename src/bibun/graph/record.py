"""Tensorが覚えている計算の記録(``grad_fn``)を、値と辺に読みとる。PyTorchでもbibunでも同じ道を通る。"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from bibun.grad_mode import no_grad
from bibun.graph.parts import Edge, GraphError, Value
from bibun.tensor import Node, Tensor, make

__all__ = ["read"]

SYMBOLS = {
    "Add": "+",
    "Sub": "−",
    "Rsub": "−",
    "Mul": "×",
    "Div": "÷",
    "Neg": "−",
    "Mm": "@",
    "Mv": "@",
    "Dot": "·",
    "Reciprocal": "1/",
}

# torchの記録は、Pythonから一度でも触れると、片付けるときに親から親へ入れ子で片付けられる。torch 2.13では
# 5万段の鎖でプロセスごと落ちる(3万段までは落ちなかった)。触れる数を、その前に限る。
TORCH_LIMIT = 10_000

# 記録のノードと、その何番目の出力か。1つの演算が2つ以上の値を返すことがある(splitなど)。
_Key = tuple[int, int]
_Partials = Callable[[Any, int], Sequence["float | None"]]


def read(
    tensor: Any, names: Mapping[str, Any], operations: Mapping[str, str]
) -> tuple[list[Value], list[Edge]]:
    """``tensor``の記録をたどり、値(使われる側が先)と辺を返す。

    引数と例外は``Graph.from_tensor``と同じ。
    """
    if getattr(tensor, "grad_fn", None) is None:
        raise GraphError(
            "この値にはgrad_fnがなく、たどれる記録がありません。requires_grad=TrueのTensorから"
            f"計算した結果を渡してください。渡されたもの:{tensor!r}"
        )
    own = isinstance(tensor, Tensor)
    partials_of = _bibun_partials if own else _torch_partials
    records = _collect(tensor, math.inf if own else TORCH_LIMIT)
    labels = _labels(records, names)
    for name in operations:
        if name not in names:
            raise GraphError(f"operationsの「{name}」は、namesにない名前です。")
    values, edges = [], []
    for key, record in records.items():
        name = labels[key]
        if hasattr(record, "variable"):
            values.append(Value(name, None, _plain(record.variable)))
            continue
        operation = operations.get(name, _symbol(record))
        values.append(Value(name, operation, _plain(names[name]) if name in names else None))
        for (parent, index), partial in zip(
            record.next_functions, partials_of(record, key[1]), strict=True
        ):
            if parent is not None:
                edges.append(Edge(labels[id(parent), index], name, partial))
    return values, edges


def _collect(tensor: Any, limit: float) -> dict[_Key, Any]:
    """記録のノードを、使われる側が先に来る順に集める(再帰なしの深さ優先探索)。"""
    records: dict[_Key, Any] = {}
    root = (tensor.grad_fn, getattr(tensor, "output_nr", 0))
    opened: set[_Key] = set()
    # torchはnext_functionsを読むと、Pythonから見える殻を作って返す。殻がrecordsかpendingの中で
    # 生きている間は、同じ記録の殻は同じidをもつ。
    pending = [root]
    while pending:
        record, index = pending[-1]
        key = (id(record), index)
        if key in opened:
            pending.pop()
            records.setdefault(key, record)
            continue
        opened.add(key)
        if len(opened) > limit:
            raise GraphError(
                f"計算の記録が{limit}個を超えています。もっと小さな計算から計算グラフを作ってください。"
            )
        for parent, parent_index in reversed(record.next_functions):
            if parent is not None and (id(parent), parent_index) not in opened:
                pending.append((parent, parent_index))
    return records


def _labels(records: Mapping[_Key, Any], names: Mapping[str, Any]) -> dict[_Key, str]:
    leaves = {id(r.variable): key for key, r in records.items() if hasattr(r, "variable")}
    labels: dict[_Key, str] = {}
    for name, tensor in names.items():
        if not isinstance(name, str) or not hasattr(tensor, "grad_fn"):
            raise GraphError(
                "namesは{名前: Tensor}の形で渡してください。"
                f"渡されたもの:{{{name!r}: {tensor!r}}}"
            )
        made_by = tensor.grad_fn
        key = (id(made_by), getattr(tensor, "output_nr", 0)) if made_by else leaves.get(id(tensor))
        if key is None or key not in records:
            raise GraphError(
                f"namesの「{name}」は、この値の計算に現れません。計算に使ったTensorそのものを"
                "渡してください(requires_gradでない値は記録されません)。"
            )
        labels[key] = name
    fresh = (f"v{i}" for i in range(1, len(records) + len(names) + 1) if f"v{i}" not in names)
    return {key: labels[key] if key in labels else next(fresh) for key in records}


def _symbol(record: Any) -> str:
    """図に書く演算の記号。表になければ、記録の名前から作る(``SinBackward0``なら``sin``)。"""
    name = record.name()
    if name == "PowBackward0":  # 指数は定数
        if isinstance(record, Node):
            return f"{record.saved[1]:g}乗" if record.saved else "pow"
        return f"{record._saved_exponent:g}乗"
    base = re.sub(r"Backward\d*$", "", name)
    return SYMBOLS.get(base, base.lower())


def _plain(tensor: Any) -> Any:
    def freeze(item: Any) -> Any:
        return tuple(freeze(part) for part in item) if isinstance(item, list) else item

    return freeze(tensor.tolist())


def _torch_partials(record: Any, index: int) -> Sequence[float | None]:
    import torch

    outputs = record._input_metadata
    if math.prod(outputs[index].shape) != 1:
        return [None] * len(record.next_functions)
    upstream = [
        torch.full(tuple(output.shape), float(i == index), dtype=output.dtype)
        for i, output in enumerate(outputs)
    ]
    # 自作のtorch.autograd.Functionの記録だけは、呼び出す代わりにapplyを使う。
    local = record if callable(record) else record.apply
    with torch.no_grad(), _freed_in_japanese():
        results = local(*upstream)
    results = results if isinstance(results, tuple) else (results,)
    if len(results) != len(record.next_functions):  # Tensorでない引数を持つ自作の演算
        return [None] * len(record.next_functions)
    return [_scalar(result) for result in results]


def _bibun_partials(record: Any, _index: int) -> Sequence[float | None]:
    from bibun.backward import _unpack

    if math.prod(record._shape) != 1:
        return [None] * len(record.parents)
    one = make([1.0], record._shape, record._dtype)
    with no_grad(), _freed_in_japanese():
        saved = _unpack(record, False)
        return [
            None if parent is None else _scalar(partial(one, *saved))
            for parent, partial in zip(record.parents, record.operation.partials, strict=True)
        ]


@contextmanager
def _freed_in_japanese() -> Iterator[None]:
    """解放された記録を使ったときのエラーを、計算グラフの言葉に替える。"""
    try:
        yield
    except RuntimeError as error:
        if "second time" not in str(error):
            raise
        raise GraphError(
            "この計算の記録はbackward()ですでに解放されています。もう一度計算してから、"
            "backward()の前に計算グラフを作ってください。"
        ) from error


def _scalar(gradient: Any) -> float | None:
    """偏微分係数になる1つの数。勾配が届かなければ0、スカラーでなければNone。"""
    if gradient is None:
        return 0.0
    return float(gradient.detach().item()) if gradient.numel() == 1 else None
