"""プロセスの後始末。どう終わっても、起こしたプロセスと一時フォルダーを残さない。"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

DEATH_SIGNAL, CHILD_SUBREAPER = 1, 36  # Linuxの PR_SET_PDEATHSIG と PR_SET_CHILD_SUBREAPER


def look_after(work: Callable[[Path], object]) -> None:
    """子プロセスに、一時フォルダーを渡して ``work`` をさせる。終われば、残されたものを片づける。

    子がどう止まっても(``kill -9`` でも)、この見張りが後始末をする。見張りが止められれば、子が自分で後始末をする
    (`is_looked_after` で気づく)。この見張りの親が止まるか、見張りに SIGTERM が届けば、子を止めて片づける。

    Parameters
    ----------
    work : callable
        一時フォルダーを受ける関数。その中の、番号を名前にしたフォルダーは、その番号のプロセスグループのもの。
    """
    set_process_option(CHILD_SUBREAPER, 1)  # 残されたプロセスの親になる
    folder = Path(tempfile.mkdtemp(prefix="bibun-"))
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    pid = os.fork()
    if pid == 0:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        try:
            work(folder)
        except BaseException:
            sys.excepthook(*sys.exc_info())
        finally:
            os._exit(0)

    def stop(*_: object) -> None:
        with suppress(ProcessLookupError):  # ちょうど終わったところかもしれない
            os.kill(pid, signal.SIGKILL)

    signal.signal(signal.SIGTERM, stop)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    die_with_parent(signal.SIGTERM)
    os.waitpid(pid, 0)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sweep(folder)


def is_looked_after(keeper: int) -> bool:
    """見張り(番号 ``keeper``)が、まだこのプロセスの親であるか。"""
    return os.getppid() == keeper


def sweep(folder: Path) -> None:
    """フォルダーに名前のあるプロセスグループと、子になっているすべてのプロセスを止め、フォルダーを消す。"""
    for place in folder.glob("[0-9]*"):
        stop_group(int(place.name))
    while found := children():  # 止めたものの子が、次の回にここへ来る
        for pid in found:
            with suppress(ProcessLookupError, ChildProcessError):
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
    shutil.rmtree(folder, ignore_errors=True)


def stop_group(pid: int) -> None:
    """プロセスと、それが起こしたプロセスを止める。"""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def children() -> list[int]:
    """このプロセスの子。子が残していったプロセスも(Linux)。"""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = stat.read_text(errors="replace").rpartition(")")[2].split()
            if int(fields[1]) == os.getpid():
                found.append(int(stat.parent.name))
    return found


def die_with_parent(how: int = signal.SIGKILL) -> None:
    """親が突然いなくなったら、このプロセスにシグナルが届く(Linux)。"""
    set_process_option(DEATH_SIGNAL, how)


def set_process_option(option: int, value: int) -> None:
    """Linuxの ``prctl``。"""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(option, value)


def unnamed_file() -> int:
    """名前のないファイルの記述子。プロセスが突然止まっても、何も残らない。"""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("output")
    descriptor, path = tempfile.mkstemp()
    os.unlink(path)
    return descriptor
