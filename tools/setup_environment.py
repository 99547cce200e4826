"""仮想環境 `.venv` を用意する。標準ライブラリーだけで動く。

使い方: ``python3 tools/setup_environment.py [--venv .venv] [--newest torch] requirements.txt …``

何度実行してもよい。入っているものは入れ直さない。
Linuxでは、PyTorchのCPU版の配布元に届くかどうかを短く試し、届けばCPU版を入れる(既定のものは数GBのCUDAを
伴うため)。届かなければ、待たずに既定の配布元で続ける。
``--newest`` に挙げたパッケージは、固定した版の後で、最新のものに上げる。
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import venv
from pathlib import Path

OLDEST = (3, 10)
ROOT = Path(__file__).resolve().parent.parent


def say(message: str) -> None:
    """進み具合を一行で言う。"""
    print(f"==> {message}", flush=True)


class Environment:
    """仮想環境 ``folder`` とその中のpip。"""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

    def create(self) -> None:
        """仮想環境がなければ作る。"""
        if sys.version_info < OLDEST:
            found = ".".join(map(str, sys.version_info[:3]))
            sys.exit(
                f"Python 3.10以上が要りますが、{found} でした。"
                "`make PYTHON=python3.11 book` のように、新しいPythonを指定してください。"
            )
        if self.python.exists():
            return
        say(f"仮想環境を作っています: {self.folder.name}")
        try:
            venv.create(self.folder, with_pip=True)
        except (subprocess.CalledProcessError, ImportError):
            sys.exit(
                "仮想環境を作れませんでした。Debian系では `apt install python3-venv` が要ります。"
            )

    def pip(self, *arguments: str) -> bool:
        """仮想環境の中のpipを実行し、成功したかどうかを返す。"""
        command = [self.python, "-m", "pip", *arguments, "--disable-pip-version-check"]
        return subprocess.call(command, cwd=ROOT) == 0

    def has(self, requirement: str) -> bool:
        """``名前==版`` がもう入っているか(``+cpu`` のような版の飾りは問わない)。"""
        name, version = requirement.split("==")
        code = f"from importlib.metadata import version; print(version({name!r}))"
        command = [self.python, "-c", code]
        found = subprocess.run(command, capture_output=True, text=True, check=False)
        return found.stdout.strip().split("+")[0] == version

    def take_cpu_torch(self, requirements: Path) -> None:
        """届くなら、PyTorchのCPU版を先に入れておく。"""
        torch = re.search(r"^torch==\S+", requirements.read_text(encoding="utf-8"), re.M)
        if not sys.platform.startswith("linux") or torch is None or self.has(torch[0]):
            return
        say(f"{torch[0]} のCPU版を試しています(届かなければ既定のものを使います)")
        if not self.pip("install", "--quiet", "uv"):
            return
        command = [self.python, "-m", "uv", "pip", "install", "--python", self.python, "--quiet"]
        failed = subprocess.call(
            [*command, "--torch-backend", "cpu", torch[0]],
            env={**os.environ, "UV_HTTP_TIMEOUT": "10", "UV_HTTP_RETRIES": "0"},
            stderr=subprocess.DEVNULL,
        )
        say("CPU版は届きませんでした。既定のものを使います" if failed else "CPU版を入れました")


def main() -> None:
    """環境を作り、要るものを入れる。"""
    parser = argparse.ArgumentParser(description="仮想環境を用意する")
    parser.add_argument("requirements", nargs="+", help="requirements*.txt")
    parser.add_argument("--venv", default=".venv", help="仮想環境のフォルダー")
    parser.add_argument("--newest", nargs="*", default=[], help="最新に上げるパッケージ")
    options = parser.parse_args()
    environment = Environment(ROOT / options.venv)
    environment.create()
    environment.take_cpu_torch(ROOT / options.requirements[0])
    names = "、".join(options.requirements)
    say(f"必要なものを入れています: {names}(初めてのときは数分かかります)")
    flags = [flag for name in options.requirements for flag in ("-r", name)]
    done = environment.pip("install", *flags)
    if done and options.newest:
        done = environment.pip("install", "--upgrade", *options.newest)
    if not done:
        sys.exit(
            "パッケージを入れられませんでした。ネットワークにつながっているか確かめて、"
            "同じコマンドをもう一度実行してください(入ったものはそのまま使われます)。"
        )
    say("環境ができました")


if __name__ == "__main__":
    main()
