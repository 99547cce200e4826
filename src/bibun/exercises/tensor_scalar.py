"""演習1-1: 勾配を記録するスカラー。"""

from __future__ import annotations

from typing import Any

from bibun.exercise import Exercise, Mistake, Wrong, close, records, tensor, values


def judge(x: Any) -> None:
    tensor(x, "x")
    if not close(values(x, (), "x"), [3.0]):
        raise Mistake(f"xの値は3.0のはずですが、{x.tolist()} でした。")
    records(x, "x")


EXERCISES = (
    Exercise(
        id="1-1",
        title="演習1(1) スカラーのTensor",
        chapter="use/tensor",
        judge=judge,
        right=(
            'x = torch.tensor(3.0, requires_grad=True)\ncheck("1-1", x)',
            'x = torch.tensor(3.0)\nx.requires_grad_()\ncheck("1-1", x)',
        ),
        wrong=(
            Wrong('x = torch.tensor(3.0)\ncheck("1-1", x)', "requires_grad=True"),
            Wrong('x = 3.0\ncheck("1-1", x)', "Tensor"),
            Wrong('x = torch.tensor([3.0], requires_grad=True)\ncheck("1-1", x)', "(1,)"),
        ),
        praise="値は3.0で、勾配も記録されます。",
    ),
)
