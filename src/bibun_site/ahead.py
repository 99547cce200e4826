"""章を実行するプロセスを始める。実行する章がありそうなら、Sphinxを読み込むより前に。

torchの読み込みには、Sphinxの読み込みと同じくらいかかるので、2つを並べると待ち時間がほぼなくなる。
``make book`` は、いちばん初めにこれを働かせる。``jupyter-book build`` では、拡張の一覧の先頭にあるので、
ほかの拡張を読み込む前に働く。前のビルドからコードか ``bibun`` が変わったかだけを、ファイルの中身で急いで見る。
早く始めるかどうかを決めるだけで、どの章を実行するかは、あとで `execution` が正しく決める。
"""

from __future__ import annotations

import atexit
import gc
import hashlib
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bibun_site.chapter_server import WARM_SERVER, encode
from bibun_site.environment import ENVIRONMENT, ipython_home

if TYPE_CHECKING:
    from sphinx.application import Sphinx

CELLS = re.compile(r"^(`{3,})\{code-cell\}.*?^\1", re.M | re.S)
NOTE = ".executed"  # 実行し終えたときの、セルと `bibun` の指紋

_early: Server | None = None


class Server:
    """`chapter_server` のプロセスと、それへのソケット。"""

    def __init__(self) -> None:
        self.channel, theirs = socket.socketpair()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bibun_site.chapter_server"],
            stdin=theirs,
            start_new_session=True,
        )
        theirs.close()

    def close(self) -> None:
        """相手がいなくなったと知らせる。片づけが済むのは、このプロセスが終わるときに待つ。"""
        self.channel.close()
        atexit.register(self.process.wait)


@contextmanager
def connection() -> Iterator[socket.socket]:
    """章を実行するプロセスへのソケット。`serve` が待たせているもの、早く始めたもの、新しいもののどれか。"""
    global _early
    channel = connect_to_warm()
    if channel is not None:
        with channel:
            yield channel
        return
    server, _early = _early or Server(), None
    try:
        yield server.channel
    finally:
        server.close()


def connect_to_warm() -> socket.socket | None:
    """`serve` が待たせているプロセスへのソケット。なければ ``None``。"""
    path = os.environ.get(WARM_SERVER)
    if not path:
        return None
    channel = socket.socket(socket.AF_UNIX)
    try:
        channel.connect(path)
    except OSError:
        channel.close()
        return None
    return channel


def dismiss(*_: object) -> None:
    """早く始めたのに使わなかったプロセスを止める。"""
    global _early
    if _early is not None:
        _early.process.terminate()
        _early.close()
        _early = None


def snapshot(root: Path) -> dict[str, str]:
    """章ごとのコードセルと、どの章にも関わるもの(名前は空)。"""
    shared = [*sorted(root.glob("src/bibun/**/*.py")), *root.glob("requirements.txt")]
    text = {"": "\0".join(path.read_text(encoding="utf-8") for path in shared)}
    for path in root.glob("book/**/*.md"):
        cells = CELLS.finditer(path.read_text(encoding="utf-8"))
        text[path.relative_to(root).as_posix()] = "\0".join(cell[0] for cell in cells)
    return text


def digests(texts: dict[str, str]) -> dict[str, str]:
    """それぞれの指紋。"""
    return {name: hashlib.sha256(text.encode()).hexdigest() for name, text in texts.items()}


def changed(texts: dict[str, str], note: Path) -> list[str]:
    """書いておいた指紋と違う章のセル。どの章にも関わるものが違えば、すべての章のセル。"""
    before = json.loads(note.read_text(encoding="utf-8")) if note.exists() else {}
    now = digests(texts)
    everything = before.get("") != now[""]
    return [text for name, text in texts.items() if everything or before.get(name) != now[name]]


def prepare(build: Path) -> None:
    """章の環境変数をそろえる。本を作る間は、捨てるものを探さない。"""
    gc.disable()  # 文書の木は終わりまで使うので、探しても捨てるものは少ない(時間は2割、記憶は0.13 GBの違い)
    atexit.register(gc.freeze)  # Pythonが終わるときに1度だけする探しも、同じ
    os.environ.update(ENVIRONMENT, IPYTHONDIR=str(ipython_home(build)))


def begin(root: Path, build: Path) -> None:
    """実行する章がありそうで、まだ始めていなければ、実行するプロセスを始める。"""
    global _early
    if _early is not None or not hasattr(os, "fork") or os.environ.get(WARM_SERVER):
        return
    cells = changed(snapshot(root), build / NOTE)
    if cells:
        _early = Server()
        _early.channel.sendall(encode({"expect": cells}))


def remember(app: Sphinx, *_: object) -> None:
    """すべての結果がそろったことを書いておく。使わなかったプロセスは止める。"""
    dismiss()
    text = json.dumps(digests(snapshot(Path(app.srcdir))))
    Path(app.doctreedir).with_name(NOTE).write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> None:
    """``jupyter-book build`` では、ここがいちばん早い。"""
    app.add_config_value("bibun_fork", hasattr(os, "fork"), "")
    app.connect("env-before-read-docs", remember, priority=900)  # `execution` より後
    app.connect("build-finished", dismiss)
    build = Path(app.doctreedir).parent
    prepare(build)
    if app.config.bibun_fork:
        begin(Path(app.srcdir), build)
