"""住所のあるサイトと、Jupyterだけが入った仮想環境を、テストに渡す。"""

from __future__ import annotations

import functools
import http.server
import os
import re
import shutil
import subprocess
import sys
import threading
import venv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest

from bibun_site.chapter_server import WARM_SERVER
from bibun_site.environment import ENVIRONMENT

ROOT = Path(__file__).resolve().parents[2]
REUSED = (".jupyter_cache", ".mathematics.json", ".mathematics")
HERE = Path(__file__).parent
PAGES = re.findall(r"(?:root|file): book/(\S+)", (ROOT / "_toc.yml").read_text(encoding="utf-8"))


@pytest.hookimpl(tryfirst=True)  # pytest-xdistが印を読むより先
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """サイトも仮想環境も1つですむように、ここのテストを1つのプロセスに集める。"""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.xdist_group("notebooks"))


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    """要求を1行ずつ書き出さないハンドラー。"""

    def log_message(self, *_: object) -> None:
        return


@dataclass(frozen=True)
class Published:
    """住所のあるサイト。"""

    build: Path
    address: str

    @property
    def html(self) -> Path:
        """サイトのフォルダー。"""
        return self.build / "html"

    @property
    def downloads(self) -> Path:
        """持ち帰るもののフォルダー。"""
        return self.html / "downloads"

    def read(self, name: str) -> Any:
        """サイトの配るノートブック。"""
        return nbformat.read(self.downloads / f"{name}.ipynb", as_version=4)


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Published]:
    """ループバックのサーバーを住所にして作った本(セルの実行結果は ``make book`` のもの)。"""
    build = tmp_path_factory.mktemp("published") / "_build"
    (build / "html").mkdir(parents=True)
    for name in REUSED:
        before = ROOT / "_build" / name
        if not before.exists():
            pytest.fail("本がありません。先に `make book` を実行してください。")
        copy = shutil.copytree if before.is_dir() else shutil.copy
        copy(before, build / name)
    handler = functools.partial(QuietHandler, directory=str(build / "html"))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}/"
    jupyter_book = str(Path(sys.executable).with_name("jupyter-book"))
    environment = {k: v for k, v in os.environ.items() if k != WARM_SERVER}
    done = subprocess.run(
        [jupyter_book, "build", ".", "-n", "-W", "--keep-going", "--path-output", build.parent],
        cwd=ROOT,
        env={
            **environment,
            "PYTHONPATH": str(ROOT / "src"),
            "BIBUN_SITE_URL": address,
            "BIBUN_REPOSITORY": "owner/name",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    yield Published(build, address)
    server.shutdown()
    server.server_close()


@dataclass(frozen=True)
class Environment:
    """Jupyterだけが入った、読者の仮想環境。"""

    folder: Path

    @property
    def python(self) -> Path:
        """仮想環境のPython。"""
        return self.folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

    def run(self, notebook: Any, place: Path, **variables: str) -> subprocess.CompletedProcess[str]:
        """ノートブックを ``place`` に置いて、初めから終わりまで実行する。出力は ``notebook`` に入る。"""
        place.mkdir(exist_ok=True)
        path = place / "notebook.ipynb"
        nbformat.write(notebook, path)
        names = ("PYTHONPATH", "MPLBACKEND", WARM_SERVER)
        clean = {name: value for name, value in os.environ.items() if name not in names}
        done = subprocess.run(
            [self.python.with_name("jupyter-execute"), "--inplace", "--timeout=900", path],
            env={**clean, **ENVIRONMENT, "IPYTHONDIR": str(place / "ipython"), **variables},
            capture_output=True,
            text=True,
            check=False,
        )
        notebook.cells = nbformat.read(path, as_version=4).cells
        return done


@pytest.fixture(scope="session")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """Jupyterの、ノートブックを実行する部品だけを入れた仮想環境。"""
    environment = Environment(tmp_path_factory.mktemp("reader") / "venv")
    venv.create(environment.folder, with_pip=True)
    command = [environment.python, "-m", "pip", "install", "--quiet", "ipykernel", "nbclient"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return environment
