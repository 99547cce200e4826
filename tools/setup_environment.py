"""仮想環境 `.venv` を用意する。標準ライブラリーだけで動く。

使い方: ``python3 tools/setup_environment.py requirements.txt [requirements-dev.txt]``

何度実行してもよい。入っているものは入れ直さない。
Linuxでは、PyTorchのCPU版の配布元に届くかどうかを短く試し、届けばCPU版を入れる(既定のものは数GBのCUDAを
伴うため)。届かなければ、待たずに既定の配布元で続ける。
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import venv
from pathlib import Path

OLDEST = (3, 10)
ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def say(message: str) -> None:
    """進み具合を一行で言う。"""
    print(f"==> {message}", flush=True)


def create() -> None:
    """仮想環境がなければ作る。"""
    if sys.version_info < OLDEST:
        found = ".".join(map(str, sys.version_info[:3]))
        sys.exit(
            f"Python 3.10以上が要りますが、{found} でした。"
            "`make PYTHON=python3.11 book` のように、新しいPythonを指定してください。"
        )
    if PYTHON.exists():
        return
    say(f"仮想環境を作っています: {VENV.name}")
    try:
        venv.create(VENV, with_pip=True)
    except (subprocess.CalledProcessError, ImportError):
        sys.exit("仮想環境を作れませんでした。Debian系では `apt install python3-venv` が要ります。")


def pip(*arguments: str) -> int:
    """仮想環境の中のpipを実行し、終了コードを返す。"""
    return subprocess.call([PYTHON, "-m", "pip", *arguments, "--disable-pip-version-check"])


def installed(requirement: str) -> bool:
    """``名前==版`` がもう入っているか(``+cpu`` のような版の飾りは問わない)。"""
    name, version = requirement.split("==")
    code = f"from importlib.metadata import version; print(version({name!r}))"
    found = subprocess.run([PYTHON, "-c", code], capture_output=True, text=True, check=False)
    return found.stdout.strip().split("+")[0] == version


def take_cpu_torch(requirements: Path) -> None:
    """届くなら、PyTorchのCPU版を先に入れておく。"""
    torch = re.search(r"^torch==\S+", requirements.read_text(encoding="utf-8"), re.M)
    if not sys.platform.startswith("linux") or torch is None or installed(torch[0]):
        return
    say(f"{torch[0]} のCPU版を試しています(届かなければ既定のものを使います)")
    if pip("install", "--quiet", "uv"):
        return
    hurry = {**os.environ, "UV_HTTP_TIMEOUT": "10", "UV_HTTP_RETRIES": "0"}
    command = [PYTHON, "-m", "uv", "pip", "install", "--python", PYTHON]
    failed = subprocess.call(
        [*command, "--torch-backend", "cpu", "--quiet", torch[0]],
        env=hurry,
        stderr=subprocess.DEVNULL,
    )
    say("CPU版は届きませんでした。既定のものを使います" if failed else "CPU版を入れました")


def main(names: list[str]) -> None:
    """環境を作り、要るものを入れる。"""
    create()
    requirements = [ROOT / name for name in names]
    take_cpu_torch(requirements[0])
    say(f"必要なものを入れています: {'、'.join(names)}(初めてのときは数分かかります)")
    flags = [flag for path in requirements for flag in ("-r", str(path))]
    os.chdir(ROOT)
    if pip("install", *flags):
        sys.exit(
            "パッケージを入れられませんでした。ネットワークにつながっているか確かめて、"
            "同じコマンドをもう一度実行してください(入ったものはそのまま使われます)。"
        )
    say("環境ができました")


if __name__ == "__main__":
    main(sys.argv[1:])
