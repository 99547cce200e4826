"""章のセルを、いまのプロセスの中のIPythonで順に実行し、出力をノートブックの形で集める。

`chapter_server` が分岐させた子プロセスの中で使う。出力の形(表示、結果、標準出力の順序、例外)は、
ふつうのJupyterカーネルが返すものと同じになる。
"""

from __future__ import annotations

import builtins
import io
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

Output = dict[str, Any]


class Outputs(list[Output]):
    """1つのセルの出力。続けて書かれた同じ流れの文字は、1つにまとまる。"""

    def write(self, stream: str, text: str) -> None:
        """標準出力または標準エラー出力の文字を足す。"""
        if not text:
            return
        if self and self[-1].get("name") == stream:
            self[-1]["text"] += text
        else:
            self.append({"output_type": "stream", "name": stream, "text": text})


class Stream(io.TextIOBase):
    """``sys.stdout`` などの代わりに、`Outputs` へ書く流れ。"""

    encoding = "utf-8"

    def __init__(self, name: str, shell: ChapterShell) -> None:
        self.name = name
        self._shell = shell

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self._shell.outputs.write(self.name, text)
        return len(text)


class Publisher(DisplayPublisher):
    """``display(…)`` されたものを集める。"""

    def publish(self, data: Any, metadata: Any = None, **_: Any) -> None:
        output = {"output_type": "display_data", "data": data, "metadata": metadata or {}}
        self.shell.outputs.append(output)

    def clear_output(self, wait: bool = False) -> None:
        self.shell.outputs.clear()


class Result(DisplayHook):
    """セルの最後の式の値を集める。"""

    def write_output_prompt(self) -> None:
        """番号は印字せず、出力そのものに付ける。"""

    def write_format_data(self, format_dict: Any, md_dict: Any = None) -> None:
        self.shell.outputs.append(
            {
                "output_type": "execute_result",
                "execution_count": self.prompt_count,
                "data": format_dict,
                "metadata": md_dict or {},
            }
        )

    def finish_displayhook(self) -> None:
        self._is_active = False


class ChapterShell(InteractiveShell):
    """出力を集めるIPython。"""

    def __init__(self, **options: Any) -> None:
        self.outputs = Outputs()
        super().__init__(**options)

    def enable_gui(self, gui: Any = None) -> None:
        """画面は開かない。"""

    def _showtraceback(self, etype: Any, evalue: Any, stb: Any) -> None:
        self.outputs.append(
            {
                "output_type": "error",
                "ename": etype.__name__,
                "evalue": str(evalue),
                "traceback": list(stb),
            }
        )


def refuse_input(prompt: str = "") -> str:
    """章は人を待たない。"""
    raise RuntimeError("本のビルドの中では input() を使えません。値をセルに書いてください。")


def start() -> ChapterShell:
    """新しい名前空間のIPythonを用意する。"""
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    shell = ChapterShell.instance(
        config=config, display_pub_class=Publisher, displayhook_class=Result
    )
    shell.run_line_magic("matplotlib", "inline")
    sys.stdout, sys.stderr = Stream("stdout", shell), Stream("stderr", shell)
    builtins.input = refuse_input
    from bibun.notebook import setup

    setup()
    return shell


def run(sources: list[str], started: Callable[[int], None]) -> Iterator[tuple[int, list[Output]]]:
    """セルを順に実行し、番号と出力を1つずつ返す。例外が起きても次のセルへ進む。

    Parameters
    ----------
    sources : list of str
        コードセルのソース。
    started : callable
        セルを始めるたびに、その番号(0から)で呼ばれる。
    """
    shell = start()
    low = {name: _capture_descriptor(fd) for name, fd in (("stdout", 1), ("stderr", 2))}
    for number, source in enumerate(sources):
        started(number)
        shell.outputs = Outputs()
        shell.run_cell(source, store_history=True)
        for name, read in low.items():
            shell.outputs.write(name, read())
        yield shell.execution_count - 1, list(shell.outputs)


def _capture_descriptor(descriptor: int) -> Callable[[], str]:
    """Pythonを通らずに書かれた文字を受ける。読む関数は、前に読んだ後の分を返す。"""
    sink = os.memfd_create("output") if hasattr(os, "memfd_create") else _unlinked_file()
    os.dup2(sink, descriptor)
    position = 0

    def read() -> str:
        nonlocal position
        data = os.pread(sink, os.fstat(sink).st_size - position, position)
        position += len(data)
        return data.decode(errors="replace")

    return read


def _unlinked_file() -> int:
    import tempfile

    descriptor, path = tempfile.mkstemp()
    os.unlink(path)
    return descriptor
