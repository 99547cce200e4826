"""演習1-4: 整数の3を試し、エラーの最後の行を読んで直す。

Examples
--------
>>> import torch
>>> try:
...     torch.tensor(3, requires_grad=True)
... except RuntimeError as error:
...     read_line(error) == LAST_LINE
True
"""

from __future__ import annotations

from typing import Any

from bibun.exercise import Exercise, Mistake, Wrong, close, kind, records, tensor, values

REASON = "tensors of floating point"
LAST_LINE = "RuntimeError: Only Tensors of floating point and complex dtype can require gradients"


def judge(last_line: Any, x: Any) -> None:
    judge_line(read_line(last_line))
    tensor(x, "x")
    if "float" not in str(x.dtype):
        raise Mistake(
            f"エラーは読めています。xのほうは、まだdtypeが `{x.dtype}` です。"
            "最後の行に「floating point」(浮動小数点数)とあります。`3` を小数で書いてください。"
        )
    if not close(values(x, (), "x"), [3.0]):
        raise Mistake(f"xの値は3のままのはずですが、{x.tolist()} でした。")
    records(x, "x")


def read_line(answer: Any) -> str:
    """写された行を文字列にする。つかまえた例外そのものを渡してもよい。"""
    if isinstance(answer, BaseException):
        return f"{type(answer).__name__}: {answer}"
    if not isinstance(answer, str):
        raise Mistake(
            f"最後の行は文字列のはずですが、{kind(answer)}でした。"
            'エラーの最後の行を写して、引用符 `"` で囲みます。'
        )
    return answer


def judge_line(line: str) -> None:
    has_kind, has_reason = "RuntimeError" in line, REASON in line.lower()
    if has_kind and has_reason:
        return
    if has_reason:
        raise Mistake("理由は合っています。行の先頭にある、エラーの種類も写してください。")
    if line.strip().rstrip(":") == "RuntimeError":
        raise Mistake("種類は合っています。`:` の後ろの理由まで、行ごと写してください。")
    if "TypeError" in line:
        raise Mistake(
            "それは別のエラー(`TypeError`)です。`torch.tensor(3, requires_grad=True)` と、"
            "名前を付けて渡したときのものを写してください。"
        )
    if "Traceback" in line:
        raise Mistake(
            "それはエラーの最初の行です。種類と理由が書いてあるのは、いちばん下の行です。"
        )
    raise Mistake(
        f"写された行は「{line.strip()[:40]}」でした。整数の3に `requires_grad=True` を付けて"
        "実行し、出たエラーの最後の行を写してください。"
    )


EXERCISES = (
    Exercise(
        id="1-4",
        title="演習1(4) 整数の3",
        chapter="use/tensor",
        judge=judge,
        right=(
            f'last_line = "{LAST_LINE}"\n'
            "x = torch.tensor(3.0, requires_grad=True)\n"
            'check("1-4", last_line, x)',
            "try:\n"
            "    torch.tensor(3, requires_grad=True)\n"
            "except RuntimeError as error:\n"
            "    caught = error\n"
            "x = torch.tensor(3.0, requires_grad=True)\n"
            'check("1-4", caught, x)',
            "try:\n"
            "    torch.tensor(3).requires_grad_()\n"
            "except RuntimeError as error:\n"
            "    caught = error\n"
            "x = torch.tensor(3, dtype=torch.float64, requires_grad=True)\n"
            'check("1-4", caught, x)',
        ),
        wrong=(
            Wrong(
                'last_line = "RuntimeError"\n'
                "x = torch.tensor(3.0, requires_grad=True)\n"
                'check("1-4", last_line, x)',
                "後ろの理由まで",
            ),
            Wrong(
                'last_line = "Traceback (most recent call last):"\n'
                "x = torch.tensor(3.0, requires_grad=True)\n"
                'check("1-4", last_line, x)',
                "いちばん下の行",
            ),
            Wrong(
                "try:\n"
                "    torch.tensor(3, True)\n"
                "except TypeError as error:\n"
                "    caught = error\n"
                "x = torch.tensor(3.0, requires_grad=True)\n"
                'check("1-4", caught, x)',
                "別のエラー(`TypeError`)",
            ),
            Wrong(
                f'last_line = "{LAST_LINE}"\nx = torch.tensor(3)\ncheck("1-4", last_line, x)',
                "`3` を小数で",
            ),
            Wrong(
                f'last_line = "{LAST_LINE}"\nx = torch.tensor(3.0)\ncheck("1-4", last_line, x)',
                "`requires_grad=True` を付けたか",
            ),
        ),
        praise="勾配を持てるのは、浮動小数点数(と複素数)のTensorだけ。`3.0` なら持てます。",
    ),
)
