"""`bibun` の参照ページ: docstringの見出しと型の言葉を日本語にし、日本語に接した記法も読めるようにする。

docstringはnumpydocの形(英語の見出しと型の言葉)で書く。エディターも ``help()`` もその形を知っているからである。
ここでは、autodocとnapoleonがreStructuredTextに直したあとの行を、読者に見せる言葉に替える。
"""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

# napoleonが出す見出し(Sphinxの日本語訳があるものは訳された形)から、この本の言葉へ
HEADINGS = {
    "パラメータ": "引数",
    "Attributes": "属性",
    "列挙": "順に返すもの",
    "メモ": "補足",
    "参照": "出典",
    "サンプル": "用例",
}
UNDERLINE = re.compile(r"-{3,}")
HEADING = re.compile(rf"^(:|\.\. rubric:: )({'|'.join(HEADINGS)})(?=:|$)")
CONTAINERS = {
    "list": "リスト",
    "tuple": "タプル",
    "sequence": "並び",
    "iterable": "並び",
    "mapping": "辞書",
    "dict": "辞書",
}
WORDS = {**CONTAINERS, "callable": "関数", "array_like": "数の並び"}
# 「**名前** (*型*) -- 説明」か「*型* -- 説明」。説明のない戻り値は「*型*」だけになる
NAMED_TYPE = re.compile(r"(\*\*.+?\*\* )\(\*([^*]+)\*\)(?: -- )?")
RETURNED_TYPE = re.compile(r"^(:returns: |:列挙: )\*([^*\s][^*]*)\*(?: -- )?")
INITIAL = re.compile(r"^(\s*)(?=[A-Z]\. )")


def type_in_japanese(text: str) -> str:
    """型の書き方の言葉(``or``、``of``、``optional`` など)を日本語にする。

    Examples
    --------
    >>> type_in_japanese("Tensor or sequence of Tensor, optional")
    'Tensor、またはTensorの並び。省略可'
    >>> type_in_japanese("mapping of str to tuple of float")
    'strからfloatのタプルへの辞書'
    """
    text, optional, _ = text.partition(", optional")
    choices = re.split(r" or | または ", text)
    return "、または".join(map(_one_type, choices)) + ("。省略可" if optional else "")


def _one_type(text: str) -> str:
    container, _, inside = text.partition(" of ")
    if container not in CONTAINERS or not inside:
        return "、".join(WORDS.get(word, word) for word in text.split(", "))
    key, to, value = inside.partition(" to ")
    inside = f"{_one_type(key)}から{_one_type(value)}へ" if to else _one_type(inside)
    return f"{inside}の{CONTAINERS[container]}"


def show_in_japanese(
    app: Sphinx, what: str, name: str, obj: object, options: Any, lines: list[str]
) -> None:
    """docstringの行を、その場で書きかえる(``autodoc-process-docstring``)。"""
    lines[:] = "\n".join(lines).split("\n")  # napoleonは例外の説明を、改行を含む1行にする
    for number, line in enumerate(lines):
        line = RETURNED_TYPE.sub(lambda m: f"{m[1]}{type_in_japanese(m[2])} — ", line)
        line = NAMED_TYPE.sub(lambda m: f"{m[1]}({type_in_japanese(m[2])}) — ", line)
        line = HEADING.sub(lambda m: m[1] + HEADINGS[m[2]], line)
        line = INITIAL.sub(r"\1\\", line)  # 「A. Griewank」を、A.から始まる箇条書きと読ませない
        lines[number] = line.removesuffix(" — ")
        if number and UNDERLINE.fullmatch(line):  # 節にすると、目次とidがページの節と混ざる
            lines[number - 1 : number + 1] = [f".. rubric:: {lines[number - 1]}", ""]


def read_markup_beside_japanese(app: Sphinx, env: BuildEnvironment, docnames: list[str]) -> None:
    """「`x`は」のように、空白なしで日本語に接した記法も読む。

    docutilsは、記法の前後に空白か約物を求める。日本語の文には空白がない。
    """
    env.settings["character_level_inline_markup"] = True


def lengthen_dashes(app: Sphinx, doctree: nodes.document) -> None:
    """Sphinxが例外や警告の名前と説明の間に置く ``--`` を、ダッシュにする。"""
    for field in doctree.findall(nodes.field_body):
        for text in list(field.findall(nodes.Text)):
            if text.startswith(" -- "):
                text.parent.replace(text, nodes.Text(text.replace(" -- ", " — ", 1)))


def free_lists(app: Sphinx, doctree: nodes.document) -> None:
    """段落の中に入れられた箇条書き(Sphinxが2つ以上の戻り値に作る)を、段落の外に出す。"""
    for field in doctree.findall(nodes.field_body):
        for paragraph in list(field.findall(nodes.paragraph)):
            inside = paragraph.next_node(nodes.bullet_list)
            if inside is not None and inside.astext() == paragraph.astext():
                paragraph.replace_self(inside)


def setup(app: Sphinx) -> None:
    """Sphinxに登録する。napoleonが行を直したあとに働く。"""
    app.connect("autodoc-process-docstring", show_in_japanese, priority=600)
    app.connect("doctree-read", lengthen_dashes)
    app.connect("doctree-read", free_lists)
    app.connect("env-before-read-docs", read_markup_beside_japanese)
