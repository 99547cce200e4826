"""章の記法: 折りたたみ ``details`` と、演習 ``exercise``(``hint`` 2つ、``answer``)。

ヒントは前のものを開くまで見えず、解答例は最後に開く。これはHTMLの ``<details>`` の入れ子だけで
できているので、JavaScriptがなくても、ノートブックの中でも同じに働く。
解答例のコードは `bibun.exercises` の正答から取るので、テストされたものだけが載る。
"""

from __future__ import annotations

from typing import Any, ClassVar, cast

from docutils import nodes
from docutils.parsers.rst import directives
from myst_nb.sphinx_ import HideCodeCellNode
from sphinx.application import Sphinx
from sphinx.domains.std import StandardDomain
from sphinx.util.docutils import SphinxDirective

from bibun.exercises import exercises

HINTS = 2


class details(nodes.General, nodes.Element):
    """折りたたみ。属性 ``summary`` が見出し。"""


class DetailsDirective(SphinxDirective):
    """``:::{details} 見出し`` の折りたたみ。"""

    required_arguments = 1
    final_argument_whitespace = True
    has_content = True

    def run(self) -> list[nodes.Node]:
        node = details(summary=self.arguments[0], classes=["fold"])
        self.set_source_info(node)
        self.state.nested_parse(self.content, self.content_offset, node)
        return [node]


class HintDirective(SphinxDirective):
    """演習の中のヒント。"""

    has_content = True
    kind = "hint"

    def run(self) -> list[nodes.Node]:
        node = details(summary="", classes=[self.kind])  # 見出しは、演習が付ける
        self.set_source_info(node)
        self.state.nested_parse(self.content, self.content_offset, node)
        return [node]


class AnswerDirective(HintDirective):
    """演習の中の解答例の説明。コードは自動で前に置かれる。"""

    kind = "answer"


class ExerciseDirective(SphinxDirective):
    """演習。引数が題、``:id:`` が採点の番号(複数なら空白で区切る)。"""

    required_arguments = 1
    final_argument_whitespace = True
    has_content = True
    option_spec: ClassVar[Any] = {
        "id": directives.unchanged_required,
        "name": directives.unchanged_required,
    }

    def run(self) -> list[nodes.Node]:
        title = self.arguments[0]
        for option in ("id", "name"):
            if option not in self.options:
                raise self.error(f"演習「{title}」に :{option}: がありません。")
        ids = self.options["id"].split()
        unknown = [i for i in ids if i not in exercises()]
        if unknown:
            raise self.error(
                f"演習の番号 {'、'.join(unknown)} は bibun.exercises にありません。"
                f"あるのは {'、'.join(exercises())} です。"
            )
        box = nodes.admonition(classes=["exercise"], exercise_ids=ids)
        self.set_source_info(box)
        box += nodes.title(title, title)
        self.state.nested_parse(self.content, self.content_offset, box)
        self._nest(box, ids)
        self._label(box, title)
        return [box]

    def _nest(self, box: nodes.Element, ids: list[str]) -> None:
        folds = [child for child in box.children if isinstance(child, details)]
        hints = [fold for fold in folds if "hint" in fold["classes"]]
        answers = [fold for fold in folds if "answer" in fold["classes"]]
        if len(hints) != HINTS or len(answers) != 1:
            raise self.error(
                f"演習には hint を{HINTS}つ、answer を1つ置きます"
                f"(hint が{len(hints)}、answer が{len(answers)}でした)。"
            )
        answer = answers[0]
        codes = [exercises()[i].right[0] for i in ids]
        for code in reversed(codes):
            answer.insert(0, nodes.literal_block(code, code, language="python"))
        for number, hint in enumerate(hints, start=1):
            hint["summary"] = f"ヒント{number}"
        answer["summary"] = "解答例"
        for fold in folds:
            box.remove(fold)
        hints[1] += answer
        hints[0] += hints[1]
        box += hints[0]

    def _label(self, box: nodes.Element, title: str) -> None:
        name = nodes.fully_normalize_name(self.options["name"])
        box["names"].append(name)
        box["exercise_title"] = title
        self.state.document.note_explicit_target(box, box)


def label_exercises(app: Sphinx, doctree: nodes.document) -> None:
    """演習の札を、題つきの参照先としてSphinxに教える(``{ref}`` が題を表示できるように)。"""
    std = cast(StandardDomain, app.env.get_domain("std"))
    for box in doctree.findall(nodes.admonition):
        if "exercise_title" in box:
            label = (app.env.docname, box["ids"][0], box["exercise_title"])
            std.labels[box["names"][0]] = label


def visit_details(self: Any, node: nodes.Element) -> None:
    """HTMLの ``<details>`` を開く。"""
    self.body.append(self.starttag(node, "details"))
    self.body.append(f"<summary>{self.encode(node['summary'])}</summary>\n")


def depart_details(self: Any, _node: nodes.Element) -> None:
    """HTMLの ``</details>`` で閉じる。"""
    self.body.append("</details>\n")


def visit_hidden_cell(self: Any, node: nodes.Element) -> None:
    """隠したコードや出力を、日本語の見出しの折りたたみで開く(もとの見出しは英語)。"""
    what = {"source": "コード", "output": "出力"}.get(node["prompt_show"], "セル")
    self.body.append(self.starttag(node, "details", CLASS="fold hidden-cell"))
    self.body.append(f"<summary>{what}を見る</summary>\n")


def setup(app: Sphinx) -> None:
    """Sphinxに登録する。"""
    app.add_node(details, html=(visit_details, depart_details))
    app.add_node(HideCodeCellNode, override=True, html=(visit_hidden_cell, depart_details))
    app.add_directive("details", DetailsDirective)
    app.add_directive("exercise", ExerciseDirective)
    app.add_directive("hint", HintDirective, override=True)
    app.add_directive("answer", AnswerDirective)
    app.connect("doctree-read", label_exercises)
