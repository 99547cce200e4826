"""章のセルを、いまのプロセスの中のIPythonで順に実行する。

`chapter_server` が分岐させた子プロセスの中で使う。出力の形(表示、結果、標準出力の順序、例外)は、
ふつうのJupyterカーネルが返すものと同じになる。
"""

from __future__ import annotations

import builtins
import getpass
import os
import sys
from collections.abc import Iterator
from typing import Any

from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from bibun_site.recorder import Output, Recorder, Stream


class Publisher(DisplayPublisher):
    """``display(…)`` されたものを集める。"""

    def publish(
        self,
        data: Any,
        metadata: Any = None,
        source: object = None,
        *,
        transient: Any = None,
        update: bool = False,
        **_: object,
    ) -> None:
        display_id = (transient or {}).get("display_id")
        if update:
            self.shell.rewritten |= self.shell.recorder.update(display_id, data, metadata or {})
            return
        output = {"output_type": "display_data", "data": data, "metadata": metadata or {}}
        self.shell.recorder.add(output, display_id)

    def clear_output(self, wait: bool = False) -> None:
        self.shell.recorder.clear(wait)


class Result(DisplayHook):
    """セルの最後の式の値を集める。"""

    def write_output_prompt(self) -> None:
        """番号は印字せず、出力そのものに付ける。"""

    def write_format_data(self, format_dict: Any, md_dict: Any = None) -> None:
        self.shell.recorder.add(
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
    """出力を集めるIPython。``rewritten`` は、後のセルが書きかえた、前のセルの出力。"""

    def __init__(self, **options: Any) -> None:
        self.recorder = Recorder()
        self.rewritten: dict[int, list[Output]] = {}
        super().__init__(**options)

    def enable_gui(self, gui: Any = None) -> None:
        """画面は開かない。"""

    def ask_exit(self) -> None:
        raise RuntimeError("本のビルドの中では exit() を使えません。")

    def _format_exception_for_storage(self, *_: object, **__: object) -> list[str]:
        """例外の履歴は、だれも読まない(1つ作るのに、章の実行の3分の1の時間がかかる)。"""
        return []

    def _showtraceback(self, etype: Any, evalue: Any, stb: Any) -> None:
        self.recorder.add(
            {
                "output_type": "error",
                "ename": etype.__name__,
                "evalue": str(evalue),
                "traceback": list(stb),
            }
        )


def refuse_input(prompt: str = "", *_: object, **__: object) -> str:
    """章は人を待たない。"""
    raise RuntimeError("本のビルドの中では input() を使えません。値をセルに書いてください。")


def show_nothing(*_: object, **__: object) -> None:
    """``len?`` の説明。カーネルでは別の画面に出るので、ノートブックには残らない。"""


def add_working_directory() -> None:
    """章のフォルダーから読み込めるようにする(カーネルと同じく、標準ライブラリーの次)。"""
    places = [i for i, path in enumerate(sys.path) if path.endswith("-packages")]
    sys.path.insert(places[0] if places else 0, "")


def start() -> ChapterShell:
    """新しい名前空間のIPythonを用意する。"""
    add_working_directory()
    config = Config()
    config.HistoryManager.enabled = False
    shell = ChapterShell.instance(
        config=config, display_pub_class=Publisher, displayhook_class=Result
    )
    shell.set_hook("show_in_pager", show_nothing, 99)
    os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"  # カーネルと同じ
    if "matplotlib" in sys.modules:
        shell.run_line_magic("matplotlib", "inline")
    sys.stdout = Stream("stdout", 1, shell.recorder)
    sys.stderr = Stream("stderr", 2, shell.recorder)
    builtins.input = getpass.getpass = refuse_input
    from bibun.notebook import setup

    setup()
    return shell


def run(sources: list[str]) -> Iterator[dict[str, Any]]:
    """セルを順に実行し、始まりと終わりの知らせを返す。例外が起きても次のセルへ進む。

    Parameters
    ----------
    sources : list of str
        コードセルのソース。

    Yields
    ------
    dict
        ``{"cell"}`` そのセルを始めた。``{"cell", "count", "outputs"}`` そのセルが終わった。
        ``{"cell", "outputs"}`` 前のセルの表示が書きかえられた。
    """
    shell = start()
    shell.recorder.capture_descriptors()
    for number, source in enumerate(sources):
        yield {"cell": number}
        shell.recorder.begin(number)
        shell.run_cell(source, store_history=True)
        flush_native()
        shell.recorder.drain()
        yield {
            "cell": number,
            "count": shell.execution_count - 1,
            "outputs": shell.recorder.outputs,
        }
        for earlier, outputs in shell.rewritten.items():
            yield {"cell": earlier, "outputs": outputs}
        shell.rewritten.clear()


def flush_native() -> None:
    """Pythonの元の ``sys.stdout`` に溜まった文字を、記述子へ出す。"""
    for stream in (sys.__stdout__, sys.__stderr__):
        if stream is not None:
            stream.flush()
