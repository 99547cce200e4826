"""計算グラフそのもの:パス、パスの本数、パスごとの積の和、1回の逆伝播と順伝播。"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from bibun.graph.parts import Edge, GraphError, Path, PathSum, Value, partial_of, short_integer
from bibun.graph.record import read
from bibun.graph.sweep import Step, Sweep

__all__ = ["Graph", "diamond_chain"]

PATH_SUM_LIMIT = 2**20


class Graph:
    """値をノードとする計算グラフ。

    作るには``from_tensor``(PyTorchかbibunのTensorから)か``from_edges``(手書きの
    辺から)を使う。作ったあとは変わらない。

    Parameters
    ----------
    values : iterable of Value
        ノード。名前はすべて異なること。
    edges : iterable of Edge
        辺。両端は``values``の中にあり、閉路がないこと。

    Raises
    ------
    GraphError
        名前が重なるとき、辺の端がないとき、閉路があるとき。

    Notes
    -----
    作る手間はノードの数と辺の数の和に比例する。再帰を使わないので、深さに限りはない。

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
                    f"ノードの名前「{value.name}」が重なっています。別の名前にしてください。"
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
            ``(始点, 終点)``か``(始点, 終点, 偏微分係数)``の並び。
        values : mapping, optional
            ノードの値。``{"u": 3.0}``のように書く。
        operations : mapping, optional
            ノードを作った演算の記号。``{"x": "+"}``のように書く。

        Returns
        -------
        Graph
            ノードは``edges``に初めて現れた順に並ぶ。

        Raises
        ------
        GraphError
            辺の形が違うとき、閉路があるとき、``values``などに知らない名前があるとき。

        Examples
        --------
        >>> graph = Graph.from_edges([("u", "x", 1.0), ("v", "x", 1.0)], operations={"x": "+"})
        >>> graph
        <Graph: ノード3、辺2>
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
    def from_tensor(
        cls,
        tensor: Any,
        names: Mapping[str, Any] | None = None,
        *,
        operations: Mapping[str, str] | None = None,
    ) -> Graph:
        """計算されたTensorの記録(``grad_fn``)をたどって計算グラフを作る。

        Parameters
        ----------
        tensor : torch.Tensor or bibun.tensor.Tensor
            計算の結果。``grad_fn``を持つこと。
        names : mapping of str to tensor, optional
            値に付ける名前。``{"u": u, "x": x}``のように、入力にも途中の値にも付けられる。
            付けなかった値は``v1``、``v2``、… になる。名前を付けた値だけ、その数も図に出る。
        operations : mapping of str to str, optional
            演算の記号を書き替える。``{"y": "+ 2"}``のように、記録されない定数を添えるのに使う。

        Returns
        -------
        Graph
            定数(``requires_grad``でない値)は記録されていないので、ノードにならない。両端が
            スカラーの辺には偏微分係数が付く。そうでない辺の係数はNoneになる。

        Raises
        ------
        GraphError
            ``grad_fn``がないとき、記録がすでに解放されているとき、``names``の値がこの計算に
            現れないとき。

        Notes
        -----
        係数は、記録されたノード1つずつに上流の値1を渡して求める。``.grad``は変わらず、記録も
        解放されないので、あとで``backward()``を呼べる。手間はノードと辺の数に比例する。

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
        return cls(*read(tensor, names or {}, operations or {}))

    @property
    def nodes(self) -> tuple[Value, ...]:
        """すべてのノード。"""
        return tuple(self._values.values())

    @property
    def edges(self) -> tuple[Edge, ...]:
        """すべての辺。"""
        return self._edges

    def __getitem__(self, name: str) -> Value:
        self._require(name)
        return self._values[name]

    def __repr__(self) -> str:
        return f"<Graph: ノード{len(self._values)}、辺{len(self._edges)}>"

    def into(self, name: str) -> tuple[Edge, ...]:
        """ノード``name``に入る辺(その値の計算に使われた値から来る辺)。

        Examples
        --------
        >>> [edge.source for edge in diamond_chain(1).into("a1")]
        ['b0', 'c0']
        """
        self._require(name)
        return tuple(self._into[name])

    def out_of(self, name: str) -> tuple[Edge, ...]:
        """ノード``name``から出る辺(その値を使った計算へ行く辺)。

        Examples
        --------
        >>> [edge.target for edge in diamond_chain(1).out_of("a0")]
        ['b0', 'c0']
        """
        self._require(name)
        return tuple(self._out_of[name])

    def topological_order(self) -> tuple[str, ...]:
        """すべてのノードを、使われる値が使う値より前に来るように並べる。

        Returns
        -------
        tuple of str
            ノードの名前。どちらが先でもよいものは、グラフに書かれた順。

        Examples
        --------
        >>> Graph.from_edges([("x", "y"), ("y", "z"), ("x", "z")]).topological_order()
        ('x', 'y', 'z')
        """
        return self._order

    def paths(self, source: str, target: str) -> Iterator[Path]:
        """``source``から``target``までのパスを1本ずつ返す。

        Parameters
        ----------
        source, target : str
            始点と終点の名前。

        Yields
        ------
        Path
            パス。同じ向きの辺が2本あれば、別々のパスとして数える。

        Notes
        -----
        パスの本数はノードの数に対して指数的に増えうる。本数だけなら``count_paths``を使う。

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
        """``source``から``target``までのパスの本数を、列挙せずに数える。

        Parameters
        ----------
        source, target : str
            始点と終点の名前。

        Returns
        -------
        int
            正確な本数。パスがなければ0、``source``と``target``が同じなら1。

        Notes
        -----
        「あるノードまでの本数は、そこへ入る辺の始点までの本数の和」をトポロジカル順序で1回計算する。
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
        """すべてのパスについて偏微分係数の積を求め、合計する(連鎖律)。

        Parameters
        ----------
        source, target : str
            始点と終点の名前。

        Returns
        -------
        PathSum
            パス、パスごとの積、合計∂target/∂source。

        Raises
        ------
        GraphError
            係数のない辺があるとき、パスが``2**20``本より多いとき。

        Examples
        --------
        >>> Graph.from_edges([("x", "y", 3.0), ("x", "y", 3.0)]).path_sum("x", "y").total
        6.0
        """
        number = self.count_paths(source, target)
        if number > PATH_SUM_LIMIT:
            raise GraphError(
                f"「{source}」から「{target}」までのパスは{short_integer(number)}本あり、"
                "1本ずつたどるには多すぎます。reverse_sweepなら辺を1回ずつ訪れるだけで済みます。"
            )
        paths = tuple(self.paths(source, target))
        return PathSum(source, target, paths, sum(path.product for path in paths))

    def reverse_sweep(self, target: str) -> Sweep:
        """``target``から入力へ向けて1回の逆伝播を行い、すべての随伴値を求める。

        Parameters
        ----------
        target : str
            出発するノード(微分される値)の名前。

        Returns
        -------
        Sweep
            1手ごとの帳簿、随伴値、訪れたノードと辺の数。

        Raises
        ------
        GraphError
            名前が知らないものであるとき、訪れる辺に偏微分係数がないとき。

        Notes
        -----
        ある値に取りかかるのは、その値を使ったすべてのノードが済んだあと。だから辺は1回ずつしか
        訪れず、手間は``target``に届くノードと辺の数に比例する。

        Examples
        --------
        >>> sweep = diamond_chain(1000).reverse_sweep("a1000")
        >>> sweep.results["a0"] == 2**1000, sweep.edges_visited
        (True, 4000)
        """
        self._require(target)
        return self._sweep("reverse", target, reversed(self._order), self._into)

    def forward_sweep(self, source: str) -> Sweep:
        """``source``から出力へ向けて1回の順方向の伝播を行い、すべての接線値を求める。

        Parameters
        ----------
        source : str
            出発するノード(微分する変数)の名前。

        Returns
        -------
        Sweep
            1手ごとの帳簿、接線値、訪れたノードと辺の数。

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
        # 整数の1と0から始めると、係数が整数のグラフでは答えも正確な整数のままになる。
        results: dict[str, float] = {start: 1}
        steps = []
        for name in order:
            if name not in results:
                continue
            for edge in edges_from[name]:
                taker = edge.source if direction == "reverse" else edge.target
                before = results.get(taker, 0)
                contribution = results[name] * partial_of(edge)
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
                f"閉路{self._cycle(set(order))}があります。計算グラフでは、値が自分自身の計算に"
                "使われることはありません。辺の向きを確かめてください。"
            )
        return tuple(order)

    def _cycle(self, settled: set[str]) -> str:
        # 残ったノードにはどれも、残ったノードから来る辺がある。さかのぼれば必ず同じノードに戻る。
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
    """ひし形を``n``個つないだ計算グラフ。パスは``2**n``本、ノードは``3n + 1``個、辺は``4n``本。

    Parameters
    ----------
    n : int
        ひし形の数。0以上。

    Returns
    -------
    Graph
        ``a0``から``b0``と``c0``を通って``a1``へ、…、``a{n}``まで続く。係数はすべて1なので、
        ``a0``から``a{n}``までのパスの積の和は、パスの本数と同じになる。

    Raises
    ------
    GraphError
        ``n``が負のとき。

    Examples
    --------
    >>> diamond_chain(3)
    <Graph: ノード10、辺12>
    >>> diamond_chain(3).count_paths("a0", "a3")
    8
    """
    if n < 0:
        raise GraphError(f"ひし形の数は0以上にしてください。渡された数:{n}")
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


def _unknown(name: object, names: Iterable[str]) -> str:
    known = list(names)
    listed = ", ".join(known[:12]) + ("、…" if len(known) > 12 else "")
    return f"「{name}」というノードはこの計算グラフにありません。あるノード:{listed}"


def _edge_from(item: Sequence[Any]) -> Edge:
    shape_ok = isinstance(item, (tuple, list)) and len(item) in (2, 3)
    if not shape_ok or not all(isinstance(name, str) and name for name in item[:2]):
        raise GraphError(
            "辺は(始点, 終点)か(始点, 終点, 偏微分係数)と書いてください。"
            f"名前は文字列です。渡されたもの:{item!r}"
        )
    partial = item[2] if len(item) == 3 else None
    if partial is not None and (isinstance(partial, bool) or not isinstance(partial, (int, float))):
        raise GraphError(
            f"辺「{item[0]} → {item[1]}」の偏微分係数は数にしてください。渡されたもの:{partial!r}"
        )
    return Edge(item[0], item[1], partial)
