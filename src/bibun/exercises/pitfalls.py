"""落とし穴の演習: 4つの誤りがあるプログラムを直す。2つは止まり、2つは黙って間違える。"""

from __future__ import annotations

import warnings
from typing import Any

from bibun.exercise import Exercise, Mistake, Wrong, close, function, is_tensor, number

MINIMIZER = 1.1571849
"""(x-1)²+e^(-x) を最小にするx。方程式 2(x-1) = e^(-x) の解。"""

STARTS = (3.0, -2.0)


def judge(minimize: Any) -> None:
    function(minimize, "minimize")
    for start in STARTS:
        _judge_one(minimize, start)
    try:
        _judge_one(minimize, 3)
    except RuntimeError as error:
        raise Mistake(
            "小数の出発点からは正しく下りますが、整数の `minimize(3)` が止まります。"
            f"`RuntimeError: {error}` 整数も `float(x0)` で小数にしてからTensorにします。"
        ) from error


def _judge_one(minimize: Any, start: float) -> None:
    with warnings.catch_warnings():
        # 読者のプログラムが出す警告は読者に見せる。警告をエラーにする設定の下でも、判定は変わらない。
        warnings.simplefilter("default")
        x = minimize(start)
    if x is None:
        raise Mistake("minimizeが何も返していません。最後の `return x` を残してください。")
    found = number(x, f"minimize({start}) の結果")
    if abs(found - MINIMIZER) > 1e-3:
        raise Mistake(
            f"エラーは出ませんが、minimize({start}) は {found:.4f} でした。{_diagnose(x, start)}"
        )


def _diagnose(x: Any, start: float) -> str:
    if close([number(x)], [start]):
        return "出発点から動いていません。更新の前に勾配を消していないか、見直してください。"
    if close([number(x)], [1.0], 1e-3):
        return (
            "これは(x-1)²だけの谷底です。e^(-x)の勾配が数えられていません。"
            "`y` の式のなかに、Tensorをただの数に変える関数がありませんか。"
        )
    if is_tensor(x) and x.is_leaf and x.grad is not None and abs(x.grad.item()) > 1e-3:
        return (
            "500回歩いたのに谷底で止まらず、揺れています。x.gradには前の回までの勾配が残っています。"
            "1回ごとに消しましたか。"
        )
    return (
        "谷底は1.157の近くです。1回ごとにxとx.gradを表示して、"
        "勾配が積もっていないか、更新が引き算かを確かめてください。"
    )


def _program(
    tensor: str = "float(x0)", exp: str = "torch.exp", guard: bool = True, zero: bool = True
) -> str:
    """正答と誤答に共通の骨組み。4か所のそれぞれを、直したものと直す前から選ぶ。"""
    update = (
        ["        with torch.no_grad():", "            x -= 0.1 * x.grad"]
        if guard
        else ["        x -= 0.1 * x.grad"]
    )
    lines = [
        "import math",
        "",
        "",
        "def minimize(x0):",
        f"    x = torch.tensor({tensor}, requires_grad=True)",
        "    for _ in range(500):",
        f"        y = (x - 1) ** 2 + {exp}(-x)",
        "        y.backward()",
        *update,
        *(["        x.grad.zero_()"] if zero else []),
        "    return x",
        "",
        "",
        'check("pitfalls-1", minimize)',
    ]
    return "\n".join(lines if "math." in exp else lines[3:])


EXERCISES = (
    Exercise(
        id="pitfalls-1",
        title="演習 4つの誤りを直す",
        chapter="use/pitfalls",
        judge=judge,
        right=(
            _program(),
            _program(tensor="x0, dtype=torch.float64"),
            _program(tensor="x0, dtype=torch.float32").replace("return x", "return x.item()"),
        ),
        wrong=(
            Wrong(_program("x0", "math.exp", guard=False, zero=False), "in-place"),
            Wrong(_program("x0", "math.exp", zero=False), "前の回までの勾配"),
            Wrong(_program("x0", "math.exp"), "(x-1)²だけの谷底"),
            Wrong(_program(zero=False), "揺れています"),
            Wrong(_program("x0"), "float(x0)"),
            Wrong(
                _program(zero=False).replace(
                    "        with", "        x.grad.zero_()\n        with"
                ),
                "出発点から動いていません",
            ),
            Wrong(_program().replace("return x", "return"), "return x"),
            Wrong(
                _program().replace('("pitfalls-1", minimize)', '("pitfalls-1", minimize(3.0))'),
                "関数のはず",
            ),
        ),
        praise="小数からも整数からも、谷底x≈1.157に着きます。2つの静かな誤りも直っています。",
    ),
)
