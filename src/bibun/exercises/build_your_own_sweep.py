"""演習build-2: 同じ値を2回使う演算でだけ寄与が消える逆伝播を直す。"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bibun.exercise import Exercise, Mistake, Wrong, close, function, number

STALE = 99.0
"""`sweep`を呼ぶ前の勾配。前の計算の残りに見立てる。"""


@dataclass(eq=False)
class Value:
    """章の`Value`と同じ部品をもつ値。"""

    name: str
    data: float
    inputs: tuple[Value, ...] = ()
    partials: tuple[float, ...] = ()
    grad: float = STALE


Order = list[Value]
Sweep = Callable[[Order], Any]


def _mul(name: str, a: Value, b: Value) -> Value:
    return Value(name, a.data * b.data, (a, b), (b.data, a.data))


def _add(name: str, a: Value, b: Value) -> Value:
    return Value(name, a.data + b.data, (a, b), (1.0, 1.0))


def _tree() -> Order:
    u, v, w = Value("u", 3.0), Value("v", 2.0), Value("w", 4.0)
    s = _add("s", u, v)
    return [_mul("z", s, w), s, w, v, u]


def _diamond() -> Order:
    x, two = Value("x", 2.0), Value("2", 2.0)
    y = _mul("y", two, x)
    w = _add("w", x, y)
    return [_mul("z", y, w), w, y, two, x]


def _square() -> Order:
    x = Value("x", 3.0)
    return [_mul("z", x, x), x]


def _cube() -> Order:
    x = Value("x", 3.0)
    y = _mul("y", x, x)
    return [_mul("z", y, x), y, x]


CASES: tuple[tuple[str, Callable[[], Order]], ...] = (
    ("z = (u + v) * w(u = 3、v = 2、w = 4)", _tree),
    ("y = 2 * x、w = x + y、z = y * w(x = 2)", _diamond),
    ("z = x * x(x = 3)", _square),
    ("y = x * x、z = y * x(x = 3)", _cube),
)


def judge(sweep: Any) -> None:
    sweep = function(sweep, "sweep")
    for said, make in CASES:
        _judge_case(sweep, said, make)


def _judge_case(sweep: Sweep, said: str, make: Callable[[], Order]) -> None:
    order = make()
    sweep(list(order))
    got = [number(value.grad, f"{value.name}の勾配") for value in order]
    want = _grads(_sweep, make)
    for value, mine, right in zip(order, got, want, strict=True):
        if not close([mine], [right]):
            raise Mistake(
                f"{said}で、{value.name}の勾配が{mine:g}でした(正しくは{right:g})。"
                f"{_named_mistake(got, make)}"
            )


def _grads(sweep: Sweep, make: Callable[[], Order]) -> list[float]:
    order = make()
    sweep(order)
    return [value.grad for value in order]


def _named_mistake(got: list[float], make: Callable[[], Order]) -> str:
    for wrong, says in MISTAKES:
        if close(got, _grads(wrong, make)):
            return says
    return "1本の辺ですることは「上流の勾配×辺の偏微分を、入力の勾配に足す」です。"


def _start(order: Order) -> None:
    for value in order:
        value.grad = 0.0
    order[0].grad = 1.0


def _sweep(order: Order) -> None:
    _start(order)
    _spread(order)


def _spread(order: Order) -> None:
    for value in order:
        for source, partial in zip(value.inputs, value.partials, strict=True):
            source.grad += value.grad * partial


def _last_edge_only(order: Order) -> None:
    _start(order)
    for value in order:
        for source, partial in dict(zip(value.inputs, value.partials, strict=True)).items():
            source.grad += value.grad * partial


def _overwrite(order: Order) -> None:
    _start(order)
    for value in order:
        for source, partial in zip(value.inputs, value.partials, strict=True):
            source.grad = value.grad * partial


def _backwards(order: Order) -> None:
    _start(order)
    _spread(order[::-1])


def _without_reset(order: Order) -> None:
    order[0].grad = 1.0
    _spread(order)


def _without_seed(order: Order) -> None:
    for value in order:
        value.grad = 0.0


def _without_upstream(order: Order) -> None:
    _start(order)
    for value in order:
        for source, partial in zip(value.inputs, value.partials, strict=True):
            source.grad += partial


MISTAKES: tuple[tuple[Sweep, str], ...] = (
    (
        _last_edge_only,
        "`+=` のところまで届かなかった寄与があります。この計算の辺の本数と、`+=` が働いた回数を"
        "比べてください。",
    ),
    (_overwrite, "寄与を `=` で上書きしています。届いた寄与は `+=` で足します。"),
    (_backwards, "`order` は、もう「使った側が先」に並んでいます。前から順にたどってください。"),
    (_without_reset, "前の計算の勾配が残っています。はじめに、全部の勾配を0にします。"),
    (
        _without_seed,
        "どの勾配も0のままです。全部を0にしたあとで、出発点 `order[0]` の勾配を1にします。",
    ),
    (lambda _: None, "`sweep` が、どの値の `grad` も書きかえていません。"),
    (_without_upstream, "上流の勾配(`value.grad`)を掛け忘れています。"),
)

_ANSWER = """\
def sweep(order):
    for value in order:
        value.grad = 0.0
    order[0].grad = 1.0
    for value in order:
        for source, partial in zip(value.inputs, value.partials):
            source.grad += value.grad * partial


check("build-2", sweep)"""

_PLANTED = """\
def sweep(order):
    for value in order:
        value.grad = 0.0
    order[0].grad = 1.0
    for value in order:
        partials = dict(zip(value.inputs, value.partials))
        for source in partials:
            source.grad += value.grad * partials[source]


check("build-2", sweep)"""

_BY_INDEX = _ANSWER.replace(
    "for source, partial in zip(value.inputs, value.partials):\n"
    "            source.grad += value.grad * partial",
    "for i in range(len(value.inputs)):\n"
    "            value.inputs[i].grad += value.grad * value.partials[i]",
)

EXERCISES = (
    Exercise(
        id="build-2",
        title="演習 消えた寄与",
        chapter="how/build-your-own",
        judge=judge,
        right=(_ANSWER, _BY_INDEX),
        wrong=(
            Wrong(_PLANTED, "届かなかった寄与"),
            Wrong(_ANSWER.replace("+=", "="), "`=` で上書き"),
            Wrong(
                _ANSWER.replace("in order:\n        for", "in order[::-1]:\n        for"),
                "前から順",
            ),
            Wrong(
                _ANSWER.replace("    for value in order:\n        value.grad = 0.0\n", ""),
                "残っています",
            ),
            Wrong(_ANSWER.replace("    order[0].grad = 1.0\n", ""), "出発点"),
            Wrong(_ANSWER.replace("value.grad * partial", "partial"), "掛け忘れ"),
        ),
        praise="同じ値を2回使う演算でも、辺2本の寄与がどちらも届いています。",
    ),
)
