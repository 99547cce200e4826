"""ページのプログラムと書式: ``web/`` をesbuildでまとめ、サイトに載せる。"""

from __future__ import annotations

import hashlib
from pathlib import Path

import furo
from sphinx.application import Sphinx
from sphinx.config import Config

from bibun_site import node

__all__ = ["setup"]

WEB = node.ROOT / "web"
SITE_PACKAGES = Path(furo.__file__).parents[1]


def remember_sources(_app: Sphinx, config: Config) -> None:
    """``web/`` が変わったら、すべてのページを書き直す(ページは、読み込むものの中身の印を持つ)。"""
    config.bibun_front = fingerprint()


def bundle(app: Sphinx) -> None:
    """``web/`` が変わっていれば、まとめ直す。

    Raises
    ------
    ConfigError
        npmのパッケージが入らないか、``web/`` に誤りがあるとき。
    """
    if app.builder.format != "html":
        return
    folder = place(app)
    app.config.html_static_path += [str(folder), str(WEB / "static")]
    made_from = folder.with_name(".front.from")
    wanted = app.config.bibun_front
    if made_from.exists() and made_from.read_text() == wanted:
        return
    node.run("web/bundle.mjs", str(folder), str(SITE_PACKAGES))
    made_from.write_text(wanted)


def place(app: Sphinx) -> Path:
    """まとめたものの置き場。"""
    return Path(app.doctreedir).parent / ".front"


def fingerprint() -> str:
    """``web/`` と、npmのパッケージとテーマの版が同じなら、同じになる文字列。"""
    digest = hashlib.sha256(node.LOCK.read_bytes() + furo.__version__.encode())
    for path in sorted(path for path in WEB.rglob("*") if path.is_file()):
        digest.update(f"{path.relative_to(WEB)}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def setup(app: Sphinx) -> None:
    """Sphinxに登録する。"""
    app.add_config_value("bibun_front", "", "html", types=(str,))
    app.connect("config-inited", remember_sources)
    app.connect("builder-inited", bundle, priority=100)
    app.add_css_file("book.css")
    app.add_js_file("book.js", loading_method="defer")
