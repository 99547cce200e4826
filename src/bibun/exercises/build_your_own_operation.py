"""演習build-3: 斜辺の長さを1つの演算として足し、その規則を書く。"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from bibun.exercise import Exercise, Mistake, Unanswered, Wrong, close, function, kind, values
from bibun.numdiff import gradient

POINTS = ((3.0, 4.0), (1.0, 2.0), (-1.5, 0.5))
Partials = Callable[[float, float], tuple[float, float]]

MISTAKES: tuple[tuple[Partials, str], ...] = (
    (
        lambda a, b: (b / math.hypot(a, b), a / math.hypot(a, b)),
        "aの偏微分とbの偏微分が、逆の順に並んでいます。",
    ),
    (
        lambda a, b: (a, b),
        "斜辺の長さで割り忘れています。平方根の微分は1/(2√s)です。",
    ),
    (
        lambda a, b: (2 * a, 2 * b),
        "それはa²+b²の偏微分です。平方根の微分も掛けます(合成関数の微分)。",
    ),
    (
        lambda a, b: (1 / (2 * math.hypot(a, b)), 1 / (2 * math.hypot(a, b))),
        "平方根の微分だけで止まっています。中身のa²+b²の偏微分も掛けます。",
    ),
    (
        lambda a, b: (1 / math.hypot(a, b), 1 / math.hypot(a, b)),
        "分子が1になっています。中身のa²+b²の偏微分(2aと2b)も掛けます。",
    ),
    (
        lambda a, b: (a * math.hypot(a, b), b * math.hypot(a, b)),
        "斜辺の長さは、掛けるのではなく、割ります。",
    ),
    (
        lambda a, b: (2 * a / math.hypot(a, b), 2 * b / math.hypot(a, b)),
        "2倍になっています。平方根の微分1/(2√s)の2を忘れていませんか。",
    ),
    (
        lambda a, b: (a / (a * a + b * b), b / (a * a + b * b)),
        "割るのは、斜辺の長さの2乗ではなく、斜辺の長さです。",
    ),
)


def judge(hypot_partials: Any) -> None:
    partials = function(hypot_partials, "hypot_partials")
    gots = [_read(partials(a, b)) for a, b in POINTS]
    for (a, b), got in zip(POINTS, gots, strict=True):
        want = gradient(lambda xs: math.hypot(*xs), [a, b], method="central")
        if not close(got, want):
            raise Mistake(
                f"a = {a:g}、b = {b:g} で、規則は ({got[0]:.4f}, {got[1]:.4f})、"
                f"差分は ({want[0]:.4f}, {want[1]:.4f}) でした。{_named_mistake(gots)}"
            )


def _read(answer: Any) -> list[float]:
    if answer is None:
        raise Mistake(
            "`hypot_partials` が `None` を返しました。`return` を書いたか見直してください。"
        )
    if answer is ... or (isinstance(answer, (tuple, list)) and any(part is ... for part in answer)):
        raise Unanswered("`hypot_partials` の中に `...` が残っています。")
    if not isinstance(answer, (tuple, list)):
        raise Mistake(
            f"`hypot_partials` は2つの偏微分の組 `(…, …)` を返すはずですが、{kind(answer)}でした。"
        )
    if len(answer) != 2:
        raise Mistake(f"入力はaとbの2つなので、偏微分も2つのはずですが、{len(answer)}個でした。")
    return values(answer, (2,), "偏微分の組")


def _named_mistake(gots: list[list[float]]) -> str:
    for wrong, says in MISTAKES:
        if all(close(got, wrong(a, b)) for got, (a, b) in zip(gots, POINTS, strict=True)):
            return says
    return "√(a²+b²)を、aだけの関数、bだけの関数と見て、1つずつ微分してください。"


def _program(body: str) -> str:
    return f"""\
def hypot_partials(a, b):
    c = math.hypot(a, b)
    {body}


check("build-3", hypot_partials)"""


EXERCISES = (
    Exercise(
        id="build-3",
        title="演習 自分の演算を足す",
        chapter="how/build-your-own",
        judge=judge,
        right=(
            _program("return (a / c, b / c)"),
            _program("return [(a * a + b * b) ** -0.5 * a, (a * a + b * b) ** -0.5 * b]"),
        ),
        wrong=(
            Wrong(_program("return (b / c, a / c)"), "逆の順"),
            Wrong(_program("return (a, b)"), "割り忘れ"),
            Wrong(_program("return (2 * a, 2 * b)"), "平方根の微分も掛けます"),
            Wrong(_program("return (1 / (2 * c), 1 / (2 * c))"), "中身のa²+b²"),
            Wrong(_program("return (1 / c, 1 / c)"), "分子が1"),
            Wrong(_program("return (a * c, b * c)"), "掛けるのではなく"),
            Wrong(_program("return (2 * a / c, 2 * b / c)"), "2倍"),
            Wrong(_program("return (a / c**2, b / c**2)"), "斜辺の長さの2乗ではなく"),
            Wrong(_program("return (a + b) / c"), "2つの偏微分の組"),
            Wrong(_program("return (a / c,)"), "1個でした"),
        ),
        praise="2つの偏微分が、正の点でも負の点でも差分と合っています。",
    ),
)
