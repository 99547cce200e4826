"""どの演習も、正答を正解とし、典型的な誤答を名指しし、どんな答えにも例外を起こさないこと。"""

from __future__ import annotations

import ast
import inspect
import math
from types import MappingProxyType

import pytest
import torch

from bibun.exercise import Exercise, Verdict, Wrong, close
from bibun.exercises import check, exercises

ALL = exercises()
ODD_ANSWERS = {
    "文字列": "8.0",
    "None": None,
    "NaN": math.nan,
    "NaNのTensor": torch.tensor(math.nan),
    "無限大": math.inf,
    "真偽値": True,
    "空のリスト": [],
    "ふぞろいなリスト": [[1.0], [1.0, 2.0]],
    "文字列のリスト": ["a", "b"],
    "辞書": {},
    "関数": lambda *_: None,
    "複素数": 1j,
    "大きな形のTensor": torch.zeros(2, 3, 4),
    "整数のTensor": torch.tensor([1, 2]),
    "例外": ValueError("x"),
}


def run(code: str) -> Verdict:
    """読者のセルを実行し、最後の式(``check(…)``)の値を返す。"""
    *body, last = ast.parse(code).body
    assert isinstance(last, ast.Expr), "答えのセルの最後は check(...) です"
    scope = {"torch": torch, "math": math, "check": check}
    exec(compile(ast.Module(body, []), "<answer>", "exec"), scope)
    verdict = eval(compile(ast.Expression(last.value), "<answer>", "eval"), scope)
    assert isinstance(verdict, Verdict)
    return verdict


def each(attribute: str) -> list[object]:
    """演習ごとの正答(誤答)を、1つずつの試験にする。"""
    return [
        pytest.param(exercise, answer, id=f"{exercise.id}-{number}")
        for exercise in ALL.values()
        for number, answer in enumerate(getattr(exercise, attribute), start=1)
    ]


@pytest.mark.parametrize(("exercise", "code"), each("right"))
def test_right_answer_is_accepted(exercise: Exercise, code: str) -> None:
    verdict = run(code)
    assert verdict.status == "right", verdict
    assert f'check("{exercise.id}"' in code


@pytest.mark.parametrize(("exercise", "wrong"), each("wrong"))
def test_typical_wrong_answer_gets_a_message_that_names_its_mistake(
    exercise: Exercise, wrong: Wrong
) -> None:
    verdict = run(wrong.code)
    assert verdict.status == "wrong", verdict
    assert wrong.says in verdict.message


@pytest.mark.parametrize("exercise", ALL.values(), ids=ALL)
def test_exercise_is_complete(exercise: Exercise) -> None:
    assert exercise.right
    assert len(exercise.wrong) >= 3
    assert len({wrong.says for wrong in exercise.wrong}) >= 2, (
        "誤答が同じ言葉でしか区別されていません"
    )
    messages = [run(wrong.code).message for wrong in exercise.wrong]
    assert len(set(messages)) >= 3, "誤答への言葉が、誤りを区別していません"
    assert exercise.praise.endswith("。")


@pytest.mark.parametrize("exercise", ALL.values(), ids=ALL)
@pytest.mark.parametrize("odd", ODD_ANSWERS.values(), ids=ODD_ANSWERS)
def test_odd_answer_is_judged_wrong_in_words(exercise: Exercise, odd: object) -> None:
    wanted = len(inspect.signature(exercise.judge).parameters)
    verdict = check(exercise.id, *[odd] * wanted)
    assert verdict.status == "wrong"
    assert any("ぁ" <= char <= "ヿ" for char in verdict.message), verdict
    assert (
        "Error" not in verdict.message or odd is ODD_ANSWERS["関数"] or odd is ODD_ANSWERS["例外"]
    )


@pytest.mark.parametrize("exercise", ALL.values(), ids=ALL)
def test_unanswered_and_wrong_number_of_answers_are_said(exercise: Exercise) -> None:
    wanted = len(inspect.signature(exercise.judge).parameters)
    assert check(exercise.id, *[...] * wanted).status == "unanswered"
    verdict = check(exercise.id, *[1.0] * (wanted + 1))
    assert f"{wanted}個" in verdict.message
    assert f"{wanted + 1}個" in verdict.message


def test_unknown_exercise_is_answered_with_the_known_ones() -> None:
    for unknown in ("9-9", 11, None):
        verdict = check(unknown, 1.0)  # type: ignore[arg-type]
        assert verdict.status == "wrong"
        assert "1-1" in verdict.message


def test_the_judge_of_the_course_agrees_with_ours() -> None:
    """講習会の採点と同じ値(LECTUREの演習3)を、こちらも正解とする。"""
    assert check("3-1", 8.0)
    assert check("3-2", [2.0, 4.0, 6.0])
    assert check("3-3", [10.0, 8.0])
    assert not check("3-1", 7.99)
    assert not check("3-2", [2.0, 4.0, 6.1])
    assert not check("3-3", [8.0, 10.0])


def test_the_table_of_exercises_cannot_be_changed() -> None:
    assert isinstance(ALL, MappingProxyType)


def test_tolerance_separates_rounding_from_mistakes() -> None:
    assert close([8.0005], [8.0])
    assert not close([8.01], [8.0])
    assert not close([8.0, 0.0], [8.0])
