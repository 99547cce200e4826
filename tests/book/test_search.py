"""検索: 読者が打つ言葉が見つかり、説明するところが先に来て、ないものはないと言うこと。"""

from __future__ import annotations

import gzip
import json
import random
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from .glossary_source import entries, page_of
from .test_book import PAGES

# (探す言葉, 見つかるはずのページ, 種類)。種類が「先頭」なら、そのページが結果の先頭に来る
QUERIES = (
    # 複合語
    ("逆伝播", "how/reverse-mode", "先頭"),
    ("勾配降下", "use/gradient-descent", "先頭"),
    ("勾配降下法", "use/gradient-descent", "先頭"),
    ("計算グラフ", "how/computation-graph", "先頭"),
    ("辺の偏微分", "how/chain-rule", "先頭"),
    ("有向非巡回", "how/computation-graph", "先頭"),
    ("勾配の足し込み", "use/backward", "先頭"),
    ("合成関数", "how/chain-rule", "含む"),
    ("偏微分係数", "how/numerical-differentiation", "含む"),
    ("自動微分でよくある", "use/pitfalls", "含む"),
    ("掛けられない形", "use/pitfalls", "含む"),
    ("高校で習った", "use/backward", "含む"),
    ("損失関数", "start/why-autodiff", "先頭"),
    # 1字
    ("勾", "use/tensor", "含む"),
    ("葉", "use/recording", "先頭"),
    ("辺", "how/computation-graph", "先頭"),
    ("形", "use/tensor", "先頭"),
    ("桁", "how/numerical-differentiation", "含む"),
    ("η", "appendix/notation", "含む"),
    # 読み
    ("けいさんグラフ", "how/computation-graph", "先頭"),
    ("けいさんぐらふ", "how/computation-graph", "先頭"),
    ("こうばい", "use/many-functions", "先頭"),
    ("ぎゃくでんぱ", "how/reverse-mode", "先頭"),
    ("ずいはんち", "how/reverse-mode", "先頭"),
    ("れんさりつ", "how/chain-rule", "先頭"),
    ("テンサー", "use/tensor", "先頭"),
    ("てんさー", "use/tensor", "先頭"),
    # 英語
    ("gradient", "use/many-functions", "先頭"),
    ("Gradient Descent", "use/gradient-descent", "先頭"),
    ("chain rule", "how/chain-rule", "先頭"),
    ("computational graph", "how/computation-graph", "先頭"),
    ("computation graph", "how/computation-graph", "先頭"),
    ("automatic differentiation", "start/why-autodiff", "先頭"),
    ("backpropagation", "how/reverse-mode", "先頭"),
    ("learning rate", "use/gradient-descent", "先頭"),
    ("DAG", "how/computation-graph", "先頭"),
    # ほかの本での呼び名
    ("テンソル", "use/tensor", "先頭"),
    ("チェインルール", "how/chain-rule", "先頭"),
    ("バックプロップ", "how/reverse-mode", "先頭"),
    ("逆伝搬", "how/reverse-mode", "先頭"),
    ("最急降下法", "use/gradient-descent", "先頭"),
    ("FP32", "use/tensor", "先頭"),
    # コードの名前
    ("requires_grad", "use/tensor", "先頭"),
    ("grad_fn", "use/recording", "先頭"),
    ("torch.no_grad", "use/gradient-descent", "先頭"),
    ("torch.no_grad()", "use/gradient-descent", "先頭"),
    ("no_grad", "use/gradient-descent", "先頭"),
    ("zero_", "use/gradient-descent", "先頭"),
    ("x.grad", "use/backward", "含む"),
    ("backward()", "use/backward", "先頭"),
    ("retain_graph=True", "use/backward", "含む"),
    ("next_functions", "use/recording", "先頭"),
    ("AccumulateGrad", "use/recording", "先頭"),
    ("SqrtBackward0", "use/recording", "含む"),
    ("torch.tensor(2.0, requires_grad=True)", "use/tensor", "含む"),
    ("central_diff", "appendix/bibun", "含む"),
    ("Graph.from_tensor", "how/computation-graph", "含む"),
    ("RuntimeError", "use/pitfalls", "含む"),
    ("mat1 and mat2 shapes cannot be multiplied", "use/pitfalls", "含む"),
    ("'Tensor' object is not callable", "use/pitfalls", "含む"),
    # 2つ以上の言葉
    ("勾配 足し込み", "use/backward", "含む"),
    ("逆伝播 計算グラフ", "how/computation-graph", "含む"),
    ("numpy detach", "use/pitfalls", "含む"),
    ("学習率 発散", "use/gradient-descent", "含む"),
    ("桁落ち　倍精度", "how/numerical-differentiation", "含む"),
    # 書き方の違い
    ("ＰｙＴｏｒｃｈ", "start/pytorch", "先頭"),
    ("pytorch", "start/pytorch", "先頭"),
    ("REQUIRES_GRAD", "use/tensor", "先頭"),
    ("ﾊﾟｽ", "how/chain-rule", "先頭"),
    ("パラメータ", "start/pytorch", "含む"),
    ("トレスバック", "use/pitfalls", "近い"),
)
HOSTILE = (
    "<img src=x onerror=window.hacked=1>",
    '"><script>window.hacked=1</script>',
    "javascript:window.hacked=1",
    ".*",
    "[",
    "(?=",
    "\\",
    "$&",
    "%E0%A4%A",
    "__proto__",
    "constructor",
    "\u0000",
    "💥",
    "?q=&found=#",
)
WEIGHT = 120_000  # 検索のデータの、圧縮したあとの限り(バイト)

COLLECT = """() => {
  let more;
  while ((more = document.querySelector('.search-more'))) more.click();
  return {
    status: document.querySelector('#search-status').textContent,
    groups: [...document.querySelectorAll('#search-results > section')].map(group => ({
      name: group.querySelector('h2').textContent,
      hits: [...group.querySelectorAll('li')].map(item => ({
        page: new URL(item.querySelector('a').href).pathname.replace(/.*\\/book\\//, '').replace('.html', ''),
        anchor: decodeURIComponent(new URL(item.querySelector('a').href).hash.slice(1)),
        text: item.textContent,
        marks: [...item.querySelectorAll('mark')].map(mark => mark.textContent),
      })),
    })),
  };
}"""


@pytest.fixture(scope="module")
def desk(chromium: Browser, address: str) -> Iterator[Page]:
    """開いたままの検索のページ。"""
    page = chromium.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("dialog", lambda dialog: errors.append(dialog.message))
    page.goto(f"{address}/search.html")
    yield page
    assert errors == []
    page.close()


def ask(page: Page, query: str) -> dict[str, Any]:
    """打って Enter を押し、すべての結果を集める。"""
    page.fill("#search-query", query)
    page.press("#search-query", "Enter")
    found: dict[str, Any] = page.evaluate(COLLECT)
    return found


def literal(found: dict[str, Any]) -> list[dict[str, Any]]:
    """言葉をそのまま含むところ。"""
    return [
        hit for group in found["groups"] if "含むところ" in group["name"] for hit in group["hits"]
    ]


def everything(found: dict[str, Any]) -> list[dict[str, Any]]:
    return [hit for group in found["groups"] for hit in group["hits"]]


@pytest.fixture(scope="module")
def sections(site: Path) -> list[str]:
    """データの中の、すべての節の文字(題と文章)。JavaScriptとは別に、ここで読む。"""
    text = (site / "_static" / "search-data.js").read_text(encoding="utf-8")
    alphabet, data = re.fullmatch(
        r'globalThis\.bibunSearch=\{alphabet:(".*?"),data:(.*)\};\n', text, re.S
    ).groups()  # type: ignore[union-attr]
    letters = json.loads(alphabet)
    table = {0x80 + number: letter for number, letter in enumerate(letters)}
    return [
        f"{title}\n{text}" for _, _, title, text in json.loads(data.translate(table))["sections"]
    ]


def test_there_are_at_least_sixty_queries() -> None:
    assert len({query for query, _, _ in QUERIES}) >= 60


@pytest.mark.parametrize(("query", "page", "kind"), QUERIES)
def test_what_a_reader_types_is_found(desk: Page, query: str, page: str, kind: str) -> None:
    found = ask(desk, query)
    hits = everything(found)
    assert page in {hit["page"] for hit in hits}, found["status"]
    if kind == "先頭":
        assert hits[0]["page"] == page
    if kind == "近い":
        assert literal(found) == []
        assert (
            any("近いもの" in group["name"] for group in found["groups"]) or hits[0]["page"] == page
        )


@pytest.mark.parametrize("entry", entries(), ids=lambda entry: entry.name)
def test_the_page_that_explains_a_term_comes_first(desk: Page, entry: Any) -> None:
    page = page_of(entry.label).removeprefix("book/")
    for query in (entry.name, *entry.others):
        found = ask(desk, query)
        first = next(
            hit
            for group in found["groups"]
            if group["name"] == "用語"
            for hit in group["hits"]
            if hit["text"].startswith(entry.name)
        )
        assert first["page"] == page, query
        assert first["anchor"] == entry.label, query
        assert everything(found)[0]["page"] == page or query in {"step size"}
    hits = literal(ask(desk, entry.name))
    explained = [hit for hit in hits if hit["anchor"] == entry.label]
    assert hits[0] in (explained or [hit for hit in hits if hit["page"] == "appendix/glossary"])


@pytest.mark.parametrize("name", PAGES)
def test_any_piece_of_the_prose_of_a_page_is_found(
    chromium: Browser, desk: Page, address: str, name: str
) -> None:
    # プログラムが足す言葉(実行のボタンなど)ではなく、本の言葉だけを読む
    page = chromium.new_context(java_script_enabled=False).new_page()
    page.goto(f"{address}/book/{name}.html")
    texts = page.evaluate(
        """() => [...document.querySelectorAll('article p, article li, article .cell_input pre')]
          .filter(e => !e.closest('details, .toctree-wrapper, dd, dl.term-index, table'))
          .flatMap(e => [...e.childNodes].filter(n => n.nodeType === 3).map(n => n.data.trim()))
          .filter(text => text.length >= 6)"""
    )
    page.context.close()
    assert texts
    chosen = random.Random(name).sample(texts, min(8, len(texts)))
    for text in chosen:
        start = random.Random(text).randrange(len(text) - 5)
        piece = text[start : start + 12].strip()
        assert name in {hit["page"] for hit in literal(ask(desk, piece))}, piece


@pytest.mark.parametrize(
    "query", ["勾配", "gradient", "backward()", "葉", "トポロジカル", "x", "x²"]
)
def test_the_number_of_hits_is_exact(desk: Page, sections: list[str], query: str) -> None:
    word = plain(query)
    expected = sum(word in plain(text) for text in sections)
    found = ask(desk, query)
    assert expected > 0
    assert len(literal(found)) == expected
    assert f"{expected}件" in found["status"]


def plain(text: str) -> str:
    """全角と半角、大文字と小文字の違いを除く。"""
    return unicodedata.normalize("NFKC", text).lower()


def test_what_the_book_says_is_shown_as_text_never_as_markup(desk: Page) -> None:
    found = ask(desk, "<AddBackward0>")
    assert {mark for hit in literal(found) for mark in hit["marks"]} == {"<AddBackward0>"}
    tags = desk.evaluate(
        "[...document.querySelectorAll('#search-results *')].map(element => element.tagName)"
    )
    assert set(tags) <= {"SECTION", "H2", "P", "OL", "LI", "A", "SPAN", "MARK"}


def test_every_excerpt_marks_the_words(desk: Page) -> None:
    found = ask(desk, "計算グラフ 辺")
    assert len(literal(found)) > 3
    for hit in literal(found):
        assert {"計算グラフ", "辺"} & set(hit["marks"]), hit


def test_what_is_not_literal_is_said_to_be_near(desk: Page) -> None:
    found = ask(desk, "gradient")
    near = next(group for group in found["groups"] if group["name"].startswith("近いもの"))
    assert near["hits"]
    assert all("gradient" not in "".join(hit["marks"]).lower() for hit in near["hits"])
    assert "この本では「勾配」といいます" in desk.locator("#search-results").inner_text()
    assert f"近いものが、{len(near['hits'])}件" in found["status"]


def test_nothing_found_is_said_honestly_with_a_next_step(desk: Page) -> None:
    found = ask(desk, "量子コンピューター")
    assert "ありませんでした" in found["status"]
    assert everything(found) == []
    assert "探していません" in desk.locator("#search-results").inner_text()
    ask(desk, "勾配 量子コンピューター")
    assert "「勾配」だけなら" in desk.locator("#search-results").inner_text()
    ask(desk, "gradeint")
    desk.get_by_role("link", name="「勾配」").click()
    expect(desk.locator("#search-query")).to_have_value("勾配")
    ask(desk, "")
    assert desk.locator("#search-status").inner_text() == ""


@pytest.mark.parametrize("query", HOSTILE)
def test_a_hostile_query_is_only_text(desk: Page, address: str, query: str) -> None:
    ask(desk, query)
    desk.goto(f"{address}/search.html?q=" + re.sub(r"[^A-Za-z]", lambda m: quoted(m[0]), query))
    expect(desk.locator("#search-status")).not_to_be_empty()
    assert desk.locator("#search-results :is(img, script, iframe)").count() == 0
    assert desk.evaluate("window.hacked") is None


def quoted(char: str) -> str:
    return "".join(f"%{byte:02X}" for byte in char.encode())


def test_a_very_long_query_is_cut_and_said_to_be(desk: Page) -> None:
    found = ask(desk, "勾配" * 20_000)
    assert "はじめの100文字だけ" in found["status"]
    assert everything(found) == []


def test_results_come_while_typing_and_the_address_keeps_the_words(
    chromium: Browser, address: str
) -> None:
    page = chromium.new_page()
    page.goto(f"{address}/search.html")
    expect(page.locator("#search-query")).to_be_focused()
    page.keyboard.type("requires")
    status = page.get_by_role("status")
    expect(status).to_contain_text("「requires」を含むところが")
    assert page.url.endswith("?q=requires")
    page.keyboard.press("ArrowDown")
    expect(page.locator(".search-hit").first).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(page.locator(".search-hit").nth(1)).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#search-query")).to_be_focused()
    page.reload()
    expect(page.locator("#search-query")).to_have_value("requires")
    expect(status).to_contain_text("件あります")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url("**/book/**")
    page.close()


@pytest.mark.parametrize("key", ["/", "Control+k"])
def test_a_key_leads_to_the_search(chromium: Browser, address: str, key: str) -> None:
    page = chromium.new_page(viewport={"width": 1280, "height": 900})
    page.goto(f"{address}/book/use/tensor.html")
    page.keyboard.press(key)
    expect(page.locator(".sidebar-search")).to_be_focused()
    page.keyboard.type("逆伝播")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search.html?q=*")
    expect(page.locator("#search-query")).to_have_value("逆伝播")
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(f"{address}/book/use/tensor.html")
    page.keyboard.press(key)
    page.wait_for_url("**/search.html*")
    page.close()


def test_a_hit_leads_to_its_section_and_marks_the_words(chromium: Browser, address: str) -> None:
    page = chromium.new_page()
    page.goto(f"{address}/search.html?q=上書き")
    page.locator(".search-hit").first.click()
    page.wait_for_url("**/book/**")
    assert "found" not in page.url
    marked = page.evaluate("[...CSS.highlights.get('found')].map(String)")
    assert marked
    assert set(marked) == {"上書き"}
    expect(page.locator(":target")).to_be_in_viewport()
    page.close()


def test_it_works_from_a_file(chromium: Browser, site: Path) -> None:
    page = chromium.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto((site / "search.html").as_uri() + "?q=%E9%80%86%E4%BC%9D%E6%92%AD")
    expect(page.get_by_role("status")).to_contain_text("「逆伝播」を含むところが")
    page.fill("#search-query", "けいさんグラフ")
    expect(page.locator(".search-hit").first).to_have_text("計算グラフ")
    page.locator(".search-hit").first.click()
    page.wait_for_url("**/book/how/computation-graph.html*")
    assert errors == []
    page.close()


def test_without_javascript_it_says_where_else_to_look(site: Path) -> None:
    text = (site / "search.html").read_text(encoding="utf-8")
    told = re.findall(r"<noscript>(.*?)</noscript>", text, re.S)
    links = [link for note in told for link in re.findall(r'href="([^"]+)"', note)]
    assert links == ["book/appendix/index-of-terms.html", "book/appendix/glossary.html"]
    assert all((site / link).exists() for link in links)


def test_the_data_is_light_and_loaded_only_where_one_searches(site: Path) -> None:
    data = (site / "_static" / "search-data.js").read_bytes()
    assert len(gzip.compress(data, mtime=0)) <= WEIGHT
    readers = [
        path.relative_to(site).as_posix()
        for path in site.rglob("*.html")
        if "search-data.js" in path.read_text(encoding="utf-8")
    ]
    assert readers == ["search.html"]


def test_nothing_is_left_of_the_stock_search(site: Path) -> None:
    stock = ("searchindex.js", "searchtools.js", "language_data.js")
    assert [path for path in site.rglob("*") if path.name in stock] == []
    for path in site.rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert not any(name in text for name in stock), path
