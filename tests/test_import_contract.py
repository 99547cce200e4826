"""``bibun`` は標準ライブラリーだけで読み込め、``bibun_site`` を知らず、部屋の順序を守ること。"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SRC = Path(__file__).resolve().parents[1] / "src"
MODULES = sorted((SRC / "bibun").rglob("*.py"))


def module_level_imports(path: Path) -> Iterator[str]:
    """読み込み時に実行されるimportの、先頭の名前(``TYPE_CHECKING`` の中は除く)。"""
    pending: list[ast.stmt] = list(ast.parse(path.read_text(encoding="utf-8")).body)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
        elif isinstance(node, ast.If) and "TYPE_CHECKING" not in ast.unparse(node.test):
            pending += node.body + node.orelse
        elif isinstance(node, (ast.Try, ast.ClassDef)):
            pending += node.body


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(SRC).as_posix())
def test_module_needs_only_the_standard_library_to_import(path: Path) -> None:
    for name in module_level_imports(path):
        root = name.split(".")[0]
        assert root == "bibun" or root in sys.stdlib_module_names, f"{path.name}: {name}"
        assert root != "bibun_site"


LOWER_ROOMS = {
    "browser",
    "descent",
    "exercise",
    "exercises",
    "graph",
    "notebook",
    "plotting",
    "render",
}


def rooms(path: Path) -> set[str]:
    """モジュールが読み込み時に使う、``bibun`` の部屋。"""
    found = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom) and node.module == "bibun":
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("bibun."):
            found.add(node.module.split(".")[1])
        elif isinstance(node, ast.Import):
            found |= {a.name.split(".")[1] for a in node.names if a.name.startswith("bibun.")}
    return found


def test_rooms_form_no_cycle_and_the_engine_knows_no_lower_room() -> None:
    uses: dict[str, set[str]] = {}
    for path in MODULES:
        room = path.relative_to(SRC / "bibun").parts[0].removesuffix(".py")
        uses.setdefault(room, set()).update(rooms(path) - {room})
    del uses["__init__"]  # 入口は、どの部屋も使ってよい
    for room in uses.keys() - LOWER_ROOMS:
        assert not uses[room] & LOWER_ROOMS, f"{room} が {uses[room] & LOWER_ROOMS} を使っています"
    while uses:
        free = {room for room, used in uses.items() if not used & uses.keys()}
        assert free, f"互いに読み込み合っています: {uses}"
        uses = {room: used for room, used in uses.items() if room not in free}


def test_importing_everything_loads_nothing_outside_the_standard_library() -> None:
    code = (
        "import importlib, pkgutil, sys, bibun\n"
        "names = [m.name for m in pkgutil.walk_packages(bibun.__path__, 'bibun.')]\n"
        "assert len(names) > 10, names\n"
        "[importlib.import_module(name) for name in names]\n"
        "roots = {name.split('.')[0] for name in sys.modules}\n"
        "foreign = {'torch', 'numpy', 'matplotlib', 'IPython', 'sphinx', 'bibun_site'} & roots\n"
        "assert not foreign, foreign\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": str(SRC)})
