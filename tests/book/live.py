"""ページの中でプログラムを動かすテストの道具: ページを開き、live.jsを読み込み、セルを動かす。"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from .firefox import Firefox, FirefoxPage

BROWSERS = ("chromium", "firefox")  # 同じテストをする。名前は、conftest.pyが用意するもの

OPEN = """async () => {
  const place = new URL("_static/live/live.js", document.documentElement.dataset.content_root
    ? new URL(document.documentElement.dataset.content_root, location) : location);
  window.live = await import(place);
  window.runtime = live.createRuntime();
  await runtime.start();
}"""
RUN = """async ([code, cell, timeLimit]) => {
  const outputs = [];
  const options = { cell, timeLimit, onOutput: (output) => outputs.push(output) };
  return { result: await runtime.run(code, options), outputs };
}"""
RUN_CHAPTER = """async (chapter) => {
  await runtime.reset();
  const done = [];
  for (const cell of (await live.loadChapter(chapter)).cells) {
    const outputs = [];
    const options = { cell: cell.id, onOutput: (output) => outputs.push(output) };
    done.push({ ...cell, result: await runtime.run(cell.code, options), outputs });
  }
  return done;
}"""


class Window(Protocol):
    """開いたページ。Chromiumでは ``Page`` 、Firefoxでは ``FirefoxPage`` 。"""

    def evaluate(self, expression: str, arg: Any = None) -> Any:
        """式の値。関数なら呼んだ値。"""

    def wait_for_function(self, expression: str) -> Any:
        """式が真になるまで待つ。"""

    def wait_for_timeout(self, timeout: float) -> None:
        """ミリ秒だけ待つ。"""


def open_live(browser: Browser | BrowserContext | Firefox, address: str) -> Page | FirefoxPage:
    """章を開き、プログラムを動かせるようにする。"""
    place = f"{address}/book/use/tensor.html"
    opened: Page | FirefoxPage
    if isinstance(browser, Firefox):
        opened = browser.open(place)
    else:
        opened = browser.new_page()
        opened.set_default_timeout(180_000)  # 初めの用意は、混んだ計算機では数十秒かかる
        opened.goto(place, wait_until="load")
    opened.evaluate(OPEN)
    return opened


def open_asked(
    request: pytest.FixtureRequest, address: str | None = None
) -> Iterator[Page | FirefoxPage]:
    """``BROWSERS`` のうち求められたもので開く。"""
    opened = open_live(
        request.getfixturevalue(request.param), address or request.getfixturevalue("address")
    )
    yield opened
    opened.close()


def run(page: Window, code: str, cell: str = "試し#1", limit: float = 20) -> dict[str, Any]:
    """コードを動かし、``result`` と ``outputs`` を返す。"""
    ran: dict[str, Any] = page.evaluate(RUN, [code, cell, limit])
    return ran


def text_of(outputs: list[dict[str, Any]]) -> str:
    """出力の文字をつないだもの。"""
    return "".join(output.get("text") or output.get("message") or "" for output in outputs)
