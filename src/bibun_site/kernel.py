"""セルを実行するカーネルの環境をそろえる。

桁はCPUのベクトル命令とスレッドの数で変わりうるので固定し、章の先頭に決まり文句を書かなくても
`bibun.notebook.setup` が働くように、IPythonの起動スクリプトを一時の設定フォルダーに置く。
"""

from __future__ import annotations

import os
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.config import Config

ENVIRONMENT = {
    "ATEN_CPU_CAPABILITY": "avx2",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    "SOURCE_DATE_EPOCH": "1672531200",  # 2023-01-01。図のSVGに日付が残らないように
}
STARTUP = "from bibun.notebook import setup\n\nsetup()\ndel setup\n"


def prepare(app: Sphinx, _config: Config) -> None:
    """環境変数と、IPythonの設定フォルダーを用意する。"""
    home = Path(app.doctreedir).absolute() / "ipython"
    startup = home / "profile_default" / "startup"
    startup.mkdir(parents=True, exist_ok=True)
    (startup / "00-bibun.py").write_text(STARTUP, encoding="utf-8")
    os.environ.update(ENVIRONMENT, IPYTHONDIR=str(home))


def setup(app: Sphinx) -> None:
    """Sphinxに登録する。"""
    app.connect("config-inited", prepare)
