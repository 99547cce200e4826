"""Graphvizの図(``torchviz.make_dot``の結果など)をSVGに描く。"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape, unescape
from typing import Any

from bibun.graph import GraphError
from bibun.render.boxes import to_svg
from bibun.render.drawing import Drawing

__all__ = ["draw_dot"]


def draw_dot(source: Any, *, alt: str | None = None) -> Drawing:
    """Graphvizのグラフ(``torchviz.make_dot``の結果など)をSVGに描く。

    Parameters
    ----------
    source : graphviz.Digraph or str
        描くグラフ、またはDOTのソース。
    alt : str, optional
        図の説明。省けばノードの文字から作る。

    Returns
    -------
    Drawing
        図。ノードの名前はn0、n1、… に付けなおすので、毎回同じSVGになる。

    Raises
    ------
    GraphError
        Graphvizのグラフでないとき、DOTの構文に誤りがあるとき。
    ImportError
        pygraphvizがないとき。

    Notes
    -----
    pygraphvizを使う。ページの中(Pyodide)では、代わりに`bibun.render.boxes`が箱と矢印を描く。

    Examples
    --------
    >>> import graphviz
    >>> digraph = graphviz.Digraph()
    >>> digraph.node("139654035805984", "SinBackward0")
    >>> drawing = draw_dot(digraph)
    >>> drawing.alt
    'Graphvizによる図。箱の文字はSinBackward0。'
    >>> "139654035805984" in drawing.svg + drawing.dot
    False
    """
    text = source if isinstance(source, str) else getattr(source, "source", None)
    if text is None:
        raise GraphError(
            "torchviz.make_dotの結果かDOTのソースを渡してください。bibunのGraphならdrawで描けます。"
            f"渡されたもの:{source!r}"
        )
    text = _without_empty_lines(_renamed(text))
    svg, labels = to_svg(text) if sys.platform == "emscripten" else _stable(_graphviz_svg(text))
    alt = alt or f"Graphvizによる図。箱の文字は{'、'.join(map(str.strip, labels))}。"
    for color, variable in DOT_COLORS.items():
        svg = re.sub(f'(fill|stroke)="{color}"', rf'\1="{variable}"', svg)
    svg = svg.replace("<text ", '<text fill="currentColor" ')
    head = (
        f'<svg class="bibun-graph" role="img" aria-label="{escape(alt)}"'
        ' style="max-width:100%;height:auto"'
    )
    return Drawing(svg.replace("<svg", head, 1), text, alt)


# torchvizとGraphvizが使う色。塗りは半透明にして、上の文字が明るい画面でも暗い画面でも読めるようにする。
DOT_COLORS = {
    "white": "none",
    "black": "currentColor",
    "lightblue": "var(--bibun-dot-input, rgb(28 126 214 / 0.28))",
    "lightgrey": "var(--bibun-dot-operation, rgb(134 142 150 / 0.28))",
    "orange": "var(--bibun-dot-saved, rgb(230 119 0 / 0.32))",
    "#caff70": "var(--bibun-dot-output, rgb(47 158 68 / 0.32))",
    "#a2cd5a": "var(--bibun-dot-output, rgb(47 158 68 / 0.32))",
}


def _renamed(source: str) -> str:
    """番地(9桁以上の数)を、現れた順にn0、n1、…に替える。"""
    names: dict[str, str] = {}
    return re.sub(r"\b\d{9,}\b", lambda m: names.setdefault(m[0], f"n{len(names)}"), source)


def _without_empty_lines(source: str) -> str:
    """改行で始まる文字の前に空白を置く。

    名前のないTensorの箱は文字が改行で始まり、それが2つあるとGraphvizは片付けのときにプロセスごと止まる。
    """
    return re.sub(r'label="(?=\n|\\n)', 'label=" ', source)


def _graphviz_svg(source: str) -> str:
    try:
        import pygraphviz  # type: ignore[import-untyped]
    except ImportError as error:
        raise ImportError(
            "この図を描くにはpygraphvizが要ります。pip install pygraphvizで入れてください。"
        ) from error
    # Graphviz(Cのライブラリー)は、構文の誤りもフォントの設定についての注意も、標準エラーに直接書く。
    with _silent_stderr():
        try:
            graph = pygraphviz.AGraph(string=source)
        except pygraphviz.DotError as error:
            raise GraphError(f"DOTの構文に誤りがあります。渡されたもの:{source!r}") from error
        drawn: bytes = graph.draw(format="svg", prog="dot")
        graph.close()
    return drawn.decode()


@contextmanager
def _silent_stderr() -> Iterator[None]:
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _stable(svg: str) -> tuple[str, list[str]]:
    """注釈、題、idを除いたSVGと、箱の文字。題を残すと、指を重ねたときにノードの名前が出る。"""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<!--.*?-->\s*|<title>.*?</title>\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r' id="[^"]*"| xml:space="preserve"| xmlns:xlink="[^"]*"', "", svg)
    labels = [
        " ".join(part.strip() for part in re.findall(r"<text[^>]*>([^<]*)</text>", node))
        for node in re.findall(r'<g class="node">(.*?)</g>', svg, flags=re.DOTALL)
    ]
    return svg, [unescape(label) for label in labels]
