"""見出し: 狭い画面では文節の切れ目で折れる。見出しへのリンクは、キーボードで届き、見出しの名前には混ざらない。

Sphinxは見出しの中にリンクを置くので、見出しの一覧を読み上げると「#」や「リンク」まで読まれる。
ここでは、見出しと並べて置く。行き先は、著者が付けた、変わらない札である。
"""

from __future__ import annotations

from html import escape
from itertools import accumulate
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator

from bibun_site.japanese import phrases
from bibun_site.plain import plain_text
from bibun_site.terms import label_of

__all__ = ["setup"]

# ---- 文節 ---------------------------------------------------------------------------------


class phrase_break(nodes.Element):
    """折ってよいところ。"""


def mark_phrases(title: nodes.title) -> None:
    """題のすぐ下の文字を文節に分け、間に ``phrase_break`` をはさむ。コードや式の中では分けない。

    ブラウザーの文節分け(``word-break: auto-phrase``)は、Chromeにしかない。
    """
    text = title.astext()
    ends = set(accumulate(map(len, phrases(text)))) - {len(text)}
    at, parts = 0, list[nodes.Node]()
    for child in title.children:
        stop = at + len(child.astext())
        cuts = [end for end in sorted(ends) if at < end < stop]
        for cut in [*cuts, stop] if isinstance(child, nodes.Text) else [stop]:
            parts.append(nodes.Text(text[at:cut]) if isinstance(child, nodes.Text) else child)
            at = cut
            if cut in ends:
                parts.append(phrase_break())
    title.clear()
    title.extend(parts)


def visit_phrase_break(writer: Any, _node: phrase_break) -> None:
    """印を書く。"""
    writer.body.append("<wbr>")
    raise nodes.SkipNode


# ---- リンク -------------------------------------------------------------------------------


def visit_title(writer: Any, node: nodes.title) -> None:
    """見出しを開く。"""
    if heads_section(node):
        mark_phrases(node)
        writer.body.append('<div class="heading">')
    HTML5Translator.visit_title(writer, node)


def depart_title(writer: Any, node: nodes.title) -> None:
    """見出しを閉じ、リンクを並べる。"""
    if not heads_section(node):
        HTML5Translator.depart_title(writer, node)
        return
    super(HTML5Translator, writer).depart_title(node)
    name = escape(f"「{plain_text(node)}」へのリンク")
    icon = writer.config.html_permalinks_icon
    anchor = label_of(node.parent)
    writer.body.append(
        f'<a class="headerlink" href="#{anchor}" aria-label="{name}" title="この見出しへのリンク">'
        f"{icon}</a></div>\n"
    )


def heads_section(node: nodes.title) -> bool:
    """節の見出しか(表や囲みの題でないか)。"""
    return isinstance(node.parent, nodes.section) and bool(node.parent["ids"])


def setup(app: Sphinx) -> None:
    """Sphinxに登録する。"""
    app.add_node(nodes.title, override=True, html=(visit_title, depart_title))
    app.add_node(phrase_break, html=(visit_phrase_break, None))
