"""functional: vjp、jacobian、hessian、hvpをtorch.autograd.functionalと比べる。"""

from __future__ import annotations

import pytest
import torch
import torch.autograd.functional

import bibun.functional
import bibun.torch_api

ENGINES = {
    "torch": (torch, torch.autograd.functional),
    "bibun": (bibun.torch_api, bibun.functional),
}

# (関数名、f、入力、v)。fは使うエンジンTを最初に受け取る。
CALLS = {
    "vjp-vector": ("vjp", lambda T, x: x**2, [[1.0, 2.0]], [0.5, 3.0]),
    "vjp-scalar": ("vjp", lambda T, x: (x * x).sum(), [[1.0, 2.0]], None),
    "vjp-two": ("vjp", lambda T, x, y: x @ y, [[[1.0, 2.0], [3.0, 4.0]], [1.0, -1.0]], [1.0, 2.0]),
    "jacobian-vector": ("jacobian", lambda T, x: T.sin(x) * x.sum(), [[1.0, 2.0, 3.0]], None),
    "jacobian-matrix": ("jacobian", lambda T, x: x @ x, [[[1.0, 2.0], [3.0, 4.0]]], None),
    "jacobian-scalar": ("jacobian", lambda T, x: x.exp(), [0.5], None),
    "jacobian-two": ("jacobian", lambda T, x, y: x * y, [[1.0, 2.0], [3.0, 4.0]], None),
    "jacobian-unused": ("jacobian", lambda T, x, y: x * 2, [[1.0, 2.0], [3.0]], None),
    "jacobian-constant": ("jacobian", lambda T, x: T.ones(2), [[1.0, 2.0]], None),
    "hessian-vector": ("hessian", lambda T, x: (x**3).sum() * x[0], [[1.0, 2.0]], None),
    "hessian-two": ("hessian", lambda T, x, y: (x * y**2).sum(), [[1.0, 2.0], [3.0, 4.0]], None),
    "hessian-linear": ("hessian", lambda T, x: x.sum(), [[1.0, 2.0]], None),
    "hvp-vector": ("hvp", lambda T, x: (x**3).sum() * x[0], [[1.0, 2.0]], [1.0, -1.0]),
    "hvp-scalar": ("hvp", lambda T, x: x.sin(), [0.5], None),
    "hvp-one-element": ("hvp", lambda T, x: x[:1] ** 3, [[1.0, 2.0]], [1.0, 1.0]),
}


def run(engine: str, call: str) -> str:
    """結果の表示。値、形、dtype、勾配が要るかのすべてが現れる。"""
    T, functional = ENGINES[engine]
    name, f, inputs, v = CALLS[call]
    tensors = tuple(T.tensor(x) for x in inputs)
    arguments = [lambda *xs: f(T, *xs), tensors if len(tensors) > 1 else tensors[0]]
    if v is not None:
        arguments.append(T.tensor(v))
    return repr(getattr(functional, name)(*arguments))


@pytest.mark.parametrize("call", CALLS)
def test_results_print_as_torch_prints_them(call):
    assert run("bibun", call) == run("torch", call)


def refused(engine: str, call) -> tuple[type, str]:
    T, functional = ENGINES[engine]
    with pytest.raises((RuntimeError, TypeError)) as error:
        call(T, functional)
    return type(error.value), str(error.value)


@pytest.mark.parametrize(
    "call",
    [
        lambda T, F: F.jacobian(lambda x: x**2, [1.0, 2.0]),
        lambda T, F: F.jacobian(lambda x, y: x**2, (T.tensor(1.0), 2.0)),
        lambda T, F: F.jacobian(lambda x: 3.0, T.tensor(1.0)),
        lambda T, F: F.jacobian(lambda x: x, T.tensor([1, 2])),
        lambda T, F: F.hessian(lambda x: x**2, T.ones(2)),
        lambda T, F: F.vjp(lambda x: x**2, T.ones(2)),
        lambda T, F: F.vjp(lambda x: x**2, T.ones(2), T.ones(3)),
        lambda T, F: F.hvp(lambda x: x.sum(), T.ones(2)),
        lambda T, F: F.hvp(lambda x: x.sum(), T.ones(2), 3.0),
        lambda T, F: F.hvp(lambda x, y: (x * y).sum(), (T.ones(2), T.ones(2)), (T.ones(2),)),
        lambda T, F: F.hvp(
            lambda x, y: (x * y).sum(), (T.ones(2), T.ones(2)), (T.ones(2), T.ones(1))
        ),
    ],
)
def test_mistakes_have_the_words_of_torch(call):
    assert refused("bibun", call) == refused("torch", call)


@pytest.mark.parametrize("name", ["vjp", "jacobian"])
def test_several_outputs_are_refused_in_japanese(name):
    with pytest.raises(NotImplementedError, match="Tensorをいくつも返す関数"):
        getattr(bibun.functional, name)(lambda x: (x, x), bibun.torch_api.ones(2))


def test_inputs_and_their_grad_are_left_alone():
    T = bibun.torch_api
    x = T.tensor([1.0, 2.0], requires_grad=True)
    y = x * 2
    bibun.functional.jacobian(lambda t: t * y, x)
    bibun.functional.hessian(lambda t: (t * y).sum(), x)
    assert x.grad is None
    y.sum().backward()
    assert x.grad.tolist() == [2.0, 2.0]


def test_recording_works_inside_no_grad():
    T = bibun.torch_api
    with T.no_grad():
        _, slope = bibun.functional.vjp(lambda x: x**2, T.tensor(3.0))
    assert slope.item() == 6.0


def test_torch_api_offers_these_under_torch_s_name():
    T = bibun.torch_api
    assert T.autograd.functional.jacobian(lambda x: x**2, T.tensor(3.0)).item() == 6.0
    assert T.autograd.functional.jvp(lambda x: x**2, T.tensor(3.0))[1].item() == 6.0
    assert T.autograd.gradcheck(lambda x: x**2, T.ones(2, dtype=T.float64, requires_grad=True))
