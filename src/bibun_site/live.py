"""ページの中でセルを動かすためのものを、サイトに置く。

- ``_static/live/*.gz`` と ``manifest.json``: Pyodide(npmのパッケージ)と、``bibun`` をまとめたzip。
  送る量が配るサーバーによらないように、先に圧縮しておく。
- ``_static/live/cells/<章>.json``: 章のセル(`bibun_site.runnable`)。
- ページのセルに付く ``data-cell`` と ``data-not-runnable``。約束は ``web/runtime/contract.ts`` にある。
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import zipfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import nbformat
from docutils import nodes
from sphinx.application import Sphinx

from bibun_site import front, node
from bibun_site.execution import executed_path
from bibun_site.runnable import LiveCell, live_cells

__all__ = ["setup"]

PYODIDE = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip")
BIBUN = node.ROOT / "src" / "bibun"
BOOK = "book/"
EARLIEST = (1980, 1, 1, 0, 0, 0)  # zipに書ける、いちばん早い日付


def place(app: Sphinx) -> None:
    """Pyodideとbibunを、変わったものだけ圧縮し直して、静的なファイルに加える。"""
    if app.builder.format != "html":
        return
    static = Path(app.doctreedir).parent / ".live"
    app.config.html_static_path.append(str(static))
    folder = static / "live"
    folder.mkdir(parents=True, exist_ok=True)
    listing = folder / "manifest.json"
    before = json.loads(listing.read_text()) if listing.exists() else {}
    manifest = {}
    for name, data in contents(app).items():
        version = hashlib.sha256(data).hexdigest()[:16]
        packed = folder / f"{name}.gz"
        if before.get(name, {}).get("version") != version or not packed.exists():
            packed.write_bytes(gzip.compress(data, 9, mtime=0))
        manifest[name] = {"size": packed.stat().st_size, "version": version}
    if manifest != before:
        listing.write_text(json.dumps(manifest, indent=1) + "\n")


def contents(app: Sphinx) -> dict[str, bytes]:
    """置くファイルの名前と中身。名前は web/runtime/wire.ts の ``Files`` と同じ。"""
    pyodide = node.PACKAGES / "pyodide"
    worker = front.place(app) / "live" / "worker.js"
    return {
        **{name: (pyodide / name).read_bytes() for name in PYODIDE},
        "bibun.zip": archive(),
        "worker.js": worker.read_bytes(),
    }


def archive() -> bytes:
    """``bibun`` をまとめたzip。同じソースからは、いつも同じものができる。"""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        for path in sorted(BIBUN.rglob("*.py")):
            name = path.relative_to(BIBUN.parent).as_posix()
            packed.writestr(zipfile.ZipInfo(name, EARLIEST), path.read_bytes())
    return buffer.getvalue()


def cells_of(app: Sphinx, docname: str) -> list[LiveCell]:
    """章のセル。章でないページや、実行されていない章では空。"""
    path = executed_path(app, docname)
    if not docname.startswith(BOOK) or not path.exists():
        return []
    return live_cells(docname.removeprefix(BOOK), nbformat.read(path, as_version=4))


def mark(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """ページのセルに名前と理由を付け、章のセルの一覧を書く。"""
    if app.builder.format != "html":
        return
    cells = cells_of(app, docname)
    if not cells:
        return
    chapter = docname.removeprefix(BOOK)
    named = {cell.id: cell for cell in cells}
    for container in doctree.findall(nodes.container):
        cell = named.get(f"{chapter}#{container.get('cell_index')}")
        if cell is not None and container.get("nb_element") == "cell_code":
            container["live"] = cell
    path = Path(app.outdir, "_static", "live", "cells", f"{chapter}.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    listing = {"chapter": chapter, "cells": [asdict(cell) for cell in cells]}
    path.write_text(json.dumps(listing, ensure_ascii=False) + "\n", encoding="utf-8")


def visit_container(self: Any, container: nodes.container) -> None:
    """``<div>`` を開く。セルには、ページのプログラムが使う属性を付ける。"""
    attributes = {}
    cell: LiveCell | None = container.get("live")
    if cell is not None:
        attributes["data-cell"] = cell.id
        if cell.reason is not None:
            attributes["data-not-runnable"] = cell.reason
    tag = self.starttag(container, "div", CLASS="docutils container", **attributes)
    self.body.append(tag)


def depart_container(self: Any, _container: nodes.container) -> None:
    """``</div>`` で閉じる。"""
    self.body.append("</div>\n")


def setup(app: Sphinx) -> None:
    """Sphinxに登録する。"""
    app.connect("builder-inited", place, priority=200)  # ワーカーをまとめる front より後
    app.connect("doctree-resolved", mark)
    app.add_node(nodes.container, override=True, html=(visit_container, depart_container))
