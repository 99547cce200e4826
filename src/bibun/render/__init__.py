"""計算グラフをSVGとDOTに描く。標準ライブラリーだけで動く。

絵の約束:角の丸い箱が値(青いものは入力)、丸が演算、辺の途中の数が偏微分係数。色はCSSの変数
(``--bibun-accent``など)と文字の色から取るので、明るい画面でも暗い画面でも読める。

Examples
--------
>>> from bibun.graph import Graph
>>> draw(Graph.from_edges([("x", "y", 2.0)])).alt
'計算グラフ。入力はx。yはxから計算される。偏微分係数はx→yが2。'
"""

from bibun.render.dot import to_dot
from bibun.render.drawing import Drawing, Frames, draw, draw_sweep
from bibun.render.graphviz import draw_dot

__all__ = ["Drawing", "Frames", "draw", "draw_dot", "draw_sweep", "to_dot"]
