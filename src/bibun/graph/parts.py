"""計算グラフの部品:値(ノード)、辺、パスと、その書き方。"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

__all__ = ["Edge", "GraphError", "Path", "PathSum", "Value", "format_number"]


class GraphError(ValueError):
    """計算グラフを作れない、または問われたことに答えられないときのエラー。

    Examples
    --------
    >>> from bibun.graph import Graph
    >>> Graph.from_edges([("x", "y")]).count_paths("x", "w")
    Traceback (most recent call last):
        ...
    bibun.graph.GraphError: 「w」というノードはこの計算グラフにありません。あるノード:x, y
    """

    __module__ = "bibun.graph"  # 読者が見るのは、importするときの名前


@dataclass(frozen=True)
class Value:
    """計算グラフのノード:1つの値と、それを作った演算。

    Attributes
    ----------
    name : str
        ノードの名前。グラフの中で1つしかない。
    operation : str or None
        この値を作った演算の記号(``"+"``、``"sin"``など)。入力ならNone。
    value : float or tuple or None
        順伝播で得られた値。スカラーは数、ベクトルや行列は入れ子のタプル。わからなければNone。

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
    """計算グラフの辺:``target``の計算に``source``が1回使われたこと。

    ``u * u``のように同じ値を2回使うと、同じ向きの辺が2本できる。

    Attributes
    ----------
    source, target : str
        使われた値と、その計算の結果の名前。
    partial : float or None
        偏微分係数∂target/∂source。わからなければNone。

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
    """計算グラフのパス:辺をつないだ列。

    Attributes
    ----------
    edges : tuple of Edge
        通る辺。始点と終点が同じ長さ0のパスでは空。
    start : str
        始点の名前。

    Examples
    --------
    >>> from bibun.graph import Graph
    >>> graph = Graph.from_edges([("u", "x", 1.0), ("x", "z", 5.0)])
    >>> path = next(graph.paths("u", "z"))
    >>> print(path, path.product)
    u → x → z 5.0
    """

    edges: tuple[Edge, ...]
    start: str

    @property
    def nodes(self) -> tuple[str, ...]:
        """通るノードの名前を、始点から終点の順に並べたもの。"""
        return (self.start, *(edge.target for edge in self.edges))

    @property
    def partials(self) -> tuple[float, ...]:
        """通る辺の偏微分係数を順に並べたもの。"""
        return tuple(partial_of(edge) for edge in self.edges)

    @property
    def product(self) -> float:
        """通る辺の偏微分係数の積。長さ0のパスでは1。"""
        return prod(self.partials)

    def __str__(self) -> str:
        return " → ".join(self.nodes)


@dataclass(frozen=True)
class PathSum:
    """すべてのパスの積と、その合計(連鎖律の右辺)。

    Attributes
    ----------
    source, target : str
        始点と終点の名前。
    paths : tuple of Path
        始点から終点までのすべてのパス。
    total : float
        パスごとの積の合計。∂target/∂sourceに等しい。

    Examples
    --------
    >>> from bibun.graph import Graph
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
        products = " + ".join(term(path.product) for path in self.paths)
        total = format_number(self.total)
        right = total if len(self.paths) < 2 else f"{products} = {total}"
        return "\n".join([*lines, f"∂{self.target}/∂{self.source} = {right}"])


def format_number(number: float) -> str:
    """図や帳簿に出す形に数を書く。整数はそのまま、小数は有効数字4桁。

    Examples
    --------
    >>> format_number(6.0), format_number(0.841470956802), format_number(2**70)
    ('6', '0.8415', '1180591620717411303424')
    """
    if isinstance(number, int):
        return short_integer(number)
    text = f"{number:.4g}"
    return "0" if text == "-0" else text


def short_integer(number: int) -> str:
    text = str(number) if abs(number) < 10**40 else ""
    return text or f"約2^{number.bit_length() - 1}"


def term(number: float) -> str:
    text = format_number(number)
    return f"({text})" if text.startswith("-") else text


def times(left: float, right: float) -> str:
    return f"{format_number(left)} × {term(right)}"


def _product_text(path: Path) -> str:
    factors = [term(partial) for partial in path.partials] or ["1"]
    product = format_number(path.product)
    return product if len(factors) == 1 else f"{' × '.join(factors)} = {product}"


def partial_of(edge: Edge) -> float:
    if edge.partial is None:
        raise GraphError(
            f"辺「{edge.source} → {edge.target}」に偏微分係数がありません。手で書いたグラフなら"
            "(始点, 終点, 係数)と書き、Tensorから作ったグラフならスカラーだけの計算にしてください。"
        )
    return edge.partial
