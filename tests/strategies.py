"""Hypothesisの戦略: torchとbibunに同じものを渡すための、でたらめな値とTensor。

ふだんは毎回同じ2,000例を試す。環境変数BIBUN_EXAMPLESに例の数を入れると、毎回違う種でその数を試す
(たとえば`BIBUN_EXAMPLES=100000 pytest tests/engine/differential`)。
"""

from __future__ import annotations

import math
import os

import torch
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

LONG_RUN = os.environ.get("BIBUN_EXAMPLES")

differential = settings(
    max_examples=int(LONG_RUN or 2000),
    derandomize=LONG_RUN is None,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

# 表示が切り替わる境目と、丸めで桁が上がる値
PRINTING_EDGES = [0.0, -0.0, 1.0, -1.5, 1e-4, 9.9999e-5, 1000.0, 1e8, 1.00001e8, 99.99995, 0.99995]
NOT_FINITE = [math.nan, math.inf, -math.inf]


def floats(dtype: torch.dtype) -> st.SearchStrategy[float]:
    """表示のどの書き方にもよく当たる小数。"""
    width = 32 if dtype == torch.float32 else 64
    return st.one_of(
        st.floats(width=width),
        st.floats(-1e4, 1e4).map(lambda x: round(x, 3)),
        st.integers(-(10**9), 10**9).map(float),
        st.sampled_from(PRINTING_EDGES + NOT_FINITE),
    )


@st.composite
def shapes(draw: st.DrawFn) -> tuple[int, ...]:
    """0次元から4次元まで。空の次元と、省略が起きる大きさも出る。"""
    dims = draw(st.integers(0, 4))
    if dims == 1:
        sizes = st.one_of(st.integers(0, 30), st.sampled_from([999, 1000, 1001, 1500]))
    elif dims == 2:
        sizes = st.one_of(st.integers(0, 9), st.sampled_from([20, 60]))
    else:
        sizes = st.integers(0, 9) if dims == 3 else st.integers(0, 7)
    return tuple(draw(sizes) for _ in range(dims))


@st.composite
def printed_tensors(draw: st.DrawFn) -> torch.Tensor:
    """表示してみるtorchのTensor。大きな形は、少数の値を繰り返して埋める。"""
    dtype = draw(st.sampled_from([torch.float32, torch.float64, torch.int64, torch.bool]))
    elements = {
        torch.int64: st.one_of(st.integers(-(2**63), 2**63 - 1), st.integers(-99, 9999)),
        torch.bool: st.booleans(),
    }.get(dtype, floats(dtype))
    if draw(st.booleans()) and dtype.is_floating_point:
        # 同じ大きさの値だけなら、指数表示でない表示になりやすい
        elements = st.floats(-50, 50)
    shape = draw(shapes())
    palette = draw(st.lists(elements, min_size=1, max_size=12))
    count = math.prod(shape)
    values = (palette * (count // len(palette) + 1))[:count]
    tensor = torch.tensor(values, dtype=dtype).reshape(shape)
    if dtype.is_floating_point:
        state = draw(st.sampled_from(["plain", "leaf", "clone", "repeat", "view"]))
        tensor.requires_grad_(state != "plain")
        if state == "clone":
            return tensor.clone()
        if state == "repeat":  # 値はそのままで、名前が長い
            return tensor.repeat_interleave(1)
        if state == "view":
            return tensor.unsqueeze(0)
    return tensor
