"""章どうしが切り離され、限りを超えた章が、場所とともに告げられ、何も残らないこと。"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from bibun_site.chapter_server import WARM_SERVER
from bibun_site.execution import Run, describe_traceback, execute

from .conftest import ROOT, Book, code, notebook, page, processes, settle

MARK = f"bibun-execution-test-{os.getpid()}"  # このテストが起こしたプロセスの目印
ENVIRONMENT = f"env={{**os.environ, '{MARK}': '1'}}"
SLEEPER = f"import os, subprocess\nchild = subprocess.Popen(['sleep', '300'], {ENVIRONMENT})"
DAEMON = f"\nsubprocess.Popen(['sleep', '300'], {ENVIRONMENT}, start_new_session=True)"


def run(seconds: float = 30, **books: Any) -> dict[str, Run]:
    """実行し終えた章。"""
    done = {}
    for each, running in execute(books, seconds=seconds):
        if each not in running:
            done[each.name] = each
    return done


def texts(cell: Any) -> str:
    """セルの出力の文字。"""
    parts = []
    for output in cell.outputs:
        parts.append(output.get("text") or output.get("evalue") or output.data["text/plain"])
    return "".join(parts)


# ---- 切り離し -----------------------------------------------------------------------------


def test_each_chapter_has_its_own_process_and_empty_folder() -> None:
    place = "import os\nprint(os.getpid(), os.getcwd(), os.listdir())"
    books = {"a": notebook(place), "b": notebook(place)}
    run(**books)
    first, second = (texts(book.cells[0]).split() for book in books.values())
    assert first[:2] != second[:2]
    assert first[0] != str(os.getpid())
    assert first[2:] == second[2:] == ["[]"]


def test_nothing_of_one_chapter_is_seen_by_another() -> None:
    leaves = notebook(
        "import os, sys, matplotlib\nsecret = 1\nopen('left.txt', 'w').close()\n"
        "matplotlib.rcParams['font.size'] = 99\nos.environ['SECRET'] = '1'\nsys.modules['secret'] = os"
    )
    sees = (
        "import os, sys, matplotlib\n"
        "print('secret' in globals(), os.listdir(), matplotlib.rcParams['font.size'] == 99, "
        "'SECRET' in os.environ, 'secret' in sys.modules)"
    )
    books = {"a": leaves, "b": notebook(sees), "c": notebook(sees), "d": notebook(sees)}
    run(**books)
    for name in "bcd":
        assert texts(books[name].cells[0]) == "False [] False False False\n"


# ---- 限り ---------------------------------------------------------------------------------


def test_a_cell_over_time_is_stopped_and_the_place_is_told() -> None:
    slow = notebook("1", "def wait():\n    import time\n    time.sleep(99)\n\n\nwait()", "2")
    books = {"slow": slow, "fast": notebook("1 + 1"), "after": notebook("2 + 2")}
    done = run(seconds=4, **books)
    assert done["slow"].reason == "1つのセルが4秒を超えました"
    assert done["slow"].at == 1
    assert describe_traceback(done["slow"].traceback, first=10) == [
        "  2番のセルの6行目(ファイルの15行目)",
        "  2番のセルの3行目(ファイルの12行目)、関数 wait の中",
    ]
    assert texts(slow.cells[0]) == "1"
    assert slow.cells[2].execution_count is None
    assert (texts(books["fast"].cells[0]), texts(books["after"].cells[0])) == ("2", "4")


def test_time_is_counted_for_each_cell() -> None:
    cell = "import time\ntime.sleep(1.5)"
    assert not run(seconds=4, a=notebook(cell, cell, cell))["a"].reason


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import os\nos._exit(3)", "終了コード 3"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "シグナル SIGKILL"),
        ("import ctypes\nctypes.string_at(0)", "シグナル SIGSEGV"),
        ("from bibun_site import chapter\nchapter.flush_native = lambda: 1 / 0", "終了コード 1"),
    ],
)
def test_a_chapter_that_dies_is_reported_and_the_others_finish(source: str, reason: str) -> None:
    books = {"dies": notebook("1", source, "2"), "lives": notebook("1 + 1")}
    done = run(**books)
    assert done["dies"].reason == f"プロセスが途中で止まりました({reason})"
    assert done["dies"].at == 1
    assert texts(books["lives"].cells[0]) == "2"
    if "SEGV" in reason:
        assert describe_traceback(done["dies"].traceback, first=1) == [
            "  Segmentation fault",
            "  2番のセルの2行目(ファイルの2行目)",
        ]
    if "コード 1" in reason:
        words = describe_traceback(done["dies"].traceback, first=1)
        assert words[0] == "  Traceback (most recent call last):"
        assert words[-1] == "  ZeroDivisionError: division by zero"


def test_memory_is_limited_and_torch_still_works() -> None:
    book = notebook(
        "big = bytearray(3 << 30)",
        "import torch\nbig = torch.ones(1 << 30)",
        "torch.ones(1 << 20).sum()",
    )
    assert not run(a=book)["a"].reason
    assert book.cells[0].outputs[0].ename == "MemoryError"
    assert "can't allocate memory" in texts(book.cells[1])
    assert texts(book.cells[2]) == "tensor(1048576.)"


@pytest.mark.parametrize("source", ["input('?')", "import getpass\ngetpass.getpass()"])
def test_input_is_refused(source: str) -> None:
    book = notebook(source)
    run(a=book)
    assert "input() を使えません" in texts(book.cells[0])


def test_a_character_that_cannot_be_written_is_replaced() -> None:
    book = notebook(r"print('前\ud800後')", "1 + 1")
    assert not run(a=book)["a"].reason
    assert texts(book.cells[0]) == "前?後\n"
    assert texts(book.cells[1]) == "2"


def test_standard_input_is_empty() -> None:
    book = notebook("import sys\nsys.stdin.read()")
    run(a=book)
    assert texts(book.cells[0]) == "''"


# ---- 後始末 -------------------------------------------------------------------------------


def leftovers() -> list[int]:
    """このテストが起こして残ったプロセス。"""
    return processes(f"{MARK}=1")


def folders() -> list[Path]:
    """章の一時フォルダー。"""
    return list(Path(os.environ["TMPDIR"]).glob("bibun-*"))


@pytest.mark.xdist_group("leftovers")
@pytest.mark.parametrize(
    "ending",
    ["", "\nimport os\nos._exit(1)", "\nwhile True: pass"],
    ids=["finishes", "dies", "hangs"],
)
def test_nothing_is_left_when_a_chapter(ending: str) -> None:
    leak = "\nimport tempfile\ntempfile.mkdtemp()"
    run(seconds=4, a=notebook(SLEEPER + DAEMON + leak + ending))
    assert settle(lambda: not leftovers() and not folders())


@pytest.mark.xdist_group("leftovers")
def test_what_a_chapter_leaves_goes_before_the_others_end() -> None:
    nap = "\nimport time\ntime.sleep({})"
    books = {"a": notebook(SLEEPER + nap.format(1)), "b": notebook(nap.format(4))}
    for each, running in execute(books, seconds=30):
        if each.name == "a" and each not in running:
            (place,) = folders()
            assert settle(lambda: not leftovers(), 1)
            assert len(list(place.iterdir())) == len(running)


CLIENT = f"""
import sys
from tests.execution.conftest import notebook
from bibun_site.execution import execute

for run, running in execute({{"a": notebook({SLEEPER + DAEMON!r}, "while True: pass")}}, seconds=60):
    if run.at == 1:
        print("running", flush=True)
"""


@contextmanager
def client() -> Iterator[subprocess.Popen[bytes]]:
    """章を実行している途中のプロセス。``WARM_SERVER`` があれば、それにつながっている。"""
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}"}
    with subprocess.Popen(
        [sys.executable, "-c", CLIENT],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"running\n"
        assert settle(lambda: len(leftovers()) == 2)  # 起こされたばかりのものは、まだ名のらない
        yield process


@pytest.mark.xdist_group("leftovers")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_nothing_is_left_when_the_parent_is_stopped_by(how: signal.Signals) -> None:
    with client() as parent:
        parent.send_signal(how)
        parent.wait()
    assert settle(lambda: not leftovers() and not folders())


def only_child(pid: int) -> int:
    """ただ1つの子プロセス。"""
    (child,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(child)


@pytest.mark.xdist_group("leftovers")
@pytest.mark.parametrize(
    "victims", [("client", "server"), ("keeper",), ("client", "keeper")], ids="-".join
)
def test_nothing_is_left_when_these_are_killed_at_once(
    victims: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(WARM_SERVER)
    with client() as parent:
        keeper = only_child(parent.pid)
        pids = {"client": parent.pid, "keeper": keeper, "server": only_child(keeper)}
        for how in (signal.SIGSTOP, signal.SIGKILL):  # 片方が先に気づかないように
            for victim in victims:
                os.kill(pids[victim], how)
        assert settle(lambda: not leftovers() and not folders())


TOLD_TOO_LATE = """
import os, signal
from bibun_site import processes

wait = os.waitpid

def waitpid(*arguments):
    ended = wait(*arguments)
    os.kill(os.getpid(), signal.SIGTERM)
    return ended

os.waitpid = waitpid
processes.look_after(lambda folder: None)
"""


def test_the_keeper_cleans_up_when_told_to_stop_just_as_its_child_ends(tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONPATH": str(ROOT / "src")}
    subprocess.run([sys.executable, "-c", TOLD_TOO_LATE], env=environment, check=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.xdist_group("leftovers")
def test_a_chapter_ends_when_all_who_would_stop_it_are_killed_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """章が起こしたプロセスは、止める者がもういないので残りうる。章そのものは残らない。"""
    monkeypatch.delenv(WARM_SERVER)
    with client() as parent:
        keeper = only_child(parent.pid)
        server = only_child(keeper)
        chapters = Path(f"/proc/{server}/task/{server}/children").read_text().split()
        assert chapters
        for how in (signal.SIGSTOP, signal.SIGKILL):
            for victim in (keeper, server):
                os.kill(victim, how)
        try:
            assert settle(lambda: not any(Path(f"/proc/{pid}").exists() for pid in chapters))
        finally:
            for pid in [*map(int, chapters), *leftovers()]:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            for folder in folders():
                shutil.rmtree(folder)
    assert settle(lambda: not leftovers())


@pytest.mark.xdist_group("leftovers")
def test_nothing_is_left_when_the_executor_itself_is_killed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(WARM_SERVER)
    book = notebook(SLEEPER + "\nimport os\nos.kill(os.getppid(), 9)", "while True: pass")
    with pytest.raises(RuntimeError, match="章を実行するプロセスが止まりました"):
        run(a=book)
    assert settle(lambda: not leftovers() and not folders())


# ---- ビルドの中で -------------------------------------------------------------------------


def test_the_build_names_the_chapter_the_cell_and_the_line(tmp_path: Path) -> None:
    pages = {
        "good": page("good", code("print('終わりまで')")),
        "dies": page("dies", "文。", code("1 + 1"), code("import os\n\nos._exit(7)"), code("2")),
        "segv": page(
            "segv", code("def f():\n    ctypes.string_at(0)"), code("import ctypes\n\nf()")
        ),
        "fails": page("fails", code("def f(x):\n    return x / 0"), code("f(1)")),
        "eats": page("eats", code("raise MemoryError")),
    }
    book = Book(tmp_path, pages)
    built = book.build()
    assert built.returncode != 0
    line = pages["dies"].splitlines().index("import os") + 1
    assert f"book/dies.md:{line}: WARNING: 2番目のセルで実行が止まりました" in built.log
    assert "終了コード 7" in built.log
    line = pages["segv"].splitlines().index("import ctypes") + 1
    assert f"book/segv.md:{line}: WARNING: 2番目のセルで実行が止まりました" in built.log
    assert f"2番のセルの3行目(ファイルの{line + 2}行目)" in built.log
    assert "1番のセルの2行目、関数 f の中" in built.log
    assert re.search(r"book/dies \d+セル .*、2番目のセルで止まりました", built.log)
    line = pages["dies"].splitlines().index("import os") + 1
    assert f"book/dies.md:{line}: WARNING: 実行されていないセルです(この後にも1個)" in built.log
    line = pages["fails"].splitlines().index("f(1)") + 1
    assert f"book/fails.md:{line}: WARNING: 予告のない例外です: ZeroDivisionError" in built.log
    assert "    セルの2行目、関数 f の中\n      return x / 0\n" in built.log
    assert "1つの章が使える記憶は、2 GBまで" in built.log
    assert built.log.rstrip().endswith("==> 本はできませんでした。")
    assert "終わりまで" in book.html("good")
    assert built.executed == set(pages)
    assert book.interrupted_after("[2/2] book/") != 0
    assert book.build().executed == {"dies", "segv"}, "止まった章の結果は、使い回さない"
