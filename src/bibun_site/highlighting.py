"""コードの色: 書式(``web/style/code.css``)が色を付けない字句を、要素で囲まない。

Pygmentsは、名前も演算子も空白も1つずつ ``<span>`` に入れる。この本の書式はその多くに色を付けないので、
囲みを省くと、コードの多いページの要素がおよそ3割減り、開くのが速くなる。
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import IO

from pygments.formatters import HtmlFormatter
from pygments.token import STANDARD_TYPES, Text, _TokenType
from sphinx.application import Sphinx

from bibun_site.front import WEB

__all__ = ["ColouredFormatter", "coloured", "setup"]

SELECTOR = re.compile(r"\.highlight (?::is\(([^)]*)\)|(\.\w+)) \{")


def coloured(css: str) -> frozenset[str]:
    """書式が色を付ける字句の、短い名前。

    Examples
    --------
    >>> sorted(coloured(".highlight :is(.k, .kn) { color: red; } .highlight .gp { x: y; }"))
    ['gp', 'k', 'kn']
    """
    chosen = ",".join(several or one for several, one in SELECTOR.findall(css))
    return frozenset(name.strip().removeprefix(".") for name in chosen.split(","))


COLOURED = coloured((WEB / "style" / "code.css").read_text(encoding="utf-8"))


class ColouredFormatter(HtmlFormatter[str]):
    """色の付かない字句を、ふつうの文字として書く。"""

    def format(self, tokensource: Iterable[tuple[_TokenType, str]], outfile: IO[str]) -> None:
        """字句の並びを書き出す。"""
        super().format(((known(token), text) for token, text in tokensource), outfile)


def known(token: _TokenType) -> _TokenType:
    """色の付かない字句なら ``Text``。"""
    return token if STANDARD_TYPES.get(token) in COLOURED else Text


def use_formatter(app: Sphinx) -> None:
    """この本のHTMLのコードに使う。"""
    highlighter = getattr(app.builder, "highlighter", None)
    if app.builder.format == "html" and highlighter is not None:
        highlighter.formatter = ColouredFormatter


def get_ready(app: Sphinx) -> None:
    """章を待つ間に、Pythonの字句の分け方を用意しておく。"""
    highlighter = getattr(app.builder, "highlighter", None)
    if highlighter is not None:
        highlighter.highlight_block("x = 1", "ipython3")


def setup(app: Sphinx) -> None:
    """Sphinxに登録する。"""
    app.connect("cells-running", get_ready)
    app.connect("builder-inited", use_formatter)
