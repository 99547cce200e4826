"""まとめて持ち帰るもの: ホイール、すべてのノートブックのzip、サイト全体のzip。

ページが1つも書かれず、``bibun`` も変わらないビルドでは、何もしない。
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from sphinx.application import Sphinx

from bibun_site import wheel
from bibun_site.notebooks import DOWNLOADS, has_notebook, stem

__all__ = ["setup"]

DATE = (2023, 1, 1, 0, 0, 0)
PACKED = {".whl", ".woff2", ".zip", ".png"}  # もう縮められている
NOTEBOOKS = "notebooks.zip"
SITE = "site.zip"
ONLINE_ONLY = {"_static/live/"}  # ファイルとして開いたページでは動かないもの
NAME = "bibun-book"  # zipを展開してできるフォルダー


def write_zip(path: Path, folder: Path, files: Iterable[Path]) -> None:
    """``folder`` の中のファイルを、いつも同じバイトになるzipにする。"""
    with zipfile.ZipFile(path, "w") as archive:
        for file in files:
            name = f"{NAME}/{file.relative_to(folder).as_posix()}"
            info = zipfile.ZipInfo(name, date_time=DATE)
            info.external_attr = 0o644 << 16
            info.create_system = 3  # どのシステムで作っても同じ
            packed = file.suffix in PACKED
            info.compress_type = zipfile.ZIP_STORED if packed else zipfile.ZIP_DEFLATED
            archive.writestr(info, file.read_bytes())


def is_for_reading(name: str) -> bool:
    """サイト全体のzipに入れるか。"""
    return not name.startswith((".", f"{DOWNLOADS}/{SITE}", *ONLINE_ONLY))


def note_pages(app: Sphinx) -> list[tuple[str, dict[str, object], str]]:
    """ページが書かれたことを覚える(何も変わらなければ、ここは呼ばれない)。"""
    app.builder.bibun_wrote = True
    return []


def pack(app: Sphinx, exception: Exception | None) -> None:
    """ホイールとzipを作る。"""
    if exception is not None or app.builder.format != "html":
        return
    folder = Path(app.outdir, DOWNLOADS)
    made_from = Path(app.doctreedir).parent / ".wheel.from"
    wanted = wheel.fingerprint()
    wheels = set(folder.glob(f"bibun-{wheel.version()}-*.whl"))
    fresh = bool(wheels) and made_from.exists() and made_from.read_text() == wanted
    if fresh and not hasattr(app.builder, "bibun_wrote"):
        return
    stems = {stem(docname) for docname in app.env.all_docs if has_notebook(app, docname)}
    notebooks = [folder / f"{name}{kind}.ipynb" for name in stems for kind in ("", "-practice")]
    kept = {*notebooks, *(folder / f"{name}.md" for name in stems)}
    if fresh:
        kept |= wheels
    for path in set(folder.iterdir()) - kept:  # なくなった章のものと、古いホイール
        path.unlink()
    if not fresh:
        wheel.make(folder)
        made_from.write_text(wanted)
    with ThreadPoolExecutor(1) as beside:  # 圧縮の間はGILが放されるので、2つのzipを並べて作れる
        files = sorted([*notebooks, *folder.glob("*.whl")])
        packed = beside.submit(write_zip, folder / NOTEBOOKS, folder, files)
        write_zip(folder / SITE, Path(app.outdir), site_files(Path(app.outdir), packed))


def site_files(site: Path, notebooks: Future[None]) -> Iterator[Path]:
    """サイト全体のzipに入れるもの。ノートブックのzipは、できるのを待って入れる。"""
    packed = site / DOWNLOADS / NOTEBOOKS
    for path in sorted({*site.rglob("*"), packed}):
        if path == packed:
            notebooks.result()
        if path.is_file() and is_for_reading(path.relative_to(site).as_posix()):
            yield path


def setup(app: Sphinx) -> None:
    """Sphinxに登録する。ビルドの終わりに書かれるものがすべて書かれてから、まとめる。"""
    app.connect("html-collect-pages", note_pages)
    app.connect("build-finished", pack, priority=850)
