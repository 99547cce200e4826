"""図の画像に、大きさを書き(読み込む前から場所を空ける)、見えるところに来てから読み込ませる。"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator

__all__ = ["setup"]

SVG_SIZE = re.compile(r'<svg[^>]*? width="([\d.]+)pt" height="([\d.]+)pt"')
PIXELS = 96 / 72  # 1ポイント


def visit_image(writer: Any, node: nodes.Element) -> None:
    """画像を、大きさとともに書く。"""
    source = Path(writer.builder.srcdir) / node["uri"]
    HTML5Translator.visit_image(writer, node)
    attributes = 'loading="lazy"'
    if size := svg_size(source):
        attributes += ' width="{}" height="{}"'.format(*size)
    writer.body[-1] = writer.body[-1].replace("<img ", f"<img {attributes} ", 1)


def depart_image(writer: Any, node: nodes.Element) -> None:
    """画像を書き終える。"""
    HTML5Translator.depart_image(writer, node)


def svg_size(path: Path) -> tuple[int, int] | None:
    """matplotlibのSVGの、画面での幅と高さ。ほかの形式の画像なら ``None``。"""
    if path.suffix != ".svg":
        return None
    found = SVG_SIZE.search(path.read_text(encoding="utf-8")[:2000])
    return (round(float(found[1]) * PIXELS), round(float(found[2]) * PIXELS)) if found else None


def setup(app: Sphinx) -> None:
    """Sphinxに登録する。"""
    app.add_node(nodes.image, override=True, html=(visit_image, depart_image))
