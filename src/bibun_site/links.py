"""サイトの中のリンクと飛び先が、すべてあること。

章の中の参照はSphinxが調べる。ここでは、書き終えたページのすべてのリンク(HTMLで直に書いたもの、図の中のもの、
章の一覧、持ち帰るもの)を調べ、行き先のないものを、ソースの行とともに警告にする。
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from urllib.parse import unquote, urlsplit

from sphinx.application import Sphinx
from sphinx.util import logging

__all__ = ["setup"]

logger = logging.getLogger(__name__)

TAG = re.compile(r"<[a-z][^<>]*>", re.I)
ID = re.compile(r'\sid="([^"]*)"')
LINK = re.compile(r'\s(?:xlink:)?(?:href|src)="([^"]*)"')


def broken_links(site: Path) -> Iterator[tuple[Path, str]]:
    """行き先のないリンクと、それのあるページ。"""
    tags = {
        str(page): "\n".join(TAG.findall(page.read_text(encoding="utf-8")))
        for page in sorted(site.rglob("*.html"))
        if "_static" not in page.parts
    }
    ids = {page: {unescape(name) for name in ID.findall(found)} for page, found in tags.items()}
    inside = f"{site}{os.sep}"
    arrives: dict[str, bool] = {}
    for page, found in tags.items():
        folder = os.path.dirname(page)
        for link in map(unescape, dict.fromkeys(LINK.findall(found))):
            url = urlsplit(link)
            if url.scheme or url.netloc:
                continue
            target = os.path.normpath(f"{folder}/{unquote(url.path)}") if url.path else page
            if target not in arrives:
                arrives[target] = f"{target}{os.sep}".startswith(inside) and os.path.exists(target)
            known = ids.get(target)
            missing = url.fragment and known is not None and unquote(url.fragment) not in known
            if not arrives[target] or missing:
                yield Path(page), link


def line_of(source: Path, link: str) -> int | None:
    """ソースの中で、そのリンクが書いてある行。プログラムが作ったリンクなら ``None``。"""
    if source.exists():
        for number, line in enumerate(source.read_text(encoding="utf-8").splitlines(), start=1):
            if link in line:
                return number
    return None


def examine(app: Sphinx, exception: Exception | None) -> None:
    """書き終えたページを調べ、問題を警告にする。1ページも書かれなければ、何もしない。"""
    wrote = getattr(app.builder, "bibun_wrote", False)
    if exception is not None or app.builder.name != "html" or not wrote:
        return
    site = Path(app.outdir).resolve()
    for page, link in broken_links(site):
        docname = page.relative_to(site).with_suffix("").as_posix()
        known = docname in app.env.found_docs
        location = (docname, line_of(Path(app.env.doc2path(docname)), link)) if known else None
        where = "" if known else f"{page.name} の"
        logger.warning(
            "%sリンク %s の行き先が、サイトにありません。",
            where,
            link,
            location=location,
            type="bibun",
            subtype="link",
        )


def setup(app: Sphinx) -> None:
    """Sphinxに登録する。サイトがそろった後、`guard` がビルドを止める(900)前に働く。"""
    app.connect("build-finished", examine, priority=870)
