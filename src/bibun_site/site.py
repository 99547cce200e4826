"""ページの枠: 型紙、読み込む書式とプログラム、ページに許すこと(CSP)。

テーマと拡張がページに足すものは多いので、ここに挙げたもののほかは読み込まない。
"""

from __future__ import annotations

import base64
import hashlib
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

import sphinx_copybutton
from furo.navigation import get_navigation_tree
from sphinx.application import Sphinx
from sphinx.builders.html import StandaloneHTMLBuilder
from sphinx.config import Config
from sphinx.environment.adapters.toctree import global_toctree_for_doc
from sphinx.errors import ExtensionError

__all__ = ["setup"]

TEMPLATES = Path(__file__).parent / "templates"
STYLES = ("book.css", "mathematics.css")
SCRIPTS = ("book.js", "clipboard.min.js", "copybutton.js")

# 選ばれた明るさを、何も描かないうちに取り戻す。残りは web/theme.ts
THEME_SCRIPT = (
    'try{document.body.dataset.theme=localStorage.getItem("theme")||"auto"}'
    'catch{document.body.dataset.theme="auto"}'
)


def policy(*inline_scripts: str) -> str:
    """ページに許すこと(Content-Security-Policy)。

    読み込むのはサイト自身のものだけで、文書の中のスクリプトは、ここに渡したものだけが動く。

    Parameters
    ----------
    *inline_scripts : str
        ページに直に書いてあるスクリプト。
    """
    digests = (hashlib.sha256(script.encode()).digest() for script in inline_scripts)
    hashes = (f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
    allowed = {
        "default-src": "'none'",
        "script-src": " ".join(["'self'", *hashes]),
        "style-src": "'self' 'unsafe-inline'",  # 図と式の、要素に付いた書式
        "img-src": "'self' data:",
        "font-src": "'self' data:",
        "connect-src": "'self'",
        "frame-src": "'self'",
        "form-action": "'self'",
        "base-uri": "'none'",
    }
    return "; ".join(f"{kind} {sources}" for kind, sources in allowed.items())


# sphinx-copybuttonの言葉。(もとの文字列, 替える文字列)
COPYBUTTON = (
    ("'copy': 'Copy'", "'copy': 'コピー'"),
    ("'copy_to_clipboard': 'Copy to clipboard'", "'copy_to_clipboard': 'コードをコピーする'"),
    ("'copy_success': 'Copied!'", "'copy_success': 'コピーしました'"),
    ("'copy_failure': 'Failed to copy'", "'copy_failure': 'コピーできませんでした'"),
    # 使われない変数のためだけに、Sphinxのスクリプトをもう1つ読み込まないように
    ("let doc_url_root = DOCUMENTATION_OPTIONS.URL_ROOT;", "let doc_url_root = '';"),
)


def add_templates(_app: Sphinx, config: Config) -> None:
    """この本の型紙を、テーマのものより先に使う。"""
    config.templates_path = [str(TEMPLATES), *config.templates_path]


def translate_copybutton(app: Sphinx) -> None:
    """sphinx-copybuttonの言葉を日本語にして、もとのものの代わりに載せる。

    Raises
    ------
    ExtensionError
        もとのスクリプトに、替える文字列がないとき。
    """
    if app.builder.format != "html":
        return
    name = "copybutton.js_t"
    text = (Path(sphinx_copybutton.__file__).parent / "_static" / name).read_text(encoding="utf-8")
    for original, ours in COPYBUTTON:
        if original not in text:
            raise ExtensionError(
                f"sphinx-copybuttonの {name} に {original!r} がありません。"
                "版が変わったなら、bibun_site.site.COPYBUTTON を直してください。"
            )
        text = text.replace(original, ours)
    folder = Path(app.doctreedir).parent / ".copybutton"
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / name).exists() or (folder / name).read_text(encoding="utf-8") != text:
        (folder / name).write_text(text, encoding="utf-8")
    app.config.html_static_path.append(str(folder))


@lru_cache(maxsize=1)
def contents(builder: StandaloneHTMLBuilder) -> str:
    """章の一覧。リンクの行き先は、ページの名前のままにしておく。"""
    root = builder.config.root_doc
    tree = global_toctree_for_doc(
        builder.env,
        root,
        builder,
        collapse=False,
        titles_only=True,
        maxdepth=-1,
        includehidden=True,
    )
    names = {builder.get_relative_uri(root, name): name for name in builder.env.found_docs}
    return re.sub(
        ' href="([^"]*)"',
        lambda link: f' href="{names[link[1]]}"',
        # 段のない見出しの役割は、読み上げに章の構成を誤って伝える
        str(get_navigation_tree(builder.render_partial(tree)["fragment"])).replace(
            ' role="heading"', ""
        ),
    )


def contents_from(builder: StandaloneHTMLBuilder, page: str) -> str:
    """``page`` から見た章の一覧。そのページの行には印を付ける。"""
    here = f'<li class="toctree-l1"><a class="reference internal" href="{page}">'
    marked = '<li class="toctree-l1 current current-page"><a class="current reference internal" href="#">'
    return re.sub(
        ' href="([^"#]+)"',
        lambda link: f' href="{builder.get_relative_uri(page, link[1])}"',
        contents(builder).replace(here, marked),
    )


def without_contents(
    _app: Sphinx, _pagename: str, _template: str, context: dict[str, Any], _doctree: Any
) -> None:
    """テーマに、章の一覧をページごとに作らせない(ビルドの1割の時間を使う)。"""
    context.pop("toctree", None)


def choose_assets(
    app: Sphinx, pagename: str, _template: str, context: dict[str, Any], _doctree: Any
) -> None:
    """ページが読み込むものを選び、型紙に要る値を渡す。"""
    context["css_files"] = [file for file in context["css_files"] if _name(file) in STYLES]
    context["script_files"] = [file for file in context["script_files"] if _name(file) in SCRIPTS]
    context["furo_navigation_tree"] = contents_from(app.builder, pagename)
    context["author"] = app.config.author
    context["theme_script"] = THEME_SCRIPT
    context["policy"] = policy(THEME_SCRIPT)


def _name(file: Any) -> str:
    return Path(str(file.filename or "")).name


def setup(app: Sphinx) -> None:
    """Sphinxに登録する。"""
    app.connect("config-inited", add_templates)
    app.connect("builder-inited", translate_copybutton, priority=900)  # もとのものより後
    app.connect("html-page-context", without_contents, priority=100)  # テーマより前
    app.connect("html-page-context", choose_assets, priority=900)  # テーマと拡張より後
