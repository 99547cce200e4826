"""演習2: 定義→計算→backward() を、小さな関数で繰り返す。

どの問題も、`backward()` を呼んだ後のxを受け取り、``x.grad`` を判定する。関数ごとに、書きまちがえた式の
勾配を表で持っておき、それと一致すれば誤りを名指しする。
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bibun.exercise import Exercise, Mistake, Wrong, close, is_tensor, kind, number


@dataclass(frozen=True)
class Slip:
    """書きまちがえた式。``code`` のyを微分すると、勾配は ``gradient`` になる。"""

    code: str
    gradient: float
    says: str


@dataclass(frozen=True)
class Drill:
    """1つの関数。``code`` のyをxで微分した ``derivative`` は、x = ``x`` で ``gradient`` になる。"""

    id: str
    formula: str
    derivative: str
    x: float
    code: str
    gradient: float
    slips: tuple[Slip, ...]


DRILLS = (
    Drill(
        id="2-1",
        formula="x+5",
        derivative="1",
        x=2.0,
        code="x + 5",
        gradient=1.0,
        slips=(Slip("5 * x", 5.0, "足し算が掛け算になっていませんか。"),),
    ),
    Drill(
        id="2-2",
        formula="3x",
        derivative="3",
        x=4.0,
        code="3 * x",
        gradient=3.0,
        slips=(Slip("x + 3", 1.0, "掛け算が足し算になっていませんか。"),),
    ),
    Drill(
        id="2-3",
        formula="x²",
        derivative="2x",
        x=3.0,
        code="x**2",
        gradient=6.0,
        slips=(
            Slip("x * 2", 2.0, "`x * 2` は2倍です。2乗は `x**2` と書きます。"),
            Slip("2**x", 8 * math.log(2), "底と指数が入れかわっていませんか。"),
        ),
    ),
    Drill(
        id="2-4",
        formula="x³−2x",
        derivative="3x²−2",
        x=2.0,
        code="x**3 - 2 * x",
        gradient=10.0,
        slips=(
            Slip("x**3 + 2 * x", 14.0, "引き算が足し算になっていませんか。"),
            Slip("x**3 - 2", 12.0, "−2xの項が、ただの定数になっているか、抜けています。"),
            Slip("x * 3 - 2 * x", 1.0, "`x * 3` は3倍です。3乗は `x**3` と書きます。"),
        ),
    ),
    Drill(
        id="2-5",
        formula="√x",
        derivative="1/(2√x)",
        x=9.0,
        code="torch.sqrt(x)",
        gradient=1 / 6,
        slips=(
            Slip("x**2", 18.0, "平方根ではなく2乗を計算していませんか。"),
            Slip("x**1/2", 0.5, "`x**1/2` は「x**1を2で割る」です。指数をかっこで囲みます。"),
            Slip("x ** (-1 / 2)", -1 / 54, "それは1/√xです。指数の符号を見直してください。"),
        ),
    ),
    Drill(
        id="2-6",
        formula="sin x",
        derivative="cos x",
        x=0.0,
        code="torch.sin(x)",
        gradient=1.0,
        slips=(
            Slip("torch.cos(x)", 0.0, "cosはsinを微分したものです。yにはsin xそのものを書きます。"),
        ),
    ),
    Drill(
        id="2-7",
        formula="e^(−x)",
        derivative="−e^(−x)",
        x=1.0,
        code="torch.exp(-x)",
        gradient=-math.exp(-1),
        slips=(
            Slip("torch.exp(x)", math.e, "指数のマイナスが抜けていませんか。"),
            Slip("-torch.exp(x)", -math.e, "マイナスは、かっこの中の指数に付けます。"),
        ),
    ),
    Drill(
        id="2-8",
        formula="log x",
        derivative="1/x",
        x=0.5,
        code="torch.log(x)",
        gradient=2.0,
        slips=(
            Slip("1 / x", -4.0, "1/xはlog xを微分したものです。yにはlog xそのものを書きます。"),
            Slip("torch.exp(x)", math.exp(0.5), "logではなくexpを計算していませんか。"),
            Slip("torch.log10(x)", 2 / math.log(10), "自然対数は `torch.log` です。"),
        ),
    ),
    Drill(
        id="2-9",
        formula="1/(x²+1)",
        derivative="−2x/(x²+1)²",
        x=1.0,
        code="1 / (x**2 + 1)",
        gradient=-0.5,
        slips=(
            Slip("1 / x**2 + 1", -2.0, "分母の全体をかっこで囲みましたか。"),
            Slip("x**2 + 1", 2.0, "逆数をとるのを忘れていませんか。"),
            Slip("1 / (x * 2 + 1)", -2 / 9, "`x * 2` は2倍です。2乗は `x**2` と書きます。"),
        ),
    ),
)


def judge(drill: Drill) -> Callable[[Any], None]:
    """``drill`` の答え(backward後のx)を判定する関数を作る。"""

    def judge_x(x: Any) -> None:
        judge_leaf(x, drill)
        if x.grad is None:
            raise Mistake(
                "`x.grad` がまだ `None` です。定義と計算はできています。最後に `y.backward()` を呼びます。"
            )
        got = number(x.grad, "x.grad") + 0.0  # −0を0にする
        if close([got], [drill.gradient]):
            return
        for slip in drill.slips:
            if close([got], [slip.gradient]):
                raise Mistake(f"`x.grad` が {got:g} でした。{slip.says}")
        judge_times(got, drill.gradient)
        raise Mistake(
            f"`x.grad` が {got:g} でした。y = {drill.formula} のとおりに計算したか見直してください。"
        )

    return judge_x


def judge_leaf(x: Any, drill: Drill) -> None:
    """xが、問題の値を持つ、印の付いた葉であること。"""
    if not is_tensor(x):
        hint = ""
        if x is None:
            hint = "`y.backward()` は何も返さないので、その結果ではなくxを渡します。"
        elif isinstance(x, float) and close([x], [drill.gradient]):
            hint = "勾配の値は合っています。取り出した数ではなく、xそのものを渡します。"
        raise Mistake(f"渡すのは、`backward()` を呼んだ後のxです。{kind(x)}が渡されました。{hint}")
    if x.grad_fn is not None:
        raise Mistake("渡されたのは計算の結果(y)です。勾配がたまるのはxのほうなので、xを渡します。")
    value = number(x, "x")
    if not x.requires_grad:
        if close([value], [drill.gradient]):
            raise Mistake(
                "勾配の値は合っています。`x.grad` ではなく、`x` そのものを渡してください。"
            )
        raise Mistake(
            "渡されたものに `requires_grad=True` の宣言がありません。定義で付け忘れたか、xではなく"
            "`x.grad` を渡していないか、見直してください。"
        )
    if not close([value], [drill.x]):
        raise Mistake(f"xは {drill.x:g} のはずですが、{value:g} でした。定義を見直してください。")


def judge_times(got: float, want: float) -> None:
    """同じxで何度も ``backward()`` したときの、ちょうど2倍から4倍の勾配を見分ける。"""
    for times in (2, 3, 4):
        if close([got], [times * want]):
            raise Mistake(
                f"`x.grad` が {got:g} で、正しい値のちょうど{times}倍です。勾配は足し込まれます。"
                "xの定義からやり直して、`backward()` を1回だけ呼んでください。"
            )


def solve(drill: Drill, code: str, *, x: float | None = None, declare: bool = True) -> str:
    """``code`` を計算してbackwardし、xを採点に渡すセル。"""
    value = drill.x if x is None else x
    declared = ", requires_grad=True" if declare else ""
    return f"x = torch.tensor({value}{declared})\ny = {code}\ny.backward()\n" + check_with(
        drill, "x"
    )


def check_with(drill: Drill, answer: str) -> str:
    return f'check("{drill.id}", {answer})'


def wrongs(drill: Drill) -> tuple[Wrong, ...]:
    """関数ごとの誤答と、どの関数にも共通する誤答。"""
    define = f"x = torch.tensor({drill.x}, requires_grad=True)\ny = {drill.code}\n"
    twice = f"y.backward()\ny = {drill.code}\ny.backward()\n"
    return (
        *(Wrong(solve(drill, slip.code), slip.says) for slip in drill.slips),
        Wrong(define + check_with(drill, "x"), "最後に `y.backward()`"),
        Wrong(define + "y.backward()\n" + check_with(drill, "y"), "計算の結果(y)"),
        Wrong(define + "y.backward()\n" + check_with(drill, "x.grad"), "`x.grad` ではなく"),
        Wrong(define + "y.backward()\n" + check_with(drill, "x.grad.item()"), "取り出した数"),
        Wrong(define + check_with(drill, "y.backward()"), "何も返さない"),
        Wrong(define + twice + check_with(drill, "x"), "ちょうど2倍"),
        Wrong(solve(drill, drill.code, x=drill.x + 1), "定義を見直して"),
    )


EXERCISES = tuple(
    Exercise(
        id=drill.id,
        title=f"演習2 y = {drill.formula}",
        chapter="use/backward",
        judge=judge(drill),
        right=(solve(drill, drill.code),),
        wrong=wrongs(drill),
        praise=f"手で微分した {drill.derivative} の、x = {drill.x:g} での値と同じです。",
    )
    for drill in DRILLS
)
