"""用語へのリンクと索引。

ページごとに、用語集の言葉が初めて文章に現れるところを、用語集へのリンクにする(`LinkTerms`)。
説明は ``title`` 属性にあり、JavaScriptが動けば ``web/terms.ts`` が吹き出しにして見せる。
太字で紹介するところは、説明がその場にあるのでリンクにしない。

``{term-index}`` は、用語集の1つの段の用語を、定義の場所と、使われている節とともに並べる。
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.environment.collectors import EnvironmentCollector
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import SphinxDirective

from bibun_site.blocks import details
from bibun_site.glossary import Term, glossary_page, place_of, terms_of
from bibun_site.japanese import join_lines
from bibun_site.plain import plain_text

__all__ = ["setup"]

# 前後に同じ種類の字が続くなら、別の言葉の一部である(言葉の「葉」、右辺の「辺」)
KINDS = ("一-龠々", "ァ-ヴー", "A-Za-z0-9_")
# ふつうの言葉でもある用語の、用語としての使われ方
EVERYDAY = {
    "形": "(?:(?<=Tensorの)|(?<=ベクトルの)|(?<=行列の)|(?<=変数の)|(?<=勾配の))形",
    "記録": "(?<!かの)(?<!セルで)記録(?!を載せ)",
    "grad": r"(?:\w+\.)?grad",  # 関数 torch.autograd.grad ではないもの
}
# 文章ではないところ
NOT_PROSE = (
    nodes.title,
    nodes.term,
    nodes.rubric,
    nodes.raw,
    nodes.math,
    nodes.math_block,
    nodes.FixedTextElement,
    nodes.footnote_reference,
    nodes.label,
    nodes.Invisible,
    addnodes.desc,
    addnodes.index,
    addnodes.toctree,
)
FEW = 3  # 使われている節がこれより多ければ、折りたたむ


# ---- 文章の中の用語 -----------------------------------------------------------------------


def prose(node: nodes.Node, *others: type[nodes.Node]) -> Iterator[nodes.Text | nodes.literal]:
    """文章の中の文字列と、行の中のコード。``others`` の中も除く。"""
    if isinstance(node, (nodes.Text, nodes.literal)):
        yield node
    elif not isinstance(node, (*NOT_PROSE, *others)):
        for child in node.children:
            yield from prose(child, *others)


class Finder:
    """文章とコードの中から、用語を見つける。長い用語が先である。"""

    def __init__(self, terms: tuple[Term, ...]) -> None:
        self._words = {term.name: term for term in terms if not term.code}
        groups = groupby(sorted(self._words, key=shape), key=shape)
        self._pattern = re.compile("|".join(alone(*words) for _, words in groups) or r"(?!)")
        self._codes = [(code_pattern(term.name), term) for term in terms if term.code]

    def in_text(self, text: str) -> Iterator[tuple[int, Term]]:
        """文字列の中の用語と、その始まりの位置。"""
        for found in self._pattern.finditer(text):
            yield found.start(), self._words[found[0]]

    def in_code(self, code: str) -> Term | None:
        """``x.grad`` や ``requires_grad=True`` のように、コード全体が1つの用語の使用なら、その用語。"""
        return next((term for pattern, term in self._codes if pattern.fullmatch(code)), None)


@lru_cache(maxsize=1)
def finder_of(terms: tuple[Term, ...]) -> Finder:
    """用語を見つけるもの。作るのに時間がかかるので、同じ用語なら同じものを使う。"""
    return Finder(terms)


def shape(word: str) -> tuple[int, str, str, str]:
    """長い順に並べるための長さと、使われ方と、前と後ろに続いてはいけない字の種類。"""
    before = next((kind for kind in KINDS if re.match(f"[{kind}]", word)), "")
    after = next((kind for kind in KINDS if re.search(f"[{kind}]$", word)), "")
    return -len(word), EVERYDAY.get(word, ""), before, after


def alone(*words: str) -> str:
    """同じ `shape` の言葉が、より長い言葉の一部ではなく現れるところに合う正規表現。"""
    _, everyday, before, after = shape(words[0])
    return everyday or (
        (f"(?<![{before}])" if before else "")
        + f"(?:{'|'.join(map(re.escape, words))})"
        + (f"(?![{after}])" if after else "")
    )


def code_pattern(name: str) -> re.Pattern[str]:
    """コードの名前の用語の、使われ方に合う正規表現。

    Examples
    --------
    >>> bool(code_pattern("backward()").fullmatch("y.backward()"))
    True
    >>> bool(code_pattern("requires_grad").fullmatch("requires_grad=True"))
    True
    """
    if name in EVERYDAY:
        return re.compile(EVERYDAY[name])
    owner = r"[\w.]*\." if name.startswith(".") else r"(?:[\w.]+\.)?"
    tail = r"(?:\(\))?" if name.endswith("()") else r"(?:=.+)?"
    return re.compile(owner + re.escape(name.strip(".()")) + tail)


class LinkTerms(SphinxPostTransform):
    """ページごとに、用語が初めて現れるところをリンクにする。"""

    default_priority = 320  # 参照が決まり、行がつながった(300)あと
    formats = ("html",)

    def run(self, **_: Any) -> None:
        page = glossary_page(self.env)
        if self.env.docname == page or is_index(self.env, self.env.docname):
            return
        self.base = self.app.builder.get_relative_uri(self.env.docname, page) if page else ""
        terms = terms_of(self.env)
        finder, self.waiting = finder_of(terms), set(terms)
        for leaf in list(prose(self.document, nodes.reference, details)):
            if isinstance(leaf, nodes.Text):
                self._link_words(leaf, finder.in_text(leaf.astext()))
            elif term := finder.in_code(leaf.astext()):
                self._link_code(leaf, term)

    def _first(self, term: Term, leaf: nodes.Node) -> bool:
        """リンクにするところか。太字の紹介は、初めてでもリンクにしない。"""
        waited = term in self.waiting
        self.waiting.discard(term)
        return waited and not introduces(leaf)

    def _link_code(self, leaf: nodes.literal, term: Term) -> None:
        if self._first(term, leaf):
            leaf.replace_self(self._link(term, leaf.deepcopy()))

    def _link_words(self, leaf: nodes.Text, found: Iterator[tuple[int, Term]]) -> None:
        text, end = leaf.astext(), 0
        pieces: list[nodes.Node] = []
        for start, term in found:
            if self._first(term, leaf):
                pieces += [nodes.Text(text[end:start]), self._link(term, nodes.Text(term.name))]
                end = start + len(term.name)
        if pieces:
            leaf.parent.replace(leaf, [*pieces, nodes.Text(text[end:])])

    def _link(self, term: Term, shown: nodes.Node) -> nodes.reference:
        return nodes.reference(
            "",
            "",
            shown,
            internal=True,
            refuri=f"{self.base}#{term.anchor}",
            reftitle=term.note,
            classes=["term"],
        )


def introduces(leaf: nodes.Node) -> bool:
    """``**用語**(English)`` と、太字で紹介しているところか。"""
    strong = leaf.parent
    if not isinstance(strong, nodes.strong):
        return False
    after = strong.next_node(siblings=True, descend=False)
    return after is not None and after.astext().startswith("(")


# ---- 索引 ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Section:
    """節の札と題と、その文章。``pieces`` は文字列と、それがコードかどうか。"""

    anchor: str
    title: str
    pieces: tuple[tuple[str, bool], ...]


class term_index(nodes.General, nodes.Element):
    """索引の1段が入るところ。属性 ``row`` は、用語集の段の札。"""


class TermIndexDirective(SphinxDirective):
    """``{term-index} sec-glossary-a``: 用語集のその段の用語の索引。"""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        self.env.metadata[self.env.docname]["term-index"] = True
        return [term_index(row=self.arguments[0])]


class SectionCollector(EnvironmentCollector):
    """読み終えたページの節の文章を、Sphinxの記憶に集める。"""

    def clear_doc(self, app: Sphinx, env: BuildEnvironment, docname: str) -> None:
        collected(env).pop(docname, None)

    def merge_other(
        self, app: Sphinx, env: BuildEnvironment, docnames: set[str], other: BuildEnvironment
    ) -> None:
        collected(env).update({name: collected(other)[name] for name in docnames})

    def process_doc(self, app: Sphinx, doctree: nodes.document) -> None:
        collected(app.env)[app.env.docname] = [
            read_section(section) for section in doctree.findall(nodes.section)
        ]


def collected(env: Any) -> dict[str, list[Section]]:
    """ページごとの節。"""
    if not hasattr(env, "bibun_sections"):
        env.bibun_sections = {}
    sections: dict[str, list[Section]] = env.bibun_sections
    return sections


def read_section(section: nodes.section) -> Section:
    """節を読み取る。中の節は別の節なので含めない。"""
    children = [child for child in section.children if not isinstance(child, nodes.section)]
    return Section(
        anchor=label_of(section),
        title=plain_text(section.next_node(nodes.title)),
        pieces=tuple(
            (join_lines("", leaf.astext(), ""), isinstance(leaf, nodes.literal))
            for child in children
            for leaf in prose(child)
        ),
    )


def label_of(section: nodes.Element) -> str:
    """節のidのうち、著者が付けた札(見出しから作られるidは、見出しとともに変わる)。"""
    ids: list[str] = section["ids"]
    return next((name for name in ids if re.match(r"(ch|sec)-", name)), ids[0])


class FillIndex(SphinxPostTransform):
    """``{term-index}`` を、用語の一覧で置きかえる。"""

    default_priority = 5

    def run(self, **_: Any) -> None:
        places = list(self.document.findall(term_index))
        if not places:
            return
        uses = find_uses(self.env)
        for place in places:
            row = place["row"]
            terms = [term for term in terms_of(self.env) if term.row == row]
            if not terms:
                raise ValueError(f"用語集に、札が {row} の段はありません(term-index)。")
            items = [self._item(term, uses[term]) for term in terms]
            place.replace_self(nodes.definition_list("", *items, classes=["term-index"]))

    def _item(self, term: Term, uses: list[tuple[str, Section]]) -> nodes.definition_list_item:
        shown = nodes.literal("", term.name) if term.code else nodes.Text(term.name)
        names = "、".join(n for n in (term.reading, *term.english) if n and n != term.name)
        head = nodes.term("", "", self._link(glossary_page(self.env), term.anchor, shown))
        if names:
            head += nodes.inline("", names, classes=["term-names"])
        page, anchor = place_of(self.env, term)
        sections = collected(self.env)[page]
        title = next((s.title for s in sections if s.anchor == anchor), None)
        where = f"{self._page(page)} › {title}" if title else self._page(page)
        defined = nodes.paragraph("", "定義: ", self._link(page, anchor, nodes.Text(where)))
        body = nodes.definition("", defined, *self._uses(uses))
        return nodes.definition_list_item("", head, body)

    def _uses(self, uses: list[tuple[str, Section]]) -> list[nodes.Node]:
        if not uses:
            return []
        pages: dict[str, list[Section]] = {}
        for page, section in uses:
            pages.setdefault(page, []).append(section)
        listed = nodes.bullet_list("", *(self._on(p, s) for p, s in pages.items()))
        if len(uses) <= FEW:
            return [nodes.paragraph("", "使われている節:"), listed]
        return [details("", listed, summary=f"使われている節({len(uses)})", classes=["fold"])]

    def _on(self, page: str, sections: list[Section]) -> nodes.list_item:
        line = nodes.paragraph("", f"{self._page(page)}: ")
        for number, section in enumerate(sections):
            line += [nodes.Text("、")] * bool(number)
            line += self._link(page, section.anchor, nodes.Text(section.title))
        return nodes.list_item("", line)

    def _page(self, page: str) -> str:
        return page_number(self.env, page) + self.env.titles[page].astext()

    def _link(self, page: str, anchor: str, shown: nodes.Node) -> nodes.reference:
        base = self.app.builder.get_relative_uri(self.env.docname, page)
        return nodes.reference("", "", shown, internal=True, refuri=f"{base}#{anchor}")


def find_uses(env: BuildEnvironment) -> dict[Term, list[tuple[str, Section]]]:
    """用語ごとの、使われている節。本の順に並ぶ。用語集は除く。"""
    terms = terms_of(env)
    finder = finder_of(terms)
    uses: dict[Term, list[tuple[str, Section]]] = {term: [] for term in terms}
    for page in reading_order(env):
        if page == glossary_page(env):
            continue
        for section in collected(env)[page]:
            for term in terms_in(finder, section):
                uses[term].append((page, section))
    return uses


def terms_in(finder: Finder, section: Section) -> dict[Term, None]:
    """節の文章に現れる用語。"""
    found: dict[Term, None] = {}
    for text, is_code in section.pieces:
        if is_code:
            term = finder.in_code(text)
            found.update({term: None} if term else {})
        else:
            found.update((term, None) for _, term in finder.in_text(text))
    return found


def page_number(env: BuildEnvironment, page: str) -> str:
    """ページの題の前に付く番号(``"3. "`` など)。付録にはない。"""
    number = env.toc_secnumbers.get(page, {}).get("", ())
    return f"{'.'.join(map(str, number))}. " if number else ""


def reading_order(env: BuildEnvironment) -> list[str]:
    """ページの名前を、``_toc.yml`` の順に並べる。"""
    order = list(env.external_site_map)  # type: ignore[attr-defined]
    return sorted(env.found_docs, key=order.index)


def is_index(env: BuildEnvironment, page: str) -> bool:
    """索引のページか。"""
    return "term-index" in env.metadata[page]


def pages_to_write(app: Sphinx, env: Any) -> list[str]:
    """用語集が変わればすべてのページを、並べるものが変われば索引のページを、書き直す。

    題の番号が決まるのは ``env-get-updated`` なので、その後で調べる(前では、変わらない番号が変わったように見える)。
    """
    linked, env.bibun_linked = getattr(env, "bibun_linked", None), terms_of(env)
    before = getattr(env, "bibun_indexed", {})
    now = env.bibun_indexed = {
        page: (page_number(env, page), env.titles[page].astext(), collected(env)[page])
        for page in env.found_docs
    }
    if env.bibun_linked != linked:
        return list(env.found_docs)
    changed = any(
        listed(env, now.get(page)) != listed(env, before.get(page))
        for page in now.keys() | before.keys()
        if now.get(page) != before.get(page)
    )
    return [name for name in env.found_docs if changed and is_index(env, name)]


def listed(env: BuildEnvironment, page: tuple[str, str, list[Section]] | None) -> object:
    """ページについて、索引に現れるもの。"""
    if page is None:
        return None
    number, title, sections = page
    finder = finder_of(terms_of(env))
    return number, title, [(s.anchor, s.title, terms_in(finder, s)) for s in sections]


def setup(app: Sphinx) -> None:
    """Sphinxに登録する。"""
    app.add_node(term_index)
    app.add_directive("term-index", TermIndexDirective)
    app.add_env_collector(SectionCollector)
    app.add_post_transform(FillIndex)
    app.add_post_transform(LinkTerms)
    app.connect("cells-running", lambda app: finder_of(terms_of(app.env)))
    app.connect("env-get-updated", pages_to_write, priority=900)
