"""演習chain-1、chain-2: パスごとの積と、パスの和を計算する関数。"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from bibun.exercise import (
    Exercise,
    Mistake,
    Unanswered,
    Wrong,
    close,
    function,
    kind,
    number,
    values,
)

Edges = list[tuple[str, str, float]]

# a = uv、b = a + u、z = ab を u = 3、v = 2 で。uからzへのパスは u→a→z、u→a→b→z、u→b→z。
PRODUCTS = (18.0, 12.0, 6.0)
TOTAL = sum(PRODUCTS)
ADDED_UP = f"{TOTAL:g}は3本の積の和です。ここでは、足す前の積をパスごとに並べてください。"


def judge_products(products: Any) -> None:
    if not isinstance(products, (list, tuple)):
        raise Mistake(_not_a_list(products))
    if not products:
        raise Mistake("リストが空です。パスごとの積を並べてください。")
    got = values(products, (len(products),), "積")
    if _same(got, PRODUCTS):
        return
    raise Mistake(_products_mistake(got))


def _not_a_list(products: Any) -> str:
    if isinstance(products, (int, float)) and close([float(products)], [TOTAL]):
        return ADDED_UP
    return f"積を並べたリストのはずですが、{kind(products)}でした。`[…, …, …]` と書きます。"


def _products_mistake(got: Sequence[float]) -> str:
    named = (
        ((TOTAL,), ADDED_UP),
        ((27.0, 18.0), "それはvからzへのパスの積です。ここで訊いているのは、uから出るパスです。"),
        (
            (12.0, 18.0, 9.0),
            "zへ入る辺の偏微分が入れかわっています。z=abなので、a→zはb、b→zはaです。",
        ),
        ((18.0, 18.0), "b→zを通るパスは2本に分けて数えます。uからbへの行き方が2通りあるからです。"),
        ((27.0, 18.0, 6.0), "u→aの偏微分が違います。a=uvをuで微分すると、残るのはvの値です。"),
        ((11.0, 9.0, 7.0), "辺の偏微分を足していませんか。1本のパスに沿っては、掛けます。"),
    )
    for wrong, says in named:
        if _same(got, wrong):
            return says
    missing = list((Counter(PRODUCTS) - Counter(round(g, 3) for g in got)).elements())
    if len(got) < len(PRODUCTS):
        if len(got) + len(missing) == len(PRODUCTS):
            return f"並んでいる積は合っていますが、パスがあと{len(missing)}本あります。"
        return f"uからzへのパスは3本ですが、積が{len(got)}個でした。パスを数え直してください。"
    if len(got) > len(PRODUCTS):
        return f"uからzへのパスは3本ですが、積が{len(got)}個でした。同じパスを2度数えていませんか。"
    right = len(PRODUCTS) - len(missing)
    return f"3本のうち{right}本は合っています。残りのパスの辺の偏微分を1つずつ確かめてください。"


def _same(got: Sequence[float], want: Sequence[float]) -> bool:
    return close(sorted(got), sorted(want))


def judge_path_sum(path_sum: Any) -> None:
    path_sum = function(path_sum, "path_sum")
    for edges, source, target, want, says in CASES:
        answer = path_sum(list(edges), source, target)
        if answer is None:
            raise Mistake(
                "`path_sum` が `None` を返しました。`return` を書いたか見直してください。"
            )
        if answer is ...:
            raise Unanswered(
                "`path_sum` の中に `...` が残っています。自分の答えに書きかえてください。"
            )
        got = number(answer, "`path_sum` の戻り値")
        if not close([got], [want]):
            question = f"辺が {edges} のとき、{source}から{target}までの和は{want:g}のはずですが、"
            raise Mistake(f"{question}{got:g}でした。{says}")


LINE: Edges = [("x", "y", 3.0), ("y", "z", 4.0)]
TWICE: Edges = [("x", "y", 3.0), ("x", "y", 3.0)]
LECTURE: Edges = [
    ("u", "x", 1.0),
    ("v", "x", 1.0),
    ("u", "y", 1.0),
    ("v", "y", -1.0),
    ("x", "z", 1.0),
    ("y", "z", 5.0),
]
MIXED: Edges = [
    ("u", "a", 2.0),
    ("v", "a", 3.0),
    ("a", "b", 1.0),
    ("u", "b", 1.0),
    ("a", "z", 9.0),
    ("b", "z", 6.0),
    ("z", "w", -0.5),
]
CASES = (
    (LINE, "z", "z", 1.0, "始点と終点が同じなら、長さ0のパスが1本あり、積は1です。"),
    (LINE, "z", "x", 0.0, "パスが1本もないとき、和は0です。"),
    (LINE, "x", "z", 12.0, "1本のパスでは、通る辺の偏微分をすべて、足すのではなく掛けます。"),
    (LECTURE, "u", "z", 6.0, "パスが何本もあるときは、どのパスも数に入れて、積を足します。"),
    (LECTURE, "v", "z", -4.0, "パスが何本もあるときは、積を足します。"),
    (TWICE, "x", "y", 6.0, "同じ向きの辺が2本あれば、パスも2本です。"),
    (MIXED, "u", "z", 36.0, "途中の値を通るパスも、すべてたどっていますか。"),
    (MIXED, "a", "w", -7.5, "始点は入力とは限りません。"),
)

_ANSWER = """\
def path_sum(edges, source, target):
    if source == target:
        return 1.0
    total = 0.0
    for s, t, partial in edges:
        if s == source:
            total += partial * path_sum(edges, t, target)
    return total


check("chain-2", path_sum)"""

_BY_LAST_EDGE = """\
def path_sum(edges, source, target):
    if source == target:
        return 1.0
    return sum(path_sum(edges, source, s) * d for s, t, d in edges if t == target)


check("chain-2", path_sum)"""

_NO_EMPTY_PATH = _ANSWER.replace("return 1.0", "return 0.0")
_ADDS = _ANSWER.replace("partial * path_sum", "partial + path_sum")
_MULTIPLIES_PATHS = _ANSWER.replace("total = 0.0", "total = 1.0").replace("total += ", "total *= ")
_FIRST_PATH_ONLY = """\
def path_sum(edges, source, target):
    if source == target:
        return 1.0
    for s, t, partial in edges:
        if s == source:
            return partial * path_sum(edges, t, target)
    return 0.0


check("chain-2", path_sum)"""
_LAST_PATH_ONLY = _ANSWER.replace("total += ", "total = ")
_LAST_EDGE_ONLY = _ANSWER.replace("s == source:", "t == target:")
_MERGES_EDGES = """\
def path_sum(edges, source, target):
    if source == target:
        return 1.0
    partials = {(s, t): partial for s, t, partial in edges}
    return sum(
        partial * path_sum(edges, t, target)
        for (s, t), partial in partials.items()
        if s == source
    )


check("chain-2", path_sum)"""
_NO_RETURN = _ANSWER.replace("    return total\n", "")


def _products(numbers: str) -> str:
    return f'products = {numbers}\ncheck("chain-1", products)'


EXERCISES = (
    Exercise(
        id="chain-1",
        title="演習(1) パスごとの積",
        chapter="how/chain-rule",
        judge=judge_products,
        right=(
            _products("[2 * 9, 2 * 1 * 6, 1 * 6]"),
            _products("(6.0, 12.0, 18.0)"),
        ),
        wrong=(
            Wrong(_products("[18, 12]"), "あと1本"),
            Wrong(_products("[27, 18]"), "vからz"),
            Wrong(_products("[2 * 6, 2 * 1 * 9, 1 * 9]"), "a→zはb"),
            Wrong(_products("[18, 18]"), "2通り"),
            Wrong(_products("[3 * 9, 3 * 6, 6]"), "残るのはv"),
            Wrong(_products("[2 + 9, 2 + 1 + 6, 1 + 6]"), "掛けます"),
            Wrong(_products("36"), "足す前の積"),
            Wrong(_products("[36]"), "足す前の積"),
            Wrong(_products("[18, 12, 6, 6]"), "2度数えて"),
            Wrong(_products("[18, 12, 5]"), "2本は合っています"),
        ),
        praise="3本のパスの積が合っています。和は36で、これが∂z/∂uです。",
    ),
    Exercise(
        id="chain-2",
        title="演習(2) パスの和を計算する関数",
        chapter="how/chain-rule",
        judge=judge_path_sum,
        right=(_ANSWER, _BY_LAST_EDGE),
        wrong=(
            Wrong(_NO_EMPTY_PATH, "長さ0のパス"),
            Wrong(_ADDS, "足すのではなく掛けます"),
            Wrong(_MULTIPLIES_PATHS, "パスが1本もないとき"),
            Wrong(_MERGES_EDGES, "辺が2本あれば"),
            Wrong(_FIRST_PATH_ONLY, "積を足します"),
            Wrong(_LAST_PATH_ONLY, "積を足します"),
            Wrong(_LAST_EDGE_ONLY, "通る辺の偏微分をすべて"),
            Wrong(_NO_RETURN, "return"),
        ),
        praise="辺が2本重なるグラフでも、途中の値から始めても、和が合っています。",
    ),
)
