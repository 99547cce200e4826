"""演習why-1とwhy-2: 3つの微分のしかたを見分ける。壁の関数を手で微分する。"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from bibun.exercise import (
    Exercise,
    Mistake,
    Unanswered,
    Wrong,
    close,
    function,
    is_tensor,
    kind,
    number,
)

KINDS = ("数値微分", "数式微分", "自動微分")
PROGRAMS = {
    "A": (
        "数値微分",
        "`x` を `h` だけ動かして2回計算し、差を `h` で割っています。"
        "微分の規則は、どこにも書かれていません。",
    ),
    "B": (
        "自動微分",
        "`u` と並べて `du` という数を持ち運び、演算のたびに微分の規則を当てはめています。"
        "`h` も、導関数の式も出てきません。",
    ),
    "C": (
        "数式微分",
        "先に導関数を式(文字列)として書き上げ、最後に `eval` で `x` の値を入れています。",
    ),
}


def judge_kinds(a: Any, b: Any, c: Any) -> None:
    for (name, (want, clue)), answer in zip(PROGRAMS.items(), (a, b, c), strict=True):
        if not isinstance(answer, str):
            raise Mistake(
                f'{name}の答えは `"数値微分"` のような文字列のはずですが、{kind(answer)}でした。'
            )
        got = answer.strip()
        if got not in KINDS:
            choices = "、".join(f'`"{k}"`' for k in KINDS)
            raise Mistake(f'{name}の答えは {choices} のどれかです。`"{got[:20]}"` でした。')
        if got != want:
            raise Mistake(f"{name}は{got}ではありません。プログラム{name}を見ると、{clue}")


POINTS = (-1.5, 0.7, 2.0)
EXACT = 1e-9
"""倍精度で式を計算すれば、どう書いてもこの幅に収まる。前進差分は届かない。"""


def judge_derivative(df: Any) -> None:
    function(df, "df")
    got = [_read(df(x), x) for x in POINTS]
    want = [derivative(x) for x in POINTS]
    if close(got, want, tolerance=EXACT):
        return
    if close(got, want, tolerance=1e-5):
        raise Mistake(
            "ほぼ合っていますが、ぴったりではありません。差をとる数値微分や、途中で丸めた数を"
            "使っていませんか。式を手で求めれば、十数桁まで合います。"
        )
    for wrong, message in MISTAKES:
        if close(got, [wrong(x) for x in POINTS], tolerance=EXACT):
            raise Mistake(message)
    x, y, slope = max(zip(POINTS, got, want, strict=True), key=lambda row: abs(row[1] - row[2]))
    raise Mistake(
        f"x={x}での値が {y:.6g} でした。正しい傾きは、およそ {slope:.4f} です。"
        "1/(x²+1) と log(σ(x)+1) の積とみて、片方ずつ微分したものを確かめてください。"
    )


def _read(value: Any, x: float) -> float:
    if value is ...:
        raise Unanswered("`return ...` の `...` を、導関数の式に書きかえてください。")
    if value is None:
        raise Mistake(f"`df({x})` が `None` を返しました。`return` を書き忘れていませんか。")
    if is_tensor(value):
        raise Mistake(
            f"`df({x})` がTensorを返しました。ここではPyTorchを使わず、`math` の関数で計算します。"
        )
    return number(value, f"`df({x})` の値")


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def value(x: float) -> float:
    return -math.log(sigmoid(x) + 1) / (x**2 + 1)


def first(x: float) -> float:
    """積の微分の第1項: -1/(x²+1) だけを微分したもの。"""
    return 2 * x / (x**2 + 1) ** 2 * math.log(sigmoid(x) + 1)


def second(x: float) -> float:
    """積の微分の第2項: log(σ(x)+1) だけを微分したもの。"""
    s = sigmoid(x)
    return -s * (1 - s) / ((s + 1) * (x**2 + 1))


def derivative(x: float) -> float:
    return first(x) + second(x)


def without_inner(x: float) -> float:
    return first(x) - 1 / ((sigmoid(x) + 1) * (x**2 + 1))


def without_square(x: float) -> float:
    return first(x) * (x**2 + 1) + second(x)


def without_two_x(x: float) -> float:
    return first(x) / (2 * x) + second(x)


def product_of_derivatives(x: float) -> float:
    s = sigmoid(x)
    return 2 * x / (x**2 + 1) ** 2 * s * (1 - s) / (s + 1)


MISTAKES: tuple[tuple[Callable[[float], float], str], ...] = (
    (value, "それは関数の値そのものです。求めるのは、その傾き(導関数の値)です。"),
    (
        lambda x: -derivative(x),
        "符号が全体に逆です。関数の先頭の「−」が、途中で消えていませんか。",
    ),
    (
        product_of_derivatives,
        "微分したものどうしを掛けています。積の微分は (uv)' = u'v + uv' で、項が二つ出ます。",
    ),
    (first, "log(σ(x)+1) を微分した項がありません。積の微分では、項が二つ出ます。"),
    (second, "1/(x²+1) を微分した項がありません。積の微分では、項が二つ出ます。"),
    (
        without_inner,
        "log の中身 σ(x)+1 を微分した σ'(x) が掛かっていません。合成関数の微分を見直してください。",
    ),
    (
        without_square,
        "1/(x²+1) の微分の分母が x²+1 のままです。(1/v)' = −v'/v² なので、分母は2乗になります。",
    ),
    (
        without_two_x,
        "1/(x²+1) を微分した項に、x²+1 を微分した 2x が掛かっていません。(1/v)' = −v'/v² です。",
    ),
    (
        lambda x: first(x) - second(x),
        "log(σ(x)+1) を微分した項の符号が逆です。e⁻ˣ の微分は −e⁻ˣ なので、"
        "σ'(x) は正(e⁻ˣ/(1+e⁻ˣ)²)になります。",
    ),
    (
        lambda x: -first(x) + second(x),
        "1/(x²+1) を微分した項の符号が逆です。(1/v)' = −v'/v² で、先頭の「−」と打ち消しあいます。",
    ),
)

MODEL = """\
import math

def df(x):
    s = 1 / (1 + math.exp(-x))
    ds = s * (1 - s)
    u, du = -1 / (x**2 + 1), 2 * x / (x**2 + 1) ** 2
    v, dv = math.log(s + 1), ds / (s + 1)
    return du * v + u * dv

check("why-2", df)"""

BY_E = """\
from math import exp, log

def df(x):
    e = exp(-x)
    first = 2 * x / (x**2 + 1) ** 2 * log(1 / (1 + e) + 1)
    second = -e / ((x**2 + 1) * (1 + e) * (2 + e))
    return first + second

check("why-2", df)"""


BY_DIFFERENCE = """\
import math

def wall(x):
    s = 1 / (1 + math.exp(-x))
    return -1 / (x**2 + 1) * math.log(s + 1)

def df(x):
    return (wall(x + 1e-6) - wall(x)) / 1e-6

check("why-2", df)"""

BY_TORCH = """\
def df(x):
    x = torch.tensor(x, requires_grad=True)
    s = 1 / (1 + torch.exp(-x))
    y = -1 / (x**2 + 1) * torch.log(s + 1)
    y.backward()
    return x.grad

check("why-2", df)"""


def _wrong(old: str, new: str, says: str) -> Wrong:
    return Wrong(MODEL.replace(old, new), says)


EXERCISES = (
    Exercise(
        id="why-1",
        title="演習 3つの微分を見分ける",
        chapter="start/why-autodiff",
        judge=judge_kinds,
        right=(
            'kind_a = "数値微分"\nkind_b = "自動微分"\nkind_c = "数式微分"\n'
            'check("why-1", kind_a, kind_b, kind_c)',
        ),
        wrong=(
            Wrong('check("why-1", "数値微分", "数式微分", "自動微分")', "Bは数式微分では"),
            Wrong('check("why-1", "自動微分", "数値微分", "数式微分")', "Aは自動微分では"),
            Wrong('check("why-1", "数値微分", "自動微分", "数値微分")', "Cは数値微分では"),
            Wrong('check("why-1", "数値微分", "逆伝播", "数式微分")', "のどれかです"),
            Wrong('check("why-1", 1, 3, 2)', "文字列のはず"),
        ),
        praise="答えの値はどれもほぼ同じです。違うのは、微分を何として扱うか(差、数、式)でした。",
    ),
    Exercise(
        id="why-2",
        title="演習 壁の関数を手で微分する",
        chapter="start/why-autodiff",
        judge=judge_derivative,
        right=(MODEL, BY_E),
        wrong=(
            _wrong("du * v + u * dv", "du * dv", "微分したものどうし"),
            _wrong("du * v + u * dv", "u * dv", "1/(x²+1) を微分した項がありません"),
            _wrong("du * v + u * dv", "du * v", "log(σ(x)+1) を微分した項がありません"),
            _wrong("ds / (s + 1)", "1 / (s + 1)", "σ'(x) が掛かっていません"),
            _wrong("ds = s * (1 - s)", "ds = -s * (1 - s)", "e⁻ˣ の微分は"),
            _wrong("du = -1 / (x**2 + 1), 2", "du = -1 / (x**2 + 1), -2", "打ち消しあいます"),
            _wrong("2 * x / (x**2 + 1) ** 2", "2 * x / (x**2 + 1)", "分母は2乗"),
            _wrong("2 * x / (x**2 + 1) ** 2", "1 / (x**2 + 1) ** 2", "2x が掛かっていません"),
            _wrong("return du", "du", "`return` を書き忘れ"),
            Wrong(BY_DIFFERENCE, "ぴったりではありません"),
            Wrong(BY_TORCH, "PyTorchを使わず"),
            _wrong("return du * v + u * dv", "return u * v", "関数の値そのもの"),
            _wrong("return du * v + u * dv", "return -(du * v + u * dv)", "符号が全体に逆"),
            _wrong('"why-2", df', '"why-2", df(0.5)', "関数のはず"),
        ),
        praise="3つの点で、正しい傾きと一致しました。おつかれさまでした。手で微分するのは、これで最後です。",
    ),
)
