"""章の出力を、Jupyterのノートブックの形で記録する。

Pythonを通った出力(表示、結果、``print``)も、通らずにファイル記述子へ直接書かれた文字も、
起きた順に1つの並びへ入る。
"""

from __future__ import annotations

import codecs
import io
import os
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from bibun_site import processes

Output = dict[str, Any]


class Recorder:
    """セルごとの出力。``cell`` が、いま実行しているセルの番号。"""

    def __init__(self) -> None:
        self.cell = -1
        self.outputs: list[Output] = []
        self._earlier: dict[int, list[Output]] = {}
        self._shown: dict[str, list[tuple[int, Output]]] = {}
        self._clear_before_next = False
        self._descriptors: dict[str, Callable[[], str]] = {}

    def capture_descriptors(self) -> None:
        """標準出力と標準エラー出力の記述子に書かれる文字も、受けるようにする。"""
        self._descriptors = {"stdout": capture(1), "stderr": capture(2)}

    def begin(self, cell: int) -> None:
        """次のセルに移る。"""
        self.cell, self.outputs, self._clear_before_next = cell, [], False
        self._earlier[cell] = self.outputs

    def write(self, stream: str, text: str) -> None:
        """標準出力または標準エラー出力の文字を足す。"""
        self.drain()
        self._write(stream, text)

    def add(self, output: Output, display_id: str | None = None) -> None:
        """表示、結果、例外を足す。"""
        self.drain()
        self._append(output)
        if display_id:
            self._shown.setdefault(display_id, []).append((self.cell, output))

    def update(self, display_id: str, data: Any, metadata: Any) -> dict[int, list[Output]]:
        """前に表示したものを書きかえ、変わったセルの出力を番号から引ける表で返す。"""
        shown = self._shown.get(display_id, [])
        for _, output in shown:
            output.update(data=data, metadata=metadata)
        return {cell: self._earlier[cell] for cell, _ in shown if cell != self.cell}

    def clear(self, wait: bool) -> None:
        """セルの出力を消す。``wait`` なら、次の出力が来たときに消す。"""
        self.drain()
        self._clear_before_next = wait
        if not wait:
            self.outputs.clear()

    def drain(self) -> None:
        """記述子へ直接書かれて、まだ並びに入っていない文字を入れる。"""
        for stream, read in self._descriptors.items():
            self._write(stream, read())

    def _write(self, stream: str, text: str) -> None:
        if not text:
            return
        if not self._clear_before_next and self.outputs and self.outputs[-1].get("name") == stream:
            self.outputs[-1]["text"] += text
        else:
            self._append({"output_type": "stream", "name": stream, "text": text})

    def _append(self, output: Output) -> None:
        if self._clear_before_next:
            self.outputs.clear()
            self._clear_before_next = False
        self.outputs.append(output)


class Stream(io.TextIOBase):
    """``sys.stdout`` などの代わりに、`Recorder` へ書く流れ。"""

    encoding = "UTF-8"

    def __init__(self, name: str, descriptor: int, recorder: Recorder) -> None:
        self.name = name
        self._descriptor = descriptor
        self._recorder = recorder

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        self._recorder.write(self.name, text)
        return len(text)


def capture(descriptor: int) -> Callable[[], str]:
    """記述子に書かれる文字を、見えないファイルに受ける。返す関数は、前に読んだ後の分を読む。"""
    sink = processes.unnamed_file()
    os.dup2(sink, descriptor)
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    position = 0

    def read() -> str:
        nonlocal position
        with suppress(OSError):
            data = os.pread(sink, os.fstat(sink).st_size - position, position)
            position += len(data)
            return decoder.decode(data)
        return ""

    return read
