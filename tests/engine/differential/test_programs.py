"""でたらめなプログラムをtorchとbibunで走らせ、値、勾配、記録、表示を比べる。

初等関数は最後の桁が違ってよいので、1演算ごとに比べたあと、bibunの値をtorchの値に合わせてから先へ進む
(そうしないと、許された差が後の演算で広がり、どの演算の誤りかわからなくなる)。
"""

from __future__ import annotations

import struct
import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from hypothesis import example, given, settings

import bibun.torch_api
from bibun.array import Storage
from programs import OPERATIONS, Program, Step, programs
from strategies import differential


def ordered(x: float, dtype: torch.dtype) -> int:
    """隣り合う浮動小数点数が、隣り合う整数になるような番号。+0と-0は同じ番号。"""
    real, integer = ("f", "i") if dtype == torch.float32 else ("d", "q")
    (bits,) = struct.unpack(integer, struct.pack(real, x))
    return bits if bits >= 0 else -(bits & ~(-1 << (8 * struct.calcsize(integer) - 1)))


def distance_in_ulp(ours: float, theirs: float, dtype: torch.dtype) -> float:
    if ours != ours or theirs != theirs:
        return 0 if ours != ours and theirs != theirs else float("inf")
    return abs(ordered(ours, dtype) - ordered(theirs, dtype))


def flat(tensor: Any) -> list[float]:
    return tensor.detach().reshape(-1).tolist()


def as_torch(tensor: Any) -> torch.Tensor:
    return torch.tensor(tensor.tolist(), dtype=getattr(torch, tensor.dtype.name)).reshape(
        tensor.shape
    )


def give_values(tensor: Any, values: list[float]) -> None:
    """bibunのTensorの値を、記録に触れずに取りかえる。"""
    if type(tensor._storage) is not Storage:
        tensor._storage = values[0]
    elif tensor._index is None:
        tensor._storage.values[:] = values


def lay_out_by_rows(tensor: torch.Tensor) -> None:
    """viewでない値を、記録に触れずに行優先に置き直す。

    torchは、転置した値に要素ごとの演算をすると、結果も転置した順に置く。bibunはいつも行優先に置く。この違いが、
    後のreshapeの記録の名前(viewになるか写しになるか)や、和を取る順に及ばないようにする。
    """
    if not (tensor._is_view() or tensor.is_contiguous()):
        tensor.data = tensor.data.contiguous()


GROUP = 16
"""torchが、まとめて計算する1組より多い要素の数。"""


def compute_in_groups(name: str, x: torch.Tensor) -> torch.Tensor:
    """組で計算したときの値。

    torchは、float32の`sinh`と`cosh`を、8個ずつの組では正しい丸めから1 ULP以内に、端数ではlibmで2 ULPまで
    ずれて計算する。同じ値でも、いくつ並べたかで結果が違うので、いつも組の値と比べる。
    """
    groups = x.detach().reshape(-1, 1).repeat(1, GROUP)
    return getattr(torch, name)(groups)[:, 0].contiguous().reshape(x.shape)


def name_of(grad_fn: Any) -> str | None:
    return None if grad_fn is None else grad_fn.name().rpartition("::")[2]


def check_step(ours: Any, theirs: torch.Tensor, ulp: int | None) -> None:
    assert ours.shape == tuple(theirs.shape)
    assert str(ours.dtype) == str(theirs.dtype)
    assert ours.requires_grad == theirs.requires_grad
    assert name_of(ours.grad_fn) == name_of(theirs.grad_fn)
    if ulp is None:
        torch.testing.assert_close(as_torch(ours), theirs.detach(), equal_nan=True)
    else:
        if (
            theirs.dtype == torch.float64
        ):  # float32は倍精度で計算して丸めるが、float64は両方に誤差がある
            ulp *= 2
        for our, their in zip(flat(ours), flat(theirs), strict=True):
            assert distance_in_ulp(our, their, theirs.dtype) <= ulp, (our, their)
    give_values(ours, flat(theirs))
    assert repr(ours) == repr(theirs)


def run(program: Program) -> tuple[list[Any], list[Any], Any, Any]:
    """両方で走らせる。葉と、最後の値を返す。"""
    ours, theirs = program.leaf_tensors(bibun.torch_api), program.leaf_tensors(torch)
    leaves = len(ours)
    for step in program.steps:
        theirs.append(step.run(torch, theirs))
        lay_out_by_rows(theirs[-1])
        if step.name in ("sinh", "cosh"):
            theirs[-1].data = compute_in_groups(step.name, theirs[step.operands[0]])
        ours.append(step.run(bibun.torch_api, ours))
        check_step(ours[-1], theirs[-1], OPERATIONS[step.name].ulp)
    return ours[:leaves], theirs[:leaves], ours[-1], theirs[-1]


def weights(engine: Any, output: Any) -> Any:
    """要素ごとに違う重み。勾配の並びの取り違えを見つけるため。"""
    count = output.numel()
    dtype = getattr(engine, str(output.dtype).removeprefix("torch."))
    return engine.tensor([0.5 + i / 4 for i in range(count)], dtype=dtype).reshape(output.shape)


def check_gradient(ours: Any, theirs: torch.Tensor | None) -> None:
    assert (ours is None) == (theirs is None)
    if theirs is not None:
        assert str(ours.dtype) == str(theirs.dtype)
        torch.testing.assert_close(as_torch(ours), theirs.detach(), equal_nan=True)


Differentiate = Callable[[Any, list[Any], Any], "list[Any] | None"]


def first_derivatives(engine: Any, leaves: list[Any], output: Any) -> list[Any] | None:
    output.backward(weights(engine, output))
    return [leaf.grad for leaf in leaves]


def second_derivatives(engine: Any, leaves: list[Any], output: Any) -> list[Any] | None:
    """勾配の重み付きの和を、もう一度微分したもの。1階の勾配が有限でなければNone。

    定義域の端では、1階の勾配が無限大になる。そこから先はinf - infや0 × infをどの順に作るかでnanにも0にも
    なり、規則が同じでも式の書き方で変わるので比べない。
    """
    first = engine.autograd.grad(
        output, leaves, weights(engine, output), create_graph=True, materialize_grads=True
    )
    if not all(engine.isfinite(g).all() for g in first):
        return None
    parts = [(g * weights(engine, g)).sum() for g in first if g.requires_grad]
    if not parts:
        return [engine.zeros_like(leaf) for leaf in leaves]
    return list(engine.autograd.grad(sum(parts), leaves, materialize_grads=True))


def nudged(program: Program, steps: int) -> Program:
    """葉の0でない値を、どれも同じ向きに、何ULPか動かしたもの。0と、同じ値どうしは、そのまま残る。"""
    dtype = getattr(torch, program.dtype)
    scale = 1 + steps * torch.finfo(dtype).eps
    leaves = [
        (shape, (torch.tensor(values, dtype=dtype) * scale).tolist())
        for shape, values in program.leaves
    ]
    return replace(program, leaves=tuple(leaves))


def is_ill_conditioned(program: Program, differentiate: Differentiate) -> bool:
    """葉を数ULP動かすと、torch自身の勾配が許容差を超えて変わるか。

    大きな数どうしが打ち消し合うと、丸めのしかただけで答えが変わり、比べる意味がない。
    """

    def answer(program: Program) -> list[Any] | None:
        leaves = program.leaf_tensors(torch)
        values = list(leaves)
        for step in program.steps:
            values.append(step.run(torch, values))
        return differentiate(torch, leaves, values[-1])

    before = answer(program)
    for steps in (-16, -7, -3, -1, 1, 3, 7, 16):
        after = answer(nudged(program, steps))
        try:
            torch.testing.assert_close(after, before, equal_nan=True)
        except AssertionError:
            return True
    return False


EXCUSED = 0.002
"""比べる意味がないと認めてよい、プログラムの割合の上限。"""


def compare(
    operations: list[str], differentiate: Differentiate, examples: int, *found: Program
) -> None:
    """でたらめなプログラムと、これまでに違いの見つかったプログラム`found`の、微分を比べる。"""
    excused = []

    def check(program: Program) -> None:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="The use of `x.T` on tensors")
            our_leaves, their_leaves, ours, theirs = run(program)
            if not theirs.requires_grad:
                return
            our_answers = differentiate(bibun.torch_api, our_leaves, ours)
            their_answers = differentiate(torch, their_leaves, theirs)
            if their_answers is None:
                return
            assert our_answers is not None
            try:
                for our, their in zip(our_answers, their_answers, strict=True):
                    check_gradient(our, their)
            except AssertionError:
                if not is_ill_conditioned(program, differentiate):
                    raise
                excused.append(program)

    for program in found:
        check = example(program)(check)
    settings(differential, max_examples=examples)(given(programs(operations))(check))()
    assert len(excused) <= EXCUSED * examples, excused


def test_torch_itself_disagrees_on_sinh_and_cosh():
    """`compute_in_groups`の要る理由. torchがそろえば、ここが落ちて、要らなくなったとわかる。"""
    for name, x in (("sinh", 0.4664963483810425), ("cosh", 88.74960327148438)):
        alone = torch.tensor(x)
        assert getattr(torch, name)(alone) != compute_in_groups(name, alone)


# torchのsgnは0でなく「勾配なし」を返し、その手前の0 × infが計算されない
COMPARED = [name for name in OPERATIONS if name != "sgn"]


def test_values_records_and_gradients_are_those_of_torch():
    zeros = ((2,), [0.0, 0.0])
    compare(
        COMPARED,
        first_derivatives,
        differential.max_examples,
        # 書き換えられた場所に届いた無限大を、0を掛けて消そうとすると、nanになる
        Program(
            "float32",
            (zeros, ((), [0.0])),
            (Step("assign", (0, 1), ()), Step("x**c", (2,), (0.5,))),
        ),
    )


# 底が0のべきは、torchの2階微分が0 × log 0でnanになる。bibunは0にすることがある
TWICE_DIFFERENTIABLE = [name for name in COMPARED if name not in ("pow-tensor", "c**x")]


def test_second_derivatives_are_those_of_torch():
    compare(TWICE_DIFFERENTIABLE, second_derivatives, differential.max_examples // 4)


def test_cancelling_numbers_are_told_from_a_wrong_rule():
    """比べる意味がないと認めるのは、打ち消し合うときだけで、ふつうのプログラムは認めない。"""
    negated = tuple(Step("neg", (i,), ()) for i in range(4))
    cancelling = Program("float64", (((2,), [1.0, 1e-20]),), (*negated, Step("div", (4, 3), ())))
    assert is_ill_conditioned(cancelling, second_derivatives)
    kinked = Program("float32", (((2,), [0.0, 1.0]),), (Step("relu", (0,), ()),))
    assert not is_ill_conditioned(kinked, first_derivatives)
