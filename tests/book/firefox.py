"""Firefoxを、WebDriver BiDiで動かす。操るのは、npmの ``puppeteer-core`` (``firefox.mjs``)。

playwrightが操れるFirefoxは、playwrightが手を入れたもので、読者の使うFirefoxではない。
"""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import Any

from bibun_site import node

DRIVER = Path(__file__).with_suffix(".mjs")


class Firefox:
    """頭のないFirefox。"""

    def __init__(self, path: str) -> None:
        self._windows = 0
        self._process = subprocess.Popen(
            [node.program("node"), str(DRIVER), path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )

    def do(self, name: str, *given: Any) -> Any:
        """``firefox.mjs`` に仕事を頼み、答えを待つ。"""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([name, *given]) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        assert "error" not in answer, answer["error"]
        return answer.get("value")

    def open(self, address: str, width: int = 1280) -> FirefoxPage:
        """何も持たない新しい窓で開く。"""
        self._windows += 1
        self.do("open", self._windows, address, width)
        return FirefoxPage(self, self._windows)

    def quit(self) -> None:
        """終わる。"""
        with self._process:  # 入力を閉じると、終わる
            pass


class FirefoxPage:
    """1つの窓。playwrightの ``Page`` と同じ名前のものは、同じに働く。"""

    def __init__(self, browser: Firefox, number: int) -> None:
        self._browser = browser
        self._number = number

    def _do(self, name: str, *given: Any) -> Any:
        return self._browser.do(name, self._number, *given)

    def evaluate(self, expression: str, arg: Any = None) -> Any:
        """ページの中で式の値を求める。関数なら呼び、終わるのを待つ。"""
        return self._do("evaluate", expression, arg)

    def wait_for_function(self, expression: str, arg: Any = None) -> None:
        """式が真になるまで待つ。"""
        self._do("waitFor", expression, arg)

    def wait_for_timeout(self, timeout: float) -> None:
        """ミリ秒だけ待つ。"""
        time.sleep(timeout / 1000)

    def click(self, selector: str) -> None:
        """見えるところまで送り、押す。"""
        self._do("click", selector)

    def type(self, text: str) -> None:
        """焦点のあるところに、1字ずつ打つ。"""
        self._do("type", text)

    def press(self, *keys: str) -> None:
        """キーをいっしょに押す。"""
        self._do("press", *keys)

    def screenshot(self, path: str) -> None:
        """見えているところを絵にする。"""
        self._do("screenshot", path)

    def close(self) -> None:
        """窓を閉じる。"""
        self._do("close")

    @property
    def errors(self) -> list[str]:
        """起きた例外と、ブラウザーが誤りとして言ったこと。"""
        return list(self._do("seen")["errors"])

    @property
    def requests(self) -> list[str]:
        """要求したもの。"""
        return list(self._do("seen")["requests"])

    @property
    def pages(self) -> int:
        """いっしょに開いている窓の数。"""
        return int(self._do("seen")["pages"])
