"""誰にでも読めること: axe、図の言葉。すべてのページを、2つの明るさと2つの幅で。"""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from bibun_site import node

from .test_browser import THEMES, WIDTHS, open_folds, open_page
from .test_validity import EVERY_PAGE

AXE = (node.PACKAGES / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
VIOLATIONS = """async () => (await axe.run()).violations.flatMap(({id, help, nodes}) =>
  nodes.map(({target, failureSummary}) => `${id}: ${help}: ${target.join(' ')}: ${failureSummary}`))"""
# 見えるのに言葉のない図。読み上げから隠したものと、言葉のあるボタンの絵(axeが見る)は除く
UNDESCRIBED = """() => [...document.querySelectorAll('img, svg')]
  .filter(e => !e.closest('[aria-hidden=true], button') && !(e.getAttribute('alt') ?? e.ariaLabel)?.trim())
  .map(e => e.outerHTML.slice(0, 200))"""


@pytest.mark.parametrize("name", EVERY_PAGE)
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("theme", THEMES)
def test_axe_finds_nothing(
    chromium: Browser, address: str, name: str, width: int, theme: str
) -> None:
    page, errors = open_page(chromium, f"{address}/{name}.html", width, theme)
    open_folds(page)
    page.evaluate(AXE)
    violations = page.evaluate(VIOLATIONS)
    undescribed = page.evaluate(UNDESCRIBED)
    page.close()
    assert violations == []
    assert undescribed == []
    assert errors == []
