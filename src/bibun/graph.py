"""計算グラフ：値を節点、「どの値から計算されたか」を辺とする有向非巡回グラフ。

PyTorch が記録したものからも、bibun が記録したものからも、手で書いた辺からも、同じ :class:`Graph` ができる。
辺 (s, t) は偏微分係数 ∂t/∂s を持てる。経路ごとの積の和（連鎖律）も、逆向きの掃き出し
（リバースモード）も、この 1 つの形の上で計算し、数える。
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import prod
from typing import Any

__all__ = [
    "Edge",
    "Graph",
    "GraphError",
    "Path",
    "PathSum",
    "Step",
    "Sweep",
    "Value",
    "diamond_chain",
]

PATH_SUM_LIMIT = 2**20


class GraphError(ValueError):
    """計算グラフを作れない、または問われたことに答えられないときのエラー。

    Examples
    --------
    >>> Graph.from_edges([("x", "y")]).count_paths("x", "w")
    Traceback (most recent call last):
        ...
    bibun.graph.GraphError: 「w」という節点はこの計算グラフにありません。ある節点：x, y
    """


@dataclass(frozen=True)
class Value:
    """計算グラフの節点：1 つの値と、それを作った演算。

    Attributes
    ----------
    name : str
        節点の名前。グラフの中で 1 つしかない。
    operation : str or None
        この値を作った演算の記号（``"+"``、``"sin"`` など）。入力なら None。
    value : float or tuple or None
        順伝播で得られた値。スカラーは数、ベクトルや行列は入れ子のタプル。わからなければ None。

    Examples
    --------
    >>> Value("x", operation="+", value=5.0)
    Value(name='x', operation='+', value=5.0)
    """

    name: str
    operation: str | None = None
    value: Any = None


@dataclass(frozen=True)
class Edge:
    """計算グラフの辺：``target`` の計算に ``source`` が 1 回使われたこと。

    ``u * u`` のように同じ値を 2 回使うと、同じ向きの辺が 2 本できる。

    Attributes
    ----------
    source, target : str
        使われた値と、その計算の結果の名前。
    partial : float or None
        偏微分係数 ∂target/∂source。わからなければ None。

    Examples
    --------
    >>> Edge("u", "x", 1.0)
    Edge(source='u', target='x', partial=1.0)
    """

    source: str
    target: str
    partial: float | None = None


@dataclass(frozen=True)
class Path:
    """計算グラフの経路：辺をつないだ列。

    Attributes
    ----------
    edges : tuple of Edge
        通る辺。始点と終点が同じ長さ 0 の経路では空。
    start : str
        始点の名前。

    Examples
    --------
    >>> graph = Graph.from_edges([("u", "x", 1.0), ("x", "z", 5.0)])
    >>> path = next(graph.paths("u", "z"))
    >>> print(path, path.product)
    u → x → z 5.0
    """

    edges: tuple[Edge, ...]
    start: str

    @property
    def nodes(self) -> tuple[str, ...]:
        """通る節点の名前を、始点から終点の順に並べたもの。"""
        return (self.start, *(edge.target for edge in self.edges))

    @property
    def partials(self) -> tuple[float, ...]:
        """通る辺の偏微分係数を順に並べたもの。"""
        return tuple(_partial_of(edge) for edge in self.edges)

    @property
    def product(self) -> float:
        """通る辺の偏微分係数の積。長さ 0 の経路では 1。"""
        return prod(self.partials)

    def __str__(self) -> str:
        return " → ".join(self.nodes)


@dataclass(frozen=True)
class PathSum:
    """すべての経路の積と、その合計（連鎖律の右辺）。

    Attributes
    ----------
    source, target : str
        始点と終点の名前。
    paths : tuple of Path
        始点から終点までのすべての経路。
    total : float
        経路ごとの積の合計。∂target/∂source に等しい。

    Examples
    --------
    >>> graph = Graph.from_edges(
    ...     [("u", "x", 1.0), ("u", "y", 1.0), ("x", "z", 1.0), ("y", "z", 5.0)]
    ... )
    >>> print(graph.path_sum("u", "z"))
    u → x → z : 1 × 1 = 1
    u → y → z : 1 × 5 = 5
    ∂z/∂u = 1 + 5 = 6
    """

    source: str
    target: str
    paths: tuple[Path, ...]
    total: float

    def __str__(self) -> str:
        lines = [f"{path} : {_product_text(path)}" for path in self.paths]
        products = " + ".join(_term(path.product) for path in self.paths)
        total = format_number(self.total)
        right = total if len(self.paths) < 2 else f"{products} = {total}"
        return "\n".join([*lines, f"∂{self.target}/∂{self.source} = {right}"])


@dataclass(frozen=True)
class Step:
    """掃き出しの 1 手：1 本の辺を通って、寄与を 1 つ足すこと。

    Attributes
    ----------
    edge : Edge
        通った辺。
    upstream : float
        すでに決まった側の値（逆向きなら随伴値、順向きなら接線値）。
    contribution : float
        ``upstream`` × 辺の偏微分係数。
    before, after : float
        受け取る側の値の、足す前と足した後。

    Examples
    --------
    >>> graph = Graph.from_edges([("x", "y", 3.0)])
    >>> graph.reverse_sweep("y").steps[0].after
    3.0
    """

    edge: Edge
    upstream: float
    contribution: float
    before: float
    after: float

    @property
    def local(self) -> float:
        """通った辺の偏微分係数。"""
        return _partial_of(self.edge)


@dataclass(frozen=True)
class Sweep:
    """計算グラフを 1 回掃いた記録：1 手ごとの帳簿と、訪れた数。

    Attributes
    ----------
    direction : str
        ``"reverse"``（出力から入力へ）か ``"forward"``（入力から出力へ）。
    start : str
        掃き始めた節点の名前。
    steps : tuple of Step
        1 手ごとの記録。訪れた辺 1 本につき 1 つ。
    results : dict of str to float
        掃き終えたときの値。逆向きなら各節点の随伴値 ∂start/∂節点、順向きなら接線値 ∂節点/∂start。

    Examples
    --------
    >>> graph = Graph.from_edges([("x", "y", 3.0), ("y", "z", 2.0)])
    >>> print(graph.reverse_sweep("z"))
    z ⇒ y : 1 × 2 = 2   y: 0 → 2
    y ⇒ x : 2 × 3 = 6   x: 0 → 6
    訪れた節点 3、辺 2
    """

    direction: str
    start: str
    steps: tuple[Step, ...]
    results: dict[str, float]

    @property
    def nodes_visited(self) -> int:
        """訪れた節点の数。"""
        return len(self.results)

    @property
    def edges_visited(self) -> int:
        """訪れた辺の数。"""
        return len(self.steps)

    def ends(self, step: Step) -> tuple[str, str]:
        """``step`` が寄与を運ぶ向きに見た、辺の両端（送る側、受け取る側）。"""
        edge = step.edge
        if self.direction == "reverse":
            return edge.target, edge.source
        return edge.source, edge.target

    def ledger(self) -> list[tuple[str, str, str]]:
        """帳簿の行。``(送る側 ⇒ 受け取る側, 掛け算, 受け取る側の変化)`` の文字列。"""
        rows = []
        for step in self.steps:
            giver, taker = self.ends(step)
            product = _times(step.upstream, step.local)
            change = f"{format_number(step.before)} → {format_number(step.after)}"
            rows.append(
                (
                    f"{giver} ⇒ {taker}",
                    f"{product} = {format_number(step.contribution)}",
                    f"{taker}: {change}",
                )
            )
        return rows

    def __str__(self) -> str:
        rows = self.ledger()
        arrow_width = max((len(row[0]) for row in rows), default=0)
        product_width = max((len(row[1]) for row in rows), default=0)
        lines = [
            f"{arrow:<{arrow_width}} : {product:<{product_width}}   {change}"
            for arrow, product, change in rows
        ]
        return "\n".join([*lines, f"訪れた節点 {self.nodes_visited}、辺 {self.edges_visited}"])

    def _repr_html_(self) -> str:
        head = "".join(
            f'<th scope="col">{text}</th>'
            for text in ("手", "辺", "上流 × 局所 = 寄与", "足す前 → 足した後")
        )
        body = "".join(
            f"<tr><td>{number}</td>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>"
            for number, row in enumerate(self.ledger(), start=1)
        )
        caption = f"訪れた節点 {self.nodes_visited}、辺 {self.edges_visited}"
        return (
            f'<table class="bibun-ledger"><caption>{caption}</caption>'
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        )


class Graph:
    """値を節点とする計算グラフ。

    作るには :meth:`from_tensor`（PyTorch か bibun の Tensor から）か :meth:`from_edges`（手書きの
    辺から）を使う。作ったあとは変わらない。

    Parameters
    ----------
    values : iterable of Value
        節点。名前はすべて異なること。
    edges : iterable of Edge
        辺。両端は ``values`` の中にあり、閉路がないこと。

    Raises
    ------
    GraphError
        名前が重なるとき、辺の端がないとき、閉路があるとき。

    Notes
    -----
    作る手間は節点の数と辺の数の和に比例する。再帰を使わないので、深さに限りはない。

    Examples
    --------
    >>> graph = Graph([Value("x", value=3.0), Value("y", "square", 9.0)], [Edge("x", "y", 6.0)])
    >>> graph.topological_order()
    ('x', 'y')
    """

    def __init__(self, values: Iterable[Value], edges: Iterable[Edge]) -> None:
        self._values: dict[str, Value] = {}
        for value in values:
            if value.name in self._values:
                raise GraphError(
                    f"節点の名前「{value.name}」が重なっています。別の名前にしてください。"
                )
            self._values[value.name] = value
        self._edges = tuple(edges)
        self._into: dict[str, list[Edge]] = {name: [] for name in self._values}
        self._out_of: dict[str, list[Edge]] = {name: [] for name in self._values}
        for edge in self._edges:
            self._require(edge.source, edge.target)
            self._into[edge.target].append(edge)
            self._out_of[edge.source].append(edge)
        self._order = self._sort()

    @classmethod
    def from_edges(
        cls,
        edges: Iterable[Sequence[Any]],
        *,
        values: Mapping[str, Any] | None = None,
        operations: Mapping[str, str] | None = None,
    ) -> Graph:
        """手で書いた辺から計算グラフを作る。

        Parameters
        ----------
        edges : iterable of tuple
            ``(始点, 終点)`` か ``(始点, 終点, 偏微分係数)`` の並び。
        values : mapping, optional
            節点の値。``{"u": 3.0}`` のように書く。
        operations : mapping, optional
            節点を作った演算の記号。``{"x": "+"}`` のように書く。

        Returns
        -------
        Graph
            節点は ``edges`` に初めて現れた順に並ぶ。

        Raises
        ------
        GraphError
            辺の形が違うとき、閉路があるとき、``values`` などに知らない名前があるとき。

        Examples
        --------
        >>> graph = Graph.from_edges([("u", "x", 1.0), ("v", "x", 1.0)], operations={"x": "+"})
        >>> graph
        <Graph 節点 3、辺 2>
        """
        made = [_edge_from(item) for item in edges]
        names = dict.fromkeys(name for edge in made for name in (edge.source, edge.target))
        values, operations = values or {}, operations or {}
        for name in (*values, *operations):
            if name not in names:
                raise GraphError(_unknown(name, names))
        nodes = [Value(name, operations.get(name), values.get(name)) for name in names]
        return cls(nodes, made)

    @classmethod
    def from_tensor(cls, tensor: Any, names: Mapping[str, Any] | None = None) -> Graph:
        """計算された Tensor の記録（``grad_fn``）をたどって計算グラフを作る。

        Parameters
        ----------
        tensor : torch.Tensor or bibun.tensor.Tensor
            計算の結果。``grad_fn`` を持つこと。
        names : mapping of str to tensor, optional
            値に付ける名前。``{"u": u, "x": x}`` のように、入力にも途中の値にも付けられる。
            付けなかった値は ``v1``、``v2``、… になる。名前を付けた値だけ、その数も図に出る。

        Returns
        -------
        Graph
            定数（``requires_grad`` でない値）は記録されていないので、節点にならない。両端が
            スカラーの辺には偏微分係数が付く。そうでない辺の係数は None になる。

        Raises
        ------
        GraphError
            ``grad_fn`` がないとき、記録がすでに解放されているとき、``names`` の値がこの計算に
            現れないとき。

        Notes
        -----
        係数は、記録された節点 1 つずつに上流の値 1 を渡して求める。``.grad`` は変わらず、記録も
        解放されないので、あとで ``backward()`` を呼べる。手間は節点と辺の数に比例する。

        Examples
        --------
        >>> import torch
        >>> u = torch.tensor(3.0, requires_grad=True)
        >>> v = torch.tensor(2.0, requires_grad=True)
        >>> x, y = u + v, u - v
        >>> z = x * y
        >>> graph = Graph.from_tensor(z, names={"u": u, "v": v, "x": x, "y": y, "z": z})
        >>> print(graph.path_sum("u", "z"))
        u → x → z : 1 × 1 = 1
        u → y → z : 1 × 5 = 5
        ∂z/∂u = 1 + 5 = 6
        """
        return _read(cls, tensor, names or {})

    @property
    def nodes(self) -> tuple[Value, ...]:
        """すべての節点。"""
        return tuple(self._values.values())

    @property
    def edges(self) -> tuple[Edge, ...]:
        """すべての辺。"""
        return self._edges

    def __getitem__(self, name: str) -> Value:
        self._require(name)
        return self._values[name]

    def __repr__(self) -> str:
        return f"<Graph 節点 {len(self._values)}、辺 {len(self._edges)}>"

    def into(self, name: str) -> tuple[Edge, ...]:
        """節点 ``name`` に入る辺（その値の計算に使われた値から来る辺）。"""
        self._require(name)
        return tuple(self._into[name])

    def out_of(self, name: str) -> tuple[Edge, ...]:
        """節点 ``name`` から出る辺（その値を使った計算へ行く辺）。"""
        self._require(name)
        return tuple(self._out_of[name])

    def topological_order(self) -> tuple[str, ...]:
        """すべての節点を、使われる値が使う値より前に来るように並べる。

        Returns
        -------
        tuple of str
            節点の名前。どちらが先でもよいものは、グラフに書かれた順。

        Examples
        --------
        >>> Graph.from_edges([("x", "y"), ("y", "z"), ("x", "z")]).topological_order()
        ('x', 'y', 'z')
        """
        return self._order

    def paths(self, source: str, target: str) -> Iterator[Path]:
        """``source`` から ``target`` までの経路を 1 本ずつ返す。

        Parameters
        ----------
        source, target : str
            始点と終点の名前。

        Yields
        ------
        Path
            経路。同じ向きの辺が 2 本あれば、別々の経路として数える。

        Notes
        -----
        経路の本数は節点の数に対して指数的に増えうる。本数だけなら :meth:`count_paths` を使う。

        Examples
        --------
        >>> for path in diamond_chain(1).paths("a0", "a1"):
        ...     print(path)
        a0 → b0 → a1
        a0 → c0 → a1
        """
        self._require(source, target)
        return self._walk(source, target)

    def count_paths(self, source: str, target: str) -> int:
        """``source`` から ``target`` までの経路の本数を、列挙せずに数える。

        Parameters
        ----------
        source, target : str
            始点と終点の名前。

        Returns
        -------
        int
            正確な本数。経路がなければ 0、``source`` と ``target`` が同じなら 1。

        Notes
        -----
        「ある節点までの本数は、そこへ入る辺の始点までの本数の和」を位相的順序で 1 回計算する。
        足し算の回数は辺の数だけで済む。

        Examples
        --------
        >>> diamond_chain(100).count_paths("a0", "a100") == 2**100
        True
        """
        self._require(source, target)
        counts = dict.fromkeys(self._values, 0)
        counts[source] = 1
        for name in self._order:
            if counts[name]:
                for edge in self._out_of[name]:
                    counts[edge.target] += counts[name]
        return counts[target]

    def path_sum(self, source: str, target: str) -> PathSum:
        """すべての経路について偏微分係数の積を求め、合計する（連鎖律）。

        Parameters
        ----------
        source, target : str
            始点と終点の名前。

        Returns
        -------
        PathSum
            経路、経路ごとの積、合計 ∂target/∂source。

        Raises
        ------
        GraphError
            係数のない辺があるとき、経路が 2**20 本より多いとき。

        Examples
        --------
        >>> Graph.from_edges([("x", "y", 3.0), ("x", "y", 3.0)]).path_sum("x", "y").total
        6.0
        """
        number = self.count_paths(source, target)
        if number > PATH_SUM_LIMIT:
            raise GraphError(
                f"「{source}」から「{target}」までの経路は {_short_int(number)} 本あり、"
                "1 本ずつたどるには多すぎます。reverse_sweep なら辺を 1 回ずつ訪れるだけで済みます。"
            )
        paths = tuple(self.paths(source, target))
        return PathSum(source, target, paths, sum(path.product for path in paths))

    def reverse_sweep(self, target: str) -> Sweep:
        """``target`` から入力へ向けて 1 回掃き、すべての随伴値 ∂target/∂節点 を求める。

        Parameters
        ----------
        target : str
            掃き始める節点（微分される値）の名前。

        Returns
        -------
        Sweep
            1 手ごとの帳簿、随伴値、訪れた節点と辺の数。

        Raises
        ------
        GraphError
            名前が知らないものであるとき、訪れる辺に偏微分係数がないとき。

        Notes
        -----
        ある値に取りかかるのは、その値を使ったすべての節点が済んだあと。だから辺は 1 回ずつしか
        訪れず、手間は ``target`` に届く節点と辺の数に比例する。

        Examples
        --------
        >>> sweep = diamond_chain(1000).reverse_sweep("a1000")
        >>> sweep.results["a0"] == 2**1000, sweep.edges_visited
        (True, 4000)
        """
        self._require(target)
        return self._sweep("reverse", target, reversed(self._order), self._into)

    def forward_sweep(self, source: str) -> Sweep:
        """``source`` から出力へ向けて 1 回掃き、すべての接線値 ∂節点/∂source を求める。

        Parameters
        ----------
        source : str
            掃き始める節点（微分する変数）の名前。

        Returns
        -------
        Sweep
            1 手ごとの帳簿、接線値、訪れた節点と辺の数。

        Raises
        ------
        GraphError
            名前が知らないものであるとき、訪れる辺に偏微分係数がないとき。

        Examples
        --------
        >>> graph = Graph.from_edges([("x", "y", 3.0), ("y", "z", 2.0)])
        >>> graph.forward_sweep("x").results
        {'x': 1, 'y': 3.0, 'z': 6.0}
        """
        self._require(source)
        return self._sweep("forward", source, self._order, self._out_of)

    def _sweep(
        self,
        direction: str,
        start: str,
        order: Iterable[str],
        edges_from: Mapping[str, list[Edge]],
    ) -> Sweep:
        # 整数の 1 と 0 から始めると、係数が整数のグラフでは答えも正確な整数のままになる。
        results: dict[str, float] = {start: 1}
        steps = []
        for name in order:
            if name not in results:
                continue
            for edge in edges_from[name]:
                taker = edge.source if direction == "reverse" else edge.target
                before = results.get(taker, 0)
                contribution = results[name] * _partial_of(edge)
                results[taker] = before + contribution
                steps.append(Step(edge, results[name], contribution, before, results[taker]))
        return Sweep(direction, start, tuple(steps), results)

    def _walk(self, source: str, target: str) -> Iterator[Path]:
        useful = self._ancestors(target)
        if source not in useful:
            return
        trail: list[Edge] = []
        pending = [iter(self._out_of[source])]
        if source == target:
            yield Path((), source)
            return
        while pending:
            edge = next(pending[-1], None)
            if edge is None:
                pending.pop()
                if trail:
                    trail.pop()
            elif edge.target == target:
                yield Path((*trail, edge), source)
            elif edge.target in useful:
                trail.append(edge)
                pending.append(iter(self._out_of[edge.target]))

    def _ancestors(self, name: str) -> set[str]:
        found = {name}
        pending = [name]
        while pending:
            for edge in self._into[pending.pop()]:
                if edge.source not in found:
                    found.add(edge.source)
                    pending.append(edge.source)
        return found

    def _sort(self) -> tuple[str, ...]:
        waiting = {name: len(edges) for name, edges in self._into.items()}
        ready = deque(name for name, number in waiting.items() if number == 0)
        order = []
        while ready:
            name = ready.popleft()
            order.append(name)
            for edge in self._out_of[name]:
                waiting[edge.target] -= 1
                if waiting[edge.target] == 0:
                    ready.append(edge.target)
        if len(order) < len(self._values):
            raise GraphError(
                f"閉路 {self._cycle(set(order))} があります。計算グラフでは、値が自分自身の計算に"
                "使われることはありません。辺の向きを確かめてください。"
            )
        return tuple(order)

    def _cycle(self, settled: set[str]) -> str:
        # 残った節点にはどれも、残った節点から来る辺がある。さかのぼれば必ず同じ節点に戻る。
        name = next(name for name in self._values if name not in settled)
        trail: list[str] = []
        while name not in trail:
            trail.append(name)
            name = next(edge.source for edge in self._into[name] if edge.source not in settled)
        return " → ".join([name, *reversed(trail[trail.index(name) :])])

    def _require(self, *names: str) -> None:
        for name in names:
            if name not in self._values:
                raise GraphError(_unknown(name, self._values))


def diamond_chain(n: int) -> Graph:
    """ひし形を ``n`` 個つないだ計算グラフ。経路は 2**n 本、節点は 3n+1 個、辺は 4n 本。

    Parameters
    ----------
    n : int
        ひし形の数。0 以上。

    Returns
    -------
    Graph
        ``a0`` から ``b0`` と ``c0`` を通って ``a1`` へ、…、``a{n}`` まで続く。係数はすべて 1 なので、
        ``a0`` から ``a{n}`` までの経路の積の和は、経路の本数と同じになる。

    Raises
    ------
    GraphError
        ``n`` が負のとき。

    Examples
    --------
    >>> diamond_chain(3)
    <Graph 節点 10、辺 12>
    >>> diamond_chain(3).count_paths("a0", "a3")
    8
    """
    if n < 0:
        raise GraphError(f"ひし形の数は 0 以上にしてください。渡された数：{n}")
    edges = [
        Edge(source, target, 1)
        for i in range(n)
        for source, target in (
            (f"a{i}", f"b{i}"),
            (f"a{i}", f"c{i}"),
            (f"b{i}", f"a{i + 1}"),
            (f"c{i}", f"a{i + 1}"),
        )
    ]
    names = dict.fromkeys(["a0", *(edge.target for edge in edges)])
    return Graph((Value(name) for name in names), edges)


def format_number(number: float) -> str:
    """図や帳簿に出す形に数を書く。整数はそのまま、小数は有効数字 4 桁。

    Examples
    --------
    >>> format_number(6.0), format_number(0.841470956802), format_number(2**70)
    ('6', '0.8415', '1180591620717411303424')
    """
    if isinstance(number, int):
        return _short_int(number)
    text = f"{number:.4g}"
    return "0" if text == "-0" else text


def _short_int(number: int) -> str:
    text = str(number) if abs(number) < 10**40 else ""
    return text or f"約 2^{number.bit_length() - 1}"


def _term(number: float) -> str:
    text = format_number(number)
    return f"({text})" if text.startswith("-") else text


def _times(left: float, right: float) -> str:
    return f"{format_number(left)} × {_term(right)}"


def _product_text(path: Path) -> str:
    factors = [_term(partial) for partial in path.partials] or ["1"]
    product = format_number(path.product)
    return product if len(factors) == 1 else f"{' × '.join(factors)} = {product}"


def _partial_of(edge: Edge) -> float:
    if edge.partial is None:
        raise GraphError(
            f"辺「{edge.source} → {edge.target}」に偏微分係数がありません。手で書いたグラフなら "
            "(始点, 終点, 係数) と書き、Tensor から作ったグラフならスカラーだけの計算にしてください。"
        )
    return edge.partial


def _unknown(name: object, names: Iterable[str]) -> str:
    known = list(names)
    listed = ", ".join(known[:12]) + ("、…" if len(known) > 12 else "")
    return f"「{name}」という節点はこの計算グラフにありません。ある節点：{listed}"


def _edge_from(item: Sequence[Any]) -> Edge:
    shape_ok = isinstance(item, (tuple, list)) and len(item) in (2, 3)
    if not shape_ok or not all(isinstance(name, str) and name for name in item[:2]):
        raise GraphError(
            "辺は (始点, 終点) か (始点, 終点, 偏微分係数) と書いてください。"
            f"名前は文字列です。渡されたもの：{item!r}"
        )
    partial = item[2] if len(item) == 3 else None
    if partial is not None and (isinstance(partial, bool) or not isinstance(partial, (int, float))):
        raise GraphError(
            f"辺「{item[0]} → {item[1]}」の偏微分係数は数にしてください。渡されたもの：{partial!r}"
        )
    return Edge(item[0], item[1], partial)


# --- Tensor の記録を読む ---------------------------------------------------------------------

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

# 記録の節点と、その何番目の出力か。1 つの演算が 2 つ以上の値を返すことがある（split など）。
_Key = tuple[int, int]
_Partials = Callable[[Any, int], Sequence["float | None"]]


def _read(cls: type[Graph], tensor: Any, names: Mapping[str, Any]) -> Graph:
    if getattr(tensor, "grad_fn", None) is None:
        raise GraphError(
            "この値には grad_fn がなく、たどれる記録がありません。requires_grad=True の Tensor から"
            f"計算した結果を渡してください。渡されたもの：{tensor!r}"
        )
    partials_of = _partials_reader(tensor)
    records = _collect(tensor)
    labels = _labels(records, names)
    values, edges = [], []
    for key, record in records.items():
        name = labels[key]
        leaf = getattr(record, "variable", None)
        operation = None if leaf is not None else _symbol(record.name())
        holder = names.get(name, leaf)
        values.append(Value(name, operation, None if holder is None else _plain(holder)))
        if leaf is None:
            partials = partials_of(record, key[1])
            for (parent, index), partial in zip(record.next_functions, partials, strict=False):
                if parent is not None:
                    edges.append(Edge(labels[id(parent), index], name, partial))
    return cls(values, edges)


def _collect(tensor: Any) -> dict[_Key, Any]:
    """記録の節点を、使われる側が先に来る順に集める（再帰なしの深さ優先探索）。"""
    records: dict[_Key, Any] = {}
    root = (tensor.grad_fn, getattr(tensor, "output_nr", 0))
    opened: set[_Key] = set()
    # torch は next_functions を読むたびに Python の殻を作りなおす。keep が持つ間だけ id が一意である。
    keep = [root[0]]
    pending = [root]
    while pending:
        record, index = pending[-1]
        key = (id(record), index)
        if key in opened:
            pending.pop()
            records.setdefault(key, record)
            continue
        opened.add(key)
        for parent, parent_index in reversed(record.next_functions):
            if parent is not None and (id(parent), parent_index) not in opened:
                keep.append(parent)
                pending.append((parent, parent_index))
    return records


def _labels(records: Mapping[_Key, Any], names: Mapping[str, Any]) -> dict[_Key, str]:
    leaves = {id(r.variable): key for key, r in records.items() if hasattr(r, "variable")}
    labels: dict[_Key, str] = {}
    for name, tensor in names.items():
        if not isinstance(name, str) or not hasattr(tensor, "grad_fn"):
            raise GraphError(
                "names は {名前: Tensor} の形で渡してください。"
                f"渡されたもの：{{{name!r}: {tensor!r}}}"
            )
        made_by = tensor.grad_fn
        key = (id(made_by), getattr(tensor, "output_nr", 0)) if made_by else leaves.get(id(tensor))
        if key is None or key not in records:
            raise GraphError(
                f"names の「{name}」は、この値の計算に現れません。計算に使った Tensor そのものを"
                "渡してください（requires_grad でない値は記録されません）。"
            )
        labels[key] = name
    fresh = (f"v{i}" for i in range(1, len(records) + len(names) + 1) if f"v{i}" not in names)
    return {key: labels[key] if key in labels else next(fresh) for key in records}


def _symbol(record_name: str) -> str:
    base = re.sub(r"Backward\d*$", "", record_name)
    return SYMBOLS.get(base, base.lower())


def _plain(tensor: Any) -> Any:
    def freeze(item: Any) -> Any:
        return tuple(freeze(part) for part in item) if isinstance(item, list) else item

    return freeze(tensor.tolist())


def _partials_reader(tensor: Any) -> _Partials:
    if type(tensor).__module__.split(".")[0] == "bibun":
        return _bibun_partials
    return _torch_partials


def _torch_partials(record: Any, index: int) -> Sequence[float | None]:
    import torch

    outputs = record._input_metadata
    if prod(outputs[index].shape) != 1:
        return [None] * len(record.next_functions)
    upstream = [
        torch.full(tuple(output.shape), float(i == index), dtype=output.dtype)
        for i, output in enumerate(outputs)
    ]
    try:
        with torch.no_grad():
            results = record(*upstream)
    except RuntimeError as error:
        raise GraphError(
            "この計算の記録は backward() ですでに解放されています。もう一度計算してから、"
            "backward() の前に計算グラフを作ってください。"
        ) from error
    return [_scalar(result) for result in (results if isinstance(results, tuple) else (results,))]


def _scalar(result: Any) -> float | None:
    if result is None:
        return 0.0
    return float(result) if result.numel() == 1 else None


def _bibun_partials(record: Any, index: int) -> Sequence[float | None]:
    raise NotImplementedError
