"""同じプログラムを、torchとbibunの両方で実行して比べる."""

from __future__ import annotations

import re
import warnings
from types import ModuleType
from typing import Any, NamedTuple

import torch

import bibun.torch_api

ENGINES = {"torch": torch, "bibun": bibun.torch_api}


class Outcome(NamedTuple):
    """プログラムの結末: 例外の種類(なければ`None`)、文面または`r`の印字、警告の文面."""

    error: str | None
    text: str
    warnings: tuple[str, ...]


def namespace(engine: ModuleType) -> dict[str, Any]:
    """どのプログラムでも使える変数."""
    tensor = engine.tensor
    return {
        "torch": engine,
        "x": tensor(2.0, requires_grad=True),
        "v": tensor([1.0, 2.0, 3.0], requires_grad=True),
        "m": tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], requires_grad=True),
        "c": tensor([1.0, 2.0, 3.0]),
        "i": tensor([1, 2, 3]),
        "b": tensor([True, False, True]),
    }


def outcome(engine: ModuleType, program: str) -> Outcome:
    """プログラムを実行し、変数`r`の印字か、例外の文面を返す."""
    names = namespace(engine)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            exec(program, names)
            error, text = None, repr(names.get("r"))
        except Exception as exception:
            error, text = type(exception).__name__, str(exception)
    # torchは、警告の末尾にC++のソースの位置を書き添える
    messages = [
        re.sub(r" \(Triggered internally at .*", "", str(w.message), flags=re.S) for w in caught
    ]
    return Outcome(error, text, tuple(messages))
