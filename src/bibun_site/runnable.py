"""章のどのセルがページの中(Pyodideとbibun)で動くかを、実行せずに決める。

動かないのは、図を描くmatplotlib、NumPy、bibunにないtorchの名前を使うセルと、それらのセルが作った名前を
使うセルである。動かないセルからも、後のセルが使う文(ほかの読み込みや代入)は取り出す。
``tests/book/test_live_runtime.py`` が、ここで「動く」としたすべてのセルを本物のブラウザーで動かして確かめる。
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bibun import torch_api

__all__ = ["LiveCell", "live_cells"]

FIGURE = "図を描くmatplotlibは、ページの中では使えません。"
NUMPY = "NumPyは、ページの中では使えません。"
UNAVAILABLE = {
    "matplotlib": FIGURE,
    "mpl_toolkits": FIGURE,
    "bibun.plotting": FIGURE,
    "numpy": NUMPY,
    "torch.utils": "torch.utilsは、ページの中のtorch(bibun)にありません。",
    "importlib.metadata": "この本を作った計算機に入っているパッケージの版を調べるセルです。",
}
HIDDEN = "remove-cell"
INNER = (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@dataclass(frozen=True)
class LiveCell:
    """ページの中のセル。形は web/runtime/contract.ts の ``ChapterCell`` と同じ。

    Parameters
    ----------
    id : str
        セルの名前。章の名前と、ノートブックの中の番号。
    code : str
        動かすコード。動かせないセルでは、動かせる文だけ。
    visible : bool
        読者に見えるか。
    reason : str or None
        動かせない理由。
    """

    id: str
    code: str
    visible: bool
    reason: str | None


def live_cells(chapter: str, notebook: Any) -> list[LiveCell]:
    """章のコードセルを、動かせるかどうかとともに並べる。

    Parameters
    ----------
    chapter : str
        章の名前。たとえば ``use/tensor``。
    notebook : NotebookNode
        章のノートブック。
    """
    lost: dict[str, str] = {}
    cells = []
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type == "code":
            tags = cell.metadata.get("tags", [])
            reason, code = _divide(cell.source, "raises-exception" in tags, lost)
            cells.append(LiveCell(f"{chapter}#{number}", code, HIDDEN not in tags, reason))
    return cells


def _divide(source: str, raises: bool, lost: dict[str, str]) -> tuple[str | None, str]:
    """セルが動かない理由と、動かせるコード。``lost`` は、動かない文が作るはずだった名前と理由。"""
    try:
        body = ast.parse(source).body
    except SyntaxError:
        return None, source  # 構文の誤りを見せるセル
    first, kept, lines = None, [], source.splitlines()
    for statement in body:
        reason = next(_reasons(statement, raises, lost), None)
        names = set(_bound(statement))
        if reason is None:
            kept += lines[_first_line(statement) - 1 : statement.end_lineno]
            for name in names:
                lost.pop(name, None)
        else:
            first = first or reason
            lost.update(dict.fromkeys(names, reason))
    return first, source if first is None else "\n".join(kept)


def _reasons(statement: ast.stmt, raises: bool, lost: dict[str, str]) -> Iterator[str]:
    """文がページの中で動かない理由。"""
    own = set(_own(statement))
    for node in ast.walk(statement):
        if isinstance(node, ast.Import):
            yield from (reason for alias in node.names for reason in _missing(alias.name))
        elif isinstance(node, ast.ImportFrom):
            yield from _missing(node.module or "")
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            yield from [lost[node.id]] if node.id in lost and node.id not in own else []
        elif isinstance(node, ast.Attribute):
            if node.attr == "numpy" and not raises:
                yield NUMPY
            if _is_torch(node.value) and not hasattr(torch_api, node.attr):
                yield f"torch.{node.attr}は、ページの中のtorch(bibun)にありません。"


def _missing(module: str) -> Iterator[str]:
    for name, reason in UNAVAILABLE.items():
        if module == name or module.startswith(f"{name}."):
            yield reason


def _is_torch(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "torch"


def _own(statement: ast.stmt) -> Iterator[str]:
    """文が自分で作ってから使う名前: 引数、内包表記の名前、くり返しや関数の中で代入する名前。"""
    for node in ast.walk(statement):
        if isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.comprehension):
            yield from (each.id for each in ast.walk(node.target) if isinstance(each, ast.Name))
    if not isinstance(statement, (ast.Assign, ast.AugAssign, ast.AnnAssign)):
        yield from _bound(statement)
        for child in ast.iter_child_nodes(statement):
            yield from _bound(child)


def _bound(node: ast.AST) -> Iterator[str]:
    """文が章に残す名前。関数や内包表記の中だけの名前は数えない。"""
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        yield node.name
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        yield node.id
    elif isinstance(node, (ast.Import, ast.ImportFrom)):
        yield from (alias.asname or alias.name.split(".")[0] for alias in node.names)
    elif not isinstance(node, INNER):
        for child in ast.iter_child_nodes(node):
            yield from _bound(child)


def _first_line(statement: ast.stmt) -> int:
    decorators = getattr(statement, "decorator_list", [])
    return min([statement.lineno, *(decorator.lineno for decorator in decorators)])
