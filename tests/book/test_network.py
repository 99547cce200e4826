"""読者がページを開いたときに行き来するもの: よそへの要求がないこと、許すもの(CSP)、重さ。"""

from __future__ import annotations

import gzip
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from playwright.sync_api import Browser

from .test_browser import open_folds
from .test_validity import EVERY_PAGE

FIRST_VISIT = 250_000  # バイト。gzipで、字体も図も含めて
FIRST_REQUESTS = 20
LATER_PAGE = 60_000  # そのページだけの図を除いて
COMPRESSED = {".png", ".woff2", ".zip", ".whl"}


def requests(chromium: Browser, url: str, *, to_the_end: bool = True) -> list[str]:
    """新しい読者がページを開いたときの、すべての要求。

    Parameters
    ----------
    to_the_end : bool
        最後まで読む(あとから届く図も求める)。
    """
    context = chromium.new_context(viewport={"width": 390, "height": 800})
    page = context.new_page()
    asked: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    page.goto(url, wait_until="networkidle")
    if to_the_end:
        open_folds(page)
        for image in page.locator("img[loading=lazy]").all():
            image.scroll_into_view_if_needed()
        page.wait_for_load_state("networkidle")
    context.close()
    return [url for url in asked if not url.startswith("data:")]


def weight(site: Path, urls: list[str]) -> int:
    """届く大きさ。サーバーがgzipで送るとして。"""
    return sum(len(compressed(site / unquote(urlsplit(url).path).lstrip("/"))) for url in urls)


def compressed(path: Path) -> bytes:
    body = path.read_bytes()
    return body if path.suffix in COMPRESSED else gzip.compress(body, 6)


@pytest.fixture(scope="module")
def visits(chromium: Browser, address: str) -> dict[str, list[str]]:
    """最後まで読んだときの要求。"""
    return {name: requests(chromium, f"{address}/{name}.html") for name in EVERY_PAGE}


@pytest.mark.xdist_group("network")
def test_no_page_asks_anyone_else_for_anything(
    chromium: Browser, address: str, visits: dict[str, list[str]]
) -> None:
    searched = requests(chromium, f"{address}/search.html?q=勾配")
    for name, urls in {**visits, "search?q": searched}.items():
        assert f"{address}/{name.split('?')[0]}.html" in urls[0]
        assert [url for url in urls if not url.startswith(address)] == [], name


@pytest.mark.xdist_group("network")
def test_the_first_visit_is_light(
    chromium: Browser, address: str, site: Path, visits: dict[str, list[str]]
) -> None:
    weights = {name: weight(site, urls) for name, urls in visits.items()}
    heaviest = max(weights, key=lambda name: weights[name])
    assert weights[heaviest] <= FIRST_VISIT, heaviest
    for name in (heaviest, max(visits, key=lambda name: len(visits[name]))):
        opened = requests(chromium, f"{address}/{name}.html", to_the_end=False)
        assert len(opened) <= FIRST_REQUESTS, (name, opened)


@pytest.mark.xdist_group("network")
def test_a_later_page_is_lighter_still(site: Path, visits: dict[str, list[str]]) -> None:
    known = set(visits["book/how/chain-rule"])
    for name in set(visits) - {"search"}:  # 検索のページの重さは、本の全文の索引である
        urls = visits[name]
        new = [url for url in urls if url not in known and "/_images/" not in url]
        assert weight(site, new) <= LATER_PAGE, (name, weight(site, new), new)


# プログラムが、その場で作った名前で読むもの: 章のセル(web/live/page.ts)
ASKED_BY_MADE_NAMES = "live/cells/"


def test_every_static_file_is_loaded_by_some_page(site: Path) -> None:
    static = site / "_static"
    waiting = {path for path in static.rglob("*") if path.is_file()}
    # フォルダーの名前は、場所を決めるプログラムに任せ、ファイルの名前だけを見る。.gzは、manifest.jsonにある
    reached = [path for path in site.rglob("*.html") if path not in waiting]
    while reached:
        reader = reached.pop()
        if reader.suffix not in {".html", ".css", ".js", ".json"}:
            continue
        text = reader.read_text(encoding="utf-8")
        found = {path for path in waiting if named_in(text, path)}
        waiting -= found
        reached += found
    unread = {path.relative_to(static).as_posix() for path in waiting}
    assert {name for name in unread if not name.startswith(ASKED_BY_MADE_NAMES)} == set()
    pages = {f"{ASKED_BY_MADE_NAMES}{name.removeprefix('book/')}.json" for name in EVERY_PAGE}
    assert {name for name in unread if name.startswith(ASKED_BY_MADE_NAMES)} <= pages


def named_in(text: str, path: Path) -> bool:
    """``path`` の名前が、プログラムか書式かページの中に、1つの名前として現れるか。"""
    return (
        re.search(rf"(?<![\w.-]){re.escape(path.name.removesuffix('.gz'))}(?![\w-])", text)
        is not None
    )


def test_every_page_says_what_it_allows_before_anything_is_loaded(site: Path) -> None:
    for path in site.rglob("*.html"):
        head = path.read_text(encoding="utf-8").partition("</head>")[0]
        policy = re.search(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)">', head)
        assert policy, path
        assert not re.search(r"<(script|link|style)\b", head[: policy.start()]), path
        allowed = dict(part.strip().split(" ", 1) for part in policy[1].split(";"))
        assert allowed["default-src"] == "'none'"
        assert not {"'unsafe-inline'", "'unsafe-eval'"} & set(allowed["script-src"].split()), path
        assert not re.search(r"https?:|\*", policy[1]), path
