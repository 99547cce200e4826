"""本の外から来た人のページ: サイトの入口(``index.html``)と、ページがないとき(``404.html``)。

ページがないときのページは、どの深さの住所でも出されるので、相対のリンクは役に立たない。
サイトの住所が決まっていれば、ビルドの終わりに絶対のリンクにする。決まっていなければ、
短いスクリプトが、この本の目録(``objects.inv``)のある場所を上へ探し、リンクをそこからのものにする。
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

from bibun_site.site import THEME_SCRIPT, policy

__all__ = ["setup"]

MISSING = "404"
HOME_SCRIPT = """\
(async () => {
  let home = new URL(".", location);
  while (home.pathname !== "/" && !(await fetch(new URL("objects.inv", home), { method: "HEAD" })).ok)
    home = new URL("..", home);
  for (const name of ["href", "src", "action"])
    for (const part of document.querySelectorAll(`[${name}]`)) {
      const place = part.getAttribute(name);
      if (!/^([a-z]+:|#)/.test(place)) part.setAttribute(name, new URL(place, home));
    }
})();
"""
RELATIVE = re.compile(r'\b(href|src|action)="(?![a-z]+:|#)([^"]*)"')


def entrance_pages(_app: Sphinx) -> Iterator[tuple[str, dict[str, Any], str]]:
    """章でないページを、Sphinxに作らせる。"""
    yield "index", {"title": ""}, "front.html"
    yield MISSING, {"title": "ページが見つかりません"}, "404.html"


def prepare(
    app: Sphinx, pagename: str, _template: str, context: dict[str, Any], _tree: Any
) -> None:
    """型紙に要る値を渡す。"""
    site = app.config.html_baseurl
    if pagename == "index":
        context["policy"] = policy()
        context["pageurl"] = site and site + app.builder.get_target_uri(app.config.root_doc)
    if pagename == MISSING:
        context["pageurl"] = None
        context["home_script"] = "" if site else HOME_SCRIPT
        context["policy"] = policy(THEME_SCRIPT, context["home_script"])


def settle(app: Sphinx, exception: Exception | None) -> None:
    """サイトの住所が決まっていれば、ページがないときのページのリンクを絶対のものにする。"""
    site = app.config.html_baseurl
    page = Path(app.outdir) / f"{MISSING}.html"
    if exception is not None or app.builder.format != "html" or not site:
        return
    html = page.read_text(encoding="utf-8")
    page.write_text(RELATIVE.sub(rf'\1="{site}\2"', html), encoding="utf-8")


def setup(app: Sphinx) -> None:
    """Sphinxに登録する。"""
    app.connect("html-collect-pages", entrance_pages)
    app.connect("html-page-context", prepare, priority=950)  # bibun_site.site より後
    app.connect("build-finished", settle)
