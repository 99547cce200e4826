"""重いパッケージを読み込んだまま待ち、章ごとに自分を分岐させて実行するプロセス。

``python -m bibun_site.chapter_server`` で始める。標準入力から1行に1つ、JSONの仕事
``{"name", "sources", "workdir"}`` を受け、標準出力へ1行に1つ、知らせを書く:

- ``{"name", "cell"}`` そのセルを始めた
- ``{"name", "cell", "count", "outputs", "seconds"}`` そのセルが終わった
- ``{"name", "end", "reason"}`` 章が終わった。``reason`` が空でなければ、途中で止められた

親は計算をしない(読み込むだけ)。計算用のスレッドを起こしてから分岐すると、子が止まるからである。
標準入力が閉じたら、すべての子を止めて終わる。
"""

from __future__ import annotations

import importlib
import json
import os
import selectors
import signal
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, BinaryIO

PRELOAD = (
    "numpy",
    "torch",
    "matplotlib.pyplot",
    "matplotlib_inline.backend_inline",
    "torchviz",
    "bibun.notebook",
    "bibun_site.chapter",
)
CELL_SECONDS = 120.0


def preload() -> None:
    """章が使うものを読み込む。章にないものがあっても、困るのはその章だけである。"""
    for name in PRELOAD:
        with suppress(ImportError):
            importlib.import_module(name)


@dataclass
class Child:
    """実行中の章。"""

    name: str
    pid: int
    pipe: BinaryIO
    since: float
    buffer: bytes = b""


def tell(message: dict[str, Any], to: BinaryIO) -> None:
    """知らせを1行で書く。"""
    to.write(json.dumps(message, ensure_ascii=False).encode() + b"\n")
    to.flush()


def work(job: dict[str, Any], pipe: BinaryIO) -> None:
    """子プロセスの仕事: 章を実行し、知らせを書く。"""
    from bibun_site.chapter import run

    os.chdir(job["workdir"])
    clock = time.perf_counter()

    def started(cell: int) -> None:
        nonlocal clock
        clock = time.perf_counter()
        tell({"cell": cell}, pipe)

    for cell, (count, outputs) in enumerate(run(job["sources"], started)):
        seconds = time.perf_counter() - clock
        tell({"cell": cell, "count": count, "outputs": outputs, "seconds": seconds}, pipe)


def fork(job: dict[str, Any]) -> Child:
    """章のための子プロセスを作る。"""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.setpgid(0, 0)
            die_with_parent()
            os.close(reader)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            with os.fdopen(writer, "wb") as pipe:
                work(job, pipe)
            status = 0
        finally:
            os._exit(status)
    os.close(writer)
    return Child(job["name"], pid, os.fdopen(reader, "rb", buffering=0), time.monotonic())


def die_with_parent() -> None:
    """親が突然いなくなったら、この子も止まる(Linux)。"""
    if sys.platform == "linux":
        import ctypes

        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


class Server:
    """仕事を受け、子を並べて走らせ、知らせを取り次ぐ。"""

    def __init__(self, out: BinaryIO, side_by_side: int) -> None:
        self.out = out
        self.side_by_side = side_by_side
        self.waiting: list[dict[str, Any]] = []
        self.children: dict[int, Child] = {}
        self.selector = selectors.DefaultSelector()

    def serve(self, commands: int) -> None:
        """標準入力が閉じるまで働く。"""
        self.selector.register(commands, selectors.EVENT_READ, None)
        buffer = b""
        while True:
            for key, _ in self.selector.select(timeout=0.2):
                if key.data is not None:
                    self.hear(key.data)
                    continue
                data = os.read(commands, 1 << 20)
                if not data:
                    self.stop_all()
                    return
                *lines, buffer = (buffer + data).split(b"\n")
                self.waiting += map(json.loads, lines)
            self.stop_overdue()
            while self.waiting and len(self.children) < self.side_by_side:
                child = fork(self.waiting.pop(0))
                self.children[child.pid] = child
                self.selector.register(child.pipe, selectors.EVENT_READ, child)

    def hear(self, child: Child) -> None:
        """子の知らせを、名前を付けて取り次ぐ。"""
        data = child.pipe.read(1 << 20)
        if not data:
            self.bury(child, "")
            return
        child.since = time.monotonic()
        *lines, child.buffer = (child.buffer + data).split(b"\n")
        for line in lines:
            tell({"name": child.name, **json.loads(line)}, self.out)

    def bury(self, child: Child, reason: str) -> None:
        """終わった子を片づけ、章の終わりを告げる。"""
        self.selector.unregister(child.pipe)
        child.pipe.close()
        _, status = os.waitpid(child.pid, 0)
        kill(child.pid)  # 子が起こして残したプロセス
        del self.children[child.pid]
        if not reason and status:
            reason = f"プロセスが途中で止まりました(状態 {os.waitstatus_to_exitcode(status)})"
        tell({"name": child.name, "end": True, "reason": reason}, self.out)

    def stop_overdue(self) -> None:
        """時間を使いすぎたセルの章を止める。"""
        now = time.monotonic()
        for child in list(self.children.values()):
            if now - child.since > CELL_SECONDS:
                kill(child.pid)
                self.bury(child, f"1つのセルが{CELL_SECONDS:.0f}秒を超えました")

    def stop_all(self) -> None:
        """すべての子を止める。"""
        for child in self.children.values():
            kill(child.pid)
            os.waitpid(child.pid, 0)


def kill(pid: int) -> None:
    """子と、子が起こしたプロセスを止める。"""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def main() -> None:
    """読み込んで、働く。"""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-Cでは、親が標準入力を閉じて終わらせる
    preload()
    Server(out, side_by_side=os.cpu_count() or 1).serve(0)


if __name__ == "__main__":
    main()
