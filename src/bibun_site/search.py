"""検索: ページの文章を節に分けて1つのデータにし、検索のページを作る。探すのは ``web/search.ts``。

Sphinxの検索は、日本語を単語に切って索引にし、読者の言葉は切らずに探すので、「逆伝播」も見つからない。
ここでは索引を作らず、文章そのもの(コードと出力を含む)を渡し、ブラウザーが部分文字列を探す。
データはスクリプトの形なので、ファイルとして開いたページでも読める。読み込むのは検索のページだけである。
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from docutils import nodes
from myst_nb.sphinx_ import HideCodeCellNode
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

from bibun_site.blocks import details
from bibun_site.glossary import glossary_page, place_of, terms_of
from bibun_site.plain import plain_html, plain_text
from bibun_site.terms import label_of, page_number, reading_order

__all__ = ["setup"]

DATA = "search-data.js"
STOCK = ("searchtools.js", "language_data.js")  # テーマが置く、使わないもの
FIRST = 0x80  # ASCIIの次の字
WORD = re.compile(r"[ぁ-んァ-ヴ一-龠]|(?!tensor)[A-Za-z]{4}")


@dataclass
class Record:
    """検索の結果になる1か所。``lines`` は段落やコードの行。"""

    anchor: str
    title: str
    lines: list[str] = field(default_factory=list)


# ---- ページを読む -------------------------------------------------------------------------


def records(doctree: nodes.document) -> list[Record]:
    """節、演習や定義の枠、用語、関数の説明に分けた、ページの文字。"""
    found: list[Record] = []
    for section in doctree.children:
        if isinstance(section, nodes.section):
            found += read(section, Record("", ""))
    return found


def read(node: nodes.Node, here: Record) -> Iterator[Record]:
    """``node`` の文字を ``here`` に足す。``node`` が結果になる1か所なら、新しい `Record` にする。"""
    if isinstance(node, (addnodes.index, nodes.Invisible)):
        return
    if isinstance(node, nodes.Element) and "term-index" in node["classes"]:
        return  # 索引は節の題の写しなので、探さない
    if isinstance(node, HideCodeCellNode) and node["prompt_show"] == "source":
        return  # 図を描くだけのコード
    if isinstance(node, details) and "hint" in node["classes"]:
        return  # ヒントと、その中の解答例。結果の一覧に答えが見えないように
    place = record_of(node)
    if place is not None:
        here = place
        yield place
    if isinstance(node, nodes.raw):
        here.lines += worded(plain_html(node.astext()))
    elif isinstance(node, nodes.literal_block) and "output" in node["classes"]:
        here.lines += worded(node.astext())
    elif isinstance(node, nodes.TextElement):
        if not isinstance(node.parent, nodes.section) or not isinstance(node, nodes.title):
            here.lines += [line for line in plain_text(node).splitlines() if line.strip()]
    elif isinstance(node, addnodes.desc_content):
        yield from read_description(node, here)
    else:
        if isinstance(node, details):
            here.lines.append(node["summary"])
        children = node.children
        if isinstance(node, nodes.definition_list_item) and place is not None:
            children = [children[-1], *children[1:-1]]  # 説明、英語の順
        for child in children:
            yield from read(child, here)


def read_description(node: addnodes.desc_content, here: Record) -> Iterator[Record]:
    """関数やクラスの説明のうち、はじめの1文と、中のメソッドの説明を読む。"""
    for child in node.children:
        if isinstance(child, addnodes.desc):
            yield from read(child, here)
        elif isinstance(child, nodes.paragraph) and not here.lines:
            here.lines.append(plain_text(child))


def worded(output: str) -> Iterator[str]:
    """出力の行のうち、言葉のあるもの。数だけの行は除く。"""
    return (line for line in output.splitlines() if WORD.search(line))


def record_of(node: nodes.Node) -> Record | None:
    """``node`` が、それだけで検索の結果になるものなら、その場所と題。"""
    if isinstance(node, nodes.section):
        return Record(label_of(node), plain_text(node.next_node(nodes.title)))
    if isinstance(node, nodes.admonition) and node["ids"]:
        return Record(node["ids"][0], plain_text(node.children[0]))
    if isinstance(node, addnodes.desc) and node.children[0]["ids"]:
        return Record(node.children[0]["ids"][0], node.children[0]["fullname"])
    if isinstance(node, nodes.definition_list_item):
        head = node.children[0]
        if isinstance(node.parent.parent, addnodes.glossary):
            return Record(head["ids"][0], plain_text(head))
    return None


def remember(app: Sphinx, page: str, _template: str, _context: Any, tree: Any) -> None:
    """書き出すページの文字を、文書の記憶の隣に覚える(``html-page-context``)。"""
    if tree is not None and app.builder.name == "html":
        found = [(r.anchor, r.title, "\n".join(r.lines)) for r in records(tree)]
        text = json.dumps(found, ensure_ascii=False)
        memory(app, page).write_text(text, encoding="utf-8")


def memory(app: Sphinx, page: str) -> Path:
    """ページの文字を覚えるファイル。"""
    return Path(app.doctreedir, f"{page}.search.json")


# ---- データと検索のページ -----------------------------------------------------------------


def data_of(app: Sphinx, env: BuildEnvironment) -> dict[str, Any]:
    """ブラウザーに渡すデータ。``web/search.ts`` の ``Data`` と同じ形である。"""
    pages = reading_order(env)
    uri = app.builder.get_target_uri

    def spot(page: str, anchor: str) -> tuple[int, str]:
        return pages.index(page), anchor

    return {
        "pages": [
            (uri(page), page_number(env, page) + env.titles[page].astext()) for page in pages
        ],
        "sections": [
            (number, *section)
            for number, page in enumerate(pages)
            for section in json.loads(memory(app, page).read_text(encoding="utf-8"))
        ],
        "terms": [
            {
                "name": term.name,
                "reading": term.reading,
                "english": term.english,
                "aliases": term.aliases,
                "entry": spot(glossary_page(env), term.anchor),
                "place": spot(*place_of(env, term)),
            }
            for term in terms_of(env)
        ],
    }


def packed(text: str) -> str:
    """日本語の字を、UTF-8で2バイトになる字に置きかえたデータと、もとの字の並び。

    日本語のUTF-8は1字が3バイトなので、圧縮したあとの大きさが6%減る。もとに戻すのは ``web/search.ts``。
    """
    counts = Counter(char for char in text if ord(char) >= FIRST)
    alphabet = "".join(char for char, _ in sorted(counts.items(), key=lambda c: (-c[1], c[0])))
    table = {ord(char): chr(FIRST + number) for number, char in enumerate(alphabet)}
    return f"alphabet:{json.dumps(alphabet, ensure_ascii=False)},data:{text.translate(table)}"


def search_page(app: Sphinx) -> Iterator[tuple[str, dict[str, Any], str]]:
    """データを書き、検索のページを作る(``html-collect-pages``)。"""
    text = json.dumps(data_of(app, app.env), ensure_ascii=False, separators=(",", ":"))
    script = f"globalThis.bibunSearch={{{packed(text)}}};\n".encode()
    Path(app.outdir, "_static", DATA).write_bytes(script)
    digest = hashlib.sha256(script).hexdigest()[:8]
    yield "search", {"title": "検索", "search_data": f"_static/{DATA}?v={digest}"}, "search.html"


def without_stock_search(app: Sphinx) -> None:
    """Sphinxの検索を作らせない。"""
    app.builder.search = False  # type: ignore[attr-defined]


def remove_stock_scripts(app: Sphinx, exception: Exception | None) -> None:
    """テーマとともに写された、Sphinxの検索のスクリプトを除く。"""
    for name in STOCK if exception is None else ():
        Path(app.outdir, "_static", name).unlink(missing_ok=True)


def setup(app: Sphinx) -> None:
    """Sphinxに登録する。"""
    app.connect("builder-inited", without_stock_search)
    app.connect("html-page-context", remember)
    app.connect("html-collect-pages", search_page)
    app.connect("build-finished", remove_stock_scripts)
