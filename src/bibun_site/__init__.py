"""本のビルドが読み込むSphinx拡張。章からは読み込まれない。

`kernel`(実行の環境)、`blocks`(演習と折りたたみの記法)、`guard`(嘘の出力を通さない検査)、
`japanese`(日本語の組版と画面の言葉)からなる。
"""

from __future__ import annotations

from typing import Any

from sphinx.application import Sphinx

from bibun_site import blocks, guard, japanese, kernel

__all__ = ["setup"]


def setup(app: Sphinx) -> dict[str, Any]:
    """部品を登録する。"""
    for part in (kernel, blocks, guard, japanese):
        part.setup(app)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
