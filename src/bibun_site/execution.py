"""Sphinxが読む前に、章をまとめて実行し、jupyter-cacheに入れておく。

`chapter_server` に並べて実行させ、結果をキャッシュに入れる。myst-nbは、いつもどおりキャッシュから
受け取るだけになる。分岐できないシステム(Windows)では何もせず、myst-nbがふつうのカーネルで実行する。
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from jupyter_cache.base import CacheBundleIn
from myst_nb.sphinx_ import NbMetadataCollector
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging

from bibun_site.ahead import connection
from bibun_site.chapter_cache import ChapterCache
from bibun_site.chapter_server import encode
from bibun_site.kernel import note_sources, notebook_of, recorded_times
from bibun_site.progress import Progress

logger = logging.getLogger(__name__)

STOPPED = "stopped"  # 結果とともに覚えておく、実行が止められた理由
MEMORY = 2 << 30  # 1つの章が、読み込み済みのパッケージのほかに使ってよいバイト数


@dataclass
class Run:
    """1つの章の実行。"""

    name: str
    notebook: Any
    seconds: dict[int, float] = field(default_factory=dict)
    at: int = -1
    reason: str = ""
    traceback: str = ""

    def __post_init__(self) -> None:
        self.cells = [cell for cell in self.notebook.cells if is_executed(cell)]
        for cell in self.notebook.cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None

    def hear(self, message: dict[str, Any]) -> bool:
        """知らせを受ける。章が終われば真。"""
        if "end" in message:
            self.reason, self.traceback = message["reason"], message["traceback"]
            return True
        if "outputs" in message:
            cell = self.cells[message["cell"]]
            cell.outputs = [nbformat.from_dict(output) for output in message["outputs"]]
            if "count" in message:
                cell.execution_count = message["count"]
                self.seconds[message["cell"]] = message["seconds"]
        elif "cell" in message:
            self.at = message["cell"]
        return False

    def place(self, cell: int) -> int:
        """実行するセルの、ノートブックの中での番号。"""
        return next(
            i for i, each in enumerate(self.notebook.cells) if each is self.cells[max(cell, 0)]
        )


def is_executed(cell: Any) -> bool:
    """実行するセルか(ふつうのカーネルでも、空のセルは実行しない)。"""
    return (
        cell.cell_type == "code"
        and bool(cell.source.strip())
        and "skip-execution" not in cell.metadata.get("tags", [])
    )


# ---- 実行 ---------------------------------------------------------------------------------


def execute(
    notebooks: dict[str, Any],
    *,
    seconds: float,
    memory: int = MEMORY,
    meanwhile: Callable[[], object] = lambda: None,
) -> Iterator[tuple[Run, list[Run]]]:
    """ノートブックを並べて実行し、知らせがあるたびに、その章と、実行中のすべての章を返す。

    Parameters
    ----------
    notebooks : dict
        名前とノートブック。結果はノートブックに書きこまれる。
    seconds : float
        1つのセルの時間の上限。
    memory : int
        1つの章が使ってよいバイト数。
    meanwhile : callable
        仕事を渡したあと、最初の知らせを待つ間にすること。
    """
    runs = {name: Run(name, notebook) for name, notebook in notebooks.items()}
    running: dict[str, Run] = {}
    left = len(runs)
    with connection() as channel:
        for name, run in runs.items():
            sources = [cell.source for cell in run.cells]
            job = {"name": name, "sources": sources, "seconds": seconds, "memory": memory}
            channel.sendall(encode(job))
        meanwhile()
        for line in channel.makefile("rb"):
            message = json.loads(line)
            run = running.setdefault(message["name"], runs[message["name"]])
            if run.hear(message):
                del running[run.name]
                left -= 1
            yield run, list(running.values())
            if not left:
                return
        raise RuntimeError("章を実行するプロセスが止まりました。")


# ---- Sphinxとのつなぎ ---------------------------------------------------------------------


def execute_ahead(app: Sphinx, _env: BuildEnvironment, docnames: list[str]) -> None:
    """これから読む章のうち、結果のないものを実行する。"""
    config = app.env.mystnb_config
    if not app.config.bibun_fork or config.execution_mode != "cache":
        return
    cache = ChapterCache(config.execution_cache_path)
    waiting: dict[str, Any] = {}
    for docname in docnames:
        notebook = notebook_of(app, docname)
        if notebook is not None and not _cached(cache, notebook):
            waiting[docname] = notebook
    if not waiting:
        return
    progress = Progress(len(waiting))
    results = execute(
        waiting,
        seconds=config.execution_timeout,
        meanwhile=lambda: app.emit("cells-running"),
    )
    for run, running in results:
        if run not in running:
            progress.finished(run.name, run.seconds, run.at if run.reason else None)
            _keep(app, cache, run)
        progress.show((each.name, each.at, len(each.cells)) for each in running)
    progress.summary()


def _keep(app: Sphinx, cache: ChapterCache, run: Run) -> None:
    path = app.env.doc2path(run.name)
    data = {"execution_seconds": sum(run.seconds.values()), STOPPED: run.reason}
    bundle = CacheBundleIn(run.notebook, path, data=data)
    cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
    if run.reason:
        text = Path(path).read_text(encoding="utf-8")
        first = source_line(text, run.notebook, run.place(run.at))
        message = [f"{run.at + 1}番目のセルで実行が止まりました: {run.reason}"]
        message += describe_traceback(run.traceback, first)
        logger.warning("%s", "\n".join(message), location=(run.name, first))


def _cached(cache: ChapterCache, notebook: Any) -> bool:
    """結果があるか。途中で止められた結果は、そのビルドの報告にだけ使い、次には実行し直す。"""
    try:
        return not cache.match_cache_notebook(notebook).data.get(STOPPED)
    except KeyError:
        return False


def source_line(text: str, notebook: Any, index: int) -> int:
    """セルの最初の行が、章のファイルの何行目か(1から)。"""
    lines, source = text.splitlines(), notebook.cells[index].source.splitlines()
    fence = notebook.metadata.source_map[index]
    for start in range(fence, len(lines)):
        if lines[start : start + len(source)] == source:
            return start + 1
    return int(fence) + 1


def describe_traceback(words: str, first: int) -> list[str]:
    """止められたプロセスが書き残した場所のうち、章のセルの行だけを、外側から並べる。

    セルの外(実行するしくみの中)で起きた例外は、そのまま見せる。
    """
    if words.startswith("Traceback"):
        return textwrap.indent(words.rstrip(), "  ").splitlines()
    fatal = re.findall(r"^Fatal Python error: (.*)$", words, re.M)
    frames = re.findall(r'File "<ipython-input-(\d+)-[^"]*", line (\d+) in (.*)$', words, re.M)
    described = [f"  {error}" for error in fatal]
    newest = max((int(count) for count, _, _ in frames), default=0)
    for count, line, function in reversed(frames):
        where = "" if function == "<module>" else f"、関数 {function} の中"
        in_file = f"(ファイルの{first + int(line) - 1}行目)" if int(count) == newest else ""
        described.append(f"  {count}番のセルの{line}行目{in_file}{where}")
    return described


def write_executed(app: Sphinx, _doctree: object) -> None:
    """実行済みノートブックを書く(myst-nbは、キャッシュから受けた結果を書かない)。"""
    docname = app.env.docname
    notebook = notebook_of(app, docname)
    if notebook is None or app.env.mystnb_config.execution_mode != "cache":
        return
    note_sources(app.env, docname, notebook)
    NbMetadataCollector.get_exec_data(app.env, docname)["runtime"] = recorded_times(app).get(
        docname
    )
    cache = ChapterCache(app.env.mystnb_config.execution_cache_path)
    with suppress(KeyError):  # 実行が途中で止まった章には、結果がない
        _, merged = cache.merge_match_into_notebook(notebook)
        for number, cell in enumerate(merged.cells, start=1):
            cell["id"] = f"cell-{number}"  # もとの番号は、読むたびに変わる
        path = executed_path(app, docname)
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(merged, path)


def executed_path(app: Sphinx, docname: str) -> Path:
    """実行済みノートブックの置き場所。"""
    return Path(app.env.mystnb_config.output_folder, f"{docname}.ipynb")


def setup(app: Sphinx) -> None:
    """Sphinxに登録する。``cells-running`` は、章を待つ間に、ページを書くときに要るものを用意する機会である。"""
    app.add_event("cells-running")
    app.connect("env-before-read-docs", execute_ahead)
    app.connect("doctree-read", write_executed, priority=400)  # 検査(既定の500)より前
