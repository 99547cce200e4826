"""すべてのページのHTMLが正しく、サイトの中のリンクと飛び先がすべてあること。"""

from __future__ import annotations

from collections import defaultdict
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from bibun_site import node

from .test_book import PAGES

# 読者が目にするページ。サイトの入口(index)は、本の最初のページに移るだけである
EVERY_PAGE = (*(f"book/{page}" for page in PAGES), "404", "search")
LINKS = {"a": "href", "link": "href", "img": "src", "script": "src", "iframe": "src", "use": "href"}


class Page(HTMLParser):
    """ページの中の、飛び先の名前と、外へ内への参照。"""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        if name := given.get("id"):
            self.ids.add(name)
        if link := given.get(LINKS.get(tag, "")):
            self.links.append(link)


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Page]:
    """サイトのすべてのページ。"""
    return {path: Page(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")}


def test_the_tests_see_every_page(site: Path, pages: dict[Path, Page]) -> None:
    built = {path.relative_to(site).with_suffix("").as_posix() for path in pages}
    assert {page for page in built if not page.startswith("_static/")} == {*EVERY_PAGE, "index"}


def test_every_page_is_valid_html(pages: dict[Path, Page]) -> None:
    found = node.run("tests/book/validate.mjs", given="\n".join(map(str, sorted(pages))))
    assert found.splitlines() == []


def test_every_link_inside_the_site_arrives(site: Path, pages: dict[Path, Page]) -> None:
    broken = defaultdict(list)
    followed = 0
    for path, page in pages.items():
        for link in page.links:
            url = urlsplit(link)
            if url.scheme or url.netloc:
                continue
            target = (path.parent / unquote(url.path)).resolve() if url.path else path
            target = target / "index.html" if target.is_dir() else target
            followed += 1
            if (
                not target.is_relative_to(site)
                or not target.exists()
                or (
                    url.fragment
                    and target in pages
                    and unquote(url.fragment) not in pages[target].ids
                )
            ):
                broken[str(path.relative_to(site))].append(link)
    assert broken == {}
    assert followed > 1000
