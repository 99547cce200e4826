"""セルを実行するカーネルの環境をそろえ、実行結果がいつ古くなるかを決める。

桁はCPUのベクトル命令とスレッドの数で変わりうるので固定し、章の先頭に決まり文句を書かなくても
`bibun.notebook.setup` が働くように、IPythonの起動スクリプトを一時の設定フォルダーに置く。

jupyter-cacheの鍵はセルの中身だけなので、章が使う ``bibun`` や固定した版が変わっても古い結果を返す。
そこで、それらの指紋ごとに別のキャッシュを使い、指紋が変わったら章を読み直す。
"""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.config import Config

import bibun

ENVIRONMENT = {
    "ATEN_CPU_CAPABILITY": "avx2",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
    "SOURCE_DATE_EPOCH": "1672531200",  # 2023-01-01。図のSVGに日付が残らないように
}
STARTUP = "from bibun.notebook import setup\n\nsetup()\ndel setup\n"


def fingerprint(root: Path) -> str:
    """実行結果を左右するもの(bibunのソース、固定した版、Python、環境)の指紋。"""
    digest = hashlib.sha256(f"{sys.version}{sorted(ENVIRONMENT.items())}{STARTUP}".encode())
    package = Path(bibun.__file__).parent
    for path in [*sorted(package.rglob("*.py")), root / "requirements.txt"]:
        if path.exists():
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def prepare(app: Sphinx, config: Config) -> None:
    """環境変数と、IPythonの設定フォルダーと、キャッシュの置き場所を用意する。"""
    build = Path(app.doctreedir).absolute().parent
    home = build / ".ipython"
    startup = home / "profile_default" / "startup"
    startup.mkdir(parents=True, exist_ok=True)
    (startup / "00-bibun.py").write_text(STARTUP, encoding="utf-8")
    os.environ.update(ENVIRONMENT, IPYTHONDIR=str(home))
    app.config.bibun_fingerprint = fingerprint(Path(app.confdir))
    config.nb_execution_cache_path = str(build / ".jupyter_cache" / config.bibun_fingerprint)


def setup(app: Sphinx) -> None:
    """Sphinxに登録する。指紋は設定の値なので、変わればSphinxがすべての章を読み直す。"""
    app.add_config_value("bibun_fingerprint", "", "env")
    app.connect("config-inited", prepare, priority=100)
