"""和を取る順番. 小数の和は順番で末尾が変わるので、torchと同じ順番で足す."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bibun.dtypes import DType
from bibun.shapes import grid, strides
from bibun.tensor import Tensor

__all__: list[str] = []


def sum_columns(x: Tensor, dims: Sequence[int], dtype: DType) -> list[Any]:
    steps = strides(x._shape)
    kept = [d for d in range(x.ndim) if d not in dims]
    starts = grid([x._shape[d] for d in kept], [steps[d] for d in kept])
    inner = grid([x._shape[d] for d in dims], [steps[d] for d in dims])
    data = x._data
    return [dtype.round(sum(data[start + offset] for offset in inner)) for start in starts]
