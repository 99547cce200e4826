"""古い結果が使われず、要らない実行がないこと。"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from .conftest import Book, code, page, processes

EVERYTHING = {"plain", "direct", "through", "judged"}
ANSWER = "def answer():\n    return {}\n"


@pytest.fixture
def book(tmp_path: Path) -> Book:
    """``bibun`` に足した関数を使う章、それを通して使う章、使わない章からなる本。"""
    pages = {
        "plain": page("plain", code("40 + 2")),
        "direct": page("direct", code("from bibun.added import answer\n\nanswer()")),
        "through": page("through", code("import bibun.between\n\nbibun.between.answer()")),
        "judged": page("judged", code('from bibun.exercises import check\n\ncheck("1-1", 3.0)')),
    }
    book = Book(tmp_path, pages)
    (tmp_path / "src/bibun/added.py").write_text(ANSWER.format(1111), encoding="utf-8")
    between = "def answer():\n    from .added import answer\n\n    return -answer()\n"
    (tmp_path / "src/bibun/between.py").write_text(between, encoding="utf-8")
    (tmp_path / "src/bibun/more.py").write_text("SIGN = -1\n", encoding="utf-8")
    return book


def edit(path: Path, old: str, new: str) -> None:
    """ファイルの1か所を書きかえる。"""
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_what_changed_and_only_that_is_executed(book: Book) -> None:
    built = book.build()
    assert built.returncode == 0, built.log
    assert built.executed == EVERYTHING
    assert "1111" in book.html("direct")

    assert book.build().executed == set(), "何も変わっていない"

    added = book.folder / "src/bibun/added.py"
    before = added.stat()
    added.write_text(ANSWER.format(22222), encoding="utf-8")
    os.utime(
        added, (before.st_atime, before.st_mtime)
    )  # 時刻ではなく、中身を見ること(Pythonは長さも見る)
    assert book.build().executed == {"direct", "through"}
    assert "22222" in book.html("direct")
    assert "-22222" in book.html("through")

    added.write_text(ANSWER.format(1111), encoding="utf-8")
    assert book.build().executed == set(), "前と同じ中身に戻っただけ"
    assert not processes(f"PYTHONPATH={book.folder}"), "早く始めて使わなかったプロセスも残さない"
    assert "1111" in book.html("direct")

    exercises = book.folder / "src/bibun/exercises"
    edit(exercises / "backward_drill.py", 'id="2-1"', 'id="2-1" ""')
    assert book.build().executed == set(), "この本にない演習"
    edit(exercises / "tensor_make.py", 'id="1-1"', 'id="1-1" ""')
    assert book.build().executed == {"judged"}

    edit(book.page("direct"), "# 章direct", "# 章direct\n\n文章だけを足しました。")
    assert book.build().executed == set()
    assert "文章だけを足しました。" in book.html("direct")

    edit(book.page("plain"), "40 + 2", "40 + 3")
    assert book.build().executed == {"plain"}
    assert ">43<" in book.html("plain").replace("\n", "")

    more = book.folder / "src/bibun/more.py"
    new = "from .more import SIGN\n\n    return SIGN * answer()"
    edit(book.folder / "src/bibun/between.py", "return -answer()", new)
    assert book.build().executed == {"through"}
    edit(book.page("through"), "# 章through", "# 章through\n\n文章だけを足しました。")
    assert book.build().executed == set()
    more.write_text("SIGN = 1\n", encoding="utf-8")
    assert book.build().executed == {"through"}, "使うファイルが増えた"
    assert "-1111" not in book.html("through")

    edit(book.folder / "src/bibun_site/japanese.py", "from __future__", "\nfrom __future__")
    built = book.build()
    assert re.search(r"updating environment: \[.*\] 4 added", built.log)
    assert built.executed == set(), "拡張が変われば読み直すが、結果は変わらない"

    edit(book.folder / "requirements.txt", "torch==2", "torch==3")
    assert book.build().executed == EVERYTHING
