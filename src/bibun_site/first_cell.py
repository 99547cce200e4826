"""持ち帰ったノートブックの、最初のセル。

`prepare` のソースがそのまま最初のセルになるので、標準ライブラリーだけを使い、1つの関数に収める。
"""

from __future__ import annotations

import inspect
from pathlib import Path

__all__ = ["prepare", "source"]

TITLE = "# @title 準備:最初に一度実行します(足りないものがあれば入れます)"
# ノートブックが使うもの(graphvizは、torchvizが使う)
PACKAGES = (
    "torch",
    "torchviz",
    "graphviz",
    "pygraphviz",
    "numpy",
    "matplotlib",
    "matplotlib-fontja",
)


def prepare(site: str, version: str, pins: list[str]) -> None:
    """足りないパッケージだけを、本と同じ版で入れて、表示を整える。"""
    import subprocess
    import sys
    from importlib import invalidate_caches, metadata
    from importlib.util import find_spec
    from pathlib import Path

    wheel = f"bibun-{version}-py3-none-any.whl"
    missing = [pin for pin in pins if not find_spec(pin.split("==")[0].replace("-", "_"))]
    if not find_spec("bibun") or metadata.version("bibun") != version:
        if not Path(wheel).exists() and not site:
            raise RuntimeError(
                f"この本のパッケージbibunがありません。本のサイトの {wheel} を、このノートブックと"
                "同じフォルダーに置いて、もう一度実行してください"
                "(「すべてのノートブック」のzipには、初めから入っています)。"
            )
        missing.append(wheel if Path(wheel).exists() else f"{site}downloads/{wheel}")
    if missing:
        print("入れています(数分かかることがあります):", ", ".join(missing))
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-color"]
        done = subprocess.run([*pip, *missing], capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(
                "パッケージを入れられませんでした。インターネットにつながっているか確かめて、"
                f"このセルをもう一度実行してください。pipの言葉:\n{done.stderr.strip()[-600:]}"
            ) from None
        invalidate_caches()
    used, verified = metadata.version("torch").split("+")[0], pins[0].split("==")[1]
    if used != verified:
        print(
            f"PyTorch {used} で動かします。本の出力は {verified} のもので、少し違うことがあります。"
        )

    from bibun.notebook import setup

    setup()


def pinned(requirements: Path) -> list[str]:
    """``requirements.txt`` に固定した版のうち、ノートブックが使うもの。"""
    lines = requirements.read_text(encoding="utf-8").splitlines()
    return [line for name in PACKAGES for line in lines if line.startswith(f"{name}==")]


def source(site: str, version: str, requirements: Path) -> str:
    """最初のセルのソース。

    Parameters
    ----------
    site : str
        サイトの住所(最後は ``/``)。決まっていなければ空。
    version : str
        bibunの版。
    requirements : Path
        版を固定した一覧。
    """
    pins = "".join(f"    {pin!r},\n" for pin in pinned(requirements))
    call = f"prepare({site!r}, {version!r}, [\n{pins}])"
    return f"{TITLE}\n{inspect.getsource(prepare)}\n\n{call}\ndel prepare"
