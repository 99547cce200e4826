"""保存を見張って本を作り直し、ページを開き直すサーバー(``make serve``)。

見張りとページの配信はsphinx-autobuildに任せ、待ち時間の大半を占める読み込みだけを先に済ませておく:
torchなどは `chapter_server` に、Sphinxとその拡張はこのプロセスに。作り直すたびに分岐するので、
``bibun`` と ``bibun_site`` は、いつも保存したばかりのものが読み込まれる。
"""

from __future__ import annotations

import importlib
import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import sphinx.cmd.build
import sphinx_autobuild.__main__
from jupyter_book.cli.main import main as jupyter_book
from sphinx_autobuild.build import Builder

from bibun_site.chapter_server import WARM_SERVER
from bibun_site.environment import ENVIRONMENT
from bibun_site.processes import die_with_parent

# sphinx-autobuildへの引数。見張らないのは、ビルドが書くところ
BOOK = (".", "_build/serve", "-d", "_build/.serve", "-n")
IGNORED = ("*/_build/*", "*/.venv/*", "*/__pycache__/*")
PRELOAD = (
    "jupyter_book.config",
    "jupyter_cache.cache.main",
    "myst_nb.sphinx_ext",
    "pygments.formatters.html",
    "pygments.lexers.python",
    "sphinx.builders.html",
    "sphinx.environment.collectors.toctree",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.search.ja",
    "sphinx.writers.html5",
    "furo",
    "sphinx_comments",
    "sphinx_copybutton",
    "sphinx_external_toc",
)


class WarmBuilder(Builder):  # type: ignore[misc]
    """新しいPythonを始める代わりに、このプロセスを分岐させてビルドする。"""

    def __call__(self, *, changed_paths: Sequence[Path]) -> None:
        fork = multiprocessing.get_context("fork")
        process = fork.Process(target=build, args=(self.sphinx_args,))
        process.start()
        process.join()
        print(f"==> {self.uri} で見られます", flush=True)


def build(arguments: list[str]) -> None:
    """ビルドして、終了コードを返す。"""
    raise SystemExit(sphinx.cmd.build.main(arguments))


@contextmanager
def warm_server() -> Iterator[None]:
    """章を実行するプロセスを待たせておく。このプロセスが突然止まっても、入力が閉じて終わる。"""
    path = str(Path(tempfile.mkdtemp(prefix="bibun-serve-"), "door"))
    command = [sys.executable, "-m", "bibun_site.chapter_server", path]
    with subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True) as server:
        os.environ[WARM_SERVER] = path
        try:
            yield
        finally:
            assert server.stdin is not None
            server.stdin.close()
            server.wait()


def main() -> None:
    """本を見せる。引数は、sphinx-autobuildの引数に足される。"""
    jupyter_book(["config", "sphinx", "."], standalone_mode=False)  # 設定を conf.py に写す
    ignored = [word for pattern in IGNORED for word in ("--ignore", pattern)]
    arguments = [*BOOK, *ignored, *sys.argv[1:]]
    if not hasattr(os, "fork"):
        sphinx_autobuild.__main__.main(arguments)
        return
    os.environ.update(ENVIRONMENT)
    os.register_at_fork(after_in_child=die_with_parent)
    for name in PRELOAD:
        importlib.import_module(name)
    sphinx_autobuild.__main__.Builder = WarmBuilder
    with warm_server():
        sphinx_autobuild.__main__.main(arguments)


if __name__ == "__main__":
    main()
