"""演習と採点。章のセル、ダウンロードしたノートブック、ブラウザー、テストが同じ `check` を呼ぶ。

演習を足すには、このフォルダーにファイルを1つ置き、``EXERCISES``(`Exercise` のタプル)を定義する。
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from functools import cache
from types import MappingProxyType
from typing import Any

from bibun.exercise import Exercise, Mistake, Unanswered, Verdict

__all__ = ["check", "exercises"]


@cache
def exercises() -> MappingProxyType[str, Exercise]:
    """すべての演習を、番号から引ける表で返す。

    Raises
    ------
    ValueError
        同じ番号の演習が2つあるとき(著者の誤り)。

    Examples
    --------
    >>> exercises()["1-1"].chapter
    'use/tensor'
    """
    table: dict[str, Exercise] = {}
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda m: m.name):
        for exercise in importlib.import_module(f"{__name__}.{module.name}").EXERCISES:
            if exercise.id in table:
                raise ValueError(f"演習「{exercise.id}」が2つあります({module.name}.py)。")
            table[exercise.id] = exercise
    return MappingProxyType(table)


def check(exercise_id: str, *answers: Any) -> Verdict:
    """答えを採点し、日本語の判定を返す。

    どんな答えを渡しても例外は起きない。誤りは判定の言葉になる。

    Parameters
    ----------
    exercise_id : str
        演習の番号。たとえば ``"1-1"``。
    *answers : object
        答え。まだ書いていないところは ``...`` のままでよい。

    Returns
    -------
    Verdict
        正解なら真になる。表示すると日本語の判定になる。

    Examples
    --------
    >>> check("1-1", ...)
    まだ答えがありません。`...` を自分の答えに書きかえて、もう一度実行してください。
    >>> bool(check("1-1", 3.0))
    False
    """
    exercise = exercises().get(exercise_id) if isinstance(exercise_id, str) else None
    if exercise is None:
        known = "、".join(exercises())
        return Verdict("wrong", f"演習「{exercise_id}」はありません。あるのは {known} です。")
    if any(answer is ... for answer in answers):
        return Verdict("unanswered", "`...` を自分の答えに書きかえて、もう一度実行してください。")
    wanted = len(inspect.signature(exercise.judge).parameters)
    if len(answers) != wanted:
        return Verdict(
            "wrong", f"この演習は答えを{wanted}個受け取りますが、{len(answers)}個でした。"
        )
    try:
        exercise.judge(*answers)
    except Unanswered as unanswered:
        return Verdict("unanswered", str(unanswered))
    except Mistake as mistake:
        return Verdict("wrong", str(mistake))
    except Exception as error:  # 読者の関数は何でも送出しうる。判定の言葉に変えて返す
        return Verdict(
            "wrong", f"答えを動かすとエラーになりました。`{type(error).__name__}: {error}`"
        )
    return Verdict("right", exercise.praise)
