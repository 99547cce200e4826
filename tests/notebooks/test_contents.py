"""持ち帰ったノートブックに、ページの言葉も式も番号も図も、読める形で残っていること。"""

from __future__ import annotations

import base64
import re
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag
from xml.etree import ElementTree

import nbformat
import pytest
from bs4 import BeautifulSoup
from docutils import nodes
from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.dollarmath import dollarmath_plugin

from bibun_site.notebook_markdown import Markdown, code, fenced, strong

from .conftest import PAGES, Published

KINDS = ("", "-practice")
LEFTOVERS = (
    re.compile(r"^\s*:{3,}", re.M),
    re.compile(r"^\s*[`~]{3,}\{", re.M),
    re.compile(r"^\([a-z-]+\)=", re.M),
    re.compile(r"^%|\+\+\+", re.M),
)
# ノートブックには要らないもの
NOT_TAKEN = "div.cell, .headerlink, .math, .section-number, .copybtn, figcaption, script, button"


def stem(page: str) -> str:
    return page.replace("/", "-")


def markdown_cells(notebook: Any) -> list[str]:
    return [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]


def without_code(text: str) -> str:
    """コードを除いたMarkdown。"""
    return re.sub(r"^```.*?^```|`[^`\n]+`", "", text, flags=re.M | re.S)


@cache
def article(published: Published, page: str) -> BeautifulSoup:
    """ページの本文。"""
    html = (published.html / "book" / f"{page}.html").read_text(encoding="utf-8")
    return BeautifulSoup(html, "html.parser").find("article")


@cache
def ids(path: Path) -> set[str]:
    """ページの中の目印。"""
    return set(re.findall(r'\bid="([^"]+)"', path.read_text(encoding="utf-8")))


def parse(text: str) -> list[Token]:
    """JupyterLabやVS Codeと同じ約束(CommonMark、表、打ち消し線、数式)で読む。"""
    reader = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    reader.disable("text_join")  # 印を打ち消した文字(text_special)を、ふつうの文字と分けておく
    reader.use(dollarmath_plugin, double_inline=True, allow_digits=False)
    return reader.parse(text)


def leaves(tokens: list[Token]) -> list[Token]:
    """文字や数式など、末端のもの。"""
    return [
        leaf for token in tokens for leaf in (leaves(token.children) if token.children else [token])
    ]


def visible(text: str) -> str:
    """Markdownの、式を除いた、目に見える文字。"""
    return "".join(
        re.sub(r"<[^>]+>", "", leaf.content) if leaf.type.startswith("html") else leaf.content
        for leaf in leaves(parse(text))
        if not leaf.type.startswith("math")
    )


def squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_notebook_is_valid_with_stable_ids(published: Published, page: str, kind: str) -> None:
    notebook = published.read(stem(page) + kind)
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    names = [cell.id for cell in notebook.cells]
    assert len(set(names)) == len(names)
    assert names[0] == "setup"
    assert all(re.match(r"(ch|sec)-[a-z0-9-]+-\d+$", name) for name in names[1:-1])
    assert [cell.source for cell in notebook.cells] == [
        cell.source for cell in published.read(stem(page)).cells
    ]


@pytest.mark.parametrize("page", PAGES)
def test_practice_notebook_is_empty_and_the_other_is_executed(
    published: Published, page: str
) -> None:
    for kind in KINDS:
        cells = published.read(stem(page) + kind).cells
        codes = [cell for cell in cells if cell.cell_type == "code"]
        counts = list(range(1, len(codes) + 1)) if not kind else [None] * len(codes)
        assert [cell.execution_count for cell in codes] == counts
        assert not kind or not any(cell.outputs for cell in codes)
        assert not any("test" in cell.metadata.get("tags", []) for cell in codes)


@pytest.mark.parametrize("page", PAGES)
def test_no_directive_is_left(published: Published, page: str) -> None:
    for text in markdown_cells(published.read(stem(page))):
        assert not leftovers(text), text


def leftovers(text: str) -> list[str]:
    """Markdownに残っている、MySTの書き方。"""
    found = [match[0] for each in LEFTOVERS for match in each.finditer(without_code(text))]
    around = leaves(parse(text))
    roles = [re.search(r"\{[a-z:-]+\}$", leaf.content) for leaf in around]
    return found + [
        role[0]
        for role, after in zip(roles, around[1:], strict=False)
        if role and after.type == "code_inline"
    ]


@pytest.mark.parametrize("page", PAGES)
def test_every_word_of_the_page_is_in_the_notebook(published: Published, page: str) -> None:
    taken = squeezed("".join(visible(cell) for cell in markdown_cells(published.read(stem(page)))))
    soup = BeautifulSoup(str(article(published, page)), "html.parser")
    for element in soup.select(NOT_TAKEN):
        element.decompose()
    words = [squeezed(e.get_text()) for e in soup.select("h1, h2, h3, p, summary, th, td, pre")]
    assert [word for word in words if word not in taken] == []


@pytest.mark.parametrize("page", PAGES)
def test_no_markup_fails_to_render(published: Published, page: str) -> None:
    for cell in markdown_cells(published.read(stem(page))):
        for leaf in leaves(parse(cell)):
            if leaf.type == "text":
                assert not re.search(r"\*\*|(?<!\\)\$|\]\(|~~", leaf.content), cell


@pytest.mark.parametrize("page", PAGES)
def test_formulas_and_their_numbers_are_kept(published: Published, page: str) -> None:
    text = "\n\n".join(markdown_cells(published.read(stem(page))))
    maths = [leaf.content for leaf in leaves(parse(text)) if leaf.type.startswith("math")]
    soup = article(published, page)
    sources = [e.get_text() for e in soup.select("article .math annotation")]
    bare = [re.sub(r"\\tag\{.*?\}", "", each) for each in maths]
    assert [squeezed(each) for each in bare] == [
        squeezed(each).replace("<", "\\lt") for each in sources
    ]
    numbers = [re.search(r"\(([\d.]+)\)", e.get_text())[1] for e in soup.select(".eqno")]
    assert re.findall(r"\\tag\{([\d.]+)\}", text) == numbers


@pytest.mark.parametrize("page", PAGES)
def test_figures_are_embedded_with_numbers_and_alternative_text(
    published: Published, page: str
) -> None:
    notebook = published.read(stem(page))
    html = [
        "".join(output.get("data", {}).get("text/html", ""))
        for cell in notebook.cells
        for output in cell.get("outputs", [])
    ]
    images = BeautifulSoup("".join(html), "html.parser").find_all("img")
    soup = article(published, page)
    shown = [e.get("alt") or e.get("aria-label") for e in soup.select("img, svg[role=img]")]
    assert sorted(image["alt"] for image in images) == sorted(shown)
    for image in images:
        svg = base64.b64decode(image["src"].removeprefix("data:image/svg+xml;base64,"))
        assert ElementTree.fromstring(svg).tag == "{http://www.w3.org/2000/svg}svg"
    text = "\n".join(markdown_cells(notebook))
    for number in soup.select(".caption-number"):
        assert f"**{number.get_text().strip()}**" in text
    for image in soup.select("figure img"):
        assert squeezed(image["alt"]) in squeezed(text.replace("\\", ""))


@pytest.mark.parametrize("page", PAGES)
def test_no_link_is_broken(published: Published, page: str) -> None:
    links = [
        str(leaf.attrs["href"])
        for cell in markdown_cells(published.read(stem(page)))
        for token in parse(cell)
        for leaf in token.children or []
        if leaf.type == "link_open"
    ]
    inside = article(published, page).select("a.reference.internal")
    ours = [link for link in links if link.startswith(published.address)]
    assert len(ours) >= len(inside)
    for link in links:
        assert re.match(r"https?://", link), link
        if link.startswith(published.address):
            address, anchor = urldefrag(link.removeprefix(published.address))
            assert (published.html / address).is_file(), link
            assert not anchor or unquote(anchor) in ids(published.html / address), link


def test_without_an_address_references_are_plain_text() -> None:
    inside = nodes.reference("", "次の章", refuri="recording.html#ch-recording", internal=True)
    outside = nodes.reference("", "公式", refuri="https://example.org/")
    text = Markdown("", {}).block(nodes.paragraph("", "", inside, outside))
    assert text == "次の章[公式](https://example.org/)"
    published = "https://example.org/book/use/tensor.html"
    text = Markdown(published, {}).block(nodes.paragraph("", "", inside))
    assert text == "[次の章](https://example.org/book/use/recording.html#ch-recording)"


def test_colab_opens_a_notebook_that_the_deployment_puts_there(published: Published) -> None:
    for page in PAGES:
        html = (published.html / "book" / f"{page}.html").read_text(encoding="utf-8")
        (link,) = re.findall(r'href="(https://colab[^"]+)"', html)
        place, _, name = link.rpartition("/")
        assert place == "https://colab.research.google.com/github/owner/name/blob/notebooks"
        assert (published.downloads / name).is_file()


def test_hidden_parts_fold_where_the_notebook_lands(published: Published) -> None:
    cells = published.read("use-tensor").cells
    plots = [cell for cell in cells if "hide-input" in cell.metadata.get("tags", [])]
    outputs = [cell for cell in cells if "hide-output" in cell.metadata.get("tags", [])]
    assert plots
    assert outputs
    assert all(c.metadata.jupyter.source_hidden and c.metadata.cellView == "form" for c in plots)
    assert all(c.metadata.jupyter.outputs_hidden and c.metadata.collapsed for c in outputs)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("勾配", "**勾配**"),
        ("「次元」", "<strong>「次元」</strong>"),
        ("`x`", "<strong>`x`</strong>"),
    ],
)
def test_bold_beside_punctuation_is_html(text: str, expected: str) -> None:
    assert strong(text) == expected


def test_fences_are_longer_than_what_they_hold() -> None:
    assert code("a`b") == "``a`b``"
    assert code("`a`") == "`` `a` ``"
    assert fenced("```\nx\n```", "python") == "````python\n```\nx\n```\n````"


def test_numbered_environments_become_ones_that_fit_in_dollars() -> None:
    block = nodes.math_block("", "\\begin{align*}\na &< b\n\\end{align*}", ids=["equation-a"])
    text = Markdown("", {"equation-a": "1.2"}).block(block)
    assert text == r"$$\begin{aligned} a &\lt  b \end{aligned} \tag{1.2}$$"


def test_marks_at_the_start_of_a_paragraph_stay_letters() -> None:
    for text in ("# a", "- a", "1. a", "> a", "::: a"):
        made = Markdown("", {}).block(nodes.paragraph("", text))
        assert visible(made) == text
        assert next(token.type for token in parse(made)) == "paragraph_open"


def test_what_cannot_become_markdown_stops_the_build(caplog: pytest.LogCaptureFixture) -> None:
    Markdown("", {}).block(nodes.raw("", "<video></video>", format="html"))
    assert "ノートブックにできない要素です: raw" in caplog.text


@pytest.mark.parametrize(
    "text",
    [":::{hint}", "```{code-cell} ipython3", "式{eq}`eq-a`", "(sec-a-b)=", "% 注", "+++"],
)
def test_leftovers_are_recognised(text: str) -> None:
    assert leftovers(f"前\n\n{text}\n\n後")
    assert not leftovers(f"前の`{{x}}`と`{{eq}}`\n\n```\n{text}\n```\n")
