"""torchの代わりにbibunで章のセルを実行しても、1文字も違わない出力になること。

本のビルドが本物のtorchで実行したノートブックを、``import torch`` が `bibun.torch_api` を返すカーネルで
実行し直し、セルごとに出力(表示、標準出力、例外)を比べる。matplotlibやtorchvizを使うセルは、
torchの内部かNumPyの配列に直接さわるので比べない。
"""

from __future__ import annotations

import ast
import copy
import os
from pathlib import Path
from typing import Any

import nbclient
import nbformat
import pytest

from .test_book import PAGES, ROOT

STARTUP = """
import sys
import torchviz  # 本物のtorchで読み込んでおく(図は比べないが、そのセルの残りの行は動く)
import bibun.torch_api
sys.modules["torch"] = bibun.torch_api
from bibun.notebook import setup
setup()
del setup, sys
"""
DRAWING = {"matplotlib", "torchviz", "bibun.plotting"}
# 比べないセルと、その理由。キーは章、値は「セルのどこかに現れる文字列: 理由」。
EXCEPTIONS: dict[str, dict[str, str]] = {
    "how/numerical-differentiation": {
        "FlopCounterMode": "torchが自分の行列積を数える道具を使うセル",
        "total / once": "上のセルが数えた結果を確かめるセル",
    },
}


def drawing_names(source: str) -> set[str]:
    """セルが、図を描くパッケージから読み込む名前。"""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {
                alias.asname or alias.name.split(".")[0]
                for alias in node.names
                if alias.name.split(".")[0] in DRAWING
            }
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if module.split(".")[0] in DRAWING or module in DRAWING:
                names |= {alias.asname or alias.name for alias in node.names}
    return names


def used_names(source: str) -> set[str]:
    """セルが使う名前。"""
    return {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}


def shown(cell: Any) -> dict[str, str]:
    """セルの出力を、読者に見える文字だけにし、流れごとにまとめる。

    流れどうしの前後は比べない。ふつうのカーネルは、標準出力と標準エラー出力を別々に届けるからである。
    """
    parts: dict[str, str] = {}
    for output in cell.outputs:
        if output.output_type == "stream":
            kind, text = output.name, output.text
        elif output.output_type == "error":
            kind, text = "error", output.traceback[-1]
        else:
            kind = "data"
            text = output.data.get("text/html") or output.data.get("text/plain", "")
        parts[kind] = parts.get(kind, "") + text
    return parts


def runnable(page: str, notebook: Any) -> list[int]:
    """比べるセルの番号。図を描くセルと、`EXCEPTIONS` のセルを除く。"""
    names: set[str] = set()
    compared = []
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type != "code":
            continue
        try:
            names |= drawing_names(cell.source)
            draws = bool(names & (used_names(cell.source) | drawing_names(cell.source)))
        except SyntaxError:
            draws = False
        excused = any(mark in cell.source for mark in EXCEPTIONS.get(page, {}))
        if not draws and not excused:
            compared.append(index)
    return compared


@pytest.fixture(scope="session")
def kernel_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``import torch`` がbibunを返すカーネルの設定。"""
    home = tmp_path_factory.mktemp("ipython")
    startup = home / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "00-bibun.py").write_text(STARTUP, encoding="utf-8")
    return home


# 環境のページのセルは、入っているパッケージの版とCPUの命令を尋ねるだけで、索引にはセルがない
NOTHING_TO_COMPARE = {"appendix/environment", "appendix/index-of-terms"}


@pytest.mark.parametrize("page", [page for page in PAGES if page not in NOTHING_TO_COMPARE])
def test_bibun_prints_what_torch_printed(
    site: Path, kernel_home: Path, page: str, tmp_path: Path
) -> None:
    path = ROOT / "_build" / "jupyter_execute" / "book" / f"{page}.ipynb"
    with_torch = nbformat.read(path, as_version=4)
    compared = runnable(page, with_torch)
    assert compared, "比べるセルがありません"
    with_bibun = copy.deepcopy(with_torch)
    client = nbclient.NotebookClient(
        with_bibun,
        allow_errors=True,
        timeout=300,
        resources={"metadata": {"path": str(tmp_path)}},
    )
    probe = nbformat.v4.new_code_cell("import torch; assert torch.__name__ == 'bibun.torch_api'")
    with_bibun.cells.append(probe)
    client.execute(env={**os.environ, "IPYTHONDIR": str(kernel_home)})
    assert not probe.outputs, "torchの代わりにbibunが使われていません"
    different = [
        f"セル{index}\n{with_torch.cells[index].source}\n"
        f"torch: {shown(with_torch.cells[index])}\nbibun: {shown(with_bibun.cells[index])}"
        for index in compared
        if shown(with_torch.cells[index]) != shown(with_bibun.cells[index])
    ]
    assert not different, f"{len(different)}/{len(compared)}個のセルで違います\n" + "\n\n".join(
        different
    )
