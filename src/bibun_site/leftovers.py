"""サイトに要らないもの: どのページも読み込まないファイルと、本からなくなったページと、前のプログラム。

テーマと拡張とSphinxは、この本のページが読み込まない書式やプログラムも ``_static`` に置く。
Sphinxは、本からなくなったページとその図も、名前の変わったプログラムも消さない。どれも、サイトにも、まとめたzipにも残さない。
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sphinx.application import Sphinx

from bibun_site import front
from bibun_site.site import SCRIPTS, STYLES

__all__ = ["setup"]

# ``_static`` の中の、ページかそのプログラムが読み込むもの。フォルダーなら、その中のすべて
LOADED = {*STYLES, *SCRIPTS, "icon.svg", "search.js", "search-data.js", "cards", "live"}
BESIDE_THE_BOOK = {"index", "404", "search"}  # 章でないページ(bibun_site.entrance と search)
CELLS = "_static/live/cells"  # 章のセル(bibun_site.live)
BOOK = "book/"


def clean(app: Sphinx, exception: Exception | None) -> None:
    """要らないファイルを消す。"""
    if exception is not None or app.builder.name != "html":
        return
    site = Path(app.outdir)
    for path in [*unloaded(site), *gone(app, site), *outdated(app, site)]:
        path.unlink()
        for folder in path.parents:
            if folder == site or any(folder.iterdir()):
                break
            folder.rmdir()


def unloaded(site: Path) -> Iterator[Path]:
    """``_static`` の中の、読み込まれないファイル。"""
    static = site / "_static"
    for path in static.rglob("*"):
        if path.is_file() and path.relative_to(static).parts[0] not in LOADED:
            yield path


def gone(app: Sphinx, site: Path) -> Iterator[Path]:
    """本からなくなったページの、ページ、セル、図。"""
    pages = app.env.found_docs
    chapters = {page.removeprefix(BOOK) for page in pages}
    images = {name for _, name in app.env.images.values()}
    for path in [*site.glob("*.html"), *site.glob(f"{BOOK}**/*.html")]:
        if path.relative_to(site).with_suffix("").as_posix() not in pages | BESIDE_THE_BOOK:
            yield path
    for path in (site / CELLS).rglob("*.json"):
        if path.relative_to(site / CELLS).with_suffix("").as_posix() not in chapters:
            yield path
    for path in (site / "_images").glob("*"):
        if path.name not in images:
            yield path


def outdated(app: Sphinx, site: Path) -> Iterator[Path]:
    """前の ``web/`` をまとめたプログラム。名前が中身の印を持つので、新しいものに置きかわらない。"""
    bundled = front.place(app) / "live"
    for path in (site / "_static" / "live").glob("*.js"):
        if not (bundled / path.name).exists():
            yield path


def setup(app: Sphinx) -> None:
    """Sphinxに登録する。ファイルを書く仕事の後、まとめる仕事(`archive` の850)の前に働く。"""
    app.connect("build-finished", clean, priority=840)
