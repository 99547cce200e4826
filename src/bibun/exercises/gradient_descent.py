"""演習4: 手で微分できなかった関数の最小値を、自動微分と勾配降下法で見つける。"""

from __future__ import annotations

import math
from typing import Any

from bibun.exercise import Exercise, Mistake, Wrong, close, is_tensor, number

MINIMIZER = 0.1900088
"""fを最小にするx(倍精度で求め、8桁目を丸めた)。"""

MINIMUM = -0.4213384
"""fの最小値。"""

STEEPEST = 0.35
"""|f'(x)|はどのxでもこれより小さい(最大は0.3485)。これを超える `x.grad` は、足し重ねたものである。"""

FLAT = 20.0
"""|x|がこれを超えると|f'(x)|は0.0002に届かず、ほぼ平らである。"""


def judge(x: Any) -> None:
    if not is_tensor(x) and callable(x):
        raise Mistake("渡されたのは関数でした。降りた先の `x` を渡してください。")
    _require_finite(x)
    found = number(x, "x")
    _require_fresh_gradient(x, found)
    if abs(found - MINIMIZER) > 1e-3:
        raise Mistake(_diagnose(found))


def _require_finite(x: Any) -> None:
    """発散を、`number` の一般の言葉より先に名指しする。"""
    plain = x.tolist() if is_tensor(x) else x
    if isinstance(plain, float) and not math.isfinite(plain):
        raise Mistake(
            f"xが {plain} です。発散しました。学習率が大きすぎて、x=-89より左まで飛んだのでしょう"
            "(そこでは `torch.exp(-x)` が単精度の範囲を超え、勾配がnanになります)。"
            "学習率を10分の1ずつ小さくしてください。"
        )


def _require_fresh_gradient(x: Any, found: float) -> None:
    """`zero_()` を忘れたときに残る、この関数の傾きではありえない `x.grad` を見つける。"""
    if not is_tensor(x) or not x.is_leaf or x.grad is None:
        return
    gradient = x.grad.item()
    if abs(gradient) > STEEPEST:
        raise Mistake(
            f"x.grad に {gradient:.2f} が残っています。この関数の傾きは、どのxでも±0.35を超えません。"
            "前の回までの勾配が足し重なっています。1回ごとに `x.grad.zero_()` を呼んでください。"
        )
    if (found - MINIMIZER) * gradient < -0.1:
        raise Mistake(
            f"x={found:.2f}での傾きと、x.grad({gradient:.2f})の符号が逆です。"
            "`x.grad.zero_()` を忘れて勾配が足し重なっているか、学習率が大きすぎて谷を飛び越しています。"
        )


def _diagnose(x: float) -> str:
    """谷底でないxから、起きたことを推し量る。"""
    if close([x], [MINIMUM], 1e-3):
        return (
            f"{x:.4f}は関数の最小値です。値としては合っています。"
            "ここで渡すのは、その値をとる `x` のほうです。"
        )
    if close([x], [-MINIMIZER], 1e-3):
        return "正しいxと符号だけが逆です。`torch.exp(-x)` のマイナスが抜けていませんか。"
    if close([x], [-0.16468], 1e-3):
        return "関数の式が違うようです。`1/1+...` は1+…です。分母を `1/(1+...)` とかっこで囲みましたか。"
    if abs(x) < 1e-3:
        return (
            "渡された値は0です。消したあとの `x.grad` ではなく、`x` を渡してください。"
            "0から出発したのなら、xが動いていません。更新の行を見直してください。"
        )
    if abs(x) > FLAT:
        return (
            f"x={x:.4g}のあたりはほとんど平らで、傾きがないので動けません。"
            "出発点が谷から遠すぎたか、学習率が大きすぎて谷を飛び越えたのでしょう。"
        )
    if x > 5:
        return (
            f"x={x:.4g}は、出発点の5より谷から遠ざかっています。坂を上っています。"
            "更新は `x -= lr * x.grad`(引き算)です。引き算なら、式の先頭のマイナスを見直してください。"
        )
    if x > 1:
        return (
            f"x={x:.4g}は、まだ谷底ではありません。学習率が1より小さいなら、傾きがゆるく、"
            "一歩が小さすぎて進みません。学習率を10倍にするか、出発点を0に近づけてください。"
            "1より大きいなら、谷を飛び越え続けています。どちらでもなければ、`f(torch.tensor(0.0))` "
            "がおよそ-0.405になるか、式を確かめてください。"
        )
    if x < -1:
        return (
            f"x={x:.4g}は谷の左の、ほとんど平らなところです。"
            "左から出発したなら、出発点を0に近づけてください。更新が足し算(上り)になっていないか、"
            "学習率が大きすぎて飛び越えていないかも見直してください。"
        )
    return (
        f"x={x:.4g}は谷底の近くですが、傾きがまだ0になっていません。"
        "更新の回数を増やしてください。行ったり来たりしているなら、学習率を小さくします。"
    )


_F = """\
def f(x):
    return -1 / (x**2 + 1) * torch.log(1 / (1 + torch.exp(-x)) + 1)

"""


def _walk(start: float, lr: str, update: str = "x -= lr * x.grad", zero: bool = True) -> str:
    """正答と誤答に共通の骨組み。"""
    lines = [
        f"{_F}x = torch.tensor({start}, requires_grad=True)",
        f"lr = {lr}",
        "for _ in range(2000):",
        "    y = f(x)",
        "    y.backward()",
        "    with torch.no_grad():",
        f"        {update}",
        *(["    x.grad.zero_()"] if zero else []),
    ]
    return "\n".join(lines)


_CHECK = '\n\ncheck("4-1", x)'

EXERCISES = (
    Exercise(
        id="4-1",
        title="演習4 壁を越える",
        chapter="use/gradient-descent",
        judge=judge,
        right=(
            _walk(5.0, "0.5") + _CHECK,
            _walk(0.0, "0.1") + _CHECK,
            _walk(1.0, "1.0") + '\n\ncheck("4-1", x.item())',
        ),
        wrong=(
            Wrong(_walk(5.0, "0.01") + _CHECK, "一歩が小さすぎて"),
            Wrong(_walk(5.0, "0.1", zero=False) + _CHECK, "zero_()"),
            Wrong(_walk(0.0, "0.01", zero=False) + _CHECK, "±0.35を超えません"),
            Wrong(_walk(5.0, "6.0") + _CHECK, "飛び越え続けて"),
            Wrong((_walk(0.0, "0.1") + _CHECK).replace(" + 1)\n", ")\n"), "式を確かめて"),
            Wrong(_walk(0.0, "0.1") + '\n\ncheck("4-1", x.grad)', "`x.grad` ではなく"),
            Wrong(_walk(5.0, "0.5", update="x += lr * x.grad") + _CHECK, "坂を上って"),
            Wrong(_walk(5.0, "0.5") + '\n\ncheck("4-1", f(x))', "最小値です"),
            Wrong(_walk(5.0, "1000.0") + _CHECK, "発散"),
            Wrong(_walk(100.0, "0.1") + _CHECK, "ほとんど平ら"),
            Wrong(
                (_walk(1.0, "0.1") + _CHECK).replace("torch.exp(-x)", "torch.exp(x)"),
                "マイナスが抜けて",
            ),
        ),
        praise="最小にするxはおよそ0.19です。導関数は、最後まで一度も書いていません。",
    ),
)
