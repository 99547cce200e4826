"""Sphinxが読む前に、章をまとめて実行し、jupyter-cacheに入れておく。

`chapter_server` に並べて実行させ、結果をキャッシュに入れる。myst-nbは、いつもどおりキャッシュから
受け取るだけになる。分岐できないシステム(Windows)では何もせず、myst-nbがふつうのカーネルで実行する。
"""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import nbformat
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from myst_nb.core.read import create_nb_reader
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging

logger = logging.getLogger(__name__)


def notebook_of(app: Sphinx, docname: str) -> Any | None:
    """章をノートブックとして読む。ノートブックでなければ ``None``。"""
    path = app.env.doc2path(docname)
    text = Path(path).read_text(encoding="utf-8")
    reader = create_nb_reader(path, app.env.myst_config, app.env.mystnb_config, text)
    return None if reader is None else reader.read(text)


def execute_ahead(app: Sphinx, _env: BuildEnvironment, docnames: list[str]) -> None:
    """これから読む章のうち、結果のないものを実行する。"""
    if not hasattr(os, "fork") or app.env.mystnb_config.execution_mode != "cache":
        return
    cache = get_cache(app.env.mystnb_config.execution_cache_path)
    waiting: dict[str, Any] = {}
    for docname in docnames:
        notebook = notebook_of(app, docname)
        if notebook is not None and not _cached(cache, notebook):
            waiting[docname] = notebook
    if not waiting:
        return
    logger.info("セルを実行しています: %dページ", len(waiting))
    for docname, notebook, seconds, reason in execute(waiting):
        if reason:
            logger.warning("実行が途中で止まりました: %s", reason, location=docname)
        bundle = CacheBundleIn(
            notebook, app.env.doc2path(docname), data={"execution_seconds": seconds}
        )
        record = cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
        if reason:  # 止められた結果は、このビルドの報告にだけ使う
            app.connect("build-finished", functools.partial(_forget, cache, record.pk))


def _forget(cache: Any, pk: int, *_: object) -> None:
    with suppress(KeyError):
        cache.remove_cache(pk)


def _cached(cache: Any, notebook: Any) -> bool:
    try:
        cache.match_cache_notebook(notebook)
    except KeyError:
        return False
    return True


def execute(notebooks: dict[str, Any]) -> Any:
    """ノートブックを並べて実行し、終わったものから(名前、ノートブック、秒、止められた理由)を返す。"""
    server = subprocess.Popen(
        [sys.executable, "-m", "bibun_site.chapter_server"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert server.stdin is not None
    assert server.stdout is not None
    started = time.perf_counter()
    try:
        with tempfile.TemporaryDirectory() as folder:
            cells = {}
            for number, (name, notebook) in enumerate(notebooks.items()):
                workdir = Path(folder, str(number))
                workdir.mkdir()
                cells[name] = _prepare(notebook)
                job = {
                    "name": name,
                    "sources": [cell.source for cell in cells[name]],
                    "workdir": str(workdir),
                }
                server.stdin.write(json.dumps(job).encode() + b"\n")
            server.stdin.flush()
            seconds = dict.fromkeys(notebooks, 0.0)
            at = dict.fromkeys(notebooks, 0)
            done = 0
            for line in server.stdout:
                message = json.loads(line)
                name = message["name"]
                if "outputs" in message:
                    _fill(cells[name][message["cell"]], message)
                    seconds[name] += message["seconds"]
                elif "cell" in message:
                    at[name] = message["cell"]
                else:
                    done += 1
                    reason = message["reason"]
                    if reason:
                        reason = f"{at[name] + 1}番目のセル: {reason}"
                    logger.info("  [%d/%d] %s %.1f秒", done, len(notebooks), name, seconds[name])
                    yield name, notebooks[name], seconds[name], reason
                    if done == len(notebooks):
                        break
    finally:
        server.stdin.close()
        server.wait()
    if done < len(notebooks):
        raise RuntimeError("章を実行するプロセスが止まりました。")
    logger.info("セルを実行しました: %.1f秒", time.perf_counter() - started)


def _prepare(notebook: Any) -> list[Any]:
    """実行するコードセルを並べ、前の結果を消す。"""
    notebook.metadata.setdefault("language_info", {"name": "python", "pygments_lexer": "ipython3"})
    cells = [
        cell
        for cell in notebook.cells
        if cell.cell_type == "code" and "skip-execution" not in cell.metadata.get("tags", [])
    ]
    for cell in cells:
        cell.outputs, cell.execution_count = [], None
    return cells


def _fill(cell: Any, message: dict[str, Any]) -> None:
    cell.execution_count = message["count"]
    cell.outputs = [nbformat.from_dict(output) for output in message["outputs"]]


def write_executed(app: Sphinx, _doctree: object) -> None:
    """実行済みノートブックを書く(myst-nbは、キャッシュから受けた結果を書かない)。"""
    docname = app.env.docname
    notebook = notebook_of(app, docname)
    if notebook is None or app.env.mystnb_config.execution_mode != "cache":
        return
    cache = get_cache(app.env.mystnb_config.execution_cache_path)
    _, merged = cache.merge_match_into_notebook(notebook)
    path = executed_path(app, docname)
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(merged, path)


def executed_path(app: Sphinx, docname: str) -> Path:
    """実行済みノートブックの置き場所。"""
    return Path(app.env.mystnb_config.output_folder, f"{docname}.ipynb")


def setup(app: Sphinx) -> None:
    """Sphinxに登録する。"""
    app.connect("env-before-read-docs", execute_ahead)
    app.connect("doctree-read", write_executed, priority=400)  # 検査(既定の500)より前
