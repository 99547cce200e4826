"""日本語の組版: ソースの改行を空白にせず、題を文節に分ける。"""

from __future__ import annotations

import functools
import re
from typing import Any

import budoux
from docutils import nodes
from myst_nb.ext.execution_tables import ExecutionStatsNode
from myst_nb.sphinx_ import NbMetadataCollector
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

WIDE = re.compile(r"[\u3000-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef]")


MARK = "\N{ZERO WIDTH SPACE}"
AFTER = re.compile(rf"{MARK}?([、。::)」』…]+\s*){MARK}?")  # この後で折ってよく、この前では折らない


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


@functools.cache
def parser() -> budoux.Parser:
    """文節に分けるもの。読み込みに時間がかかる。"""
    return budoux.load_default_japanese_parser()


def phrases(text: str) -> list[str]:
    """文節に分ける。句読点と閉じかっこは前の文節に付ける。

    Examples
    --------
    >>> phrases("勾配は、上書きされずに足し込まれる")
    ['勾配は、', '上書きされずに', '足し込まれる']
    >>> phrases("数値微分:差分では")
    ['数値微分:', '差分では']
    >>> phrases("演習を作る: `exercise`")
    ['演習を', '作る: ', '`exercise`']
    """
    parsed = MARK.join(parser().parse(text))
    return [part for part in AFTER.sub(rf"\1{MARK}", parsed).split(MARK) if part]


class ExecutionTable(SphinxPostTransform):
    """``{nb-exec-table}`` を、章の題と秒数の日本語の表にする(もとの表は英語で、日時を含む)。"""

    default_priority = 7  # もとの変換(8)より前

    def run(self, **_: Any) -> None:
        for placeholder in list(self.document.findall(ExecutionStatsNode)):
            placeholder.replace_self(self._table())

    def _table(self) -> nodes.table:
        data = NbMetadataCollector.get_doc_data(self.env)
        order = list(self.app.env.external_site_map)
        rows = [
            (name, data[name]["exec_data"]["runtime"])
            for name in sorted(data, key=order.index)
            if data[name].get("exec_data")
        ]
        body = nodes.tbody("", *(self._row(name, seconds) for name, seconds in rows))
        head = nodes.thead("", _row(nodes.Text("ページ"), nodes.Text("秒")))
        columns = [nodes.colspec(colwidth=width) for width in (80, 20)]
        return nodes.table("", nodes.tgroup("", *columns, head, body, cols=2))

    def _row(self, docname: str, seconds: float | None) -> nodes.row:
        here = self.env.docname
        uri = self.app.builder.get_relative_uri(here, docname)
        title = self.env.titles[docname].astext()
        link = nodes.reference("", title, refuri=uri, internal=True)
        return _row(link, nodes.Text("—" if seconds is None else f"{seconds:.1f}"))


def _row(*cells: nodes.Node) -> nodes.row:
    return nodes.row("", *(nodes.entry("", nodes.paragraph("", "", cell)) for cell in cells))


def _preformatted(block: nodes.Element) -> bool:
    return isinstance(block, (nodes.FixedTextElement, nodes.raw, nodes.math, nodes.math_block))


def setup(app: Sphinx) -> None:
    """Sphinxに登録する。"""
    app.add_post_transform(JoinLines)
    app.add_post_transform(ExecutionTable)
