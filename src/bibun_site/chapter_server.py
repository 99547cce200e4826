"""重いパッケージを読み込んだまま待ち、章ごとに自分を分岐させて実行するプロセス。

``python -m bibun_site.chapter_server`` は、標準入力につながれたソケット1本の相手をする。
``python -m bibun_site.chapter_server 場所`` は、その場所のソケットで待ち、つないで来た相手ごとに
自分を分岐させて相手をし、標準入力が閉じたら終わる(`serve` が使う)。

相手は1行に1つ、JSONの仕事 ``{"name", "sources", "seconds", "memory"}`` を書き、次の知らせを読む
(その前に ``{"expect": [セル]}`` を書けば、それらが使うものを、仕事が来る前に読み込む):

- ``{"name", "pid"}`` 章のプロセスを始めた
- ``{"name", "cell", …}`` `chapter.run` の知らせ。終わりには ``seconds`` が付く
- ``{"name", "end", "reason", "traceback"}`` 章が終わった。``reason`` が空でなければ、途中で止められた

親は計算をしない(読み込むだけ)。計算用のスレッドを起こしてから分岐すると、子が止まるからである。
相手がいなくなったら、すべての子を止めて終わる。突然止まったときの後始末は `processes.look_after` がする。
"""

from __future__ import annotations

import faulthandler
import gc
import importlib
import io
import json
import os
import selectors
import shutil
import signal
import socket
import sys
import tempfile
import time
import traceback
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from bibun_site import processes

# セルにこの言葉があれば、分岐の前に読み込むもの。ほかのものは、章が自分で読み込む。bibunと、出力を決める
# `chapter` と `recorder` は軽いので、ここでは読み込まない。そのため、待っている間に書きかえられても古くならない
PRELOAD = {
    "torch": ("numpy", "torch"),
    "matplotlib": ("matplotlib.pyplot", "matplotlib_inline.backend_inline"),
    "plotting": ("matplotlib.pyplot", "matplotlib_inline.backend_inline"),
    "torchviz": ("torchviz",),
}
# どの章も使うもの
ALWAYS = ("IPython.core.interactiveshell", "IPython.core.completer", "IPython.core.magics")
WARM_SERVER = "BIBUN_CHAPTER_SERVER"  # 待っているプロセスのソケットの場所を伝える環境変数
TICK = 0.1
LAST_WORDS_SECONDS = 2.0


def preload(sources: Iterable[str]) -> None:
    """``sources`` に名前のあるものを読み込む。入っていないものがあっても、困るのはその章だけである。"""
    text = "\n".join(sources)
    wanted = [name for word, names in PRELOAD.items() if word in text for name in names]
    gc.disable()  # 読み込みは捨てるものを作らないので、探すだけ遅くなる
    for name in [*ALWAYS, *wanted]:
        with suppress(ImportError):
            importlib.import_module(name)
    gc.freeze()  # 章は、ここまでに読み込んだものの中から捨てるものを探さない
    gc.enable()


def processors() -> int:
    """使ってよいCPUの数。"""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def encode(message: dict[str, Any]) -> bytes:
    """知らせを1行にする。"""
    text = json.dumps(message, ensure_ascii=False, default=_base64)
    return text.encode(errors="replace") + b"\n"  # 半分だけのサロゲートは、文字にできない


def _base64(data: object) -> str:
    import base64

    if isinstance(data, bytes):
        return base64.b64encode(data).decode("ascii")
    return repr(data)


# ---- 子プロセスの側 -----------------------------------------------------------------------


def work(job: dict[str, Any], pipe: BinaryIO) -> None:
    """章を実行し、知らせを書く。"""
    from bibun_site.chapter import run

    clock = time.perf_counter()
    for message in run(job["sources"]):
        if "count" in message:
            message["seconds"] = time.perf_counter() - clock
        pipe.write(encode(message))
        pipe.flush()
        clock = time.perf_counter()
    pipe.write(encode({"finished": True}))


def settle(job: dict[str, Any], folder: Path, words: int) -> None:
    """子プロセスを、親からも、ほかの章からも切り離す。"""
    os.setsid()
    processes.die_with_parent()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.chdir(folder / "work")
    del sys.path[0]  # このプロセスを始めた場所
    os.environ["TMPDIR"] = str(folder / "temporary")
    tempfile.tempdir = None
    limit_memory(job["memory"])
    faulthandler.enable(words)
    faulthandler.register(signal.SIGUSR1, words, all_threads=False)


def limit_memory(amount: int) -> None:
    """いま使っている分のほかに ``amount`` バイトまでにする(Linux)。"""
    if sys.platform == "linux":
        import resource

        pages = int(Path("/proc/self/statm").read_text().split()[0])
        total = pages * resource.getpagesize() + amount
        resource.setrlimit(resource.RLIMIT_AS, (total, total))


# ---- 親の側 -------------------------------------------------------------------------------


@dataclass
class Child:
    """実行中の章。``words`` は、止められるときに今いる場所を書き残すファイル。"""

    job: dict[str, Any]
    pid: int
    pipe: io.FileIO
    folder: Path
    words: int
    since: float
    buffer: bytes = b""
    finished: bool = False
    status: int | None = None

    @property
    def name(self) -> str:
        return str(self.job["name"])

    def has_exited(self) -> bool:
        """プロセスが終わっているか。"""
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.status = os.waitstatus_to_exitcode(status) if pid else None
        return self.status is not None


def fork(job: dict[str, Any], place: Path) -> Child:
    """章のための子プロセスを、``place`` の中に自分の一時フォルダーを持たせて作る。"""
    reader, writer = os.pipe()
    words = processes.unnamed_file()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.close(reader)
            folder = place / str(os.getpid())
            for part in ("work", "temporary"):
                (folder / part).mkdir(parents=True)
            settle(job, folder, words)
            with os.fdopen(writer, "wb") as pipe:
                work(job, pipe)
            status = 0
        except BaseException:
            os.write(words, traceback.format_exc().encode(errors="replace"))
        finally:
            os._exit(status)
    os.close(writer)
    pipe = os.fdopen(reader, "rb", buffering=0)
    return Child(job, pid, pipe, place / str(pid), words, time.monotonic())


class Session:
    """仕事を受け、子を並べて走らせ、知らせを取り次ぐ。"""

    def __init__(self, channel: socket.socket, folder: Path) -> None:
        self.channel, self.folder = channel, folder
        self.keeper = os.getppid()
        self.waiting: list[dict[str, Any]] = []
        self.children: dict[int, Child] = {}
        self.selector = selectors.DefaultSelector()

    def serve(self) -> None:
        """相手がいなくなるまで働く。"""
        processes.set_process_option(processes.CHILD_SUBREAPER, 1)
        try:
            self._serve()
        except (BrokenPipeError, ConnectionResetError):
            pass
        finally:
            processes.sweep(self.folder)

    def _serve(self) -> None:
        self.selector.register(self.channel, selectors.EVENT_READ, None)
        buffer = b""
        while processes.is_looked_after(self.keeper):
            for key, _ in self.selector.select(timeout=TICK):
                if key.data is not None:
                    self.hear(key.data)
                    continue
                data = self.channel.recv(1 << 20)
                if not data:
                    return
                *lines, buffer = (buffer + data).split(b"\n")
                self.waiting += map(json.loads, lines)
            while self.waiting and "expect" in self.waiting[0]:
                preload(self.waiting.pop(0)["expect"])
            self.watch()
            while self.waiting and len(self.children) < processors():
                self.begin(self.waiting.pop(0))

    def tell(self, child: Child, **message: Any) -> None:
        """知らせを、章の名前を付けて書く。"""
        self.channel.sendall(encode({"name": child.name, **message}))

    def begin(self, job: dict[str, Any]) -> None:
        """章を始める。"""
        preload(job["sources"])
        child = fork(job, self.folder)
        self.children[child.pid] = child
        self.selector.register(child.pipe, selectors.EVENT_READ, child)
        self.tell(child, pid=child.pid)

    def hear(self, child: Child) -> None:
        """子の知らせを取り次ぐ。"""
        data = child.pipe.read(1 << 20)
        child.since = time.monotonic()
        *lines, child.buffer = (child.buffer + data).split(b"\n")
        for line in lines:
            message = json.loads(line)
            if "finished" in message:
                child.finished = True
            else:
                self.tell(child, **message)
        if child.finished or not data:
            self.bury(child)

    def watch(self) -> None:
        """時間を使いすぎた章を止め、知らせなしに終わった章を片づける。"""
        for child in list(self.children.values()):
            if time.monotonic() - child.since > child.job["seconds"]:
                ask_last_words(child)
                self.bury(child, f"1つのセルが{child.job['seconds']:g}秒を超えました")
            elif child.has_exited() and not self._heard_something(child):
                self.bury(child)

    def _heard_something(self, child: Child) -> bool:
        only = selectors.DefaultSelector()
        with only:
            only.register(child.pipe, selectors.EVENT_READ)
            return bool(only.select(0))

    def bury(self, child: Child, reason: str = "") -> None:
        """終わった子を片づけ、章の終わりを告げる。"""
        self.selector.unregister(child.pipe)
        del self.children[child.pid]
        status = finish(child, wait=child.finished or not reason)
        if not (child.finished or reason):
            reason = f"プロセスが途中で止まりました({describe(status)})"
        words = read_all(child.words) if reason else ""
        os.close(child.words)
        self.tell(child, end=True, reason=reason, traceback=words)


def ask_last_words(child: Child) -> None:
    """止める前に、今いる場所を書き残させる。"""
    if child.has_exited():
        return
    os.kill(child.pid, signal.SIGUSR1)
    deadline = time.monotonic() + LAST_WORDS_SECONDS
    while not os.fstat(child.words).st_size and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.1)  # 書き終えるまで


def finish(child: Child, *, wait: bool) -> int:
    """子と、子が起こしたプロセスを止め、一時フォルダーを消す。"""
    deadline = time.monotonic() + LAST_WORDS_SECONDS
    while wait and not child.has_exited() and time.monotonic() < deadline:
        time.sleep(0.002)
    processes.stop_group(child.pid)
    while not child.has_exited():
        time.sleep(0.002)
    child.pipe.close()
    shutil.rmtree(child.folder, ignore_errors=True)
    return child.status or 0


def describe(code: int) -> str:
    """終わり方を言葉にする。"""
    return f"シグナル {signal.Signals(-code).name}" if code < 0 else f"終了コード {code}"


def read_all(descriptor: int) -> str:
    """ファイルを最初から読む。"""
    return os.pread(descriptor, 1 << 16, 0).decode(errors="replace")


# ---- 待ち方 -------------------------------------------------------------------------------


def listen(path: str) -> None:
    """つないで来た相手ごとに分岐する。標準入力が閉じたら、ソケットをフォルダーごと消して終わる。"""
    with socket.socket(socket.AF_UNIX) as door, selectors.DefaultSelector() as selector:
        door.bind(path)
        door.listen()
        selector.register(door, selectors.EVENT_READ)
        selector.register(0, selectors.EVENT_READ)
        while all(key.fileobj is door for key, _ in selector.select()):
            channel, _ = door.accept()
            if os.fork() == 0:
                try:
                    attend(channel)
                finally:
                    os._exit(0)
            channel.close()
            with suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG) != (0, 0):
                    pass
    shutil.rmtree(Path(path).parent)
    with suppress(ChildProcessError):
        while True:
            os.wait()


def attend(channel: socket.socket) -> None:
    """1人の相手をする。"""
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    processes.look_after(lambda folder: Session(channel, folder).serve())


def main() -> None:
    """読み込んで、働く。"""
    os.dup2(2, 1)
    if len(sys.argv) > 1:
        preload(PRELOAD)
        listen(sys.argv[1])
    else:
        attend(socket.socket(fileno=os.dup(0)))


if __name__ == "__main__":
    main()
