"""逆モードの掃き出し: 足し込み、順番、手放し方、深さ、フック、高階."""

from __future__ import annotations

import gc
import random
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
import torch as real
from side_by_side import ENGINES, outcome

import bibun.torch_api as torch
from bibun.node import RUN, Anchor, Node
from bibun.tensor import Tensor

PROGRAMS = """
y = x + x; y.backward(); r = x.grad
y = x * x * x; y.backward(); r = x.grad
a = x * 2; b2 = a + 1; c2 = a * 3; (b2 * c2).backward(); r = x.grad
x.sum().backward(); x.sum().backward(); r = x.grad
y = x ** 2; y.backward(retain_graph=True); y.backward(); r = x.grad
y = x + 2; y.backward(); y.backward(); r = x.grad
y = x * 2; y.backward(); y.backward()
y = x * 2; y.backward(); r = y.grad_fn.next_functions[0][0].name()
y = v.sum(); y.backward(); y.backward(); r = v.grad
y = v.relu().sum(); y.backward(); y.backward()
x.backward(); r = x.grad
(x * 2).backward(torch.tensor(3.0)); r = x.grad
(v * 2).backward(torch.tensor([1.0, 2.0, 3.0])); r = v.grad
v.backward(v); r = v.grad
(m * v).sum().backward(); r = m.grad, v.grad
(x * v).sum().backward(); r = x.grad, v.grad
(v + v.double()).sum().backward(); r = v.grad
x.grad = torch.tensor(5.0); (x * 2).backward(); r = x.grad
g = x.grad; (x * 2).backward(); g = x.grad; (x * 2).backward(); r = g, g is x.grad
(x * 2).backward(); x.grad.zero_(); r = x.grad
(x * 2).backward(); x.grad = None; r = x.grad
y = x * 2; y.retain_grad(); (y * y).backward(); r = y.grad, y.retains_grad
y = v * 2; y.retain_grad(); (y * y).sum().backward(); r = y.grad
y = v * 2; y.retain_grad(); y.retain_grad(); y.sum().backward(); r = y.grad, y.retains_grad
y = v * 2; y.grad = torch.ones(3); r = y.retains_grad, y.grad
y = v * 2; y.grad = torch.ones(3); y.retain_grad(); y.sum().backward(); r = y.grad
y = v * 2; y.grad = None; r = y.retains_grad, y.grad
y = v * 2; y.retain_grad(); y.grad = None; r = y.retains_grad, y.grad
v.register_hook(lambda g: g.sum()); (v * 3).sum().backward()
y = v * 2; y.register_hook(lambda g: g.sum()); y.sum().backward()
x.register_hook(lambda g: g.reshape(1)); (x * 3).backward()
v.register_hook(lambda g: g.sum().double()); (v * 3).sum().backward()
y = v * 2; y.register_hook(lambda g: g.double()); y.sum().backward()
x.register_hook(lambda g: 2.0); (x * 3).backward()
y = v * 2; y.register_hook(lambda g: "a"); y.sum().backward()
import functools; v.register_hook(functools.partial(lambda s, g: g.sum(), 1)); (v * 3).sum().backward()
v.register_hook(lambda g: g.sum()); torch.autograd.grad((v * 3).sum(), v)
a = torch.tensor([3.0], requires_grad=True); w = torch.tensor([3.0], requires_grad=True); a.clamp(min=w).backward(); r = a.grad, w.grad
a = torch.tensor([1.0, 3.0, 2.0], requires_grad=True); w = torch.tensor([1.0, 2.0, 2.0], requires_grad=True); v.clamp(a, w).sum().backward(); r = v.grad, a.grad, w.grad
a = torch.tensor([torch.nan, 2.0, 3.0], requires_grad=True); v.clamp(max=a).sum().backward(); r = v.grad, a.grad
m.clamp(min=v).sum().backward(); r = m.grad, v.grad
f = torch.set_grad_enabled(False)(lambda: x * 2); r = f(), x * 2
f = torch.set_grad_enabled(True)(lambda: x * 2); torch.set_grad_enabled(False); r = f(), x * 2, torch.set_grad_enabled(True)
torch.set_grad_enabled(1)
h = x.register_hook(lambda g: g * 10); (x * x).backward(); h.remove(); (x * x).backward(); r = x.grad
y = x * 2; y.register_hook(lambda g: g + 1); y.backward(); r = x.grad
y = x * 2; y.register_hook(lambda g: None); y.backward(); r = x.grad
s = []; y = x * 2; z = y * y; y.register_hook(lambda g: s.append("y")); z.register_hook(lambda g: s.append("z")); z.backward(); r = s
y = x.detach() * x; y.backward(); r = x.grad
y = (x * 2).detach(); r = y.requires_grad, y.is_leaf, y
with torch.no_grad(): y = x * 2
with torch.no_grad(): y = x * 2; r = y.requires_grad, y.grad_fn
with torch.no_grad(), torch.enable_grad(): y = x * 2; r = y
r = torch.no_grad()(lambda: x * 2)()
r = torch.is_grad_enabled(), torch.set_grad_enabled(False).__class__.__name__, torch.is_grad_enabled(), torch.set_grad_enabled(True) and None
r = torch.autograd.grad(x * v, [x, v], torch.ones(3))
r = torch.autograd.grad([x * 2, x * 3], x)
r = torch.autograd.grad(v.sum() * x, v, retain_graph=True)
y = x * 2; z = y * y; r = torch.autograd.grad(z, y)
y = x * 2; z = y * y; r = torch.autograd.grad(z, [y, x])
y = x * 2; z = y * y; z.backward(inputs=[x]); r = x.grad
z = x * v.sum(); z.backward(inputs=x); r = x.grad, v.grad
r = torch.autograd.grad(x * 2, [x, v], allow_unused=True, materialize_grads=True)
y = x ** 4; g, = torch.autograd.grad(y, x, create_graph=True); h, = torch.autograd.grad(g, x, create_graph=True); r = g, h, torch.autograd.grad(h, x)
y = (v ** 3).sum(); g, = torch.autograd.grad(y, v, create_graph=True); g.sum().backward(); r = v.grad
y = x.sin(); y.backward(create_graph=True); g = x.grad; x.grad = None; g.backward(); r = x.grad
torch.autograd.backward([x * 2, x * x]); r = x.grad
torch.autograd.backward([v * 2, x * x], [torch.ones(3), None]); r = v.grad, x.grad
y = v * 2; y[0] = x; y.sum().backward(); r = v.grad, x.grad
y = v * 2; y[1:] = 0.0; y.sum().backward(); r = y, v.grad
y = v * 2; y *= x; y.sum().backward(); r = v.grad, x.grad
y = v.exp(); y += 1; y.sum().backward()
y = v.sin(); y += 1; y.sum().backward(); r = v.grad
y = v.clone(); y.exp_(); y.sum().backward(); r = v.grad
y = v.clone(); y.exp_(); y.add_(1); y.sum().backward()
y = x * 1; y.exp_(); y.backward(); r = x.grad
y = x.exp(); y.add_(1); y.backward()
y = x * 1; z = y * y; y.add_(1); z.backward()
y = x * 1; z = y + y; y.add_(1); z.backward(); r = x.grad
w = torch.zeros(3); w.add_(v); w.sum().backward(); r = w, v.grad
w = torch.zeros(3); w[1] = x; w.sum().backward(); r = w, x.grad
w = torch.zeros(3); w.copy_(v); w.sum().backward(); r = w, v.grad
z = x * 2; del x; z.backward(); r = z
r = (x > 1).requires_grad, (x > 1).grad_fn, x.argmax().requires_grad if False else None
y = v.max(); y.backward(); r = v.grad
y = torch.tensor([2.0, 2.0, 1.0], requires_grad=True); y.max().backward(); r = y.grad
y = torch.tensor([2.0, 2.0, 1.0], requires_grad=True); y.max(0)[0].backward(); r = y.grad
r = x.grad_fn, (x * 2).grad_fn.name(), v.is_leaf, (v * 2).is_leaf
"""
LINES = [line for line in PROGRAMS.strip().splitlines() if line]


@pytest.mark.parametrize("program", LINES)
def test_program_ends_as_in_torch(program: str) -> None:
    theirs, ours = (outcome(engine, program) for engine in ENGINES.values())
    assert ours[:2] == theirs[:2]


@pytest.mark.parametrize(
    "mode", ["no_grad()", "no_grad", "enable_grad()", "set_grad_enabled(False)"]
)
def test_generator_is_switched_only_while_its_body_runs(mode: str) -> None:
    program = f"""
seen = []
def see(name): seen.append((name, torch.is_grad_enabled()))
@torch.{mode}
def walk():
    see("start")
    try:
        see((yield 1))
        yield 2
    except ValueError:
        see("caught")
        yield 3
    finally:
        see("finally")
    return 4
def through():
    seen.append((yield from walk()))
for outside in (True, False):
    with torch.set_grad_enabled(outside):
        g = through(); next(g); see("outside"); g.send("sent"); see("outside"); g.close()
        g = through(); next(g); g.throw(ValueError()); see("outside"); seen.extend(g)
r = seen, torch.is_grad_enabled()
"""
    theirs, ours = (outcome(engine, program) for engine in ENGINES.values())
    assert theirs.error is None
    assert ours == theirs


def test_every_node_runs_once_however_many_paths_lead_to_it() -> None:
    calls: list[Any] = []
    y = x = torch.tensor(1.0, requires_grad=True)
    for _ in range(30):  # 道は2の30乗本あるが、節点は30個しかない
        y = y + y
        y.register_hook(calls.append)
    y.backward()
    assert x.grad.item() == 2.0**30
    assert len(calls) == 30


def test_branches_that_do_not_lead_to_the_inputs_are_left_alone() -> None:
    for engine in ENGINES.values():
        x, w = (engine.tensor(value, requires_grad=True) for value in (2.0, 3.0))
        dead = w * w
        calls: list[Any] = []
        dead.register_hook(calls.append)
        assert engine.autograd.grad(x * x * dead, x)[0].item() == 36.0
        assert calls == []
        dead.backward()  # 覚えた値も残っている
        assert w.grad.item() == 6.0


def test_multiplying_in_place_by_itself_is_refused_as_in_torch() -> None:
    for engine in ENGINES.values():
        y = engine.tensor([1.0, 2.0], requires_grad=True).clone()
        y.mul_(y)
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            y.sum().backward()


@pytest.mark.parametrize("length", [10**6])
def test_a_chain_a_million_deep_goes_forward_backward_and_away(length: int) -> None:
    x = torch.tensor(1.0, requires_grad=True)
    y = x
    for _ in range(length):
        y = y + 0.0
    y.backward()
    assert x.grad.item() == 1.0
    del y


def test_a_fan_a_hundred_thousand_wide_goes_forward_backward_and_away() -> None:
    x = torch.tensor(2.0, requires_grad=True)
    terms = [x * 1.0 for _ in range(10**5)]
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    del terms
    total.backward()
    assert x.grad.item() == 10**5
    del total


def runs_without_anchor(root: Node) -> int:
    """根から親をたどるとき、`Anchor`を1つも通らずに続く段数の最大."""
    longest: dict[Node, int] = {}
    nodes, stack = set(), [root]
    while stack:
        node = stack.pop()
        if node not in nodes:
            nodes.add(node)
            stack += [parent for parent in node.parents if isinstance(parent, Node)]
    for node in sorted(nodes, key=lambda node: -node.order):
        below = [longest[parent] for parent in node.parents if isinstance(parent, Node)]
        longest[node] = 0 if isinstance(node, Anchor) else 1 + max(below, default=0)
    return max(longest.values())


@pytest.mark.parametrize("seed", range(5))
def test_no_path_runs_long_without_an_anchor(seed: int) -> None:
    """手放すときの入れ子の深さが、グラフの形によらず`RUN`段で抑えられる."""
    generator = random.Random(seed)
    values = [torch.tensor(1.0, requires_grad=True)]
    for _ in range(3000):
        a, b = generator.choice(values[-3:]), generator.choice(values[-5:])
        values.append(generator.choice([a * b, a + b, a * 0.5, a.sin(), a.reshape(1).sum()]))
    assert runs_without_anchor(values[-1].grad_fn) <= RUN + 1


def test_a_graph_leaves_no_reference_cycle() -> None:
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    w = torch.tensor(3.0, requires_grad=True)

    def use() -> None:
        y = (x.exp() * w).tanh().sum()
        y.retain_grad()
        z = y * 1
        z.mul_(w).exp_()
        z.backward(retain_graph=True)
        assert x.grad is not None
        x.grad = None
        b = torch.zeros(3)
        b[0] = w
        part = b[1:]
        part.add_(x[0]).exp_()
        (b * part[0]).sum().backward()
        b = x * 2  # 逆伝播しなくても、循環しない
        b[:1].mul_(w).sigmoid_()
        part = b[1] * w
        u = ((x.exp() * w).sigmoid() / w).prod()
        (slopes,) = torch.autograd.grad(u, x, create_graph=True)
        torch.autograd.grad(slopes.sum(), w)

    use()
    gc.collect()
    gc.disable()
    try:
        for _ in range(5):
            use()
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_saved_values_are_let_go_during_the_sweep() -> None:
    x = torch.ones(10**4, requires_grad=True)
    y = x
    for _ in range(20):
        y = y.sin()
    total = y.sum()
    del y
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    total.backward()
    tracemalloc.stop()
    node = total.grad_fn.next_functions[0][0]
    for _ in range(20):
        assert node.saved is None
        node = node.next_functions[0][0]
    assert before >= 0


SCALAR_STEPS: dict[str, Callable[[Any, Any], Any]] = {
    "y * w": lambda y, w: y * w,
    "y * y": lambda y, _w: y * y,
    "y + w": lambda y, w: y + w,
    "y / w": lambda y, w: y / w,
    "sin": lambda y, _w: y.sin(),
    "tanh": lambda y, _w: y.tanh(),
    "relu": lambda y, _w: y.relu(),
    "x * a + b": lambda y, w: y * w + 0.5,
}


@pytest.mark.parametrize("step", SCALAR_STEPS.values(), ids=SCALAR_STEPS)
def test_a_scalar_node_takes_at_most_300_bytes(step: Callable[[Any, Any], Any]) -> None:
    y, w = (torch.tensor(value, requires_grad=True) for value in (1.0, 0.999))
    count = 5_000
    step(y, w)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(count):
        y = step(y, w)
    used = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    nodes = count * (2 if step is SCALAR_STEPS["x * a + b"] else 1)
    assert used / nodes <= 300


def write_twice(y: Any) -> Any:
    z = y * y
    y.mul_(3)
    y.add_(1)
    return z


def write_result(y: Any) -> Any:
    u = y.exp()
    z = u * 1
    u.add_(1)
    return z


def write_after_own_write(y: Any) -> Any:
    y.exp_()
    z = y * 1
    y.add_(1)
    return z


def write_through_detach(y: Any) -> Any:
    z = y * y
    y.detach().add_(1)
    return z


def write_after_detaching(y: Any) -> Any:
    u = y.exp()
    z = u * 1
    u.detach_()
    u.add_(1)
    return z


def write_through_data(y: Any) -> Any:
    z = y * y
    y.data.add_(1)
    return z


def own_write(y: Any) -> Any:
    y.exp_()
    return y * y


def multiply_by_itself(y: Any) -> Any:
    z = y + 0
    y.mul_(z)
    return y * z


@pytest.mark.parametrize(
    "write",
    [
        write_twice,
        write_result,
        write_after_own_write,
        write_through_detach,
        write_after_detaching,
        write_through_data,
        own_write,
        multiply_by_itself,
    ],
)
def test_writing_over_a_saved_scalar_is_found_as_in_torch(write: Callable[[Any], Any]) -> None:
    """0次元の値は小数で覚える. それでも、書き換えはtorchと同じ文面で見つかる."""
    found = []
    for engine in (real, torch):
        x = engine.tensor(0.5, requires_grad=True)
        try:
            write(x * 2).backward()
            found.append(f"{x.grad.item():.6g}")
        except RuntimeError as error:
            found.append(str(error).partition("Hint")[0].strip())
    assert found[0] == found[1]


def test_a_sweep_that_fails_leaves_recording_switched_on() -> None:
    x = torch.tensor(2.0, requires_grad=True)
    y = x // 1
    with pytest.raises(RuntimeError, match="derivative for aten::floor_divide"):
        y.backward()
    assert torch.is_grad_enabled()


def test_backward_inside_a_hook_does_not_disturb_the_outer_sweep() -> None:
    found = []
    for engine in (real, torch):
        x = engine.tensor(2.0, requires_grad=True)
        w = engine.tensor(5.0, requires_grad=True)

        def inner(_grad: Any, engine: Any = engine, w: Any = w) -> None:
            with engine.enable_grad():
                (w * w).backward()

        y = x * 3
        y.register_hook(inner)
        (y * y).backward()
        found.append((x.grad.item(), w.grad.item()))
    assert found[0] == found[1]


def test_a_hooked_scalar_can_be_differentiated_twice() -> None:
    found = []
    for engine in (real, torch):
        x = engine.tensor(2.0, requires_grad=True)
        y = x * x
        y.register_hook(lambda grad: grad * 3)
        (slope,) = engine.autograd.grad(y * y, x, create_graph=True)
        found.append((slope.item(), engine.autograd.grad(slope, x)[0].item()))
    assert found[0] == found[1]
    assert found[0][0] == 96.0


def test_numbers_and_tensors_take_the_same_way_to_the_bit() -> None:
    """0次元の近道と、要素1つの並びの一般の道が、同じ勾配になる."""
    generator = random.Random(0)

    def program(values: list[Tensor]) -> Tensor:
        a, b, c = values
        return (a * b + c * 0.1 - a) * (b - 0.7) * a - (0.3 - c) * (-b) + (a * b).relu() * c

    for _ in range(200):
        numbers = [generator.uniform(-3, 3) for _ in range(3)]
        scalars = [torch.tensor(n, requires_grad=True) for n in numbers]
        vectors = [torch.tensor([n], requires_grad=True) for n in numbers]
        program(scalars).backward()
        program(vectors).sum().backward()
        assert [s.grad.item() for s in scalars] == [v.grad.item() for v in vectors]
        reals = [real.tensor(n, requires_grad=True) for n in numbers]
        program(reals).backward()
        assert [s.grad.item() for s in scalars] == [r.grad.item() for r in reals]
