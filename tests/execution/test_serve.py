"""保存すると新しいページになり、止めると何も残らないこと(``make serve``)。"""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import Book, code, page, processes, settle


def free_port() -> int:
    """空いているポート。"""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Served:
    """見せている本。"""

    def __init__(self, book: Book, temporary: Path) -> None:
        _, condition = book.command()
        condition["env"]["TMPDIR"] = str(temporary)
        self.port = free_port()
        command = [sys.executable, "-m", "bibun_site.serve", "--port", str(self.port)]
        self.book, self.temporary = book, temporary
        self.log = book.folder / "log.txt"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, **condition)

    def is_watching(self) -> bool:
        """ページを配り、保存を見張っているか(見張りは、配り始めるときに始まる)。"""
        with socket.socket() as visitor:
            if visitor.connect_ex(("127.0.0.1", self.port)):
                return False
        time.sleep(0.5)
        return True

    def html(self, name: str) -> str:
        """いま見えるページ。"""
        path = self.book.folder / "_build/serve/book" / f"{name}.html"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def shows(self, name: str, text: str) -> bool:
        """ページに文字が現れるまで待つ。"""
        return settle(lambda: text in self.html(name))

    def processes(self) -> list[int]:
        """この本を見せるために動いているプロセス。"""
        return processes(f"TMPDIR={self.temporary}")


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    pages = {
        "prose": page("prose", "はじめの文。", code("6 * 7")),
        "code": page("code", code("from bibun.added import answer\n\nanswer()")),
    }
    book = Book(tmp_path / "book", pages)
    (book.folder / "src/bibun/added.py").write_text("def answer():\n    return 1111\n", "utf-8")
    (tmp_path / "tmp").mkdir()
    served = Served(book, tmp_path / "tmp")
    yield served
    served.process.kill()
    served.process.wait()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_saved_pages_appear_and_nothing_is_left_after(served: Served, how: signal.Signals) -> None:
    book = served.book
    assert served.shows("code", "1111"), served.log.read_text("utf-8")
    assert settle(served.is_watching)
    prose = book.page("prose")
    prose.write_text(prose.read_text("utf-8").replace("はじめの文。", "次の文。"), "utf-8")
    assert served.shows("prose", "次の文。")
    code_page = book.page("code")
    code_page.write_text(code_page.read_text("utf-8").replace("answer()", "answer() + 1"), "utf-8")
    assert served.shows("code", "1112")
    (book.folder / "src/bibun/added.py").write_text("def answer():\n    return 2221\n", "utf-8")
    assert served.shows("code", "2222")
    recorder = book.folder / "src/bibun_site/recorder.py"
    shown = 'self._append(output)\n        output["data"] = {"text/plain": "3333"}\n'
    recorder.write_text(
        recorder.read_text("utf-8").replace("self._append(output)\n", shown, 1), "utf-8"
    )
    assert served.shows("code", "3333"), "出力を決めるものも、保存したばかりのものが使われる"
    executed = re.findall(r"\[\d+/\d+\] (\S+)", served.log.read_text("utf-8"))
    assert sorted(executed[:2]) == ["book/code", "book/prose"]
    assert executed[2:4] == ["book/code", "book/code"]
    assert sorted(executed[4:]) == ["book/code", "book/prose"]
    served.process.send_signal(how)
    served.process.wait()
    assert settle(lambda: not served.processes(), 10)
    assert list(served.temporary.iterdir()) == []
