"""日本語の組版: ソースの改行を空白にしない。"""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

WIDE = r"[\u3000-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef]"
LINE_END = re.compile(rf"(?<={WIDE})\n(?={WIDE})|(?<={WIDE})\n|\n(?={WIDE})")


class JoinLines(SphinxPostTransform):
    """日本語の文字に接する改行を取り除く(ブラウザーは改行を空白として表示するため)。"""

    default_priority = 300

    def run(self, **_: Any) -> None:
        for text in list(self.document.findall(nodes.Text)):
            if "\n" not in text or _preformatted(text):
                continue
            joined = LINE_END.sub("", text.astext())
            if joined != text:
                text.parent.replace(text, nodes.Text(joined))


def _preformatted(text: nodes.Text) -> bool:
    node = text.parent
    while node is not None:
        if isinstance(node, (nodes.FixedTextElement, nodes.raw, nodes.math, nodes.math_block)):
            return True
        node = node.parent
    return False


def setup(app: Sphinx) -> None:
    """Sphinxに登録する。"""
    app.add_post_transform(JoinLines)
