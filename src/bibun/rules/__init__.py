"""微分の規則の表。演算1つにつき1つの規則を、種類ごとの部屋に分けて置く。

Examples
--------
>>> TABLE["mul"]
<Operation mul: (ḡ b, ḡ a)>
"""

from bibun.operation import TABLE
from bibun.rules import (
    arithmetic,
    comparison,
    conversion,
    extremum,
    functions,
    indexing,
    joining,
    linear_algebra,
    reduction,
    selection,
    shape,
)

__all__ = [
    "TABLE",
    "arithmetic",
    "comparison",
    "conversion",
    "extremum",
    "functions",
    "indexing",
    "joining",
    "linear_algebra",
    "reduction",
    "selection",
    "shape",
]
