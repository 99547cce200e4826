"""式がビルドのときに描かれ、番号と参照が働き、式の字体で表示されること。"""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path

import pytest
from fontTools.ttLib import TTFont
from playwright.sync_api import Browser

from .test_book import PAGES
from .test_browser import open_page
from .test_planted_defects import GOOD, build


def html_of(site: Path, page: str) -> str:
    return (site / "book" / f"{page}.html").read_text(encoding="utf-8")


def test_numbers_come_from_the_book_alone(tmp_path: Path) -> None:
    built = build(tmp_path, {"good": GOOD})
    assert built.returncode == 0, built.log
    html = (tmp_path / "_build/html/book/good.html").read_text(encoding="utf-8")
    assert re.findall(r'class="eqno">(\(\d+\))', html) == ["(1)"]
    assert re.search(r'href="#equation-eq-good-line">\(1\)</a>', html)
    assert 'class="eqn-num"' not in html, "KaTeXも番号を付けました"
    assert html.count('class="katex-display"') == 2


@pytest.mark.parametrize("page", PAGES)
def test_every_formula_is_drawn_for_the_eye_and_for_screen_readers(site: Path, page: str) -> None:
    html = html_of(site, page)
    drawn = len(re.findall(r'class="math notranslate"', html))
    assert html.count("<math ") == html.count('class="katex-html" aria-hidden="true"') == drawn
    assert "mathjax" not in html.lower()
    assert ("mathematics.css" in html) == bool(drawn)


def test_every_numbered_formula_is_reached_by_its_references(site: Path) -> None:
    pages = {page: html_of(site, page) for page in PAGES}
    numbers = {
        (page, label): number
        for page, html in pages.items()
        for label, number in re.findall(
            r'<div class="math notranslate" id="(equation-[\w-]+)">.*?class="eqno">(\([\d.]+\))',
            html,
            re.S,
        )
    }
    assert len(numbers) > 10
    assert len(set(numbers.values())) == len(numbers)
    references = 0
    for page, html in pages.items():
        for href, shown in re.findall(r'href="([^"]*#equation-[\w-]+)">(\([\d.]+\))</a>', html):
            path, _, label = href.partition("#")
            target = (Path("/", page).parent / path).as_posix() if path else f"/{page}"
            target = re.sub(r"[^/]+/\.\./", "", target).removeprefix("/").removesuffix(".html")
            assert numbers[target, label] == shown
            references += 1
    assert references > 10


# 式の中の字を、ブラウザーが選んだ字体(名前|太さ|傾き)ごとに集める
LETTERS = """() => {
  const used = {};
  for (const box of document.querySelectorAll('.katex-html')) {
    const texts = document.createTreeWalker(box, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      const style = getComputedStyle(texts.currentNode.parentElement);
      const family = style.fontFamily.split(',')[0];
      const key = `${family}|${style.fontWeight}|${style.fontStyle}`;
      used[key] = (used[key] ?? '') + texts.currentNode.data;
    }
  }
  return used;
}"""
UNDRAWN = re.compile(r"[\u200b\u3000-\u30ff\u4e00-\u9fff]")  # 幅のない空白と、本文の字体で出る和文


@pytest.fixture(scope="module")
def embedded(site: Path) -> dict[str, set[int]]:
    """書式に埋めこんだ字体と、その字。"""
    fonts = {}
    css = (site / "_static" / "mathematics.css").read_text(encoding="utf-8")
    for face in re.findall(r"@font-face\{([^}]*)\}", css):
        said = dict(re.findall(r"(font-\w+):(\w+)", face))
        data = re.search(r"base64,([\w+/=]+)", face)
        assert data, face[:200]
        font = TTFont(io.BytesIO(base64.b64decode(data[1])))
        key = f"{said['font-family']}|{said['font-weight']}|{said['font-style']}"
        fonts[key] = set(font.getBestCmap())
    return fonts


@pytest.mark.parametrize("page", PAGES)
def test_every_letter_of_a_formula_is_in_its_font(
    chromium: Browser, address: str, embedded: dict[str, set[int]], page: str
) -> None:
    opened, errors = open_page(chromium, f"{address}/book/{page}.html", 1280, "light")
    used = opened.evaluate(LETTERS)
    opened.close()
    assert errors == []
    for font, text in used.items():
        missing = {char for char in UNDRAWN.sub("", text) if ord(char) not in embedded[font]}
        assert not missing, (font, missing)
