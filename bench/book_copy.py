"""この本の写しを別の場所に置いてビルドする(`build.py` と `reproduce.py` が使う)。"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PARTS = ("_config.yml", "_toc.yml", "book", "src", "web", "bench", "requirements.txt")


MAKE_BOOK = ("python", "-m", "bibun_site")
JUPYTER_BOOK = ("jupyter-book", "build", ".")


class BookCopy:
    """本の写し。``command`` でビルドする。``settings`` は、``_config.yml`` に足すSphinxの設定。"""

    def __init__(self, folder: Path, command: tuple[str, ...] = MAKE_BOOK, **settings: str) -> None:
        self.folder, self.command = folder, command
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

    @property
    def _env(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        return {**kept, "PYTHONPATH": str(self.folder / "src")}

    def build(self) -> float:
        """ビルドして、かかった秒数を返す。"""
        return self.timed(*self.command)

    def timed(self, program: str, *arguments: str) -> float:
        """プログラムを動かして、かかった秒数を返す。"""
        command = [str(Path(sys.executable).with_name(program)), *arguments]
        start = time.perf_counter()
        done = subprocess.run(
            command, cwd=self.folder, env=self._env, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise SystemExit(f"{done.stdout}\n{done.stderr}\n失敗しました: {' '.join(command)}")
        return time.perf_counter() - start

    @contextmanager
    def served(self) -> Iterator[None]:
        """``make serve`` と同じに、保存のたびに作り直させておく。見張りが始まってから中へ入る。"""
        command = [sys.executable, "-m", "bibun_site.serve", "--port", "0"]
        log = self.folder / "serve.log"
        with (
            log.open("w") as out,
            subprocess.Popen(
                command, cwd=self.folder, env=self._env, stdout=out, stderr=out
            ) as process,
        ):
            try:
                wait_for(log, "Waiting to detect changes")
                yield
            finally:
                process.send_signal(signal.SIGINT)


def wait_for(path: Path, words: str, seconds: float = 120) -> float:
    """ファイルに言葉が現れるまで待ち、かかった秒数を返す。"""
    start = time.perf_counter()
    while not path.exists() or words not in path.read_text(encoding="utf-8"):
        if time.perf_counter() - start > seconds:
            raise SystemExit(f"{path} に {words} が現れません。")
        time.sleep(0.01)
    return time.perf_counter() - start
