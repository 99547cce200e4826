"""最後の桁: 全部の指数にわたる値で、torchとの差が何ULPかを確かめる。

ULPは、隣り合う浮動小数点数の間隔。四則と和は1ビットも違わず、初等関数は1ULPまで、sigmoidは2ULPまで違ってよい。
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from itertools import combinations, permutations
from typing import Any

import pytest
import torch
from test_programs import distance_in_ulp, flat

import bibun.torch_api
from programs import ELEMENTWISE
from strategies import LONG_RUN

COUNT = int(LONG_RUN or 4000)
SEED = None if LONG_RUN else 2023


def any_floats(count: int) -> list[float]:
    """半分はfloat32のビットをでたらめに並べた値、半分は0の近くのふつうの値。"""
    generator = random.Random(SEED)
    bits = struct.pack(f"{count}I", *(generator.getrandbits(32) for _ in range(count)))
    ordinary = struct.pack(f"{count}f", *(generator.gauss(0, 3) for _ in range(count)))
    values = [*struct.unpack(f"{count}f", bits), *struct.unpack(f"{count}f", ordinary)]
    return generator.sample(values, count)


def check_digits(compute: Callable[[Any], Any], ulp: int) -> None:
    ours, theirs = compute(bibun.torch_api), compute(torch)
    distances = [
        distance_in_ulp(our, their, theirs.dtype)
        for our, their in zip(flat(ours), flat(theirs), strict=True)
    ]
    worst = max(distances, default=0)
    where = distances.index(worst) if distances else 0
    assert worst <= ulp, f"{where}番目: bibun {flat(ours)[where]}, torch {flat(theirs)[where]}"


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_functions_of_any_float32(name):
    values = any_floats(COUNT)
    if name in ("sinh", "cosh"):  # torchは、eˣがあふれるところから無限大にする
        values = [x for x in values if abs(x) < 88]
    check_digits(lambda T: getattr(T, name)(T.tensor(values)), ELEMENTWISE[name])


@pytest.mark.parametrize("name", ["add", "sub", "mul", "div", "maximum", "minimum"])
def test_arithmetic_of_any_float32_differs_in_no_bit(name):
    a, b = any_floats(COUNT), any_floats(COUNT)[::-1]
    check_digits(lambda T: getattr(T, name)(T.tensor(a), T.tensor(b)), 0)


@pytest.mark.parametrize("mode", ["floor", "trunc"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_division_to_a_whole_number_differs_in_no_bit(mode, dtype):
    generator = random.Random(SEED)
    a = [generator.uniform(-1, 1) * 10.0 ** generator.randint(-9, 9) for _ in range(COUNT)]
    b = [generator.uniform(-1, 1) * 10.0 ** generator.randint(-9, 9) for _ in range(COUNT)]
    a, b = [*a, 0.35355338454246521, *any_floats(COUNT)], [*b, 1e-8, *any_floats(COUNT)[::-1]]

    def divided(T: Any) -> Any:
        return T.div(*(T.tensor(x, dtype=getattr(T, dtype)) for x in (a, b)), rounding_mode=mode)

    check_digits(divided, 0)


@pytest.mark.parametrize("exponent", [2, 3, -1, -2, 1, 0])
def test_powers_made_of_products_differ_in_no_bit(exponent):
    values = any_floats(COUNT)
    check_digits(lambda T: T.tensor(values) ** exponent, 0)


@pytest.mark.parametrize("exponent", [0.5, -0.5, 4, -3, 1.5, 1 / 3, -2.5])
def test_other_powers(exponent):
    values = any_floats(COUNT)
    check_digits(lambda T: T.tensor(values) ** exponent, 1)


def gaussians(*shape: int) -> list[Any]:
    return torch.randn(shape, generator=torch.Generator().manual_seed(1)).tolist()


@pytest.mark.parametrize(
    "size",
    [1, 2, 3, 7, 8, 9, 15, 16, 31, 32, 33, 63, 100, 127, 128, 255, 256, 257, 1000, 2047, 2048],
)
@pytest.mark.parametrize("name", ["sum", "mean"])
def test_sums_are_added_in_the_order_of_torch(name, size):
    values = gaussians(size)
    check_digits(lambda T: getattr(T, name)(T.tensor(values)), 0)


@pytest.mark.parametrize("shape", [(1, 5), (3, 4), (7, 9), (40, 3), (3, 40), (17, 33), (2, 3, 5)])
@pytest.mark.parametrize("dim", [0, 1, -1])
def test_sums_along_a_dimension_are_added_in_the_order_of_torch(shape, dim):
    values = gaussians(*shape)
    check_digits(lambda T: T.tensor(values).sum(dim=dim), 0)
    check_digits(lambda T: T.tensor(values).transpose(0, 1).sum(dim=dim), 0)


@pytest.mark.parametrize("name", ["add", "sub", "mul", "div", "maximum", "remainder", "pow"])
def test_a_float64_scalar_is_rounded_before_it_meets_float32_values(name):
    values, scalar = gaussians(20), 1.3749862313270569
    check_digits(
        lambda T: getattr(T, name)(T.tensor(values).abs() + 0.5, T.tensor(scalar, dtype=T.float64)),
        1 if name == "pow" else 0,
    )


STRETCHED = [(9, -1), (2, 3, -1), (9, -1, 2), (-1, 9, 3), (3, -1, 8), (2, -1, 3, 5)]


@pytest.mark.parametrize("shape", STRETCHED)
def test_sums_of_stretched_and_transposed_values_are_added_in_the_order_of_torch(shape):
    """-1のところに9個の値を置き、ほかの次元を引き伸ばす。"""
    values = gaussians(9)
    own = [9 if size == -1 else 1 for size in shape]
    for order in permutations(range(len(shape))):
        for count in range(1, len(shape) + 1):
            for dims in combinations(range(len(shape)), count):

                def total(T, order=order, dims=dims):
                    x = T.tensor(values).reshape(own).expand(shape)
                    return x.permute(order).sum(dims)

                check_digits(total, 0)


@pytest.mark.parametrize("size", range(1, 9))
def test_small_matrix_products_are_added_in_the_order_of_torch(size):
    a, b = gaussians(size, size), gaussians(size + 1, size)[1:]
    check_digits(lambda T: T.tensor(a) @ T.tensor(b), 0)
    if size <= 4:  # これより長い行列とベクトルの積は、torchでは足す順番が違う
        check_digits(lambda T: T.tensor(a) @ T.tensor(b[0]), 0)
        check_digits(lambda T: T.tensor(a[0]) @ T.tensor(b[0]), 0)
