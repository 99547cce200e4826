"""見出しへのリンク: キーボードで届き、読み上げの名前があり、見出しの名前には混ざらない。

Sphinxは見出しの中にリンクを置くので、見出しの一覧を読み上げると「#」や「リンク」まで読まれる。
ここでは、見出しと並べて置く。行き先は、著者が付けた、変わらない札である。
"""

from __future__ import annotations

from html import escape
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator

from bibun_site.plain import plain_text
from bibun_site.terms import label_of

__all__ = ["setup"]


def visit_title(writer: Any, node: nodes.title) -> None:
    """見出しを開く。"""
    if heads_section(node):
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
