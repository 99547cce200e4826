"""見つけてもらい、分けてもらうためのもの: 説明、題と絵の札(Open Graph)、サイトの地図。

住所(``html_baseurl``)が要るもの(札の絵、地図)は、住所が決まっているときだけ作る。
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from docutils import nodes
from sphinx.application import Sphinx

from bibun_site.japanese import phrases

__all__ = ["setup"]

# 章でないページの説明。章のものは、章の先頭(html_meta)にある
DESCRIPTIONS = {
    "search": "『自動微分』の本文、用語、コード、演習を、日本語の言葉や読み、英字の名前で検索します。",
    "404": "お探しのページは見つかりませんでした。『自動微分』の章の一覧と検索から探せます。",
    "index": "自動微分を、PyTorchで使うところから、仕組みを理解し、自分で作るところまで学ぶ講義です。",
}
CARDS = "_static/cards"


def describe(
    app: Sphinx, pagename: str, _template: str, context: dict[str, Any], tree: Any
) -> None:
    """ページの説明と、分けられたときの題、絵の住所を、型紙に渡す。"""
    context["description"] = _description(tree) or DESCRIPTIONS.get(pagename, "")
    title = app.env.titles.get(pagename)
    context["share_title"] = (
        title.astext() if title else context.get("title") or context["docstitle"]
    )
    site = app.config.html_baseurl
    drawn = app.config.root_doc if pagename == "index" else pagename  # 入口は、表紙の絵を見せる
    if site and drawn in app.env.titles:
        context["card"] = f"{site}{CARDS}/{_card_name(drawn)}"


def _description(tree: nodes.document | None) -> str:
    metas = tree.findall(nodes.meta) if tree is not None else ()
    return next((str(meta["content"]) for meta in metas if meta.get("name") == "description"), "")


def _card_name(pagename: str) -> str:
    return pagename.replace("/", "-") + ".png"


def chapters(app: Sphinx) -> Iterator[str]:
    """読者に見せるページ。目次の順。"""
    return (name for name in app.env.external_site_map if name in app.env.found_docs)


def publish(app: Sphinx, exception: Exception | None) -> None:
    """札の絵、サイトの地図、検索の案内人への案内(robots.txt)を書く。"""
    if exception is not None or app.builder.format != "html":
        return
    site, out = app.config.html_baseurl, Path(app.outdir)
    robots = "User-agent: *\nAllow: /\n"
    if site:
        pages = [site + app.builder.get_target_uri(name) for name in chapters(app)]
        (out / "sitemap.xml").write_text(sitemap(pages), encoding="utf-8")
        robots += f"Sitemap: {site}sitemap.xml\n"
        for name in chapters(app):
            title = app.env.titles[name].astext()
            place_card(app, title, out / CARDS / _card_name(name))
    (out / "robots.txt").write_text(robots, encoding="utf-8")


def place_card(app: Sphinx, title: str, path: Path) -> None:
    """札の絵を置く。前に描いたものがあれば、それを使う(名前が、題と描き方を決める)。"""
    from bibun_site import card  # 絵を描くものは重い。住所が決まるまで要らない

    book = app.config.html_title
    made_from = "\0".join([*phrases(title), book, Path(card.__file__).read_text("utf-8")]).encode()
    name = hashlib.sha256(made_from).hexdigest()[:16]
    drawn = Path(app.doctreedir).parent / ".cards" / f"{name}.png"
    if not drawn.exists():
        card.draw(title, book, drawn)
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(drawn, path)


def sitemap(pages: list[str]) -> str:
    """``pages`` の住所を並べた、サイトの地図。"""
    places = "".join(f"<url><loc>{escape(page)}</loc></url>\n" for page in pages)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{places}</urlset>\n'
    )


def setup(app: Sphinx) -> None:
    """Sphinxに登録する。"""
    app.connect("html-page-context", describe)
    app.connect("build-finished", publish)
