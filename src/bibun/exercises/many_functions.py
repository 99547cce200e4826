"""演習3: スカラー、ベクトル、行列の関数の勾配。講習会のジャッジと同じ3問。"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from bibun.exercise import Exercise, Mistake, Wrong, close, is_tensor, values

NO_GRADIENT = (
    "渡されたのは `None` でした。勾配はまだありません。`requires_grad=True` を付けてxを作ったか、"
    "`backward()` を `()` まで書いて呼んだか、`y.grad` ではなく `x.grad` を渡したかを見直してください。"
)
TWICE = (
    "正しい勾配のちょうど2倍です。`backward()` を2回実行すると、勾配は上書きされずに足されます。"
    "xを作るところから、セル全体をもう一度実行してください。"
)


def _judge(
    answer: Any,
    right: Sequence[float],
    shapes: Sequence[tuple[int, ...]],
    mistakes: Sequence[tuple[Sequence[float], str]],
) -> None:
    """勾配を判定する。形より先に、よくある誤りの値と比べ、当てはまればその理由を言う。"""
    if answer is None:
        raise Mistake(NO_GRADIENT)
    found = list(_numbers(answer))
    for wrong, reason in mistakes:
        if close(found, wrong):
            raise Mistake(reason)
    shape = tuple(answer.shape) if is_tensor(answer) else shapes[0]
    flat = values(answer, shape if shape in shapes else shapes[0], "勾配")
    if not close(flat, right):
        shown = "、".join(f"{number:g}" for number in flat)
        raise Mistake(
            f"渡された値は {shown} で、正しい勾配と違います。関数の式を問題文と見比べ、"
            "手で求めた偏微分にxの値を入れて、どの成分が違うかを探してください。"
        )


def _numbers(answer: Any) -> Iterator[float]:
    """答えの中の数を、入れ子をほどいて並べる。数でないものは飛ばす(`values` があとで断る)。"""
    nested = answer.tolist() if is_tensor(answer) else answer
    if isinstance(nested, (list, tuple)):
        for part in nested:
            yield from _numbers(part)
    elif isinstance(nested, (int, float)):
        yield float(nested)


def judge_polynomial(gradient: Any) -> None:
    is_gradient = is_tensor(gradient) and not gradient.requires_grad
    value = "16はf(3)の値です。ほしいのは値ではなく勾配です。`backward()` のあとの `x.grad` を渡します。"
    mistakes = [
        ([3.0], "3はxの値です。`x` ではなく `x.grad` を渡してください。"),
        ([16.0], TWICE if is_gradient else value),
        ([4.0], "`x * 2` は2倍です。2乗は `x**2` と書きます。"),
        ([6.0], "6になるのは、2xの項が式から抜けているか、xを2.0で作ったときです。"),
    ]
    _judge(gradient, [8.0], [()], mistakes)


def judge_squares(gradient: Any) -> None:
    mistakes = [
        ([1.0, 2.0, 3.0], "これはxそのものです。`x` ではなく `x.grad` を渡してください。"),
        ([1.0, 4.0, 9.0], "これは各成分の2乗です。和をとって1つの数にしてから微分します。"),
        ([14.0], "14はf(x)の値です。ほしいのは `backward()` のあとの `x.grad` です。"),
        ([12.0], "12は3つの成分の合計です。勾配は、成分ごとの偏微分を3つ並べたベクトルです。"),
        ([1.0, 1.0, 1.0], "これはx₁+x₂+x₃の勾配です。各成分を2乗しましたか。"),
        ([12.0, 12.0, 12.0], "これは(x₁+x₂+x₃)²の勾配です。足す前に、各成分を2乗します。"),
        ([2 / 3, 4 / 3, 2.0], "これは2乗の平均の勾配です。`mean()` ではなく `sum()` です。"),
        ([4.0, 8.0, 12.0], TWICE),
    ]
    _judge(gradient, [2.0, 4.0, 6.0], [(3,)], mistakes)


def judge_quadratic_form(gradient: Any) -> None:
    mistakes = [
        ([1.0, 2.0], "これはxそのものです。`x` ではなく `x.grad` を渡してください。"),
        ([13.0], "13はf(x)の値です。ほしいのは `backward()` のあとの `x.grad` です。"),
        (
            [5.0, 4.0],
            "これは行列とxの積(5, 4)です。xは式に2回現れるので、勾配はその2倍になります。",
        ),
        ([3.0, 3.0], "これは行列とxの積の和の勾配です。左からもxを掛けましたか。"),
        ([2.0, 4.0], "これはxᵀxの勾配です。間に行列を挟みましたか。"),
        ([6.0, 12.0], "`*` は成分ごとの積です。行列の積には `@` を使います。"),
        ([1.0, 2.0, 2.0, 4.0], "これは行列の勾配です。微分の相手(印を付けるの)はxです。"),
        ([20.0, 16.0], TWICE),
    ]
    _judge(gradient, [10.0, 8.0], [(2,), (1, 2), (2, 1)], mistakes)


VECTOR = "x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)\n"
FORM = (
    "A = torch.tensor([[1.0, 2.0], [2.0, 1.0]])\nx = torch.tensor([1.0, 2.0], requires_grad=True)\n"
)

EXERCISES = (
    Exercise(
        id="3-1",
        title="演習3(1) 多項式",
        chapter="use/many-functions",
        judge=judge_polynomial,
        right=(
            "x = torch.tensor(3.0, requires_grad=True)\n"
            'y = x**2 + 2 * x + 1\ny.backward()\ncheck("3-1", x.grad)',
            "x = torch.tensor(3.0, requires_grad=True)\n"
            'y = (x + 1) ** 2\ny.backward()\ncheck("3-1", x.grad.item())',
        ),
        wrong=(
            Wrong(
                "x = torch.tensor(3.0, requires_grad=True)\n"
                'y = x**2 + 2 * x + 1\ncheck("3-1", x.grad)',
                "`backward()`",
            ),
            Wrong(
                "x = torch.tensor(3.0, requires_grad=True)\n"
                'y = x**2 + 2 * x + 1\ny.backward()\ncheck("3-1", y)',
                "f(3)の値",
            ),
            Wrong(
                "x = torch.tensor(3.0, requires_grad=True)\n"
                'y = x**2 + 2 * x + 1\ny.backward()\ncheck("3-1", x)',
                "`x` ではなく `x.grad`",
            ),
            Wrong(
                "x = torch.tensor(3.0, requires_grad=True)\n"
                'y = x * 2 + 2 * x + 1\ny.backward()\ncheck("3-1", x.grad)',
                "2乗は `x**2`",
            ),
            Wrong(
                "x = torch.tensor(2.0, requires_grad=True)\n"
                'y = x**2 + 2 * x + 1\ny.backward()\ncheck("3-1", x.grad)',
                "xを2.0で作った",
            ),
            Wrong(
                "x = torch.tensor(3.0, requires_grad=True)\nfor _ in range(2):\n"
                '    y = x**2 + 2 * x + 1\n    y.backward()\ncheck("3-1", x.grad)',
                "ちょうど2倍",
            ),
        ),
        praise="手計算の2x+2にx=3を入れた8.0と一致します。",
    ),
    Exercise(
        id="3-2",
        title="演習3(2) 2乗の和",
        chapter="use/many-functions",
        judge=judge_squares,
        right=(
            f'{VECTOR}y = (x**2).sum()\ny.backward()\ncheck("3-2", x.grad)',
            f'{VECTOR}y = x @ x\ny.backward()\ncheck("3-2", x.grad)',
            f'{VECTOR}y = x[0]**2 + x[1]**2 + x[2]**2\ny.backward()\ncheck("3-2", x.grad.tolist())',
        ),
        wrong=(
            Wrong(f'{VECTOR}y = x**2\ncheck("3-2", y)', "和をとって"),
            Wrong(f'{VECTOR}y = x.sum()\ny.backward()\ncheck("3-2", x.grad)', "2乗しましたか"),
            Wrong(f'{VECTOR}y = x.sum() ** 2\ny.backward()\ncheck("3-2", x.grad)', "足す前に"),
            Wrong(f'{VECTOR}y = (x**2).mean()\ny.backward()\ncheck("3-2", x.grad)', "`sum()`"),
            Wrong(f'{VECTOR}y = (x**2).sum()\ny.backward()\ncheck("3-2", y)', "f(x)の値"),
            Wrong(
                f'{VECTOR}y = (x**2).sum()\ny.backward()\ncheck("3-2", x.grad.sum())',
                "3つの成分の合計",
            ),
            Wrong(
                "x = torch.tensor([1.0, 2.0], requires_grad=True)\ny = (x**2).sum()\ny.backward()\n"
                'check("3-2", x.grad)',
                "(3,)",
            ),
        ),
        praise="2x₁、2x₂、2x₃にxを入れた2.0、4.0、6.0と一致します。",
    ),
    Exercise(
        id="3-3",
        title="演習3(3) 行列をはさんだ積",
        chapter="use/many-functions",
        judge=judge_quadratic_form,
        right=(
            f'{FORM}y = x @ A @ x\ny.backward()\ncheck("3-3", x.grad)',
            "A = torch.tensor([[1.0, 2.0], [2.0, 1.0]])\n"
            "x = torch.tensor([[1.0], [2.0]], requires_grad=True)\n"
            'y = x.T @ A @ x\ny.backward()\ncheck("3-3", x.grad)',
            "x = torch.tensor([1.0, 2.0], requires_grad=True)\n"
            'y = x[0] ** 2 + 4 * x[0] * x[1] + x[1] ** 2\ny.backward()\ncheck("3-3", x.grad)',
        ),
        wrong=(
            Wrong(f'{FORM}check("3-3", A @ x)', "2倍"),
            Wrong(f'{FORM}y = (A @ x).sum()\ny.backward()\ncheck("3-3", x.grad)', "左からも"),
            Wrong(f'{FORM}y = x @ A @ x\ny.backward()\ncheck("3-3", y)', "13はf(x)の値"),
            Wrong(f'{FORM}y = x @ x\ny.backward()\ncheck("3-3", x.grad)', "xᵀx"),
            Wrong(f'{FORM}y = (x * A * x).sum()\ny.backward()\ncheck("3-3", x.grad)', "`@`"),
            Wrong(
                "A = torch.tensor([[1.0, 2.0], [2.0, 1.0]], requires_grad=True)\n"
                'x = torch.tensor([1.0, 2.0])\ny = x @ A @ x\ny.backward()\ncheck("3-3", A.grad)',
                "行列の勾配",
            ),
        ),
        praise="値は13、勾配は(10, 8)です。手計算の(2x₁+4x₂, 4x₁+2x₂)と一致します。",
    ),
)
