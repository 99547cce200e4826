"""演習pytorch-1: PyTorchが動くことを、別の点での傾きで確かめる。"""

from __future__ import annotations

from typing import Any

from bibun.exercise import Exercise, Mistake, Wrong, close, number, tensor


def judge(x: Any) -> None:
    tensor(x, "x")
    if not x.requires_grad:
        raise Mistake(
            "渡されたTensorは勾配を記録しません(`requires_grad` が `False`)。"
            "`x.grad` を渡していませんか。渡すのは、`requires_grad=True` を付けて作った `x` です。"
        )
    if not x.is_leaf:
        raise Mistake(
            "渡されたのは、計算してできたTensor(`y`)です。"
            "勾配が入るのは元の `x` のほうなので、`x` を渡してください。"
        )
    if tuple(x.shape) != ():
        raise Mistake(
            "xは1つの数のはずですが、角括弧の付いた並びになっています。"
            "`[-1.0]` ではなく `-1.0` から作ります。"
        )
    if not close([number(x, "x")], [-1.0]):
        raise Mistake(f"xの値は-1.0のはずですが、{x.tolist()} でした。")
    if x.grad is None:
        raise Mistake("`x.grad` がまだ空です。`y.backward()` を呼びましたか。")
    slope = number(x.grad, "`x.grad`")
    if close([slope], [4.0]):
        raise Mistake(
            "`x.grad` が、正しい傾きのちょうど2倍です。`backward()` を2回呼ぶと足されてしまいます。"
            "`x` を作るところからやり直してください。"
        )
    if not close([slope], [2.0]):
        raise Mistake(
            f"`x.grad` が {slope:g} でした。yの式が x²+4x+3 になっているか見直してください。"
        )


def _code(x: str, rest: str, answer: str = "x") -> str:
    return f'x = {x}\n{rest}check("pytorch-1", {answer})'


X = "torch.tensor(-1.0, requires_grad=True)"
Y = "y = x**2 + 4 * x + 3\n"

EXERCISES = (
    Exercise(
        id="pytorch-1",
        title="演習 別の点での傾き",
        chapter="start/pytorch",
        judge=judge,
        right=(
            _code(X, Y + "y.backward()\n"),
            _code(X, "(x**2 + 4 * x + 3).backward()\n"),
        ),
        wrong=(
            Wrong(_code(X, Y), "`y.backward()` を呼びましたか"),
            Wrong(_code(X, Y + "y.backward()\n", "y"), "`x` を渡してください"),
            Wrong(_code(X, Y + "y.backward()\n", "x.grad"), "`x.grad` を渡していませんか"),
            Wrong(
                _code("torch.tensor(2.0, requires_grad=True)", Y + "y.backward()\n"),
                "xの値は-1.0のはず",
            ),
            Wrong(_code(X, "for _ in range(2):\n    (x**2 + 4 * x + 3).backward()\n"), "2倍"),
            Wrong(_code(X, "y = x**2 + 3\ny.backward()\n"), "yの式"),
            Wrong(
                _code(
                    "torch.tensor([-1.0], requires_grad=True)",
                    "(x**2 + 4 * x + 3).backward()\n",
                ),
                "`[-1.0]` ではなく",
            ),
            Wrong(_code("-1.0", Y), "Tensor"),
        ),
        praise="傾きは2.0です。PyTorchと採点の両方が、あなたの手もとで動いています。",
    ),
)
