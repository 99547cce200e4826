"""計算グラフ:値をノード、「どの値から計算されたか」を辺とする有向非巡回グラフ。

PyTorchの記録からも、bibunの記録からも、手で書いた辺からも、同じ``Graph``ができる。
辺(s, t)は偏微分係数∂t/∂sを持てる。パスごとの積の和(連鎖律)も、逆方向モードと順方向モードの
1回の伝播も、この1つの形の上で計算し、数える。

Examples
--------
>>> graph = Graph.from_edges([("u", "x", 1.0), ("u", "y", 1.0), ("x", "z", 1.0), ("y", "z", 5.0)])
>>> graph.path_sum("u", "z").total, graph.reverse_sweep("z").results["u"]
(6.0, 6.0)
"""

from bibun.graph.dag import Graph, diamond_chain
from bibun.graph.parts import Edge, GraphError, Path, PathSum, Value, format_number
from bibun.graph.sweep import Step, Sweep

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
    "format_number",
]
