"""サイトが配る ``bibun`` のホイール。同じソースからは、いつも同じバイトができる。"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from bibun_site.node import ROOT

__all__ = ["fingerprint", "make", "version"]

SOURCES = ("pyproject.toml", "README.md", "LICENSE", "src/bibun")


def version() -> str:
    """``pyproject.toml`` に書かれた版。"""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    found = re.search(r'^version = "(.+)"$', text, re.M)
    if found is None:
        raise ValueError('pyproject.toml に version = "…" の行がありません。')
    return found[1]


def fingerprint() -> str:
    """ホイールの材料の指紋。"""
    digest = hashlib.sha256()
    for source in SOURCES:
        path = ROOT / source
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file() and "__pycache__" not in file.parts:
                digest.update(f"{file.relative_to(ROOT)}\0".encode() + file.read_bytes())
    return digest.hexdigest()


def make(folder: Path) -> None:
    """ホイールを ``folder`` に作る。日付とファイルの並びは、hatchlingがそろえる。"""
    from hatchling.builders.wheel import WheelBuilder

    for _ in WheelBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"]):
        pass
