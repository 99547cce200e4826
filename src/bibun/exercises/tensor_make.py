"""演習1-1から1-3: 勾配を持てるスカラー、ベクトル、行列を作る。"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bibun.exercise import Exercise, Mistake, Wrong, close, records, tensor, values


def judge(want: list[float], shape: tuple[int, ...]) -> Callable[[Any], None]:
    """値が ``want``、形が ``shape`` で、勾配を持てるTensorかどうかを判定する関数を作る。"""

    def judge_x(x: Any) -> None:
        tensor(x, "x")
        judge_shape(tuple(x.shape), shape)
        if "float" not in str(x.dtype):
            raise Mistake(
                f"xは小数のTensorのはずですが、dtypeが `{x.dtype}` でした。"
                "`3` ではなく `3.0` のように、小数点を付けて書きます。"
            )
        if not close(values(x, shape, "x"), want):
            raise Mistake(f"xの値が問題と違います。入っていたのは {x.tolist()} です。")
        records(x, "x")

    return judge_x


def judge_shape(got: tuple[int, ...], want: tuple[int, ...]) -> None:
    if got == want:
        return
    if len(got) > len(want):
        hint = f"角括弧が{len(got) - len(want)}重ぶん多いようです。"
    elif len(got) < len(want):
        hint = f"角括弧が{len(want) - len(got)}重ぶん足りないようです。"
    elif got == want[::-1]:
        hint = "行と列が入れかわっています。"
    else:
        hint = "数の個数を数え直してください。"
    raise Mistake(f"xの形は {want} のはずですが、{got} でした。{hint}")


EXERCISES = (
    Exercise(
        id="1-1",
        title="演習1(1) スカラー",
        chapter="use/tensor",
        judge=judge([3.0], ()),
        right=(
            'x = torch.tensor(3.0, requires_grad=True)\ncheck("1-1", x)',
            'x = torch.tensor(3.0)\nx.requires_grad_()\ncheck("1-1", x)',
            'x = torch.tensor(3, dtype=torch.float32, requires_grad=True)\ncheck("1-1", x)',
        ),
        wrong=(
            Wrong('x = torch.tensor(3.0)\ncheck("1-1", x)', "`requires_grad=True` を付けたか"),
            Wrong('x = 3.0\ncheck("1-1", x)', "Tensorのはずですが、数でした"),
            Wrong('x = torch.tensor([3.0], requires_grad=True)\ncheck("1-1", x)', "1重ぶん多い"),
            Wrong('x = torch.tensor(3)\ncheck("1-1", x)', "小数点を付けて"),
            Wrong('x = torch.tensor(2.0, requires_grad=True)\ncheck("1-1", x)', "値が問題と違い"),
        ),
        praise="値は3.0で、勾配を持てます。",
    ),
    Exercise(
        id="1-2",
        title="演習1(2) ベクトル",
        chapter="use/tensor",
        judge=judge([3.0, 4.0, 5.0], (3,)),
        right=('x = torch.tensor([3.0, 4.0, 5.0], requires_grad=True)\ncheck("1-2", x)',),
        wrong=(
            Wrong(
                'x = torch.tensor([3.0, 4.0, 5.0])\ncheck("1-2", x)',
                "`requires_grad=True` を付けたか",
            ),
            Wrong(
                'x = torch.tensor([[3.0, 4.0, 5.0]], requires_grad=True)\ncheck("1-2", x)',
                "1重ぶん多い",
            ),
            Wrong('x = torch.tensor([3, 4, 5])\ncheck("1-2", x)', "小数点を付けて"),
            Wrong('x = [3.0, 4.0, 5.0]\ncheck("1-2", x)', "Tensorのはずですが、リストでした"),
            Wrong(
                'x = torch.tensor([3.0, 4.0], requires_grad=True)\ncheck("1-2", x)',
                "個数を数え直して",
            ),
        ),
        praise="成分が3つ、角括弧は一重。形は (3,) です。",
    ),
    Exercise(
        id="1-3",
        title="演習1(3) 行列",
        chapter="use/tensor",
        judge=judge([3.0, 4.0, 5.0, 6.0, 7.0, 8.0], (2, 3)),
        right=(
            "x = torch.tensor([[3.0, 4.0, 5.0], [6.0, 7.0, 8.0]], requires_grad=True)\n"
            'check("1-3", x)',
        ),
        wrong=(
            Wrong(
                'x = torch.tensor([[3.0, 4.0, 5.0], [6.0, 7.0, 8.0]])\ncheck("1-3", x)',
                "`requires_grad=True` を付けたか",
            ),
            Wrong(
                "x = torch.tensor([3.0, 4.0, 5.0, 6.0, 7.0, 8.0], requires_grad=True)\n"
                'check("1-3", x)',
                "1重ぶん足りない",
            ),
            Wrong(
                "x = torch.tensor([[3.0, 6.0], [4.0, 7.0], [5.0, 8.0]], requires_grad=True)\n"
                'check("1-3", x)',
                "行と列が入れかわって",
            ),
            Wrong(
                "x = torch.tensor([[3.0, 4.0, 5.0], [3.0, 7.0, 8.0]], requires_grad=True)\n"
                'check("1-3", x)',
                "値が問題と違い",
            ),
        ),
        praise="2行3列、角括弧は二重。形は (2, 3) です。",
    ),
)
