"""セルを実行するときに、いつも同じにしておくもの。

桁はCPUのベクトル命令とスレッドの数で変わりうるので固定する。図のSVGに日付やでたらめな番号が残らないように、
日付とハッシュの種も固定する。
"""

ENVIRONMENT = {
    "ATEN_CPU_CAPABILITY": "avx2",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
    "SOURCE_DATE_EPOCH": "1672531200",  # 2023-01-01
}
STARTUP = "from bibun.notebook import setup\n\nsetup()\ndel setup\n"
