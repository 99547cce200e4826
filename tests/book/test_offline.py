"""ページから持ち帰る一覧と、サイト全体のzip。"""

from __future__ import annotations

import re
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urljoin

import pytest
from playwright.sync_api import Browser, Page

from .test_book import PAGES

LINK = re.compile(r'<a [^>]*href="([^"]+)" download>([^<]+)</a>')
LABELS = [
    "ノートブック(実行済み)",
    "ノートブック(練習用)",
    "このページのソース",
    "すべてのノートブック(zip)",
    "サイト全体(zip)",
]


@pytest.fixture(scope="module")
def unpacked(site: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """サイト全体のzipを展開したフォルダー。"""
    folder = tmp_path_factory.mktemp("offline")
    zipfile.ZipFile(site / "downloads" / "site.zip").extractall(folder)
    (only,) = folder.iterdir()
    return only


@pytest.fixture
def page(chromium: Browser) -> Iterator[tuple[Page, list[str]]]:
    """起きた問題の一覧とともに、新しいページ。"""
    opened = chromium.new_page(viewport={"width": 390, "height": 800})
    problems: list[str] = []
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)
    opened.on("requestfailed", lambda request: problems.append(request.url))
    yield opened, problems
    opened.close()


@pytest.mark.parametrize("name", PAGES)
def test_every_link_of_the_menu_answers(site: Path, address: str, name: str) -> None:
    html = (site / "book" / f"{name}.html").read_text(encoding="utf-8")
    links = LINK.findall(html)
    assert [label for _, label in links] == LABELS
    for link, _ in links:
        with urllib.request.urlopen(urljoin(f"{address}/book/{name}.html", link)) as answer:
            assert answer.status == 200
            assert answer.read(1)


def test_source_is_the_chapter_itself(site: Path) -> None:
    root = Path(__file__).parents[2]
    for name in PAGES:
        source = site / "downloads" / f"{name.replace('/', '-')}.md"
        assert source.read_bytes() == (root / "book" / f"{name}.md").read_bytes()


def test_menu_opens_by_keyboard(address: str, page: tuple[Page, list[str]]) -> None:
    opened, problems = page
    opened.goto(f"{address}/book/use/tensor.html")
    opened.locator(".take-along summary").focus()
    opened.keyboard.press("Enter")
    opened.keyboard.press("Tab")
    focused = opened.evaluate("document.activeElement.textContent")
    assert focused == LABELS[0]
    assert opened.locator(".take-along a").last.is_visible()
    box = opened.locator(".take-along ul").bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    assert problems == []


def test_zip_holds_the_site_but_itself(site: Path, unpacked: Path) -> None:
    def files(folder: Path) -> dict[str, bytes]:
        return {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in folder.rglob("*")
            if path.is_file()
        }

    whole, held = files(site), files(unpacked)
    left_out = whole.keys() - held.keys()
    assert all(n.startswith((".", "_static/live/", "downloads/site.zip")) for n in left_out)
    assert held == {name: whole[name] for name in held}
    infos = zipfile.ZipFile(site / "downloads" / "site.zip").infolist()
    assert {info.date_time for info in infos} == {(2023, 1, 1, 0, 0, 0)}
    assert [info.filename for info in infos] == sorted(info.filename for info in infos)


@pytest.mark.parametrize("name", ["index", "use/tensor", "how/computation-graph"])
def test_unpacked_site_reads_well_as_files(
    unpacked: Path, page: tuple[Page, list[str]], name: str
) -> None:
    opened, problems = page
    opened.goto((unpacked / "book" / f"{name}.html").as_uri())
    opened.wait_for_function("!document.documentElement.classList.contains('no-js')")
    opened.evaluate("document.fonts.ready")
    assert problems == []
    sizes = opened.evaluate(
        """() => Promise.all([...document.querySelectorAll('article img')].map(async image => {
          image.loading = 'eager';
          await image.decode();
          return image.naturalWidth;
        }))"""
    )
    assert all(sizes)
    assert opened.evaluate("[...document.fonts].some(font => font.status === 'loaded')")
    links = opened.eval_on_selector_all(".take-along a[download]", "all => all.map(a => a.href)")
    assert len(links) == len(LABELS) - 1
    assert all(Path(link.removeprefix("file://")).is_file() for link in links)
    assert opened.get_by_role("button", name="実行").count() == 0, "ファイルからは動かせない"
    colors = set()
    for _ in range(3):
        opened.locator(".mobile-header .theme-toggle").click()
        colors.add(opened.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert len(colors) == 2
