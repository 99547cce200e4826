"""日本語の組版と、ページの見た目: ソースの改行を空白にしない。スタイルを足す。"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

WIDE = re.compile(r"[\u3000-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef]")


class JoinLines(SphinxPostTransform):
    """日本語の文字に接する改行を取り除く(ブラウザーは改行を空白として表示するため)。"""

    default_priority = 300

    def run(self, **_: Any) -> None:
        for block in self.document.findall(nodes.TextElement):
            if isinstance(block.parent, nodes.TextElement) or _preformatted(block):
                continue
            texts = list(block.findall(nodes.Text))
            for index, text in enumerate(texts):
                before = texts[index - 1].astext() if index else ""
                after = texts[index + 1].astext() if index + 1 < len(texts) else ""
                joined = join_lines(before, text.astext(), after)
                if joined != text.astext():
                    texts[index] = nodes.Text(joined)
                    text.parent.replace(text, texts[index])


def join_lines(before: str, text: str, after: str) -> str:
    """``text`` の中の改行のうち、日本語の文字に接するものを取り除く。

    Parameters
    ----------
    before, after : str
        同じ段落の、前後の文字列(改行が文字列の端にあるときに見る)。
    """
    whole = before[-1:] + text + after[:1]
    start = len(before[-1:])
    kept = [
        char
        for index, char in enumerate(text, start=start)
        if char != "\n"
        or not (WIDE.match(whole[index - 1 : index]) or WIDE.match(whole[index + 1 : index + 2]))
    ]
    return "".join(kept)


def _preformatted(block: nodes.Element) -> bool:
    return isinstance(block, (nodes.FixedTextElement, nodes.raw, nodes.math, nodes.math_block))


def add_static(app: Sphinx) -> None:
    """拡張が持つスタイルを、サイトに載せる。"""
    app.config.html_static_path.append(str(Path(__file__).parent / "static"))


def setup(app: Sphinx) -> None:
    """Sphinxに登録する。"""
    app.add_post_transform(JoinLines)
    app.connect("builder-inited", add_static)
    app.add_css_file("book.css")
