"""printing: PyTorchの表示と1文字も違わない。"""

from __future__ import annotations

import pytest
import torch
from hypothesis import given

from bibun.printing import format_values
from strategies import differential, printed_tensors


def printed_by_bibun(tensor: torch.Tensor) -> str:
    grad_fn = tensor.grad_fn
    return format_values(
        tensor.detach().reshape(-1).tolist(),
        tensor.shape,
        str(tensor.dtype),
        requires_grad=tensor.requires_grad,
        grad_fn_name=None if grad_fn is None else grad_fn.name(),
    )


@differential
@given(printed_tensors())
def test_any_tensor_prints_as_torch_prints_it(tensor):
    assert printed_by_bibun(tensor) == repr(tensor)


@pytest.mark.parametrize(
    "tensor",
    [
        torch.tensor(8.0),
        torch.tensor([2.0, 3.0, 4.0]),
        torch.tensor([[1, 2, 3], [4, 5, 6]]),
        torch.tensor([True, False]),
        torch.tensor([]),
        torch.zeros(0, 3),
        torch.tensor([], dtype=torch.int64),
        torch.tensor([float("nan"), float("inf")]),
        torch.tensor([1.0, float("-inf")]),
        torch.tensor([1e-5, 1.0]),
        torch.tensor([1.0, 1001.0]),
        torch.tensor([1.0, 1001.5]),
        torch.tensor(-218.46255913, dtype=torch.float64),
        torch.arange(1001),
        torch.arange(2000.0).reshape(2, 10, 100),
        torch.zeros(30),
        torch.ones(2, 2, 2, 2),
    ],
    ids=lambda tensor: f"{tensor.dtype}-{tuple(tensor.shape)}",
)
def test_chosen_tensors_print_as_torch_prints_them(tensor):
    assert printed_by_bibun(tensor) == repr(tensor)


@pytest.mark.parametrize("size", range(8, 14))
def test_note_moves_to_a_new_line_where_torch_moves_it(size):
    leaf = torch.linspace(0.001, 1, size, requires_grad=True)
    for tensor in (leaf, leaf * 1, leaf.double(), torch.sigmoid(leaf)):
        assert printed_by_bibun(tensor) == repr(tensor)


def test_long_tensors_show_only_their_edges():
    text = format_values(list(range(1001)), (1001,), "torch.int64")
    assert text == "tensor([   0,    1,    2,  ...,  998,  999, 1000])"


class AFunctionWhoseNameFillsHalfOfTheLine(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.clone()


def test_two_notes_that_do_not_fit_in_one_line():
    leaf = torch.ones(18, dtype=torch.float64, requires_grad=True)
    tensor = AFunctionWhoseNameFillsHalfOfTheLine.apply(leaf)
    grad_fn_name = type(tensor.grad_fn).__name__
    text = format_values([1.0] * 18, (18,), "torch.float64", grad_fn_name=grad_fn_name)
    assert text == repr(tensor)
