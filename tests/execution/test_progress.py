"""実行の進み具合が告げられること: 終わった章と秒、終わりの表、端末では実行中の章とセル。"""

from __future__ import annotations

import os
import pty
import re
import subprocess

import pytest

from .conftest import Book, code, page

SLOW = 0.4
PAGES = {
    "quick": page("quick", *(code(f"{number} + 1") for number in range(5))),
    "slow": page("slow", code("import time"), "文。", code(f"time.sleep({SLOW})")),
}


def build_on_terminal(book: Book) -> str:
    """端末につないでビルドし、端末に出たものを返す。"""
    command, condition = book.command()
    ours, theirs = pty.openpty()
    with subprocess.Popen(command, stdout=theirs, stderr=theirs, **condition) as process:
        os.close(theirs)
        parts = []
        while part := read(ours):
            parts.append(part)
    os.close(ours)
    text = b"".join(parts).decode(errors="replace")
    assert process.returncode == 0, text
    return text


def read(descriptor: int) -> bytes:
    """端末の続き。閉じられていれば空(Linuxではエラーになる)。"""
    try:
        return os.read(descriptor, 1 << 16)
    except OSError:
        return b""


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Book:
    return Book(tmp_path_factory.mktemp("progress"), PAGES)


@pytest.fixture(scope="module")
def shown(book: Book) -> str:
    """端末で最初から作ったときに、端末に出たもの。"""
    return build_on_terminal(book)


@pytest.fixture(scope="module")
def logged(book: Book, shown: str) -> str:
    """その後に全部のコードを変え、端末につながずに作ったときの記録。"""
    for name in PAGES:
        path = book.page(name)
        text = path.read_text("utf-8").replace(" + 1", " + 2").replace("sleep(", "sleep(0.1 + ")
        path.write_text(text, "utf-8")
    built = book.build()
    assert built.returncode == 0, built.log
    return built.log


def test_every_chapter_is_counted_with_its_cells_and_seconds(logged: str) -> None:
    assert "セルを実行しています: 2ページ\n" in logged
    lines = re.findall(r"^  \[(\d)/2\] book/(\w+) (\d)セル ([\d.]+)秒$", logged, re.M)
    assert [line[0] for line in lines] == ["1", "2"]
    told = {name: (int(cells), float(seconds)) for _, name, cells, seconds in lines}
    assert told.keys() == PAGES.keys()
    assert told["quick"][0] == 5
    assert told["slow"][0] == 2
    assert told["slow"][1] >= SLOW


def test_the_slowest_cells_are_told_at_the_end(logged: str) -> None:
    _, total, table = re.split(r"セルを実行しました: ([\d.]+)秒\n長かったセル:\n", logged)
    rows = re.findall(r"^  +([\d.]+)秒  book/(\w+) (\d)番目のセル$", table, re.M)
    seconds = [float(row[0]) for row in rows]
    assert len(rows) == 5, "7つのうち、長いほうの5つ"
    assert rows[0][1:] == ("slow", "2")
    assert float(total) >= seconds[0] >= SLOW
    assert seconds == sorted(seconds, reverse=True)


def test_a_terminal_shows_the_running_chapter_and_cell(shown: str) -> None:
    assert re.search(r"[\d.]+秒  (book/quick \d/5  )?book/slow 2/2", shown)
    assert re.search(r"\[\d/2\] book/slow 2セル", shown)


def test_a_log_has_no_line_that_is_rewritten(logged: str) -> None:
    assert "book/slow 2/2" not in logged
