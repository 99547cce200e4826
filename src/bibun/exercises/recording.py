"""演習 recording: 記録(grad_fn)を読み、同じ記録を残す計算を書く。"""

from __future__ import annotations

from typing import Any

from bibun.exercise import Exercise, Mistake, Wrong, close, is_tensor, kind, number

CHAIN = ["SinBackward", "MulBackward", "AddBackward", "AccumulateGrad"]


def judge_chain(y: Any) -> None:
    names = trail(record(y, "y"))
    found = [operation(name) for name in names]
    if found == CHAIN:
        return
    shown = f"記録は {' → '.join(names)} でした。"
    if found == [*CHAIN[2::-1], CHAIN[3]]:
        raise Mistake(
            f"{shown}順序が逆です。出口に近いのは、最後にした計算です。"
            "先に足し、次に掛け、最後にsinを計算します。"
        )
    if found == [CHAIN[0], CHAIN[2], CHAIN[1], CHAIN[3]]:
        raise Mistake(
            f"{shown}足し算と掛け算の順が逆です。葉に近い足し算を先にします。"
            "先に掛けてしまうのなら、`x + …` を丸括弧で囲みます。"
        )
    if len(found) != len(CHAIN):
        amount = "多すぎます" if len(found) > len(CHAIN) else "足りません"
        raise Mistake(f"{shown}演算が{amount}。足し算、掛け算、sinを1回ずつ使います。")
    place = next(i for i, (got, want) in enumerate(zip(found, CHAIN, strict=True)) if got != want)
    raise Mistake(
        f"{shown}出口から{place + 1}番目は {CHAIN[place]}0 のはずですが、{names[place]} です。"
    )


def judge_square(y: Any) -> None:
    node = record(y, "y")
    if not close([number(y, "y")], [9.0]):
        raise Mistake(f"yの値は9のはずですが、{y.tolist():g} でした。xは3.0です。")
    if operation(short_name(node)) != "MulBackward":
        raise Mistake(
            f"値は9で合っていますが、記録は {short_name(node)} でした。"
            "行き先が2つになるのは、2つの値を掛ける計算です。"
        )
    first, second = (next_node for next_node, _ in node.next_functions)
    if first is None or second is None:
        raise Mistake(
            "値は9で合っていますが、行き先の片方が `None` です。掛ける相手が、ただの数か、"
            "宣言のないTensorになっています。"
        )
    if not short_name(first) == short_name(second) == "AccumulateGrad":
        raise Mistake("値は9で合っていますが、行き先の先にまだ別の計算があります。")
    if first.variable is not second.variable:
        raise Mistake(
            "値は9で合っていますが、2つの行き先は別々の葉です。どちらも同じxにしてください。"
        )


def record(answer: Any, name: str) -> Any:
    """答えの記録の入り口(``grad_fn``)を返す。"""
    if not is_tensor(answer):
        raise Mistake(
            f"{name}は計算で作ったTensorのはずですが、{kind(answer)}でした。"
            "`math` の関数や `item()` を通すと、記録のない数になります。"
        )
    if tuple(answer.shape) != ():
        raise Mistake(f"{name}はスカラーのはずですが、形が {tuple(answer.shape)} でした。")
    if answer.grad_fn is None:
        raise Mistake(
            f"{name}には記録がありません(`grad_fn` が `None`)。"
            "`requires_grad=True` のxから計算したか、途中で `torch.tensor` に入れ直していないか、"
            "見直してください。"
        )
    return answer.grad_fn


def trail(node: Any) -> list[str]:
    """記録の一本道を、出口から葉までたどって並べた名前。"""
    names = []
    while node is not None:
        names.append(short_name(node))
        recorded = [next_node for next_node, _ in node.next_functions if next_node is not None]
        if len(recorded) > 1:
            raise Mistake(
                f"{' → '.join(names)} のところで、行き先が{len(recorded)}つに分かれています。"
                "xは1回だけ使い、ほかはただの数にしてください。"
            )
        node = recorded[0] if recorded else None
    return names


def short_name(node: Any) -> str:
    """記録の名前から、C++の所属(``torch::autograd::``)を除いたもの。"""
    name: str = node.name()
    return name.rpartition(":")[2]


def operation(name: str) -> str:
    """``"PowBackward0"`` のような名前から、書き方を区別する末尾の番号を除いたもの。"""
    return name.rstrip("0123456789")


X = "x = torch.tensor(2.0, requires_grad=True)\n"
X3 = "x = torch.tensor(3.0, requires_grad=True)\n"
CHECK_CHAIN = '\ncheck("recording-1", y)'
CHECK_SQUARE = '\ncheck("recording-2", y)'

EXERCISES = (
    Exercise(
        id="recording-1",
        title="演習 記録から計算を書く",
        chapter="use/recording",
        judge=judge_chain,
        right=(
            f"{X}y = torch.sin((x + 1) * 3){CHECK_CHAIN}",
            f"{X}a = 5 + x\nb = 2 * a\ny = b.sin(){CHECK_CHAIN}",
        ),
        wrong=(
            Wrong(f"{X}y = torch.sin(x) * 3 + 1{CHECK_CHAIN}", "順序が逆"),
            Wrong(f"{X}y = torch.sin(3 * x + 1){CHECK_CHAIN}", "足し算と掛け算の順が逆"),
            Wrong(f"{X}y = torch.sin(x * 3){CHECK_CHAIN}", "演算が足りません"),
            Wrong(f"{X}y = torch.sin((x + 1) * 3 + 2){CHECK_CHAIN}", "演算が多すぎます"),
            Wrong(f"{X}y = torch.sin((x + 1) / 3){CHECK_CHAIN}", "2番目は MulBackward0 のはず"),
            Wrong(f"{X}y = torch.sin((x + 1) * x){CHECK_CHAIN}", "2つに分かれて"),
            Wrong(
                f"x = torch.tensor(2.0)\ny = torch.sin((x + 1) * 3){CHECK_CHAIN}",
                "記録がありません",
            ),
            Wrong(
                f"import math\n{X}y = math.sin(((x + 1) * 3).item()){CHECK_CHAIN}", "`math` の関数"
            ),
        ),
        praise="出口から Sin、Mul、Add、そして葉。読んだとおりの記録です。",
    ),
    Exercise(
        id="recording-2",
        title="演習 値は同じ、記録は違う",
        chapter="use/recording",
        judge=judge_square,
        right=(f"{X3}y = x * x{CHECK_SQUARE}",),
        wrong=(
            Wrong(f"{X3}y = x**2{CHECK_SQUARE}", "記録は PowBackward0"),
            Wrong(f"{X3}y = x * 3{CHECK_SQUARE}", "片方が `None`"),
            Wrong(
                f"{X3}w = torch.tensor(3.0, requires_grad=True)\ny = x * w{CHECK_SQUARE}",
                "別々の葉",
            ),
            Wrong(f"{X3}y = x + x{CHECK_SQUARE}", "yの値は9のはず"),
            Wrong(f"{X3}y = (x + 0) * x{CHECK_SQUARE}", "まだ別の計算"),
        ),
        praise="2つの行き先は、どちらも同じ葉xです。xが2回使われたことまで、記録に残っています。",
    ),
)
