"""`import torchviz` のあとに章が使う名前。`bibun` の記録から、torchvizと同じ約束の図を作る。

色も、矢印の向きも、DOTの文もtorchvizにそろえてある。灰色の箱が演算の逆向きの関数、青が葉、
緑が出力、オレンジが取っておいた値である。torchvizと違い、取っておいた値には `bibun` の規則の引数の名前が付く。

References
----------
torchviz(https://github.com/szagoruyko/pytorchviz)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bibun import errors
from bibun.node import AccumulateGrad
from bibun.render import draw_dot
from bibun.tensor import Node, Tensor

__all__ = ["Digraph", "make_dot"]

HEAD = """digraph {
\tgraph [size="12,12"]
\tnode [align=left fontname=monospace fontsize=10 height=0.2 ranksep=0.1 shape=box style=filled]
"""


@dataclass(frozen=True)
class Digraph:
    """DOTで書いたグラフ。セルの最後の式に置けば、その場で図になる。

    Attributes
    ----------
    source : str
        DOTの文。
    """

    source: str

    def _repr_html_(self) -> str:
        return draw_dot(self.source)._repr_html_()

    def __repr__(self) -> str:
        return draw_dot(self.source).alt


def make_dot(
    var: Tensor | tuple[Tensor, ...],
    params: Mapping[str, Tensor] | None = None,
    show_attrs: bool = False,
    show_saved: bool = False,
    max_attr_chars: int = 50,
) -> Digraph:
    """``var`` の計算の記録を、torchvizと同じ約束の図にする。

    Parameters
    ----------
    var : Tensor or tuple of Tensor
        出力。
    params : mapping of str to Tensor, optional
        葉や出力に書く名前。
    show_attrs : bool
        演算が覚えている、Tensorでない値を箱に書く。
    show_saved : bool
        演算が覚えているTensorを、オレンジの箱にする。
    max_attr_chars : int
        ``show_attrs`` で書く値の、文字の数の上限。

    Returns
    -------
    Digraph
        図。

    Examples
    --------
    >>> import bibun.torch_api as torch
    >>> x = torch.tensor(2.0, requires_grad=True)
    >>> make_dot(torch.sin(x), params={"x": x})
    Graphvizによる図。箱の文字は()、SinBackward0、AccumulateGrad、x ()。
    """
    outputs = var if isinstance(var, tuple) else (var,)
    writer = _Writer(params or {}, show_attrs, show_saved, max(max_attr_chars, 3))
    for output in outputs:
        writer.output(output)
    return Digraph(HEAD + "".join(f"\t{line}\n" for line in writer.lines) + "}\n")


def _reachable(start: Node) -> Iterator[Node]:
    """``start`` からたどれる記録を、深さ優先で1度ずつ(再帰なし)。"""
    seen = {id(start)}
    waiting = [start]
    while waiting:
        node = waiting.pop()
        yield node
        for parent, _ in reversed(node.next_functions):
            if parent is not None and id(parent) not in seen:
                seen.add(id(parent))
                waiting.append(parent)


class _Writer:
    """箱と矢印を、DOTの行にする。箱の名前は、現れた順の番号。"""

    def __init__(
        self, params: Mapping[str, Tensor], show_attrs: bool, show_saved: bool, longest: int
    ) -> None:
        self.titles = {id(tensor): name for name, tensor in params.items()}
        self.show_attrs, self.show_saved, self.longest = show_attrs, show_saved, longest
        self.lines: list[str] = []
        self.seen: dict[int, tuple[str, Any]] = {}

    def name(self, thing: Node | Tensor) -> str:
        """箱の名前。番地が使い回されないように、箱のものも覚えておく。"""
        return self.seen.setdefault(id(thing), (f"n{len(self.seen)}", thing))[0]

    def output(self, tensor: Tensor) -> None:
        """出力の緑の箱と、そこからたどれるものすべて。"""
        if id(tensor) in self.seen:
            return
        self.box(tensor, self.titles.get(id(tensor), ""), "darkolivegreen1")
        if tensor.grad_fn is not None:
            known = set(self.seen)
            for node in _reachable(tensor.grad_fn):
                if id(node) not in known:
                    self.node(node)
            self.arrow(tensor.grad_fn, tensor)

    def node(self, node: Node) -> None:
        """1つの記録の箱と、そこに入る矢印。"""
        label = node.name().rpartition("::")[2]
        if isinstance(node, AccumulateGrad):
            leaf = node.variable
            self.box(leaf, self.titles.get(id(leaf), ""), "lightblue")
            self.arrow(leaf, node)
        elif self.show_attrs or self.show_saved:
            saved = _saved(node)
            if self.show_attrs:
                label = _with_attributes(label, saved, self.longest)
            for key, value in saved.items():
                if self.show_saved and isinstance(value, Tensor):
                    kept = value.detach()  # 同じ値を2つの演算が覚えていても、箱は1つずつ描く
                    self.lines.append(f"{self.name(node)} -> {self.name(kept)} [dir=none]")
                    self.box(kept, key, "orange")
        label = label if label.isidentifier() else _quote(label)
        self.lines.append(f"{self.name(node)} [label={label}]")
        for parent, _ in node.next_functions:
            if parent is not None:
                self.arrow(parent, node)

    def box(self, tensor: Tensor, title: str, color: str) -> None:
        """Tensorの箱。名前と形を書く。"""
        shape = f"({', '.join(map(str, tensor.shape))})"
        label = _quote(f"{title}\n {shape}")
        self.lines.append(f"{self.name(tensor)} [label={label} fillcolor={color}]")

    def arrow(self, start: Node | Tensor, end: Node | Tensor) -> None:
        """計算が進む向きの矢印。"""
        self.lines.append(f"{self.name(start)} -> {self.name(end)}")


def _saved(node: Node) -> dict[str, Any]:
    """演算が覚えている値。名前は、規則の引数の名前から取る。"""
    from bibun.backward import _unpack

    if node.saved is None:
        raise errors.graph_already_freed()
    labels = [""] * len(node.saved)
    for arguments in node.operation.arguments:  # 使わない引数の名前は下線で始まる
        names = zip(labels, arguments, strict=False)
        labels = [old or new.lstrip("_") for old, new in names]
    values = _unpack(node, False)
    return {label: value for label, value in zip(labels, values, strict=False) if value is not None}


def _with_attributes(name: str, saved: Mapping[str, Any], longest: int) -> str:
    if not saved:
        return name
    shown = {
        key: "[saved tensor]" if isinstance(value, Tensor) else str(value)
        for key, value in saved.items()
    }
    left = max(map(len, shown))
    right = min(max(map(len, shown.values())), longest)
    rows = [
        f"{key:<{left}}: {text if len(text) <= right else text[: right - 3] + '...':>{right}}"
        for key, text in shown.items()
    ]
    return "\n".join([name, "-" * max(left + right + 2, len(name)), *rows])


def _quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
