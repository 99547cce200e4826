"""説明、札、サイトの地図、入口、ページがないときのページ。"""

from __future__ import annotations

import functools
import re
import threading
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image, ImageFont
from playwright.sync_api import Browser, expect

from bibun_site import card, sharing

from .conftest import QuietHandler
from .test_book import PAGES
from .test_browser import open_page
from .test_planted_defects import GOOD, build

ADDRESS = "https://example.jp/autodiff/"


def head(html: str) -> str:
    return html.partition("<body")[0]


def meta(html: str, name: str) -> str | None:
    found = re.search(rf'<meta (?:name|property)="{name}" content="([^"]*)"', head(html))
    return found and found[1]


@pytest.mark.parametrize("page", [*(f"book/{name}" for name in PAGES), "index", "search", "404"])
def test_every_page_says_what_it_is(site: Path, page: str) -> None:
    html = (site / f"{page}.html").read_text(encoding="utf-8")
    assert len(meta(html, "description") or "") >= 20
    assert meta(html, "og:description") == meta(html, "description")
    assert meta(html, "og:title")
    assert "<title>" in head(html)
    icon = re.search(r'rel="icon"[^>]*href="([^"]*)"', head(html))
    assert icon
    assert (site / page).parent.joinpath(icon[1]).resolve().is_file()


def test_the_foot_of_the_page_says_whose_it_is_and_how_it_may_be_used(site: Path) -> None:
    html = (site / "book/use/tensor.html").read_text(encoding="utf-8")
    foot = re.sub("<[^>]*>", "", html.partition("<footer>")[2])
    assert re.search(r"© 2023–20\d\d bibunの著者一同。", foot)
    for words in ("CC BY 4.0", "MITライセンス", "Sphinx", "Furo"):
        assert words in foot


def test_no_two_pages_say_the_same(site: Path) -> None:
    pages = [(site / f"book/{name}.html").read_text(encoding="utf-8") for name in PAGES]
    assert len({meta(page, "description") for page in pages}) == len(PAGES)
    assert len({meta(page, "og:title") for page in pages}) == len(PAGES)


def test_a_site_without_an_address_claims_none(site: Path) -> None:
    html = (site / "book/use/tensor.html").read_text(encoding="utf-8")
    assert meta(html, "og:image") is None
    assert "canonical" not in head(html)
    assert not (site / "sitemap.xml").exists()
    assert "Sitemap" not in (site / "robots.txt").read_text(encoding="utf-8")


def test_the_front_door_leads_to_the_book(chromium: Browser, address: str) -> None:
    page = chromium.new_page()
    page.goto(f"{address}/")
    page.wait_for_url("**/book/index.html")
    page.close()


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """住所を決めて作った、2ページの本。"""
    folder = tmp_path_factory.mktemp("published")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BIBUN_SITE_URL", ADDRESS.rstrip("/"))
        built = build(folder, {"good": GOOD, "second": GOOD.replace("good", "second")})
    assert built.returncode == 0, built.log
    return folder / "_build" / "html"


def test_the_sitemap_lists_every_page_once(published: Path) -> None:
    tree = ET.parse(published / "sitemap.xml")
    pages = [place.text for place in tree.iter("{http://www.sitemaps.org/schemas/sitemap/0.9}loc")]
    assert pages == [f"{ADDRESS}book/good.html", f"{ADDRESS}book/second.html"]
    assert f"Sitemap: {ADDRESS}sitemap.xml" in (published / "robots.txt").read_text()


@pytest.mark.parametrize("page", ["book/good", "index"])
def test_a_page_with_an_address_carries_its_card(published: Path, page: str) -> None:
    html = (published / f"{page}.html").read_text(encoding="utf-8")
    assert f'rel="canonical" href="{ADDRESS}book/good.html"' in html
    image = meta(html, "og:image") or ""
    assert image.startswith(ADDRESS)
    with Image.open(published / image.removeprefix(ADDRESS)) as picture:
        assert picture.size == (1200, 630)
    assert meta(html, "og:image:width") == "1200"


def test_the_missing_page_has_only_absolute_links(published: Path) -> None:
    html = (published / "404.html").read_text(encoding="utf-8")
    places = re.findall(r'\b(?:href|src|action)="([^"]*)"', html)
    assert places
    assert [place for place in places if not place.startswith(("https://", "#"))] == []
    assert f'href="{ADDRESS}book/good.html"' in html


class SubfolderHandler(QuietHandler):
    """サイトを ``/lecture/`` の下で配り、ないページには ``404.html`` を返す。"""

    def translate_path(self, path: str) -> str:
        inside = super().translate_path(path.removeprefix("/lecture"))
        return inside if path.startswith("/lecture/") else f"{inside}.nowhere"

    def send_error(self, code: int, *_: object, **__: object) -> None:
        body = (Path(self.directory) / "404.html").read_bytes()
        self.send_response(code)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)


@pytest.fixture
def subfolder(site: Path) -> Iterator[str]:
    """フォルダーの下で配られる、住所の決まっていないサイト。"""
    handler = functools.partial(SubfolderHandler, directory=str(site))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/lecture"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("place", ["nothing.html", "book/use/nothing.html", "a/b/c/d/nothing"])
def test_the_missing_page_finds_home_from_any_depth(
    chromium: Browser, subfolder: str, place: str
) -> None:
    page, errors = open_page(chromium, f"{subfolder}/{place}", 1280, "light")
    home = f"{subfolder}/book/index.html"
    link = page.get_by_role("link", name="この本の最初のページへ")
    expect(link).to_have_attribute("href", home)
    expect(page.locator(".page")).to_have_css("display", "flex")
    link.click()
    page.wait_for_url(home)
    page.close()
    assert [error for error in errors if "404 (Not Found)" not in error] == []


def test_a_card_is_drawn_again_only_when_it_would_differ(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[str] = []
    draw = card.draw
    monkeypatch.setattr(card, "draw", lambda *given: (drawn.append(given[0]), draw(*given)))
    app = SimpleNamespace(
        doctreedir=tmp_path / ".doctrees", config=SimpleNamespace(html_title="自動微分")
    )
    for title in ("勾配", "勾配", "連鎖律", "勾配"):
        (tmp_path / "card.png").unlink(missing_ok=True)
        sharing.place_card(app, title, tmp_path / "card.png")  # type: ignore[arg-type]
    assert drawn == ["勾配", "連鎖律"]
    draw("勾配", "自動微分", tmp_path / "fresh.png")
    assert (tmp_path / "card.png").read_bytes() == (tmp_path / "fresh.png").read_bytes()


def test_a_card_is_always_the_same_and_says_its_title(tmp_path: Path) -> None:
    for name, title in (("one", "計算グラフ"), ("two", "計算グラフ"), ("other", "連鎖律")):
        card.draw(title, "自動微分", tmp_path / name)
    one, two, other = ((tmp_path / name).read_bytes() for name in ("one", "two", "other"))
    assert one == two
    assert one != other


@pytest.mark.parametrize(
    ("title", "lines"),
    [
        ("手で微分するのを、やめる", ["手で微分するのを、やめる"]),
        (
            "逆伝播と逆方向モード:1回でぜんぶの微分を",
            ["逆伝播と逆方向モード:", "1回でぜんぶの微分を"],
        ),
        ("数値微分:差分ではなぜ足りないか", ["数値微分:差分ではなぜ", "足りないか"]),
    ],
)
def test_titles_break_between_phrases(title: str, lines: list[str]) -> None:
    assert card.wrap(title, ImageFont.truetype(card.FONT, 76), 1020) == lines


def test_the_sitemap_escapes_addresses() -> None:
    assert "<loc>https://example.jp/?a=1&amp;b=2</loc>" in sharing.sitemap(
        ["https://example.jp/?a=1&b=2"]
    )
