"""ページの中でセルを動かすためのものを、サイトに置く。

- ``_static/live/*.gz`` と ``manifest.json``: Pyodide(npmのパッケージ)、``bibun`` をまとめたzip、それを読み込んだ
  ところのPyodideの記憶。送る量が配るサーバーによらないように、先に圧縮しておく。
- ``_static/live/cells/<章>.json``: 章のセル(`bibun_site.runnable`)。
- ページのセルに付く ``data-cell`` と ``data-not-runnable``。約束は ``web/runtime/contract.ts`` にある。
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import tempfile
import time
import zipfile
from collections.abc import Callable
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
CACHE = node.PACKAGES / ".cache" / "bibun-live"
SNAPSHOT = "web/runtime/snapshot.mjs"
BIBUN = node.ROOT / "src" / "bibun"
BOOK = "book/"
LEVEL = 7  # 9では、大きさは0.4%しか減らず、``bibun`` を直すたびに2秒半よけいに待つ
KEPT_SECONDS = 24 * 60 * 60
EARLIEST = (1980, 1, 1, 0, 0, 0)  # zipに書ける、いちばん早い日付


def place(app: Sphinx) -> None:
    """Pyodideとbibunを圧縮して、静的なファイルに加える。前のビルドと同じものは、作りも書きもしない。"""
    if app.builder.format != "html":
        return
    node.install()
    folder = Path(app.doctreedir).parent / ".live" / "live"
    app.config.html_static_path.append(str(folder.parent))
    parts = contents(app)
    wanted = "\n".join(f"{name} {origin}" for name, (origin, _) in parts.items())
    listing, made_from = folder / "manifest.json", folder.parent.with_name(".live.from")
    if listing.exists() and made_from.exists() and made_from.read_text() == wanted:
        return
    folder.mkdir(parents=True, exist_ok=True)
    manifest = {}
    for name, (origin, make) in parts.items():
        packed = made(f"{origin}.{LEVEL}.gz", make)
        (folder / f"{name}.gz").write_bytes(packed)
        manifest[name] = {"size": len(packed), "version": mark(gzip.decompress(packed))}
    listing.write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    made_from.write_text(wanted)
    forget_unused()


def made(name: str, make: Callable[[], bytes]) -> bytes:
    """圧縮したもの。名前が中身を決めるので、どの本のビルドも同じものを使う。"""
    path = CACHE / name
    if not path.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=CACHE, delete=False) as file:
            file.write(gzip.compress(make(), LEVEL, mtime=0))
        os.replace(file.name, path)  # 同時に作られても、途中のものは見えない
    os.utime(path)
    return path.read_bytes()


def forget_unused() -> None:
    """しばらく使われていないもの(前の ``bibun`` の記憶など)を、置き場から消す。"""
    for path in CACHE.iterdir():
        if path.stat().st_mtime < time.time() - KEPT_SECONDS:
            path.unlink(missing_ok=True)


def contents(app: Sphinx) -> dict[str, tuple[str, Callable[[], bytes]]]:
    """置くファイルの名前(web/runtime/wire.ts の ``Files`` と同じ)と、もとになるものの印と、中身を作る関数。"""
    pyodide = node.PACKAGES / "pyodide"
    package = (pyodide / "package.json").read_bytes()  # 版ごとに、中身は決まっている
    bibun = archive()
    worker = (front.place(app) / "live" / "worker.js").read_bytes()
    script = (node.ROOT / SNAPSHOT).read_bytes()
    files = {name: (mark(package, name.encode()), (pyodide / name).read_bytes) for name in PYODIDE}
    return {
        **files,
        "bibun.zip": (mark(bibun), lambda: bibun),
        "snapshot.bin": (mark(package, script, bibun), lambda: snapshot(pyodide, bibun)),
        "worker.js": (mark(worker), lambda: worker),
    }


def mark(*parts: bytes) -> str:
    """中身の印。"""
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]


def snapshot(pyodide: Path, packed: bytes) -> bytes:
    """Pyodideを起こし、``bibun`` を読み込んだところの記憶。"""
    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder, "bibun.zip"), Path(folder, "snapshot.bin")
        source.write_bytes(packed)
        node.run(SNAPSHOT, str(pyodide), str(source), str(out))
        return out.read_bytes()


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


def mark_cells(app: Sphinx, doctree: nodes.document, docname: str) -> None:
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
    app.connect("doctree-resolved", mark_cells)
    app.add_node(nodes.container, override=True, html=(visit_container, depart_container))
