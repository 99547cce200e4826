"""章を実行するテストに共通のもの: ノートブックの作り方と、小さな本のビルド。"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest

from bibun_site.chapter_server import WARM_SERVER
from bibun_site.environment import ENVIRONMENT

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("src", "web")  # webを指すだけにすると、まとめるときの場所がずれる
OWN = {"_build", "_config.yml", "_toc.yml", "book", "build", "dist", "requirements.txt", *COPIED}
FRONT = """---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  display_name: Python 3
  language: python
  name: python3
myst:
  html_meta:
    "description lang=ja": 実行を試すための章。
---

"""


@pytest.fixture(autouse=True, scope="session")
def warm_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """章を実行するプロセスを、本のビルドと同じ環境で待たせておく。"""
    folder = tmp_path_factory.mktemp("temporary")
    door = Path(tempfile.mkdtemp(), "door")  # ソケットの場所は、長くできない
    before = dict(os.environ)
    os.environ.update(ENVIRONMENT, PYTHONPATH=str(ROOT / "src"), TMPDIR=str(folder))
    command = [sys.executable, "-m", "bibun_site.chapter_server", str(door)]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as server:
        while not door.exists():
            time.sleep(0.05)
        os.environ[WARM_SERVER] = str(door)
        yield
        server.communicate()
    os.environ.clear()
    os.environ.update(before)
    assert not door.parent.exists(), "ソケットが残っています"


def processes(mark: str) -> list[int]:
    """環境変数に ``mark`` のあるプロセス。"""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if mark.encode() in (place / "environ").read_bytes():
                found.append(int(place.name))
    return found


def settle(condition: Callable[[], bool], seconds: float = 30) -> bool:
    """条件が成り立つまで待つ。"""
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return condition()


def notebook(*sources: str) -> Any:
    """コードセルを並べたノートブック。"""
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    return nbformat.v4.new_notebook(
        cells=cells, metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    )


def page(name: str, *parts: str) -> str:
    """章のソース。部分は、文章か、``code`` で作ったセル。"""
    return FRONT + "\n\n".join([f"(ch-{name})=\n# 章{name}", *parts]) + "\n"


def code(source: str, options: str = "") -> str:
    """コードセルのソース。"""
    return f"```{{code-cell}} ipython3\n{options}{source}\n```"


@dataclass(frozen=True)
class Built:
    """ビルドの結果。"""

    returncode: int
    log: str

    @property
    def executed(self) -> set[str]:
        """このビルドで実行された章。"""
        return set(re.findall(r"^  \[\d+/\d+\] book/(\S+)", self.log, re.M))


class Book:
    """章の少ない、本物の設定の本。``bibun`` の写しを使うので、書きかえてもよい。"""

    def __init__(self, folder: Path, pages: dict[str, str], **settings: str) -> None:
        self.folder = folder
        (folder / "book").mkdir(parents=True)
        for part in COPIED:
            ignore = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / part, folder / part, ignore=ignore)
        for part in ROOT.iterdir():
            if part.name not in OWN and not part.name.startswith("."):
                (folder / part.name).symlink_to(part)
        (folder / "requirements.txt").write_text("torch==2\n", encoding="utf-8")
        config = (ROOT / "_config.yml").read_text(encoding="utf-8")
        for name, value in settings.items():
            config = config.replace(
                "    language: ja\n", f"    {name}: {value}\n    language: ja\n"
            )
        (folder / "_config.yml").write_text(config, encoding="utf-8")
        first, *rest = pages
        toc = f"format: jb-book\nroot: book/{first}\nchapters:\n"
        toc += "".join(f"  - file: book/{name}\n" for name in rest)
        (folder / "_toc.yml").write_text(toc, encoding="utf-8")
        for name, text in pages.items():
            self.page(name).write_text(text, encoding="utf-8")

    def page(self, name: str) -> Path:
        """章のファイル。"""
        return self.folder / "book" / f"{name}.md"

    def html(self, name: str) -> str:
        """作られたページ。"""
        return (self.folder / "_build/html/book" / f"{name}.html").read_text(encoding="utf-8")

    def command(self) -> tuple[list[str], dict[str, Any]]:
        """``make book`` の命令と、それを始めるときの条件。"""
        environment = {name: value for name, value in os.environ.items() if name not in ENVIRONMENT}
        del environment[WARM_SERVER]
        environment["PYTHONPATH"] = str(self.folder / "src")
        command = [sys.executable, "-m", "bibun_site"]
        return command, {"cwd": self.folder, "env": environment}

    def build(self, **options: Any) -> Built:
        """ビルドする。"""
        command, condition = self.command()
        done = subprocess.run(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            **condition,
            **options,
        )
        return Built(done.returncode, re.sub(r"\x1b\[[0-9;]*m", "", done.stdout))

    def interrupted_after(self, words: str) -> int:
        """ビルドし、``words`` を書いたら Ctrl-C で止める。終了コードを返す。"""
        command, condition = self.command()
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **condition
        ) as build:
            assert build.stdout is not None
            assert any(words in line for line in build.stdout), words
            build.send_signal(signal.SIGINT)
            build.stdout.read()
        return build.returncode
