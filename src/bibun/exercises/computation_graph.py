"""演習: 計算を辺の一覧にする(graph-1)、計算グラフの絵を計算にする(graph-2)。"""

from __future__ import annotations

from collections import Counter
from math import exp
from typing import Any

from bibun.exercise import Exercise, Mistake, Unanswered, Wrong, close, kind, number, records
from bibun.graph import Graph

# p = x * y; q = sin(p); r = p + q; z = r * r
EDGES = Counter(
    {
        ("x", "p"): 1,
        ("y", "p"): 1,
        ("p", "q"): 1,
        ("p", "r"): 1,
        ("q", "r"): 1,
        ("r", "z"): 2,
    }
)
NAMES = ("x", "y", "p", "q", "r", "z")
LINES = {"p": "p = x * y", "q": "q = torch.sin(p)", "r": "r = p + q", "z": "z = r * r"}


def judge_edges(edges: Any) -> None:
    if isinstance(edges, (set, frozenset)):
        raise Mistake(
            "`{…}` で書くと集合になり、同じ辺が1本にまとまってしまいます。"
            "角かっこ `[…]` のリストで書きます。"
        )
    if not isinstance(edges, (list, tuple)):
        raise Mistake(f'`("x", "p")` のような組を並べたリストのはずですが、{kind(edges)}でした。')
    found = Counter(_pair(edge) for edge in edges)
    if found == Counter({(t, s): times for (s, t), times in EDGES.items()}):
        raise Mistake("矢印の向きがすべて逆です。使われた値を先に、その計算の結果を後に書きます。")
    for edge, times in found.items():
        _no_extra(edge, times)
    for (source, target), times in EDGES.items():
        if found[source, target] < times:
            raise Mistake(_missing(source, target, found))


def _pair(edge: Any) -> tuple[str, str]:
    if edge is ...:
        raise Unanswered("一覧に `...` が残っています。残りの辺に書きかえてください。")
    shape_ok = isinstance(edge, (list, tuple)) and len(edge) == 2
    if not shape_ok or not all(isinstance(name, str) for name in edge):
        raise Mistake(
            f'辺は `("x", "p")` のように、名前の文字列2つの組で書きます。書かれたもの: `{edge!r}`'
        )
    for name in edge:
        if name not in NAMES:
            raise Mistake(
                f"`{name}` という値はこの計算にありません。演算ではなく、"
                f"値の名前({'、'.join(NAMES)})で書きます。"
            )
    return edge[0], edge[1]


def _no_extra(edge: tuple[str, str], times: int) -> None:
    source, target = edge
    if (target, source) in EDGES:
        raise Mistake(
            f"`{edge}` は向きが逆です。{target}が{source}の計算に使われるので、{target}が先です。"
        )
    if edge not in EDGES:
        if target not in LINES:
            raise Mistake(f"`{edge}` は余分です。{target}は入力で、何からも計算されません。")
        raise Mistake(
            f"`{edge}` は余分です。{target}を計算する行 `{LINES[target]}` に{source}は出てきません。"
        )
    if times > EDGES[edge]:
        raise Mistake(
            f"`{edge}` が{times}本あります。行 `{LINES[target]}` に{source}は"
            f"{EDGES[edge]}回しか出てきません。"
        )


def _missing(source: str, target: str, found: Counter[tuple[str, str]]) -> str:
    if (source, target) == ("r", "z") and found["r", "z"] == 1:
        return "rは `z = r * r` で2回使われています。同じ向きの辺を2本書きます。"
    if source == "p" and found["p", "q"] + found["p", "r"] == 1:
        return "pは2つの行で使われています。使い回された値からは、辺が2本出ます。"
    return (
        f"まだ足りない辺があります。行 `{LINES[target]}` に出てくる値を、1つずつ見直してください。"
    )


def judge_program(z: Any) -> None:
    records(z, "z")
    if z.grad_fn is None:
        raise Mistake("zは計算の結果のはずですが、作ったままのTensorでした。uとvから計算します。")
    value = number(z, "z")
    graph = Graph.from_tensor(z)
    made = Counter(node.operation for node in graph.nodes)
    if made["+"] == 2 and close([value], [3 * exp(3)]):
        raise Mistake(
            "値は合っていますが、足し算が2回記録されています。絵の丸「+」は1つです。"
            "u + v を一度だけ計算して名前を付け、それを2か所で使います。"
        )
    if made["exp"] == 2 and close([value], [3 * exp(3)]):
        raise Mistake("値は合っていますが、expが2回記録されています。絵の丸「exp」は1つです。")
    if made[None] < 2:
        raise Mistake(
            "uとvの両方から計算された記録がありません。どちらも `requires_grad=True` で作り、"
            "途中で `item()` や `detach()` を使っていないか見直してください。"
        )
    _name_slip(value)
    if made != Counter({None: 2, "+": 1, "exp": 1, "×": 1}) or not _wired_as_drawn(graph):
        listed = "、".join(operation for operation in made if operation)
        raise Mistake(f"値は合っていますが、絵と違う計算です。記録された演算: {listed}")


def _name_slip(value: float) -> None:
    s, t = 3.0, exp(3.0)
    slips = (
        (s + t, "最後の演算が足し算になっています。絵の最後の丸は「×」です。"),
        (t, "expまでの値です。そのあと、sとtを掛けます。"),
        (t * t, "tを2回掛けています。最後の「×」に入る矢印は、sからとtからの2本です。"),
        (s * s, "sを2回掛けています。最後の「×」に入る矢印は、sからとtからの2本です。"),
        (s, "最初の足し算だけの値です。絵の右の端まで計算します。"),
    )
    for wrong, words in slips:
        if close([value], [wrong]):
            raise Mistake(words)
    if not close([value], [s * t]):
        raise Mistake(
            f"zの値は {s * t:.4f} のはずですが、{value:.4f} でした。"
            "u=1、v=2で、絵の左から順に計算しているか見直してください。"
        )


def _wired_as_drawn(graph: Graph) -> bool:
    makers = {node.name: node.operation for node in graph.nodes}
    wires = Counter((makers[edge.source], makers[edge.target]) for edge in graph.edges)
    return wires == Counter({(None, "+"): 2, ("+", "exp"): 1, ("+", "×"): 1, ("exp", "×"): 1})


ALL_EDGES = (
    '("x", "p")',
    '("y", "p")',
    '("p", "q")',
    '("p", "r")',
    '("q", "r")',
    '("r", "z")',
    '("r", "z")',
)


def edges_cell(*edges: str) -> str:
    """辺の一覧を書いたセル。"""
    lines = "".join(f"    {edge},\n" for edge in edges)
    return f'edges = [\n{lines}]\ncheck("graph-1", edges)'


def program_cell(*lines: str) -> str:
    """uとvを用意し、`lines` を計算して採点するセル。"""
    inputs = (
        "u = torch.tensor(1.0, requires_grad=True)",
        "v = torch.tensor(2.0, requires_grad=True)",
    )
    return "\n".join((*inputs, *lines, 'check("graph-2", z)'))


EXERCISES = (
    Exercise(
        id="graph-1",
        title="演習 計算を辺の一覧にする",
        chapter="how/computation-graph",
        judge=judge_edges,
        right=(edges_cell(*ALL_EDGES), edges_cell(*reversed(ALL_EDGES))),
        wrong=(
            Wrong(edges_cell(*ALL_EDGES[:-1]), "2本書きます"),
            Wrong(edges_cell(*ALL_EDGES[:3], *ALL_EDGES[4:]), "使い回された値"),
            Wrong(
                edges_cell(*(f"{edge}[::-1]" for edge in ALL_EDGES)),
                "すべて逆",
            ),
            Wrong(edges_cell(*ALL_EDGES[1:], '("p", "x")'), "向きが逆"),
            Wrong(edges_cell(*ALL_EDGES, '("x", "r")'), "余分"),
            Wrong(edges_cell('("x", "*")', '("y", "*")', '("*", "p")'), "値の名前"),
            Wrong(edges_cell(*ALL_EDGES, '("x", "p")'), "回しか"),
            Wrong(edges_cell(*ALL_EDGES[1:]), "足りない辺"),
            Wrong(edges_cell(*ALL_EDGES[:-2], '("r", "r", "z")'), "2つの組"),
            Wrong('edges = {("x", "p"), ("y", "p")}\ncheck("graph-1", edges)', "角かっこ"),
        ),
        praise="7本の辺がすべて合いました。rからzへは、同じ向きの辺が2本あります。",
    ),
    Exercise(
        id="graph-2",
        title="演習 絵を計算にする",
        chapter="how/computation-graph",
        judge=judge_program,
        right=(
            program_cell("s = u + v", "t = torch.exp(s)", "z = s * t"),
            program_cell("s = v + u", "z = torch.exp(s) * s"),
        ),
        wrong=(
            Wrong(program_cell("z = (u + v) * torch.exp(u + v)"), "足し算が2回"),
            Wrong(program_cell("s = u + v", "t = torch.exp(s)", "z = s + t"), "「×」です"),
            Wrong(program_cell("s = u + v", "t = torch.exp(s)", "z = t * t"), "tを2回"),
            Wrong(program_cell("s = u + v", "z = torch.exp(s)"), "expまで"),
            Wrong(program_cell("s = u * v", "t = torch.exp(s)", "z = s * t"), "左から順に"),
            Wrong(program_cell("s = u + v.item()", "t = torch.exp(s)", "z = s * t"), "両方から"),
            Wrong(
                "u, v = torch.tensor(1.0), torch.tensor(2.0)\n"
                's = u + v\nz = s * torch.exp(s)\ncheck("graph-2", z)',
                "requires_grad=True",
            ),
            Wrong('check("graph-2", 60.2566)', "Tensor"),
        ),
        praise="絵のとおりの計算が記録されました。sは一度だけ計算され、2か所で使われています。",
    ),
)
