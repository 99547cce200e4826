"""セルを実行するときに、いつも同じにしておくもの。

桁はCPUのベクトル命令とスレッドの数で変わりうるので固定する。行列の積をするMKLは、CPUの種類ごとに足す順を変えるので、
どのCPUにもある順(``MKL_CBWR``)にさせる。図のSVGに日付やでたらめな番号が残らないように、
日付とハッシュの種も固定する。
"""

from pathlib import Path

ENVIRONMENT = {
    "ATEN_CPU_CAPABILITY": "avx2",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "MKL_CBWR": "COMPATIBLE",
    "PYTHONHASHSEED": "0",
    "SOURCE_DATE_EPOCH": "1672531200",  # 2023-01-01
}
STARTUP = "from bibun.notebook import setup\n\nsetup()\ndel setup\n"


def ipython_home(build: Path) -> Path:
    """IPythonの設定フォルダー。ビルドのフォルダーの中に置き、読者自身の設定を混ぜない。"""
    return build / ".ipython"
