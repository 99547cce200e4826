"""検査の検査: 表の規則を1つずつわざとまちがえると、torchとの比較が必ず失敗する。"""

from __future__ import annotations

import copy
import warnings
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest
import torch
from hypothesis import Phase, given, seed, settings
from test_programs import as_torch, check_gradient, weights

import bibun.torch_api
from bibun.rules import TABLE
from bibun.tensor import Node, Tensor
from programs import OPERATIONS, Program, programs

Rule = tuple[str, int]  # 演算の名前と、何番目の入力か
EXAMPLES_OF_EACH = 15  # 被演算数1つにつき(2つの形が合うことは、1つより少ない)
KEPT = 32
# 2つの形が合うことや、選ばれたほうに値があることは、めったにない
SELDOM = {"dot", "vm", "mv", "mm", "where"}
ATTEMPTS = 4

SPOILED: dict[str, Callable[[Tensor], Tensor]] = {
    "1.01倍する": lambda gradient: gradient * 1.01,
    "符号を変える": lambda gradient: -gradient,
    "0.01を足す": lambda gradient: gradient + 0.01,
}
# 0は何倍しても0なので、傾きがどこでも0の規則は、足すまちがいだけで調べる
ALWAYS_ZERO = {
    *((name, 0) for name in ("sign", "sgn", "floor", "ceil", "trunc", "round", "zero", "fill")),
    *(("div_rounded", index) for index in (0, 1)),
    *((name, 0) for name in ("overwrite", "fill_with")),
}


def nodes_of(output: Any) -> Iterator[Node]:
    stack, seen = [output.grad_fn], set()
    while stack:
        node = stack.pop()
        if isinstance(node, Node) and node not in seen:
            seen.add(node)
            yield node
            stack.extend(node.parents)


def replay(program: Program, engine: Any) -> tuple[list[Any], Any]:
    """葉と、最後の値。"""
    leaves = program.leaf_tensors(engine)
    values = list(leaves)
    for step in program.steps:
        values.append(step.run(engine, values))
    return leaves, values[-1]


@cache
def programs_using() -> dict[Rule, deque[Program]]:
    """規則ごとの、それを使うプログラム. 初めの例は0ばかりの小さなものなので、後から来たものを残す。"""
    found: dict[Rule, deque[Program]] = defaultdict(lambda: deque(maxlen=KEPT))

    def collect(program: Program) -> None:
        _, ours = replay(program, bibun.torch_api)
        for rule in {
            (node.operation.name, index)
            for node in nodes_of(ours)
            for index, parent in enumerate(node.parents)
            if parent is not None
        }:
            found[rule].append(program)

    # 生成される例は読み込まれているモジュールにもよるので、例のない規則があれば、種を変えて続ける
    for attempt in range(ATTEMPTS):
        for name, operation in OPERATIONS.items():
            every = settings(
                max_examples=EXAMPLES_OF_EACH * operation.arity * (8 if name in SELDOM else 1),
                derandomize=not attempt,
                database=None,
                deadline=None,
                phases=[Phase.generate],
            )
            generate = every(given(programs([name]))(collect))
            (seed(attempt)(generate) if attempt else generate)()
        if found.keys() >= set(RULES):
            break
    return dict(found)


def gradients_agree(program: Program, rule: Rule, spoil: Callable[[Tensor], Tensor]) -> bool:
    """ruleをまちがえて逆伝播しても、torchと同じ勾配になるか。"""
    our_leaves, ours = replay(program, bibun.torch_api)
    their_leaves, theirs = replay(program, torch)
    name, index = rule
    for node in nodes_of(ours):
        if node.operation.name == name:
            node.operation = with_spoiled_partial(node.operation, index, spoil)
    ours.backward(weights(bibun.torch_api, ours))
    theirs.backward(weights(torch, theirs))
    try:
        for our, their in zip(our_leaves, their_leaves, strict=True):
            check_gradient(our.grad, their.grad)
    except AssertionError:
        return False
    return True


def with_spoiled_partial(operation: Any, index: int, spoil: Callable[[Tensor], Tensor]) -> Any:
    spoiled = copy.copy(operation)
    partial = operation.partials[index]
    partials = list(operation.partials)
    partials[index] = lambda *arguments: spoil(partial(*arguments))
    spoiled.partials = tuple(partials)
    return spoiled


def rules_of_the_table() -> list[Rule]:
    return [(name, i) for name, operation in TABLE.items() for i in range(len(operation.partials))]


# 引数の個数が呼ぶたびに違い、規則を呼ぶときに作る演算
MADE_WHEN_CALLED: list[Rule] = [("cat", 0), ("cat", 1), ("stack", 0), ("stack", 1)]
# torchにも微分がなく、逆伝播するとエラーになる演算
NOT_DIFFERENTIABLE = {"floor_divide", "floor_divide_by_number"}
# 勾配を計算するときだけ記録される演算と、それを記録させる関数
RECORDED_BY_GRADIENTS: dict[str, Callable[[Any], Any]] = {
    "copy": lambda x: x**3,
    "scatter": lambda x: (x**3)[[0, 0, 2]],
    "threshold_backward": lambda x: (x**3 - 5).relu(),
}
RULES = [
    *(
        r
        for r in rules_of_the_table()
        if r[0] not in NOT_DIFFERENTIABLE | set(RECORDED_BY_GRADIENTS)
    ),
    *MADE_WHEN_CALLED,
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule[0]}-{rule[1]}")
def test_every_rule_made_wrong_is_caught(rule):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        examples = programs_using().get(rule, [])
        assert examples, f"{rule}を使うプログラムがありません。programs.pyに演算を足してください"
        # sinhを重ねたときのように、値の1 ULPの違いが勾配で許容差を超える例は、使えない
        examples = [p for p in examples if gradients_agree(p, rule, lambda g: g)]
        assert examples, f"{rule}を使うどのプログラムでも、正しい規則の勾配がtorchと合いません"
        for mistake, spoil in SPOILED.items():
            if rule in ALWAYS_ZERO and mistake != "0.01を足す":
                continue
            missed = all(gradients_agree(program, rule, spoil) for program in examples)
            assert not missed, f"{rule}を{mistake}まちがいが見つかりません"


def slope(engine: Any, f: Callable[[Any], Any]) -> tuple[Any, Any]:
    """重みvを付けたfの勾配。vでもう一度微分すると、勾配の計算の規則が使われる。"""
    x = engine.tensor([1.0, 2.0, 3.0], requires_grad=True)
    v = engine.tensor([1.0, 2.0, 4.0], requires_grad=True)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Using backward.* with create_graph=True")
        f(x).backward(v, create_graph=True)
    return v, x.grad


@pytest.mark.parametrize("mistake", SPOILED)
@pytest.mark.parametrize("name", RECORDED_BY_GRADIENTS)
def test_rule_that_only_gradients_record_made_wrong_is_caught(name, mistake):
    v, result = slope(torch, RECORDED_BY_GRADIENTS[name])
    result.backward(weights(torch, result), inputs=[v])
    expected = v.grad
    for spoil, right in ((lambda g: g, True), (SPOILED[mistake], False)):
        v, result = slope(bibun.torch_api, RECORDED_BY_GRADIENTS[name])
        recorded = [node for node in nodes_of(result) if node.operation.name == name]
        assert recorded
        for node in recorded:
            node.operation = with_spoiled_partial(node.operation, 0, spoil)
        result.backward(weights(bibun.torch_api, result), inputs=[v])
        assert torch.allclose(as_torch(v.grad), expected) == right
