"""用語集のページから、用語の一覧を読み取る。用語へのリンク、索引、検索が使う。

見出し語、読み、英語、説明、くわしい説明の場所は ``glossary`` の項目から、ほかの本での呼び名は
「ほかの呼び名 | この本の言葉」の表から取る。
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, cast

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.domains.std import StandardDomain
from sphinx.environment import BuildEnvironment
from sphinx.environment.collectors import EnvironmentCollector

from bibun_site.plain import plain_text

__all__ = ["Term", "glossary_page", "setup", "terms_of"]

READING = re.compile(r"^\(([ぁ-ヶー]+)\)")
KANA = re.compile(r"[ぁ-ヶー]+")
NUMBERED = re.compile(r"term-\d+")
QUALIFIED = re.compile(r"^([^(]*)\(([^)]*)\)$")


@dataclass(frozen=True)
class Term:
    """用語集の1項目。"""

    name: str
    code: bool
    reading: str
    english: tuple[str, ...]
    aliases: tuple[str, ...]
    meaning: str
    anchor: str
    row: str
    place: str

    @property
    def note(self) -> str:
        """読み、英語、説明をつないだ一続きの文。"""
        names = [name for name in (self.reading, *self.english) if name and name != self.name]
        return f"({'、'.join(names)}) {self.meaning}" if names else self.meaning


def terms_of(env: BuildEnvironment) -> tuple[Term, ...]:
    """本のすべての用語を、用語集の順に並べる。"""
    return tuple(term for terms in _pages(env).values() for term in terms)


def glossary_page(env: BuildEnvironment) -> str:
    """用語集のページの名前。"""
    return next(iter(_pages(env)), "")


def place_of(env: BuildEnvironment, term: Term) -> tuple[str, str]:
    """くわしい説明のあるページの名前と、その中のid。"""
    labels = cast(StandardDomain, env.get_domain("std")).anonlabels
    page, anchor, *_ = labels.get(term.place, (glossary_page(env), term.anchor))
    return page, anchor


def _pages(env: Any) -> dict[str, list[Term]]:
    if not hasattr(env, "bibun_terms"):
        env.bibun_terms = {}
    pages: dict[str, list[Term]] = env.bibun_terms
    return pages


class GlossaryCollector(EnvironmentCollector):
    """読み終えた用語集の用語を、Sphinxの記憶に集める。"""

    def clear_doc(self, app: Sphinx, env: BuildEnvironment, docname: str) -> None:
        _pages(env).pop(docname, None)

    def merge_other(
        self, app: Sphinx, env: BuildEnvironment, docnames: set[str], other: BuildEnvironment
    ) -> None:
        _pages(env).update({k: v for k, v in _pages(other).items() if k in docnames})

    def process_doc(self, app: Sphinx, doctree: nodes.document) -> None:
        terms = list(read_terms(doctree))
        if terms:
            _pages(app.env)[app.env.docname] = terms


def settle_anchors(app: Sphinx, doctree: nodes.document) -> None:
    """日本語の見出し語の札を、続く英語のものにする(Sphinxの番号の札は、項目を足すと、ほかの項目に移る)。

    英語のない項目では、見出し語そのものにする。
    """
    std = cast(StandardDomain, app.env.get_domain("std"))
    for item in doctree.findall(nodes.definition_list_item):
        heads = [child for child in item.children if isinstance(child, nodes.term)]
        if not isinstance(item.parent.parent, addnodes.glossary):
            continue
        main, *others = heads
        if not NUMBERED.fullmatch(main["ids"][0]):
            continue
        name = main.astext()
        if others and not NUMBERED.fullmatch(others[0]["ids"][0]):
            main["ids"], others[0]["ids"] = others[0]["ids"], []
        else:
            main["ids"] = ["term-" + re.sub(r"\s", "-", name)]
        place = (app.env.docname, main["ids"][0])
        std.objects["term", name] = std._terms[name.lower()] = place


def read_terms(doctree: nodes.document) -> Iterator[Term]:
    """文書の中の ``glossary`` の項目を、順に読み取る。"""
    aliases = read_aliases(doctree)
    for glossary in doctree.findall(addnodes.glossary):
        row = glossary.parent["ids"][0]
        for item in glossary.findall(nodes.definition_list_item):
            term = read_item(item, row)
            yield replace(term, aliases=tuple(aliases.get(term.name, ())))


def read_item(item: nodes.definition_list_item, row: str) -> Term:
    """1項目を読み取る。説明の終わりの「→」より後ろは、くわしい説明への行き先である。"""
    heads = [child for child in item.children if isinstance(child, nodes.term)]
    main, *others = (plain_text(head).strip() for head in heads)
    text, _, _ = plain_text(item.children[-1]).replace("\n", "").rpartition("→")
    reading = READING.match(text)
    links = [
        xref["reftarget"]
        for xref in item.findall(addnodes.pending_xref)
        if xref["reftype"] != "term"
    ]
    return Term(
        name=main,
        code=any(True for _ in heads[0].findall(nodes.literal)),
        reading=reading[1] if reading else main if KANA.fullmatch(main) else "",
        english=tuple(others),
        aliases=(),
        meaning=READING.sub("", text).strip(),
        anchor=heads[0]["ids"][0],
        row=row,
        place=links[-1] if links else "",
    )


def read_aliases(doctree: nodes.document) -> dict[str, list[str]]:
    """「ほかの呼び名 | この本の言葉」の表を、この本の言葉から引けるようにする。"""
    aliases: dict[str, list[str]] = {}
    for row in doctree.findall(nodes.row):
        cells = [child for child in row.children if isinstance(child, nodes.entry)]
        for xref in cells[-1].findall(addnodes.pending_xref):
            if xref["reftype"] == "term":
                names = aliases.setdefault(xref["reftarget"], [])
                names += split_names(plain_text(cells[0]).strip())
    return aliases


def split_names(cell: str) -> Iterator[str]:
    """読点で並べた呼び名を分ける。かっこの中の英語も呼び名、日本語は断り書き。

    Examples
    --------
    >>> list(split_names("頂点、節点(vertex)、階数(Tensorの)"))
    ['頂点', '節点', 'vertex', '階数']
    """
    for name in cell.split("、"):
        qualified = QUALIFIED.match(name)
        yield qualified[1] if qualified else name
        if qualified and qualified[2].isascii():
            yield qualified[2]


def setup(app: Sphinx) -> None:
    """Sphinxに登録する。"""
    app.connect("doctree-read", settle_anchors, priority=400)  # 用語を読み取る前
    app.add_env_collector(GlossaryCollector)
