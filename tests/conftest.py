"""全テストに共通の条件。torchの最後の桁はCPUの命令とスレッド数で変わるので、先に固定する。"""

from __future__ import annotations

import os

os.environ.setdefault("ATEN_CPU_CAPABILITY", "avx2")
os.environ.setdefault("OMP_NUM_THREADS", "1")
