"""用語: 章で初めて現れるところがリンクになり、説明が吹き出しで出て、索引がすべての用途を挙げること。"""

from __future__ import annotations

import doctest
import html
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from docutils import nodes
from playwright.sync_api import Browser, Page, expect

from bibun_site import glossary, japanese, plain, terms

from .glossary_source import entries, page_of
from .test_book import PAGES

INDEX = "appendix/index-of-terms"
LINKED = tuple(page for page in PAGES if page not in {"appendix/glossary", INDEX})
WORDS = [entry.name for entry in entries() if re.search("[ぁ-ヿ一-龠]", entry.name)]
# リンクを置かないところ
FORBIDDEN = "h1, h2, h3, dt, pre, a a, .math, .admonition-title, details, .rubric, .sig"

# 文章の中で、用語がただ初めて現れるところ。リンクの中か、太字の紹介か、どちらでもないか
FIRST_USES = """words => {
  const skipped = 'h1, h2, h3, dt, pre, .math, .admonition-title, details, .rubric, .sig, svg, table.bibun-ledger,'
    + '.py, .footnote-reference, .toctree-wrapper, .cell_output .output, code, figcaption .caption-number,'
    + 'a:not(.term)';
  const kinds = ['一-龠々', 'ァ-ヴー'];
  const alone = word => {
    const before = kinds.find(kind => new RegExp(`^[${kind}]`).test(word));
    const after = kinds.find(kind => new RegExp(`[${kind}]$`).test(word));
    return (before ? `(?<![${before}])` : '') + word + (after ? `(?![${after}])` : '');
  };
  const pattern = new RegExp([...words].sort((a, b) => b.length - a.length).map(alone).join('|'), 'g');
  const found = {};
  const walker = document.createTreeWalker(document.querySelector('article'), NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const parent = walker.currentNode.parentElement;
    if (parent.closest(skipped)) continue;
    for (const [word] of walker.currentNode.data.matchAll(pattern)) {
      const bold = parent.closest('strong');
      found[word] ??= parent.closest('a.term') ? 'link'
        : bold && bold.nextSibling?.textContent.startsWith('(') ? 'introduced' : 'bare';
    }
  }
  return found;
}"""


def open_page(chromium: Browser, address: str, name: str, width: int = 1280) -> Page:
    page = chromium.new_page(viewport={"width": width, "height": 800})
    page.goto(f"{address}/book/{name}.html")
    return page


@pytest.mark.parametrize(
    "module", [glossary, japanese, plain, terms], ids=lambda module: module.__name__
)
def test_the_examples_of_the_module_run(module: object) -> None:
    done = doctest.testmod(module)  # type: ignore[arg-type]
    assert done.attempted > 0
    assert done.failed == 0


# ---- リンク -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", LINKED)
def test_the_first_use_of_every_term_is_a_link_or_its_introduction(
    chromium: Browser, address: str, name: str
) -> None:
    page = open_page(chromium, address, name)
    words = [word for word in WORDS if word not in terms.EVERYDAY]
    uses = page.evaluate(FIRST_USES, words)
    page.close()
    assert {word: use for word, use in uses.items() if use == "bare"} == {}
    if re.match("(start|use|how)/", name):
        assert "link" in uses.values()


@pytest.mark.parametrize("name", PAGES)
def test_a_term_is_linked_once_and_never_where_it_disturbs(site: Path, name: str) -> None:
    text = (site / "book" / f"{name}.html").read_text(encoding="utf-8")
    links = re.findall(r'<a class="term[^"]*" href="([^"]*)" title="([^"]*)">', text)
    addresses = [address for address, _ in links]
    assert len(addresses) == len(set(addresses))
    glossary_text = (site / "book/appendix/glossary.html").read_text(encoding="utf-8")
    for address, note in links:
        file, _, anchor = address.partition("#")
        assert file.endswith("glossary.html")
        assert f'<dt id="{anchor}"' in glossary_text
        assert len(html.unescape(note)) > 8
        assert "\\" not in note
        assert "→" not in note or "s → t" in note
    assert bool(links) == (name in LINKED)


def test_the_anchor_of_a_term_does_not_depend_on_the_other_terms(site: Path) -> None:
    text = (site / "book/appendix/glossary.html").read_text(encoding="utf-8")
    anchors = re.findall(r'<dt id="([^"]*)"', text)
    assert len(anchors) >= len(entries())
    assert len(anchors) == len(set(anchors))
    assert [anchor for anchor in anchors if re.fullmatch(r"(term|id)-?\d+", anchor)] == []
    assert '<dt id="term-gradient">勾配<' in text
    assert '<dt id="term-壁の関数">壁の関数<' in text


@pytest.mark.parametrize("name", LINKED)
def test_no_term_is_linked_in_headings_links_code_or_formulas(
    chromium: Browser, address: str, name: str
) -> None:
    page = open_page(chromium, address, name)
    inside = page.evaluate(
        """places => [...document.querySelectorAll('a.term')]
          .filter(link => link.parentElement.closest(places)).map(link => link.outerHTML)""",
        FORBIDDEN.replace("a a", "a"),
    )
    page.close()
    assert inside == []


def test_everyday_words_are_not_taken_for_terms() -> None:
    finder = terms.Finder(
        tuple(
            glossary.Term(name, False, "", (), (), "", name, "", "")
            for name in ("葉", "辺", "形", "勾配", "勾配降下法", "パス", "記録")
        )
    )
    text = "言葉の右辺と、ひし形のパスワード。葉から勾配降下法で、Tensorの形。"
    assert [term.name for _, term in finder.in_text(text)] == ["葉", "勾配降下法", "形"]


# ---- 吹き出し -----------------------------------------------------------------------------


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("name", ["use/tensor", "how/chain-rule"])
def test_the_meaning_is_shown_on_hover_and_on_focus(
    chromium: Browser, address: str, name: str, width: int
) -> None:
    page = open_page(chromium, address, name, width)
    note = page.get_by_role("tooltip")
    links = page.locator("a.term")
    assert links.count() >= 5
    for number in range(min(8, links.count())):
        link = links.nth(number)
        assert link.get_attribute("title") is None
        for show in (link.hover, link.focus):
            show()
            expect(note).to_be_visible()
            assert link.get_attribute("aria-describedby") == note.get_attribute("id")
            assert len(note.inner_text()) > 8
            box = note.bounding_box()
            assert box
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= width
            page.keyboard.press("Escape")
            expect(note).to_be_hidden()
            assert link.get_attribute("aria-describedby") is None
            page.mouse.move(0, 0)
            page.evaluate("document.activeElement.blur()")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.close()


def test_the_note_stays_while_the_pointer_is_on_it(chromium: Browser, address: str) -> None:
    page = open_page(chromium, address, "use/tensor")
    note = page.get_by_role("tooltip")
    page.locator("a.term").first.hover()
    expect(note).to_be_visible()
    box = note.bounding_box()
    assert box
    page.mouse.move(box["x"] + 20, box["y"] + 10)
    page.wait_for_timeout(500)
    expect(note).to_be_visible()
    page.mouse.move(5, 5)
    expect(note).to_be_hidden()
    page.close()


def test_the_first_tap_shows_the_meaning_and_the_second_follows_the_link(
    chromium: Browser, address: str
) -> None:
    context = chromium.new_context(viewport={"width": 390, "height": 800}, has_touch=True)
    page = context.new_page()
    page.goto(f"{address}/book/use/tensor.html")
    link = page.locator("a.term").first
    link.tap()
    expect(page.get_by_role("tooltip")).to_be_visible()
    assert "tensor.html" in page.url
    link.tap()
    page.wait_for_url("**/glossary.html#term-*")
    context.close()


def test_without_javascript_the_meaning_is_the_title_of_a_plain_link(
    chromium: Browser, address: str
) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}/book/use/tensor.html")
    link = page.locator("a.term").first
    assert len(link.get_attribute("title") or "") > 8
    link.click()
    page.wait_for_url("**/glossary.html#term-*")
    context.close()


# ---- 索引 ---------------------------------------------------------------------------------


def index_items(site: Path) -> dict[str, list[str]]:
    """索引の見出し語と、その項目にあるリンク。"""
    text = (site / "book" / f"{INDEX}.html").read_text(encoding="utf-8")
    items = re.split(r"<dt[ >]", text.split("<article", 1)[1].split("</article>")[0])[1:]
    found = {}
    for item in items:
        links = re.findall(r'<a class="reference internal" href="([^"]+)">(.*?)</a>', item)
        name = html.unescape(re.sub(r"<[^>]+>", "", links[0][1]))
        found[name] = [address for address, _ in links]
    return found


def test_the_index_has_every_term_in_the_order_of_the_glossary(site: Path) -> None:
    assert list(index_items(site)) == [entry.name for entry in entries()]


def test_the_index_is_rewritten_when_what_it_lists_changes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    graph = glossary.Term("計算グラフ", False, "", (), (), "", "graph", "か行", "")
    monkeypatch.setattr(terms, "terms_of", lambda env: env.terms)
    section = terms.Section("sec-a", "節", (("計算グラフは、", False),))
    env = SimpleNamespace(
        terms=(graph,),
        found_docs=["chapter", "index"],
        metadata={"chapter": {}, "index": {"term-index": True}},
        titles={"chapter": nodes.title("", "章"), "index": nodes.title("", "索引")},
        toc_secnumbers={"chapter": {"": (1,)}},
        bibun_sections={"chapter": [section], "index": []},
    )

    def written() -> list[str]:
        return terms.pages_to_write(None, env)  # type: ignore[arg-type]

    assert written() == ["chapter", "index"], "初めて作る"
    env.bibun_sections["chapter"] = [replace(section)]
    assert written() == [], "読み直したが、文章は同じ"
    env.bibun_sections["chapter"] = [replace(section, pieces=(("計算グラフを描く", False),))]
    assert written() == [], "文章は違うが、使われている用語は同じ"
    env.bibun_sections["chapter"] = [replace(section, pieces=(("絵を描く", False),))]
    assert written() == ["index"]
    env.bibun_sections["chapter"] = [replace(section, title="新しい節")]
    assert written() == ["index"]
    env.titles["chapter"] = nodes.title("", "新しい章")
    assert written() == ["index"]
    env.toc_secnumbers["chapter"] = {"": (2,)}
    assert written() == ["index"]
    assert written() == []
    env.terms = ()
    assert written() == ["chapter", "index"], "用語集が変われば、すべてのページのリンクが変わる"


def test_every_term_of_the_index_leads_to_its_definition(site: Path) -> None:
    items = index_items(site)
    for entry in entries():
        page = page_of(entry.label).removeprefix("book/")
        assert items[entry.name][1].endswith(f"{page.rsplit('/', 1)[1]}.html#{entry.label}")


def test_every_link_of_the_index_answers(site: Path) -> None:
    folder = (site / "book" / INDEX).parent
    texts: dict[Path, str] = {}
    links = {link for item in index_items(site).values() for link in item}
    assert len(links) > 200
    for link in links:
        file, _, anchor = link.partition("#")
        path = (folder / (file or "index-of-terms.html")).resolve()
        texts.setdefault(path, path.read_text(encoding="utf-8"))
        assert f'id="{anchor}"' in texts[path], link


@pytest.mark.parametrize(
    ("term", "section"),
    [
        ("計算グラフ", "chain-rule.html#sec-chain-rule-goals"),
        ("打ち切り誤差", "numerical-differentiation.html#sec-numerical-differentiation-two-errors"),
        ("grad_fn", "recording.html#sec-recording-grad-fn"),
        ("zero_()", "gradient-descent.html#sec-gradient-descent-zero"),
        ("自動微分", "index.html#sec-index-goals"),
    ],
)
def test_the_index_leads_to_the_sections_that_use_a_term(
    site: Path, term: str, section: str
) -> None:
    assert any(link.endswith(section) for link in index_items(site)[term][2:])


def test_the_empty_indices_of_sphinx_are_gone(site: Path) -> None:
    assert not (site / "genindex.html").exists()
    assert not (site / "py-modindex.html").exists()
