"""章の文書(docutilsの木)を、ノートブックのMarkdownにする。

JupyterLab、VS Code、Google Colabのどれでも同じに読める書き方だけを使う。ページの中の目印(``id``)は、
新しいJupyterLabが取り除くので使わない。参照は、サイトの住所が決まっていればそのページへのリンク、
決まっていなければただの文字にする。
"""

from __future__ import annotations

import base64
import mimetypes
import re
import unicodedata
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, cast
from urllib.parse import urljoin

from docutils import nodes
from sphinx import addnodes
from sphinx.locale import admonitionlabels
from sphinx.util import logging

__all__ = ["Markdown", "is_code_cell"]

logger = logging.getLogger(__name__)

NOTHING = (
    nodes.comment,
    nodes.Invisible,
    nodes.meta,
    nodes.target,
    addnodes.index,
    addnodes.toctree,
)
INNER = {"align": "aligned", "alignat": "alignedat", "gather": "gathered", "equation": "aligned"}
OUTER = re.compile(r"\\(begin|end)\{(align|gather|equation)\*?\}")
SPECIAL = re.compile(r"[\\`*<$~]|(?<!\w)_|_(?!\w)|&(?=#?\w+;)|\](?=\()")
BLOCK_START = re.compile(r"^(?:(#{1,6}|[-+>])(?=\s|$)|(\d+)([.)])(?=\s|$)|(:::|===|---))")
LEXERS = {"ipython3": "python", "ipython": "python", "default": "", "none": "", "text": ""}


def is_code_cell(node: nodes.Node) -> bool:
    """コードセルを表す要素か。"""
    return isinstance(node, nodes.container) and node.get("nb_element") == "cell_code"


def is_block(node: nodes.Node) -> bool:
    """行をまるごと使う要素か。"""
    return isinstance(node, nodes.Body) and not isinstance(node, nodes.Inline)


class Markdown:
    """1つの章をMarkdownにする。

    Parameters
    ----------
    page : str
        この章のページの住所。サイトの住所が決まっていなければ空。
    equations : dict
        式の ``id`` から、番号へ。
    chapter : str
        章の番号。なければ空。
    """

    def __init__(self, page: str, equations: dict[str, str], chapter: str = "") -> None:
        self.page = page
        self.chapter = chapter
        self.equations = equations
        self.depth = 1
        self._in_table = False

    # ---- 段落や箇条書きなど、行をまるごと使うもの ------------------------------------------

    def blocks(self, children: Iterable[nodes.Node]) -> str:
        """要素の並び。"""
        return "\n\n".join(filter(None, map(self.block, children)))

    def block(self, node: nodes.Node) -> str:
        """行をまるごと使う1つの要素。"""
        if isinstance(node, NOTHING):
            return ""
        make = self._find("block", node)
        if make is not None:
            return make(node)
        return self.inline(node)

    def block_paragraph(self, node: nodes.Element) -> str:
        if any(is_block(child) for child in node.children):  # autodocの作る、箇条書きだけの段落
            return self.blocks(node.children)
        return BLOCK_START.sub(_escape_start, self.text(node))

    def block_title(self, node: nodes.Element) -> str:
        number = f"{self.chapter}. " if self.chapter and self.depth == 1 else ""
        return f"{'#' * self.depth} {number}{self.text(node)}"

    def block_rubric(self, node: nodes.Element) -> str:
        return strong(self.text(node))

    def block_literal_block(self, node: nodes.Element) -> str:
        language = node.get("language", "")
        return fenced(node.astext().rstrip("\n"), LEXERS.get(language, language))

    def block_doctest_block(self, node: nodes.Element) -> str:
        return fenced(node.astext(), "python")

    def block_math_block(self, node: nodes.Element) -> str:
        text = OUTER.sub(lambda m: f"\\{m[1]}{{{INNER[m[2]]}}}", latex(node))
        numbers = [f" \\tag{{{self.equations[i]}}}" for i in node["ids"] if i in self.equations]
        return f"$${text}{''.join(numbers[:1])}$$"

    def block_block_quote(self, node: nodes.Element) -> str:
        return quoted(self.blocks(node.children))

    def block_Admonition(self, node: nodes.Element) -> str:
        """囲み。題のないもの(``note`` など)は、Sphinxの訳語を題にする。"""
        title, *body = node.children if isinstance(node[0], nodes.title) else (None, *node.children)
        words = admonitionlabels[node.tagname] if title is None else self.text(title)
        if "exercise" in node["classes"]:
            return f"{'#' * (self.depth + 1)} {words}\n\n{self.blocks(body)}"
        return quoted(f"{strong(words)}\n\n{self.blocks(body)}")

    def block_details(self, node: nodes.Element) -> str:
        summary = node["summary"].replace("&", "&amp;").replace("<", "&lt;")
        body = self.blocks(node.children)
        return f"<details>\n<summary>{summary}</summary>\n\n{body}\n\n</details>"

    def block_bullet_list(self, node: nodes.Element) -> str:
        return self._list([("- ", item) for item in node.children])

    def block_enumerated_list(self, node: nodes.Element) -> str:
        items = enumerate(node.children, start=node.get("start", 1))
        return self._list([(f"{number}. ", item) for number, item in items])

    def _list(self, items: list[tuple[str, nodes.Node]]) -> str:
        texts = [indented(mark, self.blocks(item.children)) for mark, item in items]
        return ("\n\n" if any("\n\n" in text for text in texts) else "\n").join(texts)

    def block_definition_list(self, node: nodes.Element) -> str:
        return "\n\n".join(self._definition(item) for item in node.children)

    def _definition(self, item: nodes.Node) -> str:
        terms = [self.text(child) for child in item.children if isinstance(child, nodes.term)]
        (body,) = (child for child in item.children if isinstance(child, nodes.definition))
        return indented("- ", f"{strong('、'.join(terms))}\n\n{self.blocks(body.children)}")

    def block_glossary(self, node: nodes.Element) -> str:
        return self.blocks(node.children)

    block_compound = block_container = block_glossary

    def block_field_list(self, node: nodes.Element) -> str:
        fields = [cast("list[nodes.Element]", field.children) for field in node.children]
        return "\n\n".join(
            indented("- ", f"{strong(self.text(name))}\n\n{self.blocks(body.children)}".strip())
            for name, body in fields
        )

    def block_desc(self, node: nodes.Element) -> str:
        signatures = [code(one_line(s.astext())) for s in node.findall(addnodes.desc_signature)]
        (body,) = (child for child in node.children if isinstance(child, addnodes.desc_content))
        own = len([s for s in node.children if isinstance(s, addnodes.desc_signature)])
        return indented(
            "- ", f"{'、'.join(signatures[:own])}\n\n{self.blocks(body.children)}".strip()
        )

    def block_footnote(self, node: nodes.Element) -> str:
        label, *body = node.children
        return f"<sup>[{label.astext()}]</sup> {self.blocks(body)}"

    def block_transition(self, _node: nodes.Element) -> str:
        return "---"

    def block_table(self, node: nodes.Element) -> str:
        title = [
            strong(self.text(child)) for child in node.children if isinstance(child, nodes.title)
        ]
        rows = [row.children for row in node.findall(nodes.row)]
        self._in_table = True
        lines = ["| " + " | ".join(self._entry(entry) for entry in row) + " |" for row in rows]
        self._in_table = False
        rule = "|" + "|".join(_alignment(cast(nodes.Element, entry)) for entry in rows[0]) + "|"
        head = next(node.findall(nodes.thead), None)
        if head is None:  # 見出しの行がない表はMarkdownにないので、空の見出しを置く
            lines.insert(0, "|" + "   |" * len(rows[0]))
        return "\n\n".join([*title, "\n".join([lines[0], rule, *lines[1:]])])

    def _entry(self, entry: nodes.Node) -> str:
        return "<br>".join(self.block(child).replace("\n", " ") for child in entry.children)

    # ---- 行の中のもの -----------------------------------------------------------------------

    def text(self, node: nodes.Node) -> str:
        """要素の中身を、行の中の文字として。"""
        joined = ""
        for child in node.children:
            piece = self.inline(child)
            if joined and piece and _touches(joined[-1], piece[0]):
                joined += " "
            joined += piece
        return joined

    def inline(self, node: nodes.Node) -> str:
        """行の中の1つの要素。"""
        if isinstance(node, NOTHING):
            return ""
        make = self._find("inline", node)
        if make is not None:
            return make(node)
        if isinstance(node, (nodes.TextElement, nodes.Inline)):
            return self.text(node)
        return self._unknown(node)

    def inline_Text(self, node: nodes.Text) -> str:
        text = SPECIAL.sub(_escape, node.astext().replace("\n", " "))
        return text.replace("|", "\\|") if self._in_table else text

    def inline_image(self, node: nodes.Element) -> str:
        """図のファイルは、文章の中に入れる(ファイルがないことは、Sphinxが知らせる)。"""
        path = Path(node.document.settings.env.srcdir, node["uri"])
        if not path.is_file():
            return ""
        kind, _ = mimetypes.guess_type(path.name)
        data = base64.b64encode(path.read_bytes()).decode()
        return f"![{SPECIAL.sub(_escape, node.get('alt', ''))}](data:{kind};base64,{data})"

    block_image = inline_image

    def inline_strong(self, node: nodes.Element) -> str:
        return strong(self.text(node))

    inline_literal_strong = inline_strong

    def inline_emphasis(self, node: nodes.Element) -> str:
        return strong(self.text(node), mark="*", tag="em")

    inline_literal_emphasis = inline_emphasis

    def inline_literal(self, node: nodes.Element) -> str:
        text = code(one_line(node.astext()))
        return text.replace("|", "\\|") if self._in_table else text

    def inline_math(self, node: nodes.Element) -> str:
        text = latex(node)
        if self._in_table:  # 表の区切りと読まれないように
            text = text.replace("\\|", "\\Vert ").replace("|", "\\vert ")
        return f"${text}$"

    def inline_raw(self, node: nodes.Element) -> str:
        return "<br>" if re.fullmatch(r"<br ?/?>", node.astext()) else self._unknown(node)

    def inline_footnote_reference(self, node: nodes.Element) -> str:
        return f"<sup>[{node.astext()}]</sup>"

    def inline_reference(self, node: nodes.Element) -> str:
        text = self.text(node)
        target = node.get("refuri") or f"#{node.get('refid', '')}"
        if not re.match(r"[a-z]+:", target):
            if not self.page:
                return text
            target = urljoin(self.page, target)
        return f"[{text}](<{target}>)" if re.search(r"[\s()]", target) else f"[{text}]({target})"

    # ---- 探す -------------------------------------------------------------------------------

    def _find(self, kind: str, node: nodes.Node) -> Callable[[Any], str] | None:
        names = (f"{kind}_{cls.__name__}" for cls in type(node).__mro__)
        return next((getattr(self, name) for name in names if hasattr(self, name)), None)

    def _unknown(self, node: nodes.Node) -> str:
        logger.warning(
            "ノートブックにできない要素です: %s。bibun_site/notebook_markdown.py に足してください。",
            type(node).__name__,
            location=node,
        )
        return ""


def code(text: str) -> str:
    """行の中のコード。"""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * (longest + 1)
    space = " " if text[:1] == "`" or text[-1:] == "`" else ""
    return f"{fence}{space}{text}{space}{fence}"


def fenced(text: str, language: str) -> str:
    """行をまるごと使うコード。"""
    longest = max((len(run) for run in re.findall(r"^`+", text, re.M)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def strong(text: str, mark: str = "**", tag: str = "strong") -> str:
    """太字。Markdownの印は、約物に接すると効かない(日本語でよく起こる)ので、そのときはHTMLで書く。"""
    if _is_letter(text[:1]) and _is_letter(text[-1:]):
        return f"{mark}{text}{mark}"
    return f"<{tag}>{text}</{tag}>"


def quoted(text: str) -> str:
    """引用の印を各行に付ける。"""
    return "\n".join(f"> {line}".rstrip() for line in text.split("\n"))


def indented(mark: str, text: str) -> str:
    """箇条書きの印を付け、2行目からを字下げする。"""
    return mark + text.replace("\n", "\n" + " " * len(mark)).replace(
        f"\n{' ' * len(mark)}\n", "\n\n"
    )


def one_line(text: str) -> str:
    """1行にする。"""
    return re.sub(r"\s*\n\s*", " ", text).strip()


def latex(node: nodes.Element) -> str:
    """1行にした式。引用や箇条書きの印が混ざらず、``<`` がHTMLと読まれない。"""
    return one_line(node.astext()).replace("<", "\\lt ")


def _is_letter(char: str) -> bool:
    return char != "" and unicodedata.category(char)[0] in "LN"


def _touches(before: str, after: str) -> bool:
    """式の ``$`` が、英数字やほかの ``$`` に接するか(接すると式と読まれない)。"""
    return "$" in (before, after) and bool(re.fullmatch(r"[\w$]{2}", before + after, re.A))


def _escape(match: re.Match[str]) -> str:
    return "&amp;" if match[0] == "&" else f"\\{match[0]}"


def _escape_start(match: re.Match[str]) -> str:
    return f"{match[2]}\\{match[3]}" if match[2] else f"\\{match[0]}"


def _alignment(entry: nodes.Element) -> str:
    kinds = {"text-left": " :-- ", "text-center": " :-: ", "text-right": " --: "}
    return next((kinds[name] for name in entry["classes"] if name in kinds), " --- ")
