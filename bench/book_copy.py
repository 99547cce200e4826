"""この本の写しを別の場所に置いてビルドする(`build.py` と `reproduce.py` が使う)。"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PARTS = ("_config.yml", "_toc.yml", "book", "src", "web", "bench", "requirements.txt")


class BookCopy:
    """本の写し。``settings`` は、``_config.yml`` に足すSphinxの設定。"""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        for part in PARTS:
            place = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
            place(ROOT / part, folder / part)
        for path in ROOT.iterdir():  # ほかは、書きかえないので指すだけ
            if path.name not in {*PARTS, "_build", "build", "dist"} and path.name[0] != ".":
                (folder / path.name).symlink_to(path)
        config = folder / "_config.yml"
        text = config.read_text(encoding="utf-8")
        for name, value in settings.items():
            text = text.replace("    language: ja\n", f"    {name}: {value}\n    language: ja\n")
        config.write_text(text, encoding="utf-8")

    def build(self) -> float:
        """ビルドして、かかった秒数を返す。"""
        return self.timed("jupyter-book", "build", ".", "-n", "-W", "--keep-going")

    def timed(self, program: str, *arguments: str) -> float:
        """プログラムを動かして、かかった秒数を返す。"""
        command = [str(Path(sys.executable).with_name(program)), *arguments]
        environment = {**os.environ, "PYTHONPATH": str(self.folder / "src")}
        start = time.perf_counter()
        done = subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise SystemExit(f"{done.stdout}\n{done.stderr}\n失敗しました: {' '.join(command)}")
        return time.perf_counter() - start
