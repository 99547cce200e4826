"""演習build-1: 4行の規則の表から、符号の逆な1行を差分で見つけて直す。"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from bibun.exercise import Exercise, Mistake, Wrong, close, function, kind, number
from bibun.numdiff import central_diff


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


FUNCTIONS: dict[str, Callable[[float], float]] = {
    "sqrt": math.sqrt,
    "tanh": math.tanh,
    "sigmoid": _sigmoid,
    "inverse": lambda x: 1 / x,
}
POINTS = (0.7, 1.3, 2.1)
SIGMOID_MISTAKES: tuple[tuple[Callable[[float], float], str], ...] = (
    (
        lambda x: -_sigmoid(x) * (1 - _sigmoid(x)),
        "符号が逆です。シグモイド関数はいつも増えるので、傾きは正です。",
    ),
    (
        lambda x: x * (1 - x),
        "σ(x)を入れるところに、xそのものが入っています。",
    ),
    (
        lambda x: _sigmoid(x) * (1 + _sigmoid(x)),
        "引き算になるはずのところが、足し算です。",
    ),
    (lambda x: 1 - _sigmoid(x), "σ(x)を掛け忘れています。"),
)


def judge(suspect: Any, rules: Any) -> None:
    if not isinstance(suspect, str):
        raise Mistake(
            f'suspectには、規則の名前を `"sqrt"` のような文字列で書きます({kind(suspect)}でした)。'
        )
    if suspect not in FUNCTIONS:
        raise Mistake(f"`{suspect}` という規則はありません。{'、'.join(FUNCTIONS)}のどれかです。")
    if not isinstance(rules, dict):
        raise Mistake(f"rulesは辞書のはずですが、{kind(rules)}でした。")
    if suspect != "sigmoid":
        raise Mistake(
            f"`{suspect}` の規則は、差分と合っています。`check_rule` でほかの行も調べてください。"
        )
    for name in FUNCTIONS:
        if name not in rules:
            raise Mistake(f"rulesから `{name}` の行が消えています。")
        _judge_row(name, rules[name])


def _judge_row(name: str, row: Any) -> None:
    if not isinstance(row, (tuple, list)) or len(row) != 2:
        raise Mistake(f"`{name}` の行は、値の計算と規則の2つの組 `(…, …)` のはずです。")
    compute = function(row[0], f"`{name}` の値の計算")
    partials = function(row[1], f"`{name}` の規則")
    values = [number(compute(x), f"`{name}` の値") for x in POINTS]
    if not close(values, [FUNCTIONS[name](x) for x in POINTS]):
        raise Mistake(
            f"`{name}` は、値の計算(左側)のほうが変わっています。直すのは右側の規則です。"
        )
    slopes = [_only(name, partials(x)) for x in POINTS]
    wants = [central_diff(FUNCTIONS[name], x) for x in POINTS]
    if not close(slopes, wants):
        raise Mistake(
            f"`{name}` の規則が、まだ差分と合いません。x = {POINTS[0]} で、規則は{slopes[0]:.4f}、"
            f"差分は{wants[0]:.4f}でした。{_named_mistake(name, slopes)}"
        )


def _only(name: str, answer: Any) -> float:
    if not isinstance(answer, (tuple, list)):
        raise Mistake(
            f"`{name}` の規則が、要素が1つの組ではなく{kind(answer)}を返しました。"
            "`(…,)` の最後のコンマを忘れていませんか。"
        )
    if len(answer) != 1:
        raise Mistake(
            f"`{name}` の入力は1つなので、偏微分も1つのはずですが、{len(answer)}個でした。"
        )
    return number(answer[0], f"`{name}` の偏微分")


def _named_mistake(name: str, slopes: list[float]) -> str:
    if name != "sigmoid":
        return "この行は、もとのままで正しかったところです。"
    for wrong, says in SIGMOID_MISTAKES:
        if close(slopes, [wrong(x) for x in POINTS]):
            return says
    return "σ(x)の微分は、σ(x)だけを使って書けます。"


def _program(
    rule: str, suspect: str = '"sigmoid"', compute: str = "sigmoid", root: str = "math.sqrt(x)"
) -> str:
    return f"""\
def sigmoid(x):
    return 1 / (1 + math.exp(-x))


rules = {{
    "sqrt": (math.sqrt, lambda x: (1 / (2 * {root}),)),
    "tanh": (math.tanh, lambda x: (1 - math.tanh(x) ** 2,)),
    "sigmoid": ({compute}, lambda x: {rule}),
    "inverse": (lambda x: 1 / x, lambda x: (-1 / x**2,)),
}}
suspect = {suspect}
check("build-1", suspect, rules)"""


_MENDED = "(sigmoid(x) * (1 - sigmoid(x)),)"
_PLANTED = "(sigmoid(x) * (sigmoid(x) - 1),)"

EXERCISES = (
    Exercise(
        id="build-1",
        title="演習 1行だけ間違った表",
        chapter="how/build-your-own",
        judge=judge,
        right=(
            _program(_MENDED),
            _program("(math.exp(-x) / (1 + math.exp(-x)) ** 2,)"),
            _program("(-sigmoid(x) * (sigmoid(x) - 1),)"),
        ),
        wrong=(
            Wrong(_program(_PLANTED), "符号が逆です"),
            Wrong(_program(_PLANTED, suspect='"tanh"'), "`tanh` の規則は、差分と合っています"),
            Wrong(_program(_PLANTED, suspect='"シグモイド"'), "という規則はありません"),
            Wrong(_program(_PLANTED, suspect="sigmoid"), "文字列で書きます"),
            Wrong(
                _program(_PLANTED, compute="lambda x: 1 / (1 + math.exp(x))"),
                "直すのは右側の規則です",
            ),
            Wrong(_program("sigmoid(x) * (1 - sigmoid(x))"), "コンマ"),
            Wrong(_program("(x * (1 - x),)"), "xそのもの"),
            Wrong(_program("(sigmoid(x) * (1 + sigmoid(x)),)"), "足し算"),
            Wrong(_program(_MENDED, root="x"), "もとのままで正しかった"),
        ),
        praise="間違った1行を名指しし、4行とも差分と合いました。",
    ),
)
