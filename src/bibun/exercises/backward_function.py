"""演習2-10: 定義→計算→backward() を関数にまとめる。"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bibun.exercise import Exercise, Mistake, Wrong, close, function, is_tensor, number

Case = tuple[str, Callable[[Any], Any], float, float, float]

CASES: tuple[Case, ...] = (
    ("x² + x", lambda x: x * x + x, 3.0, 12.0, 7.0),
    ("x² + x", lambda x: x * x + x, -1.0, 0.0, -1.0),
    ("1/x", lambda x: 1 / x, 2.0, 0.5, -0.25),
)
"""式、関数、点、関数の値、勾配。"""


def judge(gradient_at: Any) -> None:
    gradient_at = function(gradient_at, "gradient_at")
    for place, case in enumerate(CASES):
        judge_case(gradient_at, case, first=place == 0)


def judge_case(gradient_at: Callable[..., Any], case: Case, *, first: bool) -> None:
    formula, f, a, value, gradient = case
    points: list[Any] = []

    def watched(x: Any) -> Any:
        points.append(x)
        return f(x)

    got = number(call(gradient_at, watched, a), "`gradient_at` の戻り値")
    if close([got], [gradient]):
        if not any(is_tensor(x) and x.requires_grad for x in points):
            raise Mistake(
                "値は合っていますが、`f` に印の付いたTensorが渡されていません。"
                "差分ではなく、定義→計算→`backward()` の3手で求めてください。"
            )
        return
    shown = f"f(x) = {formula} の x = {a:g} での勾配は {gradient:g} のはずですが、{got:g} でした。"
    if close([got], [value]):
        raise Mistake(f"{shown}それはf(x)の値です。返すのは `x.grad` です。")
    if close([got], [a]):
        raise Mistake(f"{shown}それはxの値です。返すのは `x.grad` です。")
    if not first:
        raise Mistake(
            f"{shown}1回目の呼び出しは正しい値でした。xを関数の外で1度だけ作ると、点が変わらず、"
            "勾配も足し込まれます。関数の中で、渡された `a` から毎回作ってください。"
        )
    raise Mistake(f"{shown}渡された `f` を、aから作ったxで計算したか見直してください。")


def call(gradient_at: Callable[..., Any], f: Callable[[Any], Any], a: float) -> Any:
    """読者の関数を呼び、よくあるつまずきを言葉にする。"""
    try:
        answer = gradient_at(f, a)
    except RuntimeError as error:
        if "does not require grad" in str(error):
            raise Mistake(
                "`backward()` で「does not require grad」というエラーになりました。"
                "関数の中のxに `requires_grad=True` を付けましたか。"
            ) from error
        raise
    except AttributeError as error:
        if "'float' object" in str(error):
            raise Mistake(
                f"`AttributeError: {error}` というエラーになりました。`a` はただの数です。"
                "`a` から印の付いた `x` を作り、`f(a)` ではなく `f(x)` を計算します。"
            ) from error
        raise
    if answer is None:
        raise Mistake(
            "`gradient_at` が `None` を返しました。最後に `return x.grad` と書きましたか。"
            "`y.backward()` は何も返さず、葉でない `y` の `y.grad` は `None` のままです。"
        )
    return answer


CHECK = 'check("2-10", gradient_at)'
DEFINE = "    x = torch.tensor(a, requires_grad=True)\n"

EXERCISES = (
    Exercise(
        id="2-10",
        title="演習2 流れを関数にする",
        chapter="use/backward",
        judge=judge,
        right=(
            f"def gradient_at(f, a):\n{DEFINE}"
            f"    y = f(x)\n    y.backward()\n    return x.grad\n\n\n{CHECK}",
            f"def gradient_at(f, a):\n{DEFINE}"
            f"    f(x).backward()\n    return x.grad.item()\n\n\n{CHECK}",
        ),
        wrong=(
            Wrong(
                f"def gradient_at(f, a):\n{DEFINE}    y = f(x)\n    y.backward()\n\n\n{CHECK}",
                "最後に `return x.grad`",
            ),
            Wrong(
                f"def gradient_at(f, a):\n{DEFINE}    y = f(x)\n"
                f"    return y.backward()\n\n\n{CHECK}",
                "`y.backward()` は何も返さず",
            ),
            Wrong(
                f"def gradient_at(f, a):\n{DEFINE}    y = f(a)\n    y.backward()\n"
                f"    return x.grad\n\n\n{CHECK}",
                "`f(a)` ではなく `f(x)`",
            ),
            Wrong(
                "def gradient_at(f, a):\n    h = 1e-5\n"
                f"    return (f(a + h) - f(a - h)) / (2 * h)\n\n\n{CHECK}",
                "差分ではなく",
            ),
            Wrong(
                f"def gradient_at(f, a):\n{DEFINE}    y = f(x)\n    y.backward()\n"
                f"    return y\n\n\n{CHECK}",
                "それはf(x)の値です",
            ),
            Wrong(
                f"def gradient_at(f, a):\n{DEFINE}    y = f(x)\n    y.backward()\n"
                f"    return x\n\n\n{CHECK}",
                "それはxの値です",
            ),
            Wrong(
                "def gradient_at(f, a):\n    x = torch.tensor(a)\n    y = f(x)\n"
                f"    y.backward()\n    return x.grad\n\n\n{CHECK}",
                "`requires_grad=True` を付けましたか",
            ),
            Wrong(
                "x = torch.tensor(3.0, requires_grad=True)\n\n\ndef gradient_at(f, a):\n"
                f"    y = f(x)\n    y.backward()\n    return x.grad\n\n\n{CHECK}",
                "関数の中で",
            ),
            Wrong(
                f"def gradient_at(f, a):\n{DEFINE}    y = f(x)\n    y.backward()\n"
                f'    return x.grad\n\n\ncheck("2-10", gradient_at(lambda x: x * x, 3.0))',
                "関数のはずですが",
            ),
        ),
        praise="3つの場合すべてで、勾配が合っています。もう手で唱える必要はありません。",
    ),
)
