"""Chromiumで開いたときの見え方と動き。"""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, Route

from .test_book import PAGES

WIDTHS = (390, 1280)
THEMES = ("light", "dark")
ENGLISH = (
    "Copyright",
    "Show code",
    "Hide code",
    "Contents",
    "Previous",
    "Next",
    "Search",
    "Print to",
    "By ",
)


def only_loopback(route: Route) -> None:
    """サイトの外への要求は止める(テストはネットワークに頼らない)。"""
    if route.request.url.startswith("http://127.0.0.1"):
        route.continue_()
    else:
        route.abort()


def open_page(chromium: Browser, url: str, width: int, theme: str) -> tuple[Page, list[str]]:
    """ページを開き、起きた例外の一覧とともに返す。"""
    page = chromium.new_page(
        viewport={"width": width, "height": 900},
        color_scheme="dark" if theme == "dark" else "light",
    )
    page.route("**/*", only_loopback)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(url, wait_until="load")
    return page, errors


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("theme", THEMES)
def test_page_fits_its_window_with_every_fold_open(
    chromium: Browser, address: str, name: str, width: int, theme: str
) -> None:
    page, errors = open_page(chromium, f"{address}/book/{name}.html", width, theme)
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")
    wide = page.evaluate(
        """() => {
          const limit = document.documentElement.clientWidth;
          const boxed = e => e.closest('pre, .math, table, svg, .table-wrapper, .highlight');
          return [...document.querySelectorAll('article *')]
            .filter(e => e.getBoundingClientRect().right > limit + 1 && !boxed(e))
            .map(e => e.tagName + '.' + e.className + ': ' + e.textContent.slice(0, 40));
        }"""
    )
    scroll = page.evaluate("document.documentElement.scrollWidth")
    broken = page.evaluate(
        "[...document.images].filter(i => i.complete && !i.naturalWidth).map(i => i.src)"
    )
    page.close()
    assert errors == []
    assert broken == []
    assert wide == []
    assert scroll <= width


@pytest.mark.parametrize("name", PAGES)
def test_no_english_scrap_is_shown(chromium: Browser, address: str, name: str) -> None:
    page, _ = open_page(chromium, f"{address}/book/{name}.html", 1280, "light")
    chrome = page.evaluate(
        """() => {
          const shown = document.body.cloneNode(true);
          shown.querySelectorAll('article, script, style, pre').forEach(e => e.remove());
          return shown.textContent + [...document.querySelectorAll('details > summary')]
            .map(e => e.textContent).join(' ');
        }"""
    )
    page.close()
    found = [scrap for scrap in ENGLISH if scrap in chrome]
    assert found == []


@pytest.mark.parametrize("name", PAGES)
def test_every_label_and_tooltip_speaks_japanese(
    chromium: Browser, address: str, name: str
) -> None:
    page, _ = open_page(chromium, f"{address}/book/{name}.html", 1280, "light")
    labels = page.evaluate(
        """() => ['title', 'aria-label', 'data-bs-title', 'placeholder', 'alt'].flatMap(name =>
          [...document.querySelectorAll(`[${name}]:not(a.internal)`)].map(e => e.getAttribute(name)))"""
    )
    page.close()
    english = [label for label in labels if re.search("[A-Za-z]{3}", label)]
    assert [label for label in english if not re.search("[ぁ-ヿ一-龠]", label)] == []


def test_hints_open_one_after_the_other_and_the_answer_last(
    chromium: Browser, address: str
) -> None:
    page, _ = open_page(chromium, f"{address}/book/use/tensor.html", 390, "light")
    exercise = page.locator(".exercise").first
    folds = [exercise.get_by_text(name, exact=True) for name in ("ヒント1", "ヒント2", "解答例")]
    assert [fold.is_visible() for fold in folds] == [True, False, False]
    folds[0].click()
    assert [fold.is_visible() for fold in folds] == [True, True, False]
    folds[1].click()
    assert [fold.is_visible() for fold in folds] == [True, True, True]
    code = exercise.locator("pre").last
    assert not code.is_visible()
    folds[2].click()
    assert code.is_visible()
    assert "requires_grad" in code.inner_text()
    page.close()


THEME_BUTTON = ".theme-toggle:visible"


@pytest.mark.parametrize("system", THEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_the_theme_follows_the_system_and_remembers_a_choice(
    chromium: Browser, address: str, system: str, width: int
) -> None:
    page, errors = open_page(chromium, f"{address}/book/index.html", width, system)
    other = "light" if system == "dark" else "dark"
    assert brightness(page) == system
    button = page.locator(THEME_BUTTON)
    assert "システムに合わせる" in (button.get_attribute("aria-label") or "")
    button.click()
    assert brightness(page) == other
    assert ("暗い" if other == "dark" else "明るい") in (button.get_attribute("aria-label") or "")
    page.goto(f"{address}/book/use/tensor.html")
    assert brightness(page) == other
    button.click()
    assert brightness(page) == system
    button.click()
    assert "システムに合わせる" in (button.get_attribute("aria-label") or "")
    page.emulate_media(color_scheme="dark" if other == "dark" else "light")
    assert brightness(page) == other
    page.close()
    assert errors == []


def brightness(page: Page) -> str:
    """地の色が明るいか、暗いか。"""
    red, green, blue = map(
        int,
        re.findall(r"\d+", page.evaluate("getComputedStyle(document.body).backgroundColor"))[:3],
    )
    return "dark" if red + green + blue < 3 * 128 else "light"
