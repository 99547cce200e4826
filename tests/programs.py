"""torchとbibunの両方で走らせる、でたらめなプログラム。

プログラムは、葉のTensorと、演算の列でできている。1つの演算は、それまでの値のどれかを選んで使い、新しい値を
1つ作る。形が合う演算だけを選べるように、作りながらtorchで走らせる。
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from hypothesis import strategies as st

SIZES = [1, 2, 3, 4]
SHAPES = [(), (), (3,), (2,), (1,), (2, 3), (3, 2), (3, 3), (1, 3), (2, 1), (2, 2, 3)]
NUMBERS = [2.0, 3.0, 0.5, -1.0, 1.0, 0.0, 1.7, -0.3, 2, 3, 1]
EXPONENTS = [2, 3, 0.5, -1, -0.5, 1, 0, 1.5, -2, 4, 2.0]


@dataclass(frozen=True)
class Operation:
    """1種類の演算。

    `run(T, xs, parameters)`がエンジンTで計算し、`choose(draw, xs)`が演算ごとの定数を選ぶ(合わない形なら
    None)。`ulp`はtorchとの差の上限で、Noneなら和の順序までは約束しないもの(assert_closeで比べる)。
    """

    run: Callable[[Any, Sequence[Any], Any], Any]
    arity: int = 1
    ulp: int | None = 0
    choose: Callable[[st.DrawFn, Sequence[torch.Tensor]], Any] = lambda draw, xs: ()


OPERATIONS: dict[str, Operation] = {}
ELEMENTWISE: dict[str, int] = {}  # 1入力の要素ごとの演算と、ULPの上限


def _elementwise(names: str, ulp: int) -> None:
    for name in names.split():
        ELEMENTWISE[name] = ulp
        OPERATIONS[name] = Operation(lambda T, xs, _p, name=name: getattr(T, name)(xs[0]), ulp=ulp)


_elementwise("neg abs relu square reciprocal round sign sgn floor ceil trunc", ulp=0)
_elementwise("sqrt rsqrt exp expm1 log log2 log10 log1p", ulp=1)
_elementwise("sin cos tan asin acos atan sinh cosh tanh erf", ulp=1)
_elementwise("sigmoid", ulp=2)


def _broadcastable(draw: st.DrawFn, xs: Sequence[torch.Tensor]) -> Any:
    try:
        torch.broadcast_shapes(*(x.shape for x in xs))
    except RuntimeError:
        return None
    return ()


for _name in ("add", "sub", "mul", "div", "maximum", "minimum", "remainder"):
    OPERATIONS[_name] = Operation(
        lambda T, xs, _p, name=_name: getattr(T, name)(*xs), arity=2, choose=_broadcastable
    )
for _name in ("add", "sub"):
    OPERATIONS[f"{_name}-alpha"] = Operation(
        lambda T, xs, _p, name=_name: getattr(T, name)(*xs, alpha=-3),
        arity=2,
        ulp=None,  # torchは、8個ずつの組では積と和を1回で丸め、端数では2回で丸める
        choose=_broadcastable,
    )
for _name in ("floor", "trunc"):
    OPERATIONS[f"div-{_name}"] = Operation(
        lambda T, xs, _p, name=_name: T.div(*xs, rounding_mode=name),
        arity=2,
        choose=_broadcastable,
    )
OPERATIONS["clamp-min-tensor"] = Operation(
    lambda T, xs, _p: T.clamp(xs[0], min=xs[1]), arity=2, choose=_broadcastable
)
OPERATIONS["clamp-max-tensor"] = Operation(
    lambda T, xs, _p: xs[0].clamp(max=xs[1]), arity=2, choose=_broadcastable
)
OPERATIONS["clamp-tensors"] = Operation(
    lambda T, xs, _p: xs[0].clamp(xs[1] / 2, xs[1]), arity=2, choose=_broadcastable
)
OPERATIONS["where"] = Operation(
    lambda T, xs, _p: T.where(xs[0] > xs[1], *xs), arity=2, choose=_broadcastable
)
OPERATIONS["pow-tensor"] = Operation(
    lambda T, xs, _p: xs[0] ** xs[1], arity=2, ulp=1, choose=_broadcastable
)
# 底が正なら、指数でも底でも何度でも微分できる
OPERATIONS["pow-positive"] = Operation(
    lambda T, xs, _p: (xs[0].abs() + 0.5) ** xs[1], arity=2, ulp=1, choose=_broadcastable
)


def _a_number(draw: st.DrawFn, xs: Sequence[torch.Tensor]) -> Any:
    return (draw(st.sampled_from(NUMBERS)),)


for _name, _run in {
    "x+c": lambda T, xs, p: xs[0] + p[0],
    "c-x": lambda T, xs, p: p[0] - xs[0],
    "x-c": lambda T, xs, p: xs[0] - p[0],
    "x*c": lambda T, xs, p: p[0] * xs[0],
    "x/c": lambda T, xs, p: xs[0] / p[0],
    "c/x": lambda T, xs, p: p[0] / xs[0],
    "x%c": lambda T, xs, p: xs[0] % (p[0] or 1.5),
    "clamp": lambda T, xs, p: xs[0].clamp(-p[0], p[0]),
    "clamp-min": lambda T, xs, p: T.clamp(xs[0], min=p[0]),
}.items():
    OPERATIONS[_name] = Operation(_run, choose=_a_number)
OPERATIONS["c**x"] = Operation(lambda T, xs, p: p[0] ** xs[0], ulp=1, choose=_a_number)
OPERATIONS["2**x"] = Operation(lambda T, xs, _p: 2 ** xs[0], ulp=1)
OPERATIONS["x**c"] = Operation(
    lambda T, xs, p: xs[0] ** p[0],
    ulp=1,
    choose=lambda draw, xs: (draw(st.sampled_from(EXPONENTS)),),
)


# --- まとめる演算 ---


def _a_dimension(draw: st.DrawFn, xs: Sequence[torch.Tensor]) -> Any:
    if xs[0].dim() == 0:
        return None
    return draw(st.integers(-xs[0].dim(), xs[0].dim() - 1)), draw(st.booleans())


for _name, _ulp in {"sum": 0, "mean": 0, "prod": None, "amax": 0, "amin": 0}.items():
    OPERATIONS[_name] = Operation(lambda T, xs, _p, name=_name: getattr(xs[0], name)(), ulp=_ulp)
    OPERATIONS[f"{_name}-dim"] = Operation(
        lambda T, xs, p, name=_name: getattr(T, name)(xs[0], dim=p[0], keepdim=p[1]),
        ulp=_ulp,
        choose=_a_dimension,
    )
for _name in ("max", "min"):
    OPERATIONS[_name] = Operation(lambda T, xs, _p, name=_name: getattr(xs[0], name)())
    OPERATIONS[f"{_name}-dim"] = Operation(
        lambda T, xs, p, name=_name: getattr(xs[0], name)(dim=p[0], keepdim=p[1]).values,
        choose=_a_dimension,
    )
OPERATIONS["cumsum"] = Operation(lambda T, xs, p: xs[0].cumsum(p[0]), choose=_a_dimension)


def _multipliable(draw: st.DrawFn, xs: Sequence[torch.Tensor]) -> Any:
    if max(x.dim() for x in xs) > 2:  # bibunの行列積は2次元まで
        return None
    try:
        torch.matmul(*xs)
    except RuntimeError:
        return None
    return ()


OPERATIONS["matmul"] = Operation(
    lambda T, xs, _p: xs[0] @ xs[1], arity=2, ulp=None, choose=_multipliable
)
for _name, _function, _ranks in (
    ("dot", "dot", (1, 1)),
    ("vm", "matmul", (1, 2)),
    ("mv", "mv", (2, 1)),
    ("mm", "mm", (2, 2)),
):
    OPERATIONS[_name] = Operation(
        lambda T, xs, _p, name=_function: getattr(T, name)(*xs),
        arity=2,
        ulp=None,
        choose=lambda draw, xs, ranks=_ranks: (
            _multipliable(draw, xs) if tuple(x.dim() for x in xs) == ranks else None
        ),
    )
OPERATIONS["outer"] = Operation(
    lambda T, xs, _p: T.outer(*xs),
    arity=2,
    choose=lambda draw, xs: () if all(x.dim() == 1 for x in xs) else None,
)


# --- 形を変える演算、取り出し、つなぎ合わせ ---


def _two_dimensions(draw: st.DrawFn, xs: Sequence[torch.Tensor]) -> Any:
    rank = xs[0].dim()
    return None if rank < 2 else tuple(draw(st.permutations(range(rank)))[:2])


def _an_index(draw: st.DrawFn, xs: Sequence[torch.Tensor]) -> Any:
    if xs[0].dim() == 0:
        return None
    size = xs[0].shape[0]
    index = draw(
        st.one_of(
            st.integers(-size, size - 1),
            st.builds(slice, st.integers(0, size - 1), st.none(), st.sampled_from([None, 1, 2])),
            st.lists(st.integers(0, size - 1), min_size=1, max_size=4),
            st.sampled_from([None, ..., (..., 0), (slice(None), None)]),
        )
    )
    return (index,)


OPERATIONS["reshape"] = Operation(lambda T, xs, _p: xs[0].reshape(-1))
OPERATIONS["flatten"] = Operation(lambda T, xs, _p: T.flatten(xs[0]))
OPERATIONS["unsqueeze"] = Operation(lambda T, xs, _p: xs[0].unsqueeze(0))
OPERATIONS["squeeze"] = Operation(lambda T, xs, _p: xs[0].squeeze())
OPERATIONS["squeeze-dim"] = Operation(
    lambda T, xs, p: xs[0].squeeze(p[0]), choose=lambda draw, xs: _a_dimension(draw, xs)
)
OPERATIONS["squeeze-dims"] = Operation(
    lambda T, xs, p: xs[0].squeeze(p), choose=lambda draw, xs: _two_dimensions(draw, xs)
)
OPERATIONS["flip"] = Operation(
    lambda T, xs, p: xs[0].flip(p[0]), choose=lambda draw, xs: _a_dimension(draw, xs)
)
OPERATIONS["t"] = Operation(
    lambda T, xs, _p: xs[0].t(), choose=lambda draw, xs: () if xs[0].dim() <= 2 else None
)
OPERATIONS["reshape-transposed"] = Operation(
    lambda T, xs, p: xs[0].transpose(*p).reshape(-1), choose=_two_dimensions
)
OPERATIONS["reshape-column"] = Operation(  # 飛び飛びのまま、歩幅だけで形を変えられる
    lambda T, xs, _p: xs[0].select(-1, 0).reshape(-1),
    choose=lambda draw, xs: () if xs[0].dim() > 1 else None,
)
OPERATIONS["double"] = Operation(lambda T, xs, _p: xs[0].double())
OPERATIONS["unbind"] = Operation(lambda T, xs, p: xs[0].unbind(p[0])[-1], choose=_a_dimension)
OPERATIONS["split"] = Operation(lambda T, xs, p: xs[0].split(1, p[0])[0], choose=_a_dimension)
OPERATIONS["expand"] = Operation(lambda T, xs, _p: xs[0].expand(2, *xs[0].shape))
OPERATIONS["alias"] = Operation(lambda T, xs, _p: xs[0][()])
OPERATIONS["clone"] = Operation(lambda T, xs, _p: xs[0].clone())
OPERATIONS["transpose"] = Operation(lambda T, xs, p: xs[0].transpose(*p), choose=_two_dimensions)
OPERATIONS["permute"] = Operation(
    lambda T, xs, p: xs[0].permute(p[0]),
    choose=lambda draw, xs: (draw(st.permutations(range(xs[0].dim()))),),
)
OPERATIONS["index"] = Operation(lambda T, xs, p: xs[0][p[0]], choose=_an_index)
OPERATIONS["cat"] = Operation(
    lambda T, xs, _p: T.cat([xs[0], xs[1]]),
    arity=2,
    choose=lambda draw, xs: (
        ()
        if xs[0].dim() and xs[0].dim() == xs[1].dim() and xs[0].shape[1:] == xs[1].shape[1:]
        else None
    ),
)
OPERATIONS["stack"] = Operation(
    lambda T, xs, _p: T.stack(list(xs)),
    arity=2,
    choose=lambda draw, xs: () if xs[0].shape == xs[1].shape else None,
)


# --- その場での書き換え。葉は書き換えられないので、写しを書き換える ---


def _in_place(
    write: Callable[[Any, Sequence[Any]], Any],
) -> Callable[[Any, Sequence[Any], Any], Any]:
    def run(T: Any, xs: Sequence[Any], _parameters: Any) -> Any:
        target = xs[0].clone()
        write(target, xs)
        return target

    return run


def _assign_first(target: Any, xs: Sequence[Any]) -> None:
    target[0] = xs[1]


OPERATIONS["add_"] = Operation(_in_place(lambda y, xs: y.add_(2)))
OPERATIONS["mul_"] = Operation(_in_place(lambda y, xs: y.mul_(xs[0])))
OPERATIONS["exp_"] = Operation(_in_place(lambda y, xs: y.exp_()), ulp=1)
OPERATIONS["zero_"] = Operation(_in_place(lambda y, xs: y.zero_()))
OPERATIONS["fill_"] = Operation(_in_place(lambda y, xs: y.fill_(3.0)))
OPERATIONS["copy_"] = Operation(
    _in_place(lambda y, xs: y.copy_(xs[1])),
    arity=2,
    choose=lambda draw, xs: () if xs[0].shape == xs[1].shape else None,
)
OPERATIONS["assign"] = Operation(
    _in_place(_assign_first),
    arity=2,
    choose=lambda draw, xs: () if xs[0].dim() and xs[1].shape in (xs[0].shape[1:], ()) else None,
)


def _written_through_a_view(target: Any, xs: Sequence[Any]) -> Any:
    """viewを2つ作り、一方から書き換える. 返すもう一方の由来は、書き換えられたもとからたどり直される."""
    target = target.clone()
    part, other = target.view(-1)[:1], target.view(-1)
    part.mul_(xs[1])
    return other


def _assign_first_by_number(target: Any, xs: Sequence[Any]) -> None:
    target[[0]] = xs[1]


OPERATIONS["view_mul_"] = Operation(
    lambda T, xs, _p: _written_through_a_view(xs[0].contiguous(), xs),
    arity=2,
    choose=lambda draw, xs: () if xs[1].dim() == 0 and xs[0].numel() else None,
)
OPERATIONS["fill_tensor_"] = Operation(
    _in_place(lambda y, xs: y.fill_(xs[1])),
    arity=2,
    choose=lambda draw, xs: () if xs[1].dim() == 0 else None,
)
OPERATIONS["assign-number"] = Operation(
    _in_place(_assign_first_by_number),
    arity=2,
    choose=lambda draw, xs: () if xs[0].dim() and xs[1].shape in (xs[0].shape[1:], ()) else None,
)


@dataclass(frozen=True)
class Step:
    """演算1回。operandsは、葉とそれまでの結果を通した番号。"""

    name: str
    operands: tuple[int, ...]
    parameters: Any

    def run(self, engine: Any, values: Sequence[Any]) -> Any:
        xs = [values[i] for i in self.operands]
        return OPERATIONS[self.name].run(engine, xs, self.parameters)


@dataclass(frozen=True)
class Program:
    """葉と演算の列。"""

    dtype: str
    leaves: tuple[tuple[tuple[int, ...], list[float]], ...]
    steps: tuple[Step, ...] = field(default=())

    def leaf_tensors(self, engine: Any) -> list[Any]:
        dtype = getattr(engine, self.dtype)
        tensors = []
        for shape, values in self.leaves:
            x = engine.tensor(values, dtype=dtype).reshape(shape)
            tensors.append(x.detach().clone().requires_grad_())
        return tensors


@st.composite
def programs(draw: st.DrawFn, names: Sequence[str] = tuple(OPERATIONS)) -> Program:
    """1つから3つの葉と、1回から7回の演算。"""
    dtype = draw(st.sampled_from(["float32", "float32", "float64"]))
    element = st.one_of(
        st.floats(-3, 3, width=32),
        st.floats(0.125, 2, width=32),
        st.sampled_from([0.0, 1.0, -1.0, 2.0, 0.5]),
    )
    leaves = []
    for _ in range(draw(st.integers(1, 3))):
        shape = draw(st.sampled_from(SHAPES))
        count = torch.Size(shape).numel()
        leaves.append((shape, draw(st.lists(element, min_size=count, max_size=count))))
    program = Program(dtype, tuple(leaves))
    values = program.leaf_tensors(torch)
    steps = []
    for _ in range(draw(st.integers(1, 7))):
        step = _draw_step(draw, names, values)
        if step is not None:
            steps.append(step)
            values.append(step.run(torch, values))
    return Program(dtype, tuple(leaves), tuple(steps))


def _draw_step(
    draw: st.DrawFn, names: Sequence[str], values: Sequence[torch.Tensor]
) -> Step | None:
    name = draw(st.sampled_from(names))
    operation = OPERATIONS[name]
    # 新しい値ほど選ばれやすい: 番号を後ろから数える
    backs = [draw(st.integers(0, len(values) - 1)) for _ in range(operation.arity)]
    operands = tuple(len(values) - 1 - back for back in backs)
    parameters = operation.choose(draw, [values[i] for i in operands])
    return None if parameters is None else Step(name, operands, parameters)
