"""ページの中(Pyodide)でセルを動かす。

`Session` が、IPythonと同じように、セルを1つずつ同じ名前空間で実行し、出力を1つずつ文字で届ける。
`import torch` は `bibun.torch_api` を、`import torchviz` は `bibun.browser.torchviz` を返す。
本のビルドと同じ文字になるように、エラーと警告の形は `bibun.notebook` のものを、値の表示は `bibun.browser.pretty` を使う。
"""

from __future__ import annotations

import ast
import builtins
import inspect
import io
import json
import linecache
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from types import CodeType, ModuleType
from typing import Any, NoReturn

import bibun.exercises
from bibun import autograd, functional, optim, torch_api
from bibun.browser import torchviz
from bibun.browser.pretty import pretty
from bibun.exercise import Verdict
from bibun.notebook import short_traceback, short_warning

__all__ = ["Session", "install"]

STAND_INS: dict[str, Any] = {
    "torch": torch_api,
    "torch.autograd": autograd,
    "torch.autograd.functional": functional,
    "torch.optim": optim,
    "torchviz": torchviz,
}
OUTPUT_LIMIT = 200_000
"""1回の実行で見せる文字の数。web/runtime/contract.ts の同じ名前のものと等しい(テストが確かめる)。"""
LONGEST = 100_000
"""1つの値、1つの例外の言葉のうち、見せる文字の数。ページは、長すぎる知らせを受け取らない。"""
PER_FLUSH = 100
"""1度届けるたびに、この数の文字を見せたものと数える。"""
TOGETHER = 0.05
"""この秒数の間に書かれた文字は、まとめて届ける。1字ずつ届けると、画面が追いつかない。"""


def install() -> None:
    """``torch`` と ``torchviz`` の代わりと、ページの中での断りごとを、このPythonの全体に用意する。"""
    sys.modules.update(STAND_INS)
    setattr(builtins, "input", _refuse_input)  # noqa: B010 型の上では書き換えられない
    warnings.formatwarning = short_warning
    setattr(inspect, "getfile", _getfile(inspect.getfile))  # noqa: B010 型の上では書き換えられない


def _refuse_input(prompt: object = "") -> NoReturn:
    raise RuntimeError("ページの中では input() を使えません。値をセルに書いてください。")


def _getfile(original: Callable[[Any], str]) -> Callable[[Any], str]:
    """セルで定義したクラスにも、ソースのありかを答える ``inspect.getfile``。"""

    @wraps(original)
    def getfile(thing: Any) -> str:
        if inspect.isclass(thing) and thing.__module__ == "__main__":
            for member in vars(thing).values():
                code = getattr(member, "__code__", None)
                if isinstance(code, CodeType):
                    return code.co_filename
        return original(thing)

    return getfile


class Session:
    """1つの名前空間で、セルを順に動かす。

    Parameters
    ----------
    emit : callable
        出力を受け取る関数。引数はJSONの文字列で、形は web/runtime/contract.ts の ``Output``。

    Examples
    --------
    >>> outputs = []
    >>> session = Session(outputs.append)
    >>> json.loads(session.run("x = 2\\nx + 1", "例#1"))["ended"]
    'done'
    >>> outputs
    ['{"kind": "text", "text": "3"}']
    """

    def __init__(self, emit: Callable[[str], Any]) -> None:
        self.out = _Outlet(emit)
        self.main = ModuleType("__main__")
        self.verdicts: list[dict[str, str]] = []
        self.count = 0

    def run(self, code: str, cell: str) -> str:
        """セルを動かし、出力を届け、結果をJSONで返す。例外は起こさない。

        Parameters
        ----------
        code : str
            セルの中身。
        cell : str
            セルの名前。

        Returns
        -------
        str
            JSONの文字列。``ended``(``"done"`` か ``"error"``)、``verdicts``、``error``。
        """
        self.count += 1
        filename = f"<cell {cell} {self.count}>"
        linecache.cache[filename] = (len(code), None, code.splitlines(keepends=True), filename)
        self.verdicts.clear()
        self.out.open()
        failure = None
        with self._as_main():
            try:
                self._execute(code, filename)
            except (
                BaseException
            ) as error:  # SystemExitもKeyboardInterruptも、セルの終わりとして見せる
                failure = _described(error, filename)
            self.out.close()
        if failure:
            self.out.emit(failure)
        ended = "error" if failure else "done"
        return _json({"ended": ended, "verdicts": self.verdicts, "error": failure})

    def _execute(self, code: str, filename: str) -> None:
        tree = ast.parse(code, filename)
        last = None
        if tree.body and isinstance(tree.body[-1], ast.Expr) and not code.rstrip().endswith(";"):
            last = ast.Expression(tree.body.pop().value)  # type: ignore[attr-defined]
        exec(compile(tree, filename, "exec", dont_inherit=True), self.main.__dict__)
        if last is not None:
            value = eval(compile(last, filename, "eval", dont_inherit=True), self.main.__dict__)
            if value is not None:
                self.main.__dict__["_"] = value
                self._display(value)

    def _display(self, value: Any) -> None:
        """最後の式の値を、図なら図で、そうでなければ文字で見せる。"""
        shown = {"kind": "text", "text": _cut(pretty(value))}
        draw = getattr(type(value), "_repr_html_", None)
        if draw is not None:
            markup = draw(value)
            shown = {"kind": "figure", "markup": markup, "alt": shown["text"]}
        self.out.flush()
        self.out.emit(shown)

    @contextmanager
    def _as_main(self) -> Iterator[None]:
        """標準出力、``__main__``、警告と判定の記録を、このセルのものにする。"""
        kept = sys.stdin, sys.stdout, sys.stderr
        main = sys.modules["__main__"]
        check = bibun.exercises.check
        bibun.exercises.check = self._recording(check)
        sys.stdin = _NoInput()
        sys.stdout, sys.stderr = _Stream("stdout", self.out), _Stream("stderr", self.out)
        sys.modules["__main__"] = self.main
        self.main.__dict__.pop("__warningregistry__", None)  # 警告はセルごとに見せる
        try:
            yield
        finally:
            sys.stdin, sys.stdout, sys.stderr = kept
            sys.modules["__main__"] = main
            bibun.exercises.check = check

    def _recording(self, check: Callable[..., Verdict]) -> Callable[..., Verdict]:
        """判定を覚えておく ``check``。"""

        @wraps(check)
        def recorded(exercise_id: str, *answers: Any) -> Verdict:
            verdict = check(exercise_id, *answers)
            found = {"id": exercise_id, "status": verdict.status, "message": verdict.message}
            self.verdicts.append(found)
            return verdict

        return recorded


class _Outlet:
    """出力の口。続けて書かれた文字をまとめ、上限を超えた分を捨てて、そう知らせる。"""

    def __init__(self, emit: Callable[[str], Any]) -> None:
        self._emit = emit
        self._waiting: list[str] = []
        self._name = "stdout"
        self.open()

    def open(self) -> None:
        """新しいセルを始める。"""
        self._left = OUTPUT_LIMIT
        self._sent = 0.0

    def write(self, name: str, text: str) -> None:
        """標準出力か標準エラー出力の文字を受け取る。"""
        if not text or self._left < 0:
            return
        if name != self._name:
            self.flush()
            self._name = name
        self._waiting.append(text[: self._left])
        self._left -= len(text)
        if self._left < 0:
            self.flush()
            self.emit(
                {
                    "kind": "notice",
                    "text": f"出力が{OUTPUT_LIMIT:,}文字を超えたので、続きは表示しません。",
                }
            )
        elif time.monotonic() - self._sent > TOGETHER:
            self.flush()

    def flush(self) -> None:
        """まだ届けていない文字を届ける。細切れに届けるほど、早く上限に達する。"""
        if self._waiting:
            text = "".join(self._waiting)
            self._waiting.clear()
            self._left -= PER_FLUSH
            self.emit({"kind": "stream", "name": self._name, "text": text})
            self._sent = time.monotonic()

    close = flush

    def emit(self, output: dict[str, Any]) -> None:
        """1つの出力を届ける。"""
        self._emit(_json(output))


class _Stream(io.TextIOBase):
    """セルの標準出力か標準エラー出力。"""

    def __init__(self, name: str, out: _Outlet) -> None:
        self._name, self._out = name, out

    encoding = "utf-8"

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        self._out.write(self._name, text)
        return len(text)

    def flush(self) -> None:
        self._out.flush()


class _NoInput(io.TextIOBase):
    """セルの標準入力。読もうとすると、使えないと言う。"""

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1) -> str:
        return _refuse_input()

    def readline(self, size: int = -1) -> str:  # type: ignore[override]
        return _refuse_input()


def _described(error: BaseException, filename: str) -> dict[str, Any]:
    """例外を、contract.ts の ``ErrorOutput`` の形にする。"""
    trace = short_traceback(type(error), error, error.__traceback__, count_hidden=False)
    lines = [
        number
        for frame, number in traceback.walk_tb(error.__traceback__)
        if frame.f_code.co_filename == filename
    ]
    if isinstance(error, SyntaxError) and error.filename == filename and error.lineno:
        lines.append(error.lineno)
    return {
        "kind": "error",
        "name": _cut(type(error).__name__),
        "message": _cut(_message(error)),
        "trace": _cut("\n".join(trace)).split("\n"),
        "line": lines[-1] if lines else None,
    }


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # 読者の __str__ が壊れているとき
        return ""


def _cut(text: str) -> str:
    """長すぎれば、途中までにして、そう言う。"""
    if len(text) <= LONGEST:
        return text
    return f"{text[:LONGEST]}…({LONGEST:,}文字を超えたので、続きは表示しません)"


def _json(data: dict[str, Any]) -> str:
    """ページに届けるJSON。対になっていない代用符号は、届く形に替える。"""
    return json.dumps(data, ensure_ascii=False).encode("utf-8", "replace").decode()
