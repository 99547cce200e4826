"""random: 同じ種なら、PyTorchとビットまで同じ乱数。"""

from __future__ import annotations

import pytest
import torch

from bibun import random as bibun_random
from bibun.dtypes import float32, float64
from bibun.random import Generator

SEEDS = [0, 1, 42, 2023, -1, 2**32 + 5, 2**64 - 1]
DTYPES = [(float32, torch.float32), (float64, torch.float64)]


@pytest.fixture(params=SEEDS)
def generators(request):
    return Generator(request.param), torch.Generator().manual_seed(request.param)


@pytest.mark.parametrize(("dtype", "torch_dtype"), DTYPES)
def test_rand_has_the_bits_of_torch(generators, dtype, torch_dtype):
    ours, theirs = generators
    expected = torch.rand(1000, generator=theirs, dtype=torch_dtype)
    assert ours.rand(1000, dtype) == expected.tolist()


@pytest.mark.parametrize("count", [0, 1, 2, 15, 16, 17, 31, 32, 33, 500])
@pytest.mark.parametrize(("dtype", "torch_dtype"), DTYPES)
def test_randn_has_the_bits_of_torch(generators, count, dtype, torch_dtype):
    ours, theirs = generators
    expected = torch.randn(count, generator=theirs, dtype=torch_dtype)
    assert ours.randn(count, dtype) == expected.tolist()


def test_long_run_of_normals_has_the_bits_of_torch():
    expected = torch.randn(20_000, generator=torch.Generator().manual_seed(7))
    assert Generator(7).randn(20_000) == expected.tolist()


@pytest.mark.parametrize(
    ("low", "high"),
    [(0, 1), (0, 10), (-5, 5), (0, 2**28 - 1), (0, 2**28), (0, 2**33), (-(2**62), 2**62)],
)
def test_randint_has_the_bits_of_torch(generators, low, high):
    ours, theirs = generators
    assert (
        ours.randint(low, high, 100) == torch.randint(low, high, (100,), generator=theirs).tolist()
    )


@pytest.mark.parametrize("count", [0, 1, 2, 10, 1000])
def test_randperm_has_the_order_of_torch(generators, count):
    ours, theirs = generators
    assert ours.randperm(count) == torch.randperm(count, generator=theirs).tolist()


def test_one_stream_is_shared_by_all_kinds_of_numbers(generators):
    """奇数個の正規乱数の余りは、間に何が入っても次の正規乱数に使われる。"""
    ours, theirs = generators
    mine = ours.randn(3) + ours.rand(2) + ours.randn(20) + ours.randn(2) + ours.rand(1, float64)
    pieces = [
        torch.randn(3, generator=theirs),
        torch.rand(2, generator=theirs),
        torch.randn(20, generator=theirs),
        torch.randn(2, generator=theirs),
        torch.rand(1, generator=theirs, dtype=torch.float64),
    ]
    assert mine == [x for piece in pieces for x in piece.tolist()]
    assert ours.randperm(5) == torch.randperm(5, generator=theirs).tolist()


def test_manual_seed_forgets_the_spare_normal():
    generator = Generator(3)
    first = generator.randn(1)
    assert generator.manual_seed(3).randn(1) == first


def test_module_functions_use_one_generator():
    bibun_random.manual_seed(5)
    first = bibun_random.rand(2) + bibun_random.randn(2) + bibun_random.randint(0, 9, 2)
    again = Generator(5)
    assert first == again.rand(2) + again.randn(2) + again.randint(0, 9, 2)


def test_without_a_seed_streams_differ():
    assert Generator().rand(4) != Generator().rand(4)


@pytest.mark.parametrize(("low", "high"), [(5, 5), (3, 1)])
def test_empty_range_has_the_words_of_torch(low, high):
    with pytest.raises(RuntimeError) as theirs:
        torch.randint(low, high, (2,))
    with pytest.raises(RuntimeError) as ours:
        Generator(0).randint(low, high, 2)
    assert str(ours.value) == str(theirs.value)


@pytest.mark.parametrize("seed", [2**64, -(2**63) - 1, "a", None])
def test_bad_seed_has_the_words_of_torch(seed):
    with pytest.raises((ValueError, TypeError)) as theirs:
        torch.manual_seed(seed)
    with pytest.raises(type(theirs.value)) as ours:
        Generator(0).manual_seed(seed)
    assert str(ours.value) == str(theirs.value)
