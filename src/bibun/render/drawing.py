"""図:計算グラフを1枚に、または逆伝播の1手ごとに描く。"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from bibun.graph import Graph, GraphError, Path, Sweep
from bibun.render.description import describe
from bibun.render.dot import to_dot
from bibun.render.scene import FONT, Scene

__all__ = ["Drawing", "Frames", "draw", "draw_sweep"]

SHOWABLE = ("operation", "value", "partial")
WIDE = 430.0  # これより広い図は、幅390 pxの画面では字が小さくなりすぎる


@dataclass(frozen=True)
class Drawing:
    """描かれた計算グラフ。ノートブックではそのまま図になる。

    Attributes
    ----------
    svg : str
        ``<svg role="img" aria-label=…>``の1要素。
    dot : str
        同じグラフのDOT言語での表現。
    alt : str
        図を見ない読者のための説明。

    Examples
    --------
    >>> draw(Graph.from_edges([("x", "y", 2.0)])).alt
    '計算グラフ。入力はx。yはxから計算される。偏微分係数はx→yが2。'
    """

    svg: str
    dot: str
    alt: str

    def _repr_html_(self) -> str:
        return self.svg

    def __repr__(self) -> str:
        return f"<Drawing {self.alt}>"


@dataclass(frozen=True)
class Frames:
    """逆伝播の1手ごとの図。折りたたみを開いて1手ずつ進む(JavaScriptは使わない)。

    Attributes
    ----------
    drawings : tuple of Drawing
        最初の状態と、1手ごとの図。
    captions : tuple of str
        図ごとの見出し。
    results : tuple of str
        図ごとの、寄与の計算と、届いた先の値の変化。最初の状態では空。開くまで見えないので、読者は先に予想できる。

    Examples
    --------
    >>> frames = draw_sweep(Graph.from_edges([("x", "y", 2.0)]), "y")
    >>> frames
    はじめ:yの随伴値は1
    1手目:y ⇒ x　1 × 2 = 2　x̄: 0 → 2
    """

    drawings: tuple[Drawing, ...]
    captions: tuple[str, ...]
    results: tuple[str, ...]

    def _repr_html_(self) -> str:
        # 同じnameの<details>は1つだけが開く。名前は中身から決めるので、毎回同じになる。
        digest = hashlib.sha256("".join(d.svg for d in self.drawings).encode()).hexdigest()[:10]
        items = (
            f'<details name="sweep-{digest}"{" open" if number == 0 else ""}>'
            f"<summary>{escape(caption)}</summary><div>{escape(result)}</div>{drawing.svg}</details>"
            for number, (drawing, caption, result) in enumerate(
                zip(self.drawings, self.captions, self.results, strict=True)
            )
        )
        style = "font-family:system-ui,sans-serif"  # 日本語のフォントでは上線の位置がずれる
        return f'<div class="bibun-frames" style="{style}">{"".join(items)}</div>'

    def __repr__(self) -> str:
        steps = zip(self.captions, self.results, strict=True)
        return "\n".join("　".join(filter(None, step)) for step in steps)


def draw(
    graph: Graph,
    *,
    highlight: Path | Iterable[Path] = (),
    sweep: Sweep | None = None,
    step: int | None = None,
    show: Sequence[str] = SHOWABLE,
    direction: str | None = None,
    alt: str | None = None,
) -> Drawing:
    """計算グラフをSVGに描く。

    Parameters
    ----------
    graph : Graph
        描くグラフ。ノードが100を超えるものは描かない。
    highlight : Path or iterable of Path
        目立たせるパス(``graph.paths``で得たもの)。パスごとに色と線の種類を変える。2本以上のパスが通る辺は、文字の色の、さらに太い線になる。
    sweep : Sweep, optional
        ``graph``の1回の逆伝播か順伝播の記録。随伴値(上線)または接線値(点)を箱の2行目に書く。
    step : int, optional
        ``sweep``を何手目まで進めたところを描くか。省けば最後まで。
    show : sequence of str
        書くもの。``"operation"``、``"value"``、``"partial"``から選ぶ。
    direction : {"LR", "TB"}, optional
        左から右か、上から下か。省けば、狭い画面にも入るほうを選ぶ。
    alt : str, optional
        図の説明。省けばグラフから作る。

    Returns
    -------
    Drawing
        図。同じ引数からは必ず同じSVGができる。

    Raises
    ------
    GraphError
        ``show``や``direction``に知らない語があるとき、グラフが大きすぎるとき、``highlight``や
        ``sweep``が``graph``のものでないとき、``step``が範囲にないとき。

    Examples
    --------
    >>> graph = Graph.from_edges([("u", "x", 1.0), ("v", "x", 1.0)], operations={"x": "+"})
    >>> draw(graph, show=["operation"]).svg.startswith("<svg")
    True
    """
    paths = (highlight,) if isinstance(highlight, Path) else tuple(highlight)
    _check_options(graph, show, direction)
    _check_overlays(graph, paths, sweep, step)
    scene = Scene(graph, frozenset(show), paths, sweep, step)
    alt = alt or describe(graph, scene.show, paths, sweep, scene.numbers)
    picture = scene.picture(direction or "LR")
    if direction is None and picture.width > WIDE:
        picture = min(picture, scene.picture("TB"), key=lambda each: each.width)
    svg = (
        f'<svg class="bibun-graph" role="img" aria-label="{escape(alt)}"'
        f' xmlns="http://www.w3.org/2000/svg" width="{picture.width:.0f}"'
        f' height="{picture.height:.0f}" viewBox="0 0 {picture.width:.0f} {picture.height:.0f}"'
        f' style="max-width:100%;height:auto" font-family="system-ui, sans-serif"'
        f' font-size="{FONT:g}" fill="currentColor">{picture.body}</svg>'
    )
    return Drawing(svg, to_dot(graph), alt)


def draw_sweep(graph: Graph, target: str, **options: Any) -> Frames:
    """``target``からの逆伝播を、1手ずつの図にする。

    Parameters
    ----------
    graph : Graph
        描くグラフ。
    target : str
        出発するノードの名前。
    **options
        ``draw``に渡す``show``や``direction``。

    Returns
    -------
    Frames
        最初の状態と、辺1本ごとの図。

    Examples
    --------
    >>> len(draw_sweep(Graph.from_edges([("x", "y", 2.0), ("y", "z", 3.0)]), "z").drawings)
    3
    """
    sweep = graph.reverse_sweep(target)
    captions, results = [f"はじめ:{target}の随伴値は1"], [""]
    drawings = [draw(graph, sweep=sweep, step=0, **options)]
    for number, (arrow, product, change) in enumerate(sweep.ledger(), start=1):
        captions.append(f"{number}手目:{arrow}")
        results.append(f"{product}　{change}")
        drawings.append(draw(graph, sweep=sweep, step=number, **options))
    return Frames(tuple(drawings), tuple(captions), tuple(results))


def _check_options(graph: Graph, show: Sequence[str], direction: str | None) -> None:
    unknown = [word for word in show if word not in SHOWABLE]
    if isinstance(show, str) or unknown:
        raise GraphError(f"showには{SHOWABLE}から選んで並べてください。渡されたもの:{show!r}")
    if direction not in (None, "LR", "TB"):
        raise GraphError(
            f'directionは"LR"(左から右)か"TB"(上から下)です。渡されたもの:{direction!r}'
        )
    if len(graph.nodes) > 100:
        raise GraphError(
            f"ノードが{len(graph.nodes)}個あり、図にすると読めません。100個までのグラフを描いてください。"
        )


def _check_overlays(
    graph: Graph, paths: tuple[Path, ...], sweep: Sweep | None, step: int | None
) -> None:
    known = {id(edge) for edge in graph.edges}
    for path in paths:
        if not isinstance(path, Path) or any(id(edge) not in known for edge in path.edges):
            raise GraphError(
                "highlightには、このグラフのpaths(始点, 終点)で得たパスを渡してください。"
                f"渡されたもの:{path}"
            )
    if sweep is not None and any(id(move.edge) not in known for move in sweep.steps):
        raise GraphError(
            "sweepには、このグラフのreverse_sweepかforward_sweepの結果を渡してください。"
        )
    last = 0 if sweep is None else len(sweep.steps)
    if step is not None and not 0 <= step <= last:
        raise GraphError(f"stepは0以上{last}以下です(sweepの手数)。渡された数:{step}")
