"""ページの中でプログラムを動かすテストの道具: ページを開き、live.jsを読み込み、セルを動かす。"""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page

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


def open_live(browser: Browser | BrowserContext, address: str, page: str = "use/tensor") -> Page:
    """章を開き、プログラムを動かせるようにする。"""
    opened = browser.new_page()
    opened.set_default_timeout(180_000)  # 初めの用意は、混んだ計算機では数十秒かかる
    opened.goto(f"{address}/book/{page}.html", wait_until="load")
    opened.evaluate(OPEN)
    return opened


def run(page: Page, code: str, cell: str = "試し#1", limit: float = 20) -> dict[str, Any]:
    """コードを動かし、``result`` と ``outputs`` を返す。"""
    ran: dict[str, Any] = page.evaluate(RUN, [code, cell, limit])
    return ran


def text_of(outputs: list[dict[str, Any]]) -> str:
    """出力の文字をつないだもの。"""
    return "".join(output.get("text") or output.get("message") or "" for output in outputs)
