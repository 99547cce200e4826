"""演習: 中心差分(numdiff-1)と、n+1回で済ませる勾配(numdiff-2)。"""

from __future__ import annotations

from collections.abc import Callable
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

Formula = Callable[[Callable[[float], float], float, float], float]

# 読者が書きそうな式と、そのときに言うこと。読者の値がどの式の値かを当てて、誤りを名指しする。
SLIPS: tuple[tuple[Formula, str], ...] = (
    (
        lambda f, x, h: (f(x + h) - f(x)) / h,
        "前進差分の値です。`f(x)` の代わりに、左側の点の `f(x - h)` を使います。",
    ),
    (
        lambda f, x, h: (f(x) - f(x - h)) / h,
        "後退差分の値です。`f(x)` の代わりに、右側の点の `f(x + h)` を使います。",
    ),
    (
        lambda f, x, h: (f(x + h) - f(x - h)) / h,
        "正しい値の2倍です。2つの点は `h` ではなく `2 * h` だけ離れています。",
    ),
    (
        lambda f, x, h: (f(x - h) - f(x + h)) / (2 * h),
        "符号が逆です。右側の値から左側の値を引きます。",
    ),
    (
        lambda f, x, h: (f(x + h) - f(x - h)) / 2 * h,
        "`/ 2 * h` は「2で割ってからhを掛ける」の意味です。分母を `(2 * h)` とかっこで囲みます。",
    ),
    (
        lambda f, x, h: (f(x + h) - f(x - h)) / 2,
        "2で割るところまでは合っています。2点の間隔は `2 * h` なので、`h` でも割ります。",
    ),
    (
        lambda f, x, h: (f(x + h) + f(x - h)) / (2 * h),
        "分子が足し算になっています。右側の値から左側の値を引きます。",
    ),
    (
        lambda f, x, h: (f(x + h / 2) - f(x - h / 2)) / h,
        "左右に `h` の半分ずつしかずらしていません。`f(x + h)` と `f(x - h)` を使います。",
    ),
    (
        lambda f, x, h: f(x + h) - f(x - h) / 2 * h,
        "分子も分母も、かっこで囲みます。掛け算と割り算は、引き算より先に左から計算されます。",
    ),
    (
        lambda f, x, h: f(x + h) - f(x - h) / (2 * h),
        "割り算は引き算より先に計算されます。分子の引き算をかっこで囲みます。",
    ),
    (
        lambda f, x, h: f(x + h) - f(x - h),
        "引き算までは合っています。2点の間隔 `2 * h` で割ると傾きになります。",
    ),
    (
        lambda f, x, h: (f(x + 1e-6) - f(x - 1e-6)) / 2e-6,
        "刻み幅が引数の `h` ではなく、決まった数になっています。`h` を使って書きます。",
    ),
)


def cube(x: float) -> float:
    """採点に使う関数。3次なので、中心差分は x=1 で微分係数3からちょうどh²だけずれる。"""
    return x**3


def judge_central(central: Any) -> None:
    function(central, "central")
    x, h = 1.0, 0.25
    got = central(cube, x, h)
    if got is ...:
        raise Unanswered("関数が `...` のままです。`return` の右を、中心差分の式に書きかえます。")
    if got is None:
        raise Mistake("関数が値を返していません。`return` で式の値を返します。")
    slope = number(got, "`central(f, x, h)` が返す値")
    if not close([slope], [3.0625], 1e-9):
        for formula, words in SLIPS:
            if close([slope], [formula(cube, x, h)], 1e-6):
                raise Mistake(words)
        raise Mistake(
            f"f(x)=x³、x=1、h=0.25 なら (1.25³-0.75³)/0.5 = 3.0625 のはずですが、{slope:g} でした。"
        )
    again = number(central(lambda t: 5 * t, -2.0, 0.25), "`central(f, x, h)` が返す値")
    if not close([again], [5.0], 1e-9):
        raise Mistake(
            "x³では合いましたが、f(x)=5xで傾き5になりません。渡された `f` を使っていますか。"
        )


def bowl(xs: Any) -> float:
    """採点に使う3変数の関数。"""
    return float(xs[0] ** 2 + 3 * xs[1] + xs[0] * xs[2])


def judge_gradient(gradient_by_diff: Any) -> None:
    function(gradient_by_diff, "gradient_by_diff")
    base, h = [2.0, 5.0, -1.0], 2.0**-10
    points: list[list[float]] = []

    def f(xs: Any) -> float:
        points.append(values(xs, (3,), "fに渡した点"))
        return bowl(xs)

    given = list(base)
    slopes = gradient_by_diff(f, given, h)
    if slopes is ...:
        raise Unanswered("関数が `...` のままです。偏微分係数のリストを返すように書きかえます。")
    if slopes is None:
        raise Mistake("関数が値を返していません。`return` で偏微分係数のリストを返します。")
    if not isinstance(slopes, (list, tuple)) and not hasattr(slopes, "tolist"):
        raise Mistake(
            f"変数ごとの偏微分係数を並べたリストのはずですが、{kind(slopes)}が返りました。"
        )
    if given != base:
        raise Mistake(
            "渡されたリスト `xs` が書きかわりました。ずらした点は、新しいリストとして作ります。"
        )
    _check_points(points, base)
    got = values(slopes, (3,), "偏微分係数のリスト")
    want = [3.0 + h, 3.0, 2.0]
    if close(got, [slope * h for slope in want], 1e-12):
        raise Mistake("値の差のままです。刻み幅 `h` で割ると偏微分係数になります。")
    if close(got, [-slope for slope in want], 1e-9):
        raise Mistake("符号がすべて逆です。ずらした点での値から、もとの点での値を引きます。")
    if close(got, [3.0, 3.0, 2.0], 1e-9):
        raise Mistake(
            f"中心差分の値で、`f` を{len(points)}回計算しました。前進差分なら、"
            f"もとの点での値を使い回して{len(base) + 1}回で済みます。"
        )
    if close(got, [3.0, 3.0, 2.0], 1e-4) and not close(got, want, 1e-9):
        raise Mistake(
            "刻み幅が引数の `h` ではなく、決まった数になっています。`h` を使って書きます。"
        )
    if not close(got, want, 1e-9):
        shown = ", ".join(f"{slope:g}" for slope in got)
        raise Mistake(
            "変数を1つずつ `h` だけ動かしたときの、値の差を `h` で割った列になりません。"
            f"返った値は {shown} です。"
        )
    if len(points) != len(base) + 1:
        raise Mistake(_bill(len(points), len(base)))


def _check_points(points: list[list[float]], base: list[float]) -> None:
    for point in points:
        moved = sum(p != b for p, b in zip(point, base, strict=True))
        if moved == len(base):
            raise Mistake(
                "すべての変数が同時に動きました。偏微分係数では、動かす変数は1つずつです。"
            )
        if moved > 1:
            raise Mistake(
                "2つの変数が同時に動きました。次の変数に移る前に、前の変数をもとに戻します。"
            )


def _bill(calls: int, n: int) -> str:
    if calls == 2 * n:
        return (
            f"値は合っていますが、`f` を{calls}回計算しました。もとの点での値は、"
            f"どの変数でも同じです。1度だけ計算して使い回すと、{n + 1}回で済みます。"
        )
    return f"値は合っていますが、`f` を{calls}回計算しました。{n + 1}回で済ませてください。"


CENTRAL = 'def central(f, x, h):\n    return {}\n\ncheck("numdiff-1", central)'

GRADIENT = """\
def gradient_by_diff(f, xs, h):
    f_xs = f(xs)
    partials = []
    for i in range(len(xs)):
        moved = xs[:i] + [xs[i] + h] + xs[i + 1:]
        partials.append((f(moved) - f_xs) / h)
    return partials

check("numdiff-2", gradient_by_diff)"""


def changed(code: str, old: str, new: str) -> str:
    """正答の1か所を書きかえて誤答を作る。書きかえる場所がなければ著者の誤り。"""
    if old not in code:
        raise ValueError(f"正答の中に {old!r} がありません。")
    return code.replace(old, new)


IN_PLACE = """\
def gradient_by_diff(f, xs, h):
    f_xs = f(xs)
    partials = []
    for i in range(len(xs)):
        xs[i] = xs[i] + h
        partials.append((f(xs) - f_xs) / h)
    return partials

check("numdiff-2", gradient_by_diff)"""

EXERCISES = (
    Exercise(
        id="numdiff-1",
        title="演習 中心差分を書く",
        chapter="how/numerical-differentiation",
        judge=judge_central,
        right=(
            CENTRAL.format("(f(x + h) - f(x - h)) / (2 * h)"),
            CENTRAL.format("((f(x + h) - f(x)) / h + (f(x) - f(x - h)) / h) / 2"),
        ),
        wrong=(
            Wrong(CENTRAL.format("(f(x + h) - f(x)) / h"), "前進差分"),
            Wrong(CENTRAL.format("(f(x) - f(x - h)) / h"), "後退差分"),
            Wrong(CENTRAL.format("(f(x + h) - f(x - h)) / h"), "2倍"),
            Wrong(CENTRAL.format("(f(x - h) - f(x + h)) / (2 * h)"), "符号が逆"),
            Wrong(CENTRAL.format("(f(x + h) - f(x - h)) / 2 * h"), "2で割ってから"),
            Wrong(CENTRAL.format("(f(x + h) - f(x - h)) / 2"), "`h` でも割ります"),
            Wrong(CENTRAL.format("(f(x + h) + f(x - h)) / (2 * h)"), "足し算"),
            Wrong(CENTRAL.format("(f(x + h / 2) - f(x - h / 2)) / h"), "半分ずつ"),
            Wrong(CENTRAL.format("f(x + h) - f(x - h) / 2 * h"), "分子も分母も"),
            Wrong(CENTRAL.format("f(x + h) - f(x - h) / (2 * h)"), "分子の引き算"),
            Wrong(CENTRAL.format("f(x + h) - f(x - h)"), "割ると傾き"),
            Wrong(CENTRAL.format("(f(x + 1e-6) - f(x - 1e-6)) / 2e-6"), "引数の `h`"),
            Wrong(
                "def central(f, x, h):\n    (f(x + h) - f(x - h)) / (2 * h)\n\n"
                'check("numdiff-1", central)',
                "return",
            ),
            Wrong('check("numdiff-1", 4.0)', "関数のはず"),
        ),
        praise="3次関数でも1次関数でも、中心差分の値になりました。",
    ),
    Exercise(
        id="numdiff-2",
        title="演習 n+1回で勾配を求める",
        chapter="how/numerical-differentiation",
        judge=judge_gradient,
        right=(
            GRADIENT,
            'from bibun.numdiff import gradient\n\ncheck("numdiff-2", gradient)',
        ),
        wrong=(
            Wrong(
                changed(GRADIENT, "- f_xs)", "- f(xs))").replace("    f_xs = f(xs)\n", ""),
                "使い回す",
            ),
            Wrong(changed(GRADIENT, "(f(moved) - f_xs) / h", "f(moved) - f_xs"), "差のまま"),
            Wrong(changed(GRADIENT, "f(moved) - f_xs", "f_xs - f(moved)"), "符号"),
            Wrong(
                changed(GRADIENT, "xs[:i] + [xs[i] + h] + xs[i + 1:]", "[x + h for x in xs]"),
                "同時に動きました",
            ),
            Wrong(IN_PLACE, "書きかわりました"),
            Wrong(
                changed(
                    changed(GRADIENT, "f_xs) / h", "f(back)) / (2 * h)"),
                    "        partials",
                    "        back = xs[:i] + [xs[i] - h] + xs[i + 1:]\n        partials",
                ),
                "中心差分",
            ),
            Wrong(changed(GRADIENT, "xs[i] + h]", "xs[i]]"), "1つずつ"),
            Wrong(
                changed(changed(GRADIENT, "+ h]", "+ 1e-6]"), "f_xs) / h", "f_xs) / 1e-6"),
                "決まった数",
            ),
            Wrong(
                changed(IN_PLACE, "f_xs = f(xs)\n", "f_xs = f(xs)\n    xs = list(xs)\n"), "もとに戻"
            ),
            Wrong(changed(GRADIENT, "return partials", "return sum(partials)"), "リストのはず"),
            Wrong(changed(GRADIENT, "    return partials\n", ""), "return"),
        ),
        praise="偏微分係数はすべて合い、fの計算は変数の数より1回多いだけでした。",
    ),
)
