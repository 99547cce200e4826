"""`import torch`のあとに使う名前."""

from __future__ import annotations

import random
import subprocess
import sys

import pytest
import torch as real
from side_by_side import ENGINES

import bibun.torch_api as torch
from bibun.operation import FUNCTIONS


def test_every_name_is_a_name_of_torch() -> None:
    added_for_autograd = {"e"}
    for name in (*torch.__all__, *FUNCTIONS):
        assert hasattr(real, name) or hasattr(real.Tensor, name), name
        assert hasattr(torch, name)
    assert torch.e == real.e or not added_for_autograd
    assert set(torch.__all__) <= set(dir(torch))
    assert "sin" in dir(torch)


def test_unknown_name_is_refused_as_torch_does() -> None:
    for engine in ENGINES.values():
        with pytest.raises(AttributeError, match="module 'torch' has no attribute 'sine'"):
            _ = engine.sine


def test_constants() -> None:
    assert (torch.pi, torch.e, torch.inf) == (real.pi, real.e, real.inf)
    assert torch.nan != torch.nan
    assert (torch.float, torch.double, torch.long) == (torch.float32, torch.float64, torch.int64)


OPTIONS = [
    {"lr": 0.1},
    {"lr": 0.1, "momentum": 0.9},
    {"lr": 0.1, "momentum": 0.9, "dampening": 0.1},
    {"lr": 0.1, "momentum": 0.9, "nesterov": True},
    {"lr": 0.1, "weight_decay": 0.01},
    {"lr": 0.1, "maximize": True},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_sgd_walks_the_same_way_as_in_torch(options: dict[str, float]) -> None:
    paths = []
    for engine in ENGINES.values():
        x = engine.tensor(3.0, requires_grad=True)
        w = engine.tensor([1.0, -2.0], requires_grad=True)
        unused = engine.tensor(1.0, requires_grad=True)
        optimizer = engine.optim.SGD([x, w, unused], **options)
        path = []
        for _ in range(20):
            optimizer.zero_grad()
            loss = x**2 + engine.exp(-x) + (w * w).sum()
            loss.backward()
            optimizer.step()
            path.append((x.item(), *w.tolist(), unused.item()))
            assert unused.grad is None
        paths.append(path)
    for mine, other in zip(paths[1], paths[0], strict=True):
        assert mine == pytest.approx(other, rel=1e-6)


def test_sgd_step_takes_a_closure_and_zero_grad_can_keep_the_tensor() -> None:
    for engine in ENGINES.values():
        x = engine.tensor(3.0, requires_grad=True)
        optimizer = engine.optim.SGD([x], lr=0.5)

        def closure(x=x, optimizer=optimizer):
            optimizer.zero_grad(set_to_none=False)
            loss = x * x
            loss.backward()
            return loss

        assert optimizer.step(closure).item() == 9.0
        assert x.item() == 0.0
        assert x.grad.item() == 6.0


@pytest.mark.parametrize(
    "expression",
    [
        "torch.rand(3)",
        "torch.rand(2, 3)",
        "torch.randn(5)",
        "torch.randn(4, 5)",
        "torch.randint(10, (5,))",
        "torch.randint(-3, 4, (2, 2))",
        "torch.randperm(6)",
        "torch.rand_like(torch.ones(2))",
        "torch.randn_like(torch.ones(20, dtype=torch.float64))",
        "torch.rand(2, dtype=torch.float64, requires_grad=True)",
    ],
)
def test_random_numbers_are_those_of_torch(expression: str) -> None:
    drawn = []
    for engine in ENGINES.values():
        engine.manual_seed(42)
        drawn.append(repr(eval(expression, {"torch": engine})))
    assert drawn[0] == drawn[1]


def test_importing_takes_nothing_but_the_standard_library() -> None:
    program = (
        "import sys; before = set(sys.modules); import bibun.torch_api; "
        "print(*{name.partition('.')[0] for name in set(sys.modules) - before})"
    )
    names = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.split()
    assert set(names) - set(sys.stdlib_module_names) == {"bibun"}


def test_a_training_loop_goes_the_same_way_as_in_torch() -> None:
    generator = random.Random(0)
    start = [[generator.uniform(-1, 1) for _ in range(3)] for _ in range(2)]
    found = []
    for engine in ENGINES.values():
        w = engine.tensor(start, requires_grad=True)
        b = engine.zeros(2, requires_grad=True)
        x = engine.tensor([[0.5, -1.0, 2.0], [1.5, 0.25, -0.5]])
        y = engine.tensor([[1.0, 0.0], [0.0, 1.0]])
        for _ in range(30):
            loss = ((engine.sigmoid(x @ w.T + b) - y) ** 2).mean()
            loss.backward()
            with engine.no_grad():
                w -= 0.5 * w.grad
                b -= 0.5 * b.grad
            w.grad.zero_()
            b.grad = None
        found.append((loss.item(), w.tolist(), b.tolist()))
    assert found[1][0] == pytest.approx(found[0][0], rel=1e-5)
    for mine, other in zip(found[1][1], found[0][1], strict=True):
        assert mine == pytest.approx(other, rel=1e-5)
