"""Firefoxでも、ページのボタンとエディターが同じに働くこと。

セルの文字、演習の判定、限り、逃げようとするプログラム、出力に混ぜたものは、``test_live_runtime`` と
``test_live_safety`` が、ChromiumとFirefoxの両方で確かめる。
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest

from .firefox import Firefox, FirefoxPage
from .test_live_page import DIFFERENT, KEY

CELL = '[data-cell="use/tensor#1"]'
Opened = Callable[..., FirefoxPage]


@pytest.fixture
def opened(firefox: Firefox, address: str) -> Iterator[Opened]:
    """章を新しい窓で開く関数。例外がなく、よそへの要求がなかったことも確かめる。"""
    pages: list[FirefoxPage] = []

    def open_chapter(name: str = "use/tensor", width: int = 1280) -> FirefoxPage:
        pages.append(firefox.open(f"{address}/book/{name}.html", width))
        return pages[-1]

    yield open_chapter
    for page in pages:
        errors, requests = page.errors, page.requests
        page.close()
        assert errors == []
        assert any(url.startswith(address) for url in requests)
        assert [url for url in requests if not url.startswith((address, "data:", "blob:"))] == []


def text(page: FirefoxPage, selector: str) -> str:
    """初めのものの文字。なければ空。"""
    found = page.evaluate("(s) => document.querySelector(s)?.textContent ?? ''", selector)
    return str(found).strip()


def finish(page: FirefoxPage) -> None:
    """どのセルも動き終わるのを待つ。"""
    page.wait_for_function("!document.querySelector('[data-running]')")


def press_run(page: FirefoxPage, cell: str = CELL) -> None:
    """「実行」を押し、終わるのと、エディターが開くのを待つ。"""
    page.click(f"{cell} .live-run")
    finish(page)
    page.wait_for_function("(s) => document.querySelector(s)", f"{cell} .cm-content")


def empty(page: FirefoxPage, cell: str = CELL) -> None:
    """エディターに入り、書いてあるものを消す。"""
    page.click(f"{cell} .cm-content")
    page.press("Control", "a")
    page.press("Delete")


@pytest.mark.parametrize("width", [390, 1280])
def test_a_cell_runs_is_edited_stopped_and_goes_back(opened: Opened, width: int) -> None:
    page = opened(width=width)
    built = text(page, f"{CELL} .cell_output")
    press_run(page)
    assert text(page, f"{CELL} .live-output") == built

    empty(page)
    page.type("print('打った', 6 * 7)")
    page.press("Control", "Enter")
    finish(page)
    assert text(page, f"{CELL} .live-output") == "打った 42"

    empty(page)
    page.type("while True: pass")
    page.press("Control", "Enter")
    page.wait_for_function("(s) => document.querySelector(s)", f"{CELL} .live-stop")
    page.wait_for_timeout(700)  # 押してすぐの2度目は、停止とみなさない
    page.click(f"{CELL} .live-stop")
    finish(page)
    assert "停止しました" in text(page, f"{CELL} .live-notice")

    empty(page)
    page.type("1 / 0")
    page.press("Control", "Enter")
    finish(page)
    assert text(page, f"{CELL} .live-error-last") == "ZeroDivisionError: division by zero"
    assert text(page, f"{CELL} .live-marked") == "1 / 0"

    page.click(f"{CELL} .live-undo")
    assert text(page, f"{CELL} .live-output") == ""
    assert text(page, f"{CELL} .cell_output") == built
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_run_all_shows_what_the_book_shows(opened: Opened) -> None:
    page = opened()
    page.click(".live-bar .live-run")
    page.wait_for_function(
        "/すべて動かしました/.test(document.querySelector('.live-bar').innerText)"
    )
    count = page.evaluate("document.querySelectorAll('.live-cell').length")
    assert f"{count}個のセル" in text(page, ".live-bar")
    assert page.evaluate(DIFFERENT) == []


def test_an_answer_is_judged_and_kept(opened: Opened) -> None:
    page = opened()
    cell = page.evaluate("""() => [...document.querySelectorAll('.live-cell')].findLast(
      (cell) => cell.textContent.includes('check("1-1"')).dataset.cell""")
    here = f'[data-cell="{cell}"]'
    page.click(f"{here} .live-write")
    page.wait_for_function("document.activeElement.classList.contains('cm-content')")
    answer = 'import torch\nfrom bibun.exercises import check\ncheck("1-1", {})'
    for value, status in (
        ("torch.tensor(3.0)", "wrong"),
        ("torch.tensor(3.0, requires_grad=True)", "right"),
    ):
        empty(page, here)
        page.type(answer.format(value))
        page.press("Control", "Enter")
        finish(page)
        shown = f"document.querySelector('{here} .live-verdict').dataset.status"
        assert page.evaluate(shown) == status
    page.wait_for_function(f"localStorage.getItem('{KEY}').includes('requires_grad')")
    assert page.evaluate(f"JSON.parse(localStorage.getItem('{KEY}')).solved") == ["1-1"]


def test_every_kind_of_page_opens_without_an_error(opened: Opened) -> None:
    """ボタンを押さない読者のページ。"""
    for name in ("index", "how/computation-graph", "appendix/glossary", "use/gradient-descent"):
        page = opened(name)
        assert re.search(r"\w", text(page, "h1"))
        assert [url for url in page.requests if "/live/" in url] == []
