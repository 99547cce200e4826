"""ビルドの環境をそろえ、どの章が古くなったかをSphinxに教える。

章の先頭に決まり文句を書かなくても `bibun.notebook.setup` が働くように、IPythonの起動スクリプトを
一時の設定フォルダーに置く。実行結果のキャッシュを `chapter_cache` のものに替える。
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import myst_nb.core.execute.cache
from myst_nb.core.read import create_nb_reader
from sphinx.application import Sphinx
from sphinx.builders.html import BuildInfo, StandaloneHTMLBuilder
from sphinx.config import Config
from sphinx.environment import BuildEnvironment

from bibun_site.chapter_cache import (
    PACKAGE,
    ChapterCache,
    digest,
    environment_key,
    key_of_files,
    recall,
    roots_of,
    used_files,
)
from bibun_site.environment import STARTUP, ipython_home

PLACES = {"html_static_path", "templates_path"}
TIMES = "bench/times.json"  # `make bench` が測って書く、章ごとの実行時間


def prepare(app: Sphinx, config: Config) -> None:
    """IPythonの設定フォルダーと、キャッシュの置き場所を用意する。"""
    build = Path(app.doctreedir).absolute().parent
    startup = ipython_home(build) / "profile_default" / "startup"
    startup.mkdir(parents=True, exist_ok=True)
    (startup / "00-bibun.py").write_text(STARTUP, encoding="utf-8")
    config.bibun_environment = f"{environment_key()} {tools_key()} {recorded_times(app)}"
    config.nb_execution_cache_path = str(build / ".jupyter_cache")


def tools_key() -> str:
    """拡張の指紋。拡張が変われば、章の読み方も変わりうる(結果は変わらないので、実行し直さない)。"""
    files = sorted(Path(__file__).parent.glob("*.py"))
    return digest(path.read_text(encoding="utf-8") for path in files)


def recorded_times(app: Sphinx) -> dict[str, float]:
    """記録してある、章ごとの実行時間(秒)。

    ページにはこの記録を載せる。ビルドのたびに測った時間を載せると、作るたびに違うサイトになる。
    """
    path = Path(app.confdir, TIMES)
    times: dict[str, float] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    return times


def notebook_of(app: Sphinx, docname: str) -> Any | None:
    """章のノートブック。ノートブックでなければ ``None``。1つのビルドの中では、1度だけ読む。"""
    known = vars(app).setdefault("bibun_notebooks", {})
    if docname not in known:
        known[docname] = read_notebook(app, docname)
    return known[docname]


def read_notebook(app: Sphinx, docname: str) -> Any | None:
    """章をノートブックとして読む。"""
    path = Path(app.env.doc2path(docname))
    if not path.exists():
        return None
    text = path.read_text(encoding="utf-8")
    reader = create_nb_reader(str(path), app.env.myst_config, app.env.mystnb_config, text)
    return None if reader is None else reader.read(text)


def outdated(app: Sphinx, env: BuildEnvironment, *_: set[str]) -> Iterator[str]:
    """使っている ``bibun`` が、読んだ後に変わった章。"""
    for docname in env.all_docs:
        if "bibun_used" not in env.metadata[docname]:
            continue
        roots, names, key = env.metadata[docname]["bibun_used"]
        files = [PACKAGE / name for name in names]
        if key == key_of_files(files):
            recall(roots, files)
        else:
            yield docname


def note_sources(env: BuildEnvironment, docname: str, notebook: Any) -> None:
    """章が使っている ``bibun`` のファイルと、その指紋を覚える。"""
    files = used_files(notebook)
    names = [path.relative_to(PACKAGE).as_posix() for path in files]
    env.metadata[docname]["bibun_used"] = (roots_of(notebook), names, key_of_files(files))


def forget_places(app: Sphinx) -> None:
    """``.buildinfo`` の指紋から、この計算機のフォルダーの場所を除く(置き場所で違うサイトにしない)。"""
    if isinstance(app.builder, StandaloneHTMLBuilder):
        elsewhere = SimpleNamespace(
            filter=lambda kinds: [v for v in app.config.filter(kinds) if v.name not in PLACES]
        )
        app.builder.build_info = BuildInfo(elsewhere, app.tags, frozenset({"html"}))


def setup(app: Sphinx) -> None:
    """Sphinxに登録する。環境は設定の値なので、変わればSphinxがすべての章を読み直す。"""
    myst_nb.core.execute.cache.get_cache = ChapterCache
    app.add_config_value("bibun_environment", "", "env")
    app.connect("config-inited", prepare, priority=100)
    app.connect("builder-inited", forget_places)
    app.connect("env-get-outdated", outdated)
