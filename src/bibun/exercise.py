"""演習の枠組み: 問題(`Exercise`)、判定(`Verdict`)、答えを読むための関数。

演習は ``bibun/exercises/`` に、ひとまとまりの問題ごとに1ファイルで置く。採点関数は読者の答えを受け取り、誤りを見つけたら
`Mistake` を送出し、何も見つけなければ普通に終わる。文字列として印字された結果ではなく、値と性質
(勾配が記録されるか、差分と合うか)を判定する。torchのTensorも ``bibun`` のTensorも、どちらも
``requires_grad`` と ``tolist()`` を持つことだけを頼りに読むので、本でもノートブックでもブラウザーでも
同じ採点関数が働く。
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Nested = float | list[Any]
"""数、または数の入れ子のリスト(行列なら行のリスト)。"""


class Mistake(Exception):
    """答えの誤り。メッセージは読者に見せる日本語で、どこが違い、どこを見直すかを言う。"""


class Unanswered(Mistake):
    """答えの中に、まだ書いていないところ(``...``)が残っている。"""


@dataclass(frozen=True)
class Wrong:
    """典型的な誤答。

    Parameters
    ----------
    code : str
        読者が書きそうな、誤ったセルの中身。最後の行が ``check(...)`` を呼ぶ。
    says : str
        そのとき判定に必ず現れる言葉。誤りを名指しできていることをテストが確かめる。
    """

    code: str
    says: str


@dataclass(frozen=True)
class Exercise:
    """1つの演習。

    Parameters
    ----------
    id : str
        ``check`` に渡す番号。たとえば ``"1-1"``。
    title : str
        画面に出す題。
    chapter : str
        演習が置かれた章(拡張子のない、``book/`` からの相対パス)。
    judge : callable
        答えを受け取り、誤りがあれば `Mistake` を送出する関数。
    right : tuple of str
        正答のセル。最初のものが、章の「解答例」に表示される。
    wrong : tuple of Wrong
        典型的な誤答。3つ以上。
    praise : str
        正解のときに添える一文。何が確かめられたかを言う。
    """

    id: str
    title: str
    chapter: str
    judge: Callable[..., None]
    right: tuple[str, ...]
    wrong: tuple[Wrong, ...]
    praise: str


@dataclass(frozen=True)
class Verdict:
    """採点の結果。セルの最後の式に置けば、そのまま日本語で表示される。

    Examples
    --------
    >>> Verdict("right", "値が合っています。")
    正解です。値が合っています。
    >>> bool(Verdict("wrong", "符号が逆です。"))
    False
    """

    status: Literal["right", "wrong", "unanswered"]
    message: str

    def __bool__(self) -> bool:
        return self.status == "right"

    def __repr__(self) -> str:
        heads = {
            "right": "正解です。",
            "wrong": "まだです。",
            "unanswered": "まだ答えがありません。",
        }
        return heads[self.status] + self.message


def is_tensor(answer: object) -> bool:
    """torchまたはbibunのTensorかどうか。

    Examples
    --------
    >>> is_tensor([1.0, 2.0])
    False
    """
    return hasattr(answer, "requires_grad") and hasattr(answer, "tolist")


def kind(answer: object) -> str:
    """答えの種類を、読者に見せる言葉にする。

    Examples
    --------
    >>> kind("3.0"), kind([1, 2]), kind(len)
    ('文字列 `"3.0"`', 'リスト', '関数')
    """
    if is_tensor(answer):
        return "Tensor"
    if isinstance(answer, str):
        return f'文字列 `"{answer[:20]}"`'
    if answer is None:
        return "`None`"
    if callable(answer):
        return "関数"
    names = {
        bool: "真偽値",
        int: "整数",
        float: "数",
        list: "リスト",
        tuple: "タプル",
        dict: "辞書",
    }
    return names.get(type(answer), f"`{type(answer).__name__}` 型の値")


def tensor(answer: Any, name: str = "答え") -> Any:
    """答えがTensorであることを確かめて返す。

    Raises
    ------
    Mistake
        Tensorでないとき。

    Examples
    --------
    >>> tensor(3.0, "x")
    Traceback (most recent call last):
    bibun.exercise.Mistake: xはTensorのはずですが、数でした。`torch.tensor(...)` で作ります。
    """
    if not is_tensor(answer):
        raise Mistake(
            f"{name}はTensorのはずですが、{kind(answer)}でした。`torch.tensor(...)` で作ります。"
        )
    return answer


def values(answer: Any, shape: Sequence[int], name: str = "答え") -> list[float]:
    """答え(数、リスト、Tensor)を、形を確かめて平らな数の列にする。

    Parameters
    ----------
    answer : object
        数、数のリストや入れ子のリスト、NumPyの配列、Tensor。
    shape : sequence of int
        期待する形。スカラーなら ``()``。

    Raises
    ------
    Mistake
        数でないものが混ざる、NaNや無限大がある、形が違うとき。

    Examples
    --------
    >>> values([[1, 2], [3, 4]], (2, 2))
    [1.0, 2.0, 3.0, 4.0]
    >>> values([1, 2], (3,), "勾配")
    Traceback (most recent call last):
    bibun.exercise.Mistake: 勾配の形は (3,) のはずですが、(2,) でした。
    """
    nested = answer.tolist() if hasattr(answer, "tolist") else answer
    flat, found = _flatten(nested, name)
    if tuple(found) != tuple(shape):
        raise Mistake(f"{name}の形は {_shape(shape)} のはずですが、{_shape(found)} でした。")
    return flat


def number(answer: Any, name: str = "答え") -> float:
    """答えを1つの数として読む(`values` の形 ``()`` の場合)。

    Examples
    --------
    >>> number(8)
    8.0
    >>> number("8.0", "勾配")
    Traceback (most recent call last):
    bibun.exercise.Mistake: 勾配は数のはずですが、文字列 `"8.0"`でした。引用符を外してください。
    """
    return values(answer, (), name)[0]


def _shape(shape: Sequence[int]) -> str:
    return "スカラー(形 `()`)" if not shape else str(tuple(shape))


def _flatten(nested: Any, name: str) -> tuple[list[float], tuple[int, ...]]:
    if isinstance(nested, (list, tuple)):
        parts = [_flatten(item, name) for item in nested]
        if len({shape for _, shape in parts}) > 1:
            raise Mistake(f"{name}の行の長さがそろっていません。")
        inner = parts[0][1] if parts else ()
        return [x for flat, _ in parts for x in flat], (len(parts), *inner)
    if isinstance(nested, str):
        raise Mistake(f"{name}は数のはずですが、{kind(nested)}でした。引用符を外してください。")
    if nested is ...:
        raise Unanswered(f"{name}に `...` が残っています。自分の答えに書きかえてください。")
    if nested is None:
        raise Mistake(
            f"{name}は数のはずですが、`None` でした。勾配なら、`backward()` を呼ぶ前か、"
            "`requires_grad=True` のないTensorの `grad` を渡していないか見直してください。"
        )
    if isinstance(nested, bool) or not isinstance(nested, (int, float)):
        raise Mistake(f"{name}は数のはずですが、{kind(nested)}でした。")
    if math.isnan(nested):
        raise Mistake(f"{name}がNaN(非数)です。途中で負の数の平方根や0÷0が起きていませんか。")
    if math.isinf(nested):
        raise Mistake(f"{name}が無限大です。値が発散していないか、途中を表示して確かめてください。")
    return [float(nested)], ()


def close(got: Sequence[float], want: Sequence[float], tolerance: float = 1e-4) -> bool:
    """2つの数の列が、相対誤差(1より小さい値では絶対誤差)``tolerance`` 以内で等しいか。

    既定の1e-4は、単精度(約7桁)で数十回計算しても超えない幅で、誤った式の値は届かない。

    Examples
    --------
    >>> close([8.00001], [8.0]), close([7.9], [8.0])
    (True, False)
    """
    return len(got) == len(want) and all(
        abs(g - w) <= tolerance * max(1.0, abs(w)) for g, w in zip(got, want, strict=True)
    )


def records(answer: Any, name: str = "答え") -> Any:
    """答えが、勾配を記録するTensor(``requires_grad=True``)であることを確かめて返す。

    Raises
    ------
    Mistake
        Tensorでない、または勾配を記録しないとき。
    """
    if not tensor(answer, name).requires_grad:
        raise Mistake(
            f"{name}は勾配を記録しません(`requires_grad` が `False`)。"
            "作るときに `requires_grad=True` を付けたか見直してください。"
        )
    return answer


def function(answer: Any, name: str = "答え") -> Callable[..., Any]:
    """答えが呼び出せる関数であることを確かめて返す。

    Raises
    ------
    Mistake
        関数でないとき。呼んだ結果を渡している場合は、それを指摘する。
    """
    if not callable(answer):
        hint = "`f(x)` ではなく、`f` そのものを渡してください。" if is_tensor(answer) else ""
        raise Mistake(f"{name}は関数のはずですが、{kind(answer)}でした。{hint}")
    checked: Callable[..., Any] = answer
    return checked
