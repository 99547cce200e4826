"""torch自身が演算の検査に使う見本(op database)を、bibunにも通す。

見本ごとに、値、形、dtype、勾配、エラーの種類と文面を比べる。bibunが受けつけないものは、下の表に
理由を書いたものだけが許され、表の理由はどれも使われていなければならない。
"""

from __future__ import annotations

import re
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import pytest
import torch
from torch.testing._internal.common_methods_invocations import op_db

import bibun.torch_api
from bibun.tensor import Tensor

OPERATION_LIST = """
    add sub mul div true_divide pow neg abs sqrt square reciprocal exp expm1 log log1p
    sin cos tan tanh sigmoid nn.functional.relu clamp maximum minimum max min argmax where
    sum mean prod cumsum dot mv mm matmul outer __radd__ __rsub__ __rmul__ __rdiv__ __rpow__
    __rmatmul__ reshape view flatten transpose T t permute squeeze unsqueeze expand expand_as
    cat stack eq ne lt le gt ge isnan isfinite allclose equal zeros ones full zeros_like
    ones_like full_like arange linspace eye clone item select unbind __getitem__
"""
SUPPORTED = OPERATION_LIST.split()
DTYPES = [torch.float32, torch.float64, torch.int64, torch.bool]

# 見本の引数の順が関数と違うものと、Pythonが演算子として呼ぶもの
CALLS: dict[str, Callable[..., Any]] = {
    "nn.functional.relu": lambda x: bibun.torch_api.relu(x),
    "T": lambda x: x.T,
    "true_divide": lambda x, other: bibun.torch_api.div(x, other),
    "where": lambda x, condition, other: bibun.torch_api.where(condition, x, other),
    "__getitem__": lambda x, index: x[index],
    "__radd__": lambda x, other: other + x,
    "__rsub__": lambda x, other: other - x,
    "__rmul__": lambda x, other: other * x,
    "__rdiv__": lambda x, other: other / x,
    "__rpow__": lambda x, other: other**x,
    "__rmatmul__": lambda x, other: other @ x,
}

# 理由: (演算の名前、見本と結果の説明に一致する正規表現)
UNSUPPORTED = {
    "bibunのdtypeはfloat32、float64、int64、boolの4つ": ("*", r"int32|float16|int16|uint8"),
    "書き込み先を渡すout= は、勾配を記録できないので講義で使わない": ("*", r"out="),
    "行列積は2次元まで。束ねた行列積は講義に出てこない": ("*", "3次元以上のTensorの行列積"),
    "見本はTensor.__radd__(2, 3) のように呼ぶ。Pythonの式では起こらない": (
        r"__r\w+__",
        r"^\(2, ",
    ),
}


def full_name(op: Any) -> str:
    return f"{op.name}.{op.variant_test_name}" if op.variant_test_name else op.name


OPERATORS = {full_name(op): op for op in op_db if op.name in SUPPORTED}


def to_bibun(value: Any) -> Any:
    """見本の中のTensor、dtype、形を、bibunのものに置きかえる。"""
    if isinstance(value, torch.Tensor):
        flat = value.detach().reshape(-1).tolist()
        dtype = to_bibun(value.dtype)
        tensor = bibun.torch_api.tensor(flat, dtype=dtype).reshape(tuple(value.shape))
        return tensor.detach().clone().requires_grad_(value.requires_grad)
    if isinstance(value, torch.dtype):
        return getattr(bibun.torch_api, str(value).removeprefix("torch."))
    if isinstance(value, torch.Size):
        return tuple(value)
    if isinstance(value, (list, tuple)):
        return type(value)(to_bibun(item) for item in value)
    if isinstance(value, dict):
        return {key: to_bibun(item) for key, item in value.items()}
    return value


def to_torch(value: Any) -> Any:
    if isinstance(value, Tensor):
        dtype = getattr(torch, value.dtype.name)
        return torch.tensor(value.detach().tolist(), dtype=dtype).reshape(value.shape)
    if isinstance(value, tuple):
        return tuple(to_torch(item) for item in value)
    return value


def bibun_call(op: Any) -> Callable[..., Any]:
    if op.name in CALLS:
        return CALLS[op.name]
    function = getattr(bibun.torch_api, op.name, None)
    if function is not None:
        return function
    return lambda x, *args, **kwargs: getattr(x, op.name)(*args, **kwargs)


def outcome(call: Callable[[], Any]) -> Any:
    """結果か、起きたエラー。"""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return call()
        except Exception as error:
            return error


def differentiable(result: Any) -> list[Any]:
    results = result if isinstance(result, (tuple, list)) else [result]
    return [r for r in results if hasattr(r, "requires_grad") and r.requires_grad]


def leaves_of(value: Any, kind: type) -> list[Any]:
    if isinstance(value, kind):
        return [value] if value.requires_grad else []
    if isinstance(value, (list, tuple)):
        return [leaf for item in value for leaf in leaves_of(item, kind)]
    return []


def compare(op: Any, sample: Any) -> str | None:
    """見本1つを両方で計算して比べる。合えばNone、合わなければ何が違うかを返す。"""
    arguments = (sample.input, *sample.args)
    ours_in, kwargs = outcome(lambda: to_bibun(arguments)), outcome(lambda: to_bibun(sample.kwargs))
    if isinstance(ours_in, Exception) or isinstance(kwargs, Exception):
        return f"input: {ours_in!r} {kwargs!r}"
    theirs = outcome(lambda: op(*arguments, **sample.kwargs))
    ours = outcome(lambda: bibun_call(op)(*ours_in, **kwargs))
    if isinstance(theirs, Exception) or isinstance(ours, Exception):
        same = type(theirs) is type(ours) and without_overloads(str(theirs)) == without_overloads(
            str(ours)
        )
        return None if same else f"bibun {ours!r:.150}, torch {theirs!r:.150}"
    if difference := differing_values(ours, theirs):
        return difference
    difference = outcome(lambda: differing_gradients(ours, theirs, ours_in, arguments))
    return f"gradient: {difference}" if difference else None


def differing_values(ours: Any, theirs: Any) -> str | None:
    theirs = tuple(theirs) if isinstance(theirs, (tuple, list)) else theirs
    ours = tuple(ours) if isinstance(ours, (tuple, list)) else ours
    error = outcome(lambda: torch.testing.assert_close(to_torch(ours), theirs, equal_nan=True))
    return None if error is None else f"value: {error}"


def differing_gradients(ours: Any, theirs: Any, ours_in: Any, theirs_in: Any) -> str | None:
    our_outputs, their_outputs = differentiable(ours), differentiable(theirs)
    if len(our_outputs) != len(their_outputs):
        return f"torch requires_grad {len(their_outputs)}, bibun {len(our_outputs)}"
    their_leaves = leaves_of(theirs_in, torch.Tensor)
    for leaf in their_leaves:  # 見本どうしが同じ葉を使うことがある
        leaf.grad = None
    for our, their in zip(our_outputs, their_outputs, strict=True):
        ramp = [0.5 + i / 8 for i in range(their.numel())]
        their.backward(
            torch.tensor(ramp, dtype=their.dtype).reshape(their.shape), retain_graph=True
        )
        weights = bibun.torch_api.tensor(ramp, dtype=our.dtype).reshape(our.shape)
        our.backward(weights, retain_graph=True)
    for our, their in zip(leaves_of(ours_in, Tensor), their_leaves, strict=True):
        if (our.grad is None) != (their.grad is None):
            return f"torch {their.grad}, bibun {our.grad}"
        if their.grad is not None and (error := differing_values(our.grad, their.grad)):
            return error
    return None


def without_overloads(message: str) -> str:
    """torchは候補の一覧を長く並べる。その前までを比べる。"""
    return message.partition(", but expected one of")[0]


def samples(op: Any) -> Iterator[Any]:
    for dtype in DTYPES:
        if dtype in op.supported_dtypes("cpu"):
            needs_grad = op.supports_autograd and dtype.is_floating_point
            yield from op.sample_inputs("cpu", dtype, requires_grad=needs_grad)


def error_samples(op: Any) -> Iterator[Any]:
    if op.error_inputs_func is not None:
        yield from (case.sample_input for case in op.error_inputs_func(op, "cpu"))


def brief(value: Any) -> str:
    """見本の引数を1行で。Tensorは型と形だけ。"""
    if isinstance(value, torch.Tensor):
        return f"{str(value.dtype).removeprefix('torch.')}{list(value.shape)}"
    if isinstance(value, (list, tuple)):
        return "(" + ", ".join(map(brief, value)) + ")"
    return repr(value)


def describe(sample: Any, difference: str) -> str:
    keywords = [f"{key}={brief(value)}" for key, value in sample.kwargs.items()]
    call = ", ".join([*map(brief, (sample.input, *sample.args)), *keywords])
    return f"({call}): " + " ".join(difference.split())[:300]


def signature(name: str, sample: Any) -> str:
    """呼び方: 演算の名前と、引数の型(Tensorは次元も)、キーワードの名前。"""
    kinds = [
        f"{value.dim()}d" if isinstance(value, torch.Tensor) else type(value).__name__
        for value in (sample.input, *sample.args)
    ]
    return f"{name}({', '.join([*kinds, *sorted(sample.kwargs)])})"


def reason_for(op: Any, text: str) -> str | None:
    for reason, (name, pattern) in UNSUPPORTED.items():
        if (name == "*" or re.fullmatch(name, op.name)) and re.search(pattern, text):
            return reason
    return None


@dataclass
class Comparison:
    """1つの演算の見本を全部比べた結果。"""

    signatures: set[str] = field(default_factory=set)
    failures: list[str] = field(default_factory=list)
    unsupported: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))


@cache
def compared(name: str, kind: Callable[[Any], Iterator[Any]]) -> Comparison:
    op, result = OPERATORS[name], Comparison()
    for sample in kind(op):
        result.signatures.add(signature(name, sample))
        difference = compare(op, sample)
        if difference is None:
            continue
        text = describe(sample, difference)
        reason = reason_for(op, text)
        if reason is None:
            result.failures.append(text)
        else:
            result.unsupported[reason].add(signature(name, sample))
    return result


def test_every_operation_of_the_list_has_samples():
    assert {op.name for op in OPERATORS.values()} == set(SUPPORTED)


@pytest.mark.parametrize("kind", [samples, error_samples])
@pytest.mark.parametrize("name", OPERATORS)
def test_samples_of_torch_give_what_torch_gives(name, kind):
    failures = compared(name, kind).failures
    assert not failures, f"{len(failures)}\n" + "\n".join(failures[:10])


def test_at_least_95_percent_of_the_signatures_are_supported_and_every_reason_is_needed():
    everything = [compared(name, kind) for name in OPERATORS for kind in (samples, error_samples)]
    signatures = set().union(*(c.signatures for c in everything))
    unsupported: dict[str, set[str]] = defaultdict(set)
    for comparison in everything:
        for reason, refused in comparison.unsupported.items():
            unsupported[reason] |= refused
    refused = set().union(*unsupported.values())
    assert len(refused) <= 0.05 * len(signatures), f"{dict(unsupported)} / {len(signatures)}"
    assert set(unsupported) == set(UNSUPPORTED)
