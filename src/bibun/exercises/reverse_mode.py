"""演習reverse-1、reverse-2: 帳簿を手で埋める、テープを後ろから読む逆伝播を書く。"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bibun.exercise import (
    Exercise,
    Mistake,
    Unanswered,
    Wrong,
    close,
    function,
    kind,
    number,
)

Tape = list[tuple[str, str, float]]
Bars = dict[str, float]

# a = uv、b = a + u、z = ab を u = 3、v = 2 で。
BARS = {"z": 1.0, "b": 6.0, "a": 15.0, "u": 36.0, "v": 45.0}
WHY = {
    "z": "出発点の随伴値は∂z/∂z=1です。",
    "b": "bを使うのはzだけで、z=abのbによる偏微分はaの値です。",
    "a": "aを使うのはzとbの2つです。bから来る寄与は、b̄×(∂b/∂a)です。",
    "v": "vを使うのはaだけです。完成したāに∂a/∂v=uを掛けます。",
    "u": "uを使うのはaとbの2つです。寄与を2つ足します。",
}


def judge_bars(bars: Any) -> None:
    if not isinstance(bars, dict):
        raise Mistake(f"名前と値の辞書のはずですが、{kind(bars)}でした。")
    if any(value is ... for value in bars.values()):
        raise Unanswered("まだ `...` が残っています。")
    absent = [name for name in BARS if name not in bars]
    if absent:
        raise Mistake(f"{'、'.join(absent)}の随伴値がありません。")
    got = {name: number(bars[name], f"{name}の随伴値") for name in BARS}
    if close([got["a"], got["u"]], [9.0, 24.0]) or close([got["a"], got["v"]], [9.0, 27.0]):
        raise Mistake(
            "aが、bから来る寄与を待たずに、9のままuとvへ送っています。順番を見直してください。"
        )
    if close([got["u"]], [30.0]) or close([got["u"]], [6.0]):
        raise Mistake("uに届いた2つの寄与のうち、片方が消えています。上書きせずに足してください。")
    for name, want in BARS.items():
        if not close([got[name]], [want]):
            raise Mistake(f"{name}の随伴値が違います({got[name]:g}でした)。{WHY[name]}")


class Counted(float):
    """掛け算された回数を数える偏微分。上限を超えたら、数え上げをやめさせる。"""

    limit = 20_000
    multiplied = 0

    def __mul__(self, other: float) -> float:
        Counted.multiplied += 1
        if Counted.multiplied > Counted.limit:
            raise Mistake(
                f"ひし形を60個つないだテープで、掛け算が{Counted.limit}回を超えました(辺は240本)。"
                "パスを1本ずつたどらずに、辺を1回ずつ読むだけで済ませてください。"
            )
        return float(self) * other

    __rmul__ = __mul__


def judge_sweep(sweep: Any) -> None:
    sweep = function(sweep, "sweep")
    for tape, target in TAPES:
        _compare(sweep, tape, target)
    _require_few_multiplications(sweep)


def _compare(sweep: Callable[..., Any], tape: Tape, target: str) -> None:
    want = _sweep(tape, target)
    try:
        answer = sweep(list(tape), target)
    except KeyError as error:
        raise Mistake(
            f"まだ何も入れていない名前 {error} の随伴値を使いました。"
            "はじめに、テープに出てくる名前すべてに0.0を入れておきます。"
        ) from error
    got = _read(answer, want)
    for name in want:
        if not close([got[name]], [want[name]]):
            raise Mistake(
                f"テープが {tape} で、{target}から始めると、{name}の随伴値は{want[name]:g}の"
                f"はずですが、{got[name]:g}でした。{_named_mistake(got, tape, target)}"
            )


def _read(answer: Any, want: Bars) -> Bars:
    if answer is None:
        raise Mistake(
            "`sweep` が `None` を返しました。最後に `return bar` を書いたか見直してください。"
        )
    if answer is ...:
        raise Unanswered("`sweep` の中に `...` が残っています。自分の答えに書きかえてください。")
    if not isinstance(answer, dict):
        raise Mistake(f"`sweep` の戻り値は辞書のはずですが、{kind(answer)}でした。")
    return {name: number(answer.get(name, 0.0), f"{name}の随伴値") for name in want}


def _named_mistake(got: Bars, tape: Tape, target: str) -> str:
    for wrong, says in (
        (
            _sweep(tape[::-1], target),
            "テープを前から読んでいませんか。出力に近い辺が後ろにあります。"
            "後ろから読んでいるなら、`return` が `for` の中に入っていないか見てください。",
        ),
        (
            _overwrite(tape, target),
            "寄与を `=` で上書きしていませんか。届いた寄与は `+=` で足します。",
        ),
        (
            dict.fromkeys(got, 0.0) | {target: 1.0},
            "寄与がどこにも届いていません。足す先は、辺の根元(使われた値)の随伴値です。",
        ),
        (_local_only(tape, target), "辺の偏微分を足すだけでなく、上流の随伴値を掛けましたか。"),
        (_all_ones(tape), "はじめに1にするのは `target` だけです。ほかの値は0から始めます。"),
        (dict.fromkeys(got, 0.0), "出発点の随伴値を1にしましたか。0には何を掛けても0です。"),
        (
            _sweep(tape, tape[-1][1]),
            "出発点は、テープの最後の値とは限りません。`target` から始めます。",
        ),
    ):
        if all(close([got[name]], [wrong.get(name, 0.0)]) for name in got):
            return says
    return "帳簿の1行は「上流の随伴値×辺の偏微分を、辺の根元の随伴値に足す」です。"


def _require_few_multiplications(sweep: Callable[..., Any]) -> None:
    Counted.multiplied = 0
    names = [(f"a{i}", f"b{i}", f"c{i}", f"a{i + 1}") for i in range(60)]
    tape = [
        (source, target, Counted(0.5))
        for a, b, c, end in names
        for source, target in ((a, b), (a, c), (b, end), (c, end))
    ]
    got = _read(sweep(tape, "a60"), {"a0": 0.5**60})
    if abs(got["a0"] / 0.5**60 - 1.0) > 1e-9:
        raise Mistake("ひし形を60個つないだテープで、最初の値の随伴値が合いません。")


def _sweep(tape: Tape, target: str) -> Bars:
    bar = {name: 0.0 for source, end, _ in tape for name in (source, end)}
    bar[target] = 1.0
    for source, end, partial in reversed(tape):
        bar[source] += bar[end] * partial
    return bar


def _overwrite(tape: Tape, target: str) -> Bars:
    bar = {name: 0.0 for source, end, _ in tape for name in (source, end)}
    bar[target] = 1.0
    for source, end, partial in reversed(tape):
        bar[source] = bar[end] * partial
    return bar


def _local_only(tape: Tape, target: str) -> Bars:
    bar = {name: 0.0 for source, end, _ in tape for name in (source, end)}
    bar[target] = 1.0
    for source, _, partial in reversed(tape):
        bar[source] += partial
    return bar


def _all_ones(tape: Tape) -> Bars:
    bar = {name: 1.0 for source, end, _ in tape for name in (source, end)}
    for source, end, partial in reversed(tape):
        bar[source] += bar[end] * partial
    return bar


CHAIN: Tape = [("x", "y", 3.0), ("y", "z", 2.0)]
REUSED: Tape = [("x", "y", 4.0), ("x", "w", 1.0), ("y", "w", 1.0), ("y", "z", 6.0), ("w", "z", 4.0)]
# zのあとで計算されたwは、zの微分に関わらない。
BEYOND: Tape = [*CHAIN, ("z", "w", 5.0), ("y", "w", 7.0)]
TAPES = ((CHAIN, "z"), (REUSED, "z"), (BEYOND, "z"), (REUSED, "w"))

_ANSWER = """\
def sweep(tape, target):
    bar = {name: 0.0 for s, t, _ in tape for name in (s, t)}
    bar[target] = 1.0
    for s, t, partial in reversed(tape):
        bar[s] += bar[t] * partial
    return bar


check("reverse-2", sweep)"""

_MEMOISED = """\
def sweep(tape, target):
    done = {target: 1.0}

    def bar(name):
        if name not in done:
            done[name] = sum(d * bar(t) for s, t, d in tape if s == name)
        return done[name]

    return {name: bar(name) for s, t, _ in reversed(tape) for name in (t, s)}


check("reverse-2", sweep)"""

_EVERY_PATH = """\
def sweep(tape, target):
    def path_sum(source):
        if source == target:
            return 1.0
        return sum(d * path_sum(t) for s, t, d in tape if s == source)

    return {name: path_sum(name) for s, t, _ in tape for name in (s, t)}


check("reverse-2", sweep)"""

_MISSING_NAME = _ANSWER.replace("{name: 0.0 for s, t, _ in tape for name in (s, t)}", "{}")
_INDENTED_RETURN = _ANSWER.replace("    return bar", "        return bar")
_FROM_THE_LAST = _ANSWER.replace("bar[target] = 1.0", "bar[tape[-1][1]] = 1.0")

_HAND = 'bars = {{"z": 1, "b": {}, "a": {}, "v": {}, "u": {}}}\ncheck("reverse-1", bars)'

EXERCISES = (
    Exercise(
        id="reverse-1",
        title="演習(1) 帳簿を埋める",
        chapter="how/reverse-mode",
        judge=judge_bars,
        right=(
            _HAND.format("6", "9 + 6 * 1", "15 * 3", "15 * 2 + 6 * 1"),
            _HAND.format("6.0", "15.0", "45.0", "36.0"),
        ),
        wrong=(
            Wrong(_HAND.format("6", "9", "27", "24"), "待たずに"),
            Wrong(_HAND.format("6", "15", "45", "30"), "上書きせずに"),
            Wrong(_HAND.format("9", "12", "36", "33"), "bを使うのはzだけ"),
            Wrong(_HAND.format("6", "9", "45", "36"), "aを使うのはzとbの2つ"),
            Wrong('bars = [1, 6, 15, 45, 36]\ncheck("reverse-1", bars)', "辞書"),
            Wrong('bars = {"z": 1, "b": 6, "a": 15}\ncheck("reverse-1", bars)', "u、vの随伴値"),
        ),
        praise="bとaを先に完成させてから、uとvへ送れています。",
    ),
    Exercise(
        id="reverse-2",
        title="演習(2) テープを後ろから読む",
        chapter="how/reverse-mode",
        judge=judge_sweep,
        right=(_ANSWER, _MEMOISED),
        wrong=(
            Wrong(_ANSWER.replace("reversed(tape)", "tape"), "前から読んで"),
            Wrong(_ANSWER.replace("+=", "="), "上書き"),
            Wrong(_ANSWER.replace("bar[target] = 1.0", "bar[target] = 0.0"), "0には何を掛けても0"),
            Wrong(_FROM_THE_LAST, "最後の値とは限りません"),
            Wrong(_EVERY_PATH, "パスを1本ずつたどらずに"),
            Wrong(_MISSING_NAME, "名前すべてに0.0"),
            Wrong(_INDENTED_RETURN, "`for` の中"),
            Wrong(_ANSWER.replace("bar[s] += bar[t]", "bar[t] += bar[s]"), "根元"),
            Wrong(_ANSWER.replace("bar[t] * partial", "partial"), "上流の随伴値を掛け"),
            Wrong(_ANSWER.replace("name: 0.0", "name: 1.0"), "`target` だけ"),
            Wrong(_ANSWER.replace("    return bar\n", ""), "return bar"),
        ),
        praise="値が何度使われても、ひし形が60個つながっても、辺を1回ずつ読むだけで随伴値がそろいます。",
    ),
)
