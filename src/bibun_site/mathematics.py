"""数式: ビルドのときにKaTeXでHTMLとMathMLにする。ページに数式のプログラムは載らない。

読み終えた章から式を集め、まだ描いていないものを、Node.jsの1つのプロセスでまとめて描く。
結果は ``_build/.mathematics.json`` に覚える。読めない式は、ファイルと行を言う警告になる。
書式と、使う字だけの字体(`mathfont`)は、式のあるページだけに載せる。
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.environment.collectors import EnvironmentCollector
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

from bibun_site import node

__all__ = ["setup"]

logger = logging.getLogger(__name__)

Formula = tuple[str, bool]  # TeXと、別行立てか
Place = tuple[str, int]  # 章と行
SCRIPT = "web/katex.mjs"
LAYOUT = node.ROOT / "web" / "style" / "mathematics.css"
STYLE = "mathematics.css"
# KaTeXにも番号を付けさせると、Sphinxの番号と二重になる
NUMBERED = re.compile(r"\\(begin|end)\{(equation|align|alignat|gather)\}")


# ---- 集める -------------------------------------------------------------------------------


def formulas_in(tree: nodes.Node) -> Iterator[nodes.Element]:
    """文書の中の、式の節。"""
    return tree.findall(lambda part: isinstance(part, (nodes.math, nodes.math_block)))


def formula_of(part: nodes.Node) -> Formula:
    """式の節から、KaTeXに渡すものを取り出す。"""
    return NUMBERED.sub(r"\\\1{\2*}", part.astext()), isinstance(part, nodes.math_block)


def collected(env: Any) -> dict[str, list[tuple[Formula, int]]]:
    """章ごとの式と行。Sphinxの記憶にある。"""
    if not hasattr(env, "bibun_formulas"):
        env.bibun_formulas = {}
    formulas: dict[str, list[tuple[Formula, int]]] = env.bibun_formulas
    return formulas


class FormulaCollector(EnvironmentCollector):
    """読み終えた章の式を、Sphinxの記憶に集める。"""

    def clear_doc(self, app: Sphinx, env: BuildEnvironment, docname: str) -> None:
        collected(env).pop(docname, None)

    def merge_other(
        self, app: Sphinx, env: BuildEnvironment, docnames: set[str], other: BuildEnvironment
    ) -> None:
        collected(env).update({name: collected(other)[name] for name in docnames})

    def process_doc(self, app: Sphinx, doctree: nodes.document) -> None:
        collected(app.env)[app.env.docname] = [
            (formula_of(part), part.line or 1) for part in formulas_in(doctree)
        ]


# ---- 描く ---------------------------------------------------------------------------------


class Renderer:
    """描いた式の表と、それをページに書く手続き。"""

    def __init__(self) -> None:
        self.html: dict[Formula, str] = {}

    def prepare(self, app: Sphinx, env: BuildEnvironment) -> None:
        """本のすべての式を描き、書式を作る(``env-updated``)。"""
        if app.builder.format != "html":
            return
        places: dict[Formula, list[Place]] = {}
        for docname, formulas in sorted(collected(env).items()):
            for formula, line in formulas:
                places.setdefault(formula, []).append((docname, line))
        folder = Path(app.doctreedir).parent
        memory, style = folder / ".mathematics.json", folder / ".mathematics" / STYLE
        tools, remembered = recall(memory)
        if tools == fingerprint():
            self.html = {tuple(formula): html for formula, html in remembered}
        if self.html.keys() != places.keys() or not style.exists():
            self.html = {f: self.html[f] for f in sorted(places) if f in self.html}
            self.draw(places)
            from bibun_site import mathfont  # 重いので、要るときだけ

            mathfont.write_style(style, self.html.values(), LAYOUT.read_text(encoding="utf-8"))
            known = json.dumps([fingerprint(), [*self.html.items()]], ensure_ascii=False)
            memory.write_text(known, encoding="utf-8")
        app.config.html_static_path.append(str(style.parent))

    def draw(self, places: dict[Formula, list[Place]]) -> None:
        """まだ描いていない式を描く。読めない式は警告にする。"""
        wanted = [formula for formula in sorted(places) if formula not in self.html]
        if not wanted:
            return
        for formula, done in zip(
            wanted, json.loads(node.run(SCRIPT, given=json.dumps(wanted))), strict=True
        ):
            if "html" in done:
                self.html[formula] = done["html"]
                continue
            for place in places[formula]:
                logger.warning(
                    "数式を読めません(KaTeX): %s  式は %s",
                    done["error"],
                    formula[0].strip(),
                    location=place,
                    type="bibun",
                    subtype="mathematics",
                )

    def drawn(self, writer: Any, part: nodes.Element) -> str:
        """式のHTML。集めたあとに生まれた式(セルの出力など)は、ここで描く。"""
        formula = formula_of(part)
        self.draw({formula: [(writer.builder.current_docname, part.line or 1)]})
        return self.html.get(formula, "")

    def visit_inline(self, writer: Any, part: nodes.Element) -> None:
        """行の中の式を書く。"""
        writer.body.append(writer.starttag(part, "span", "", CLASS="math notranslate"))
        writer.body.append(f"{self.drawn(writer, part)}</span>")
        raise nodes.SkipNode

    def visit_block(self, writer: Any, part: nodes.Element) -> None:
        """別行立ての式を、番号とともに書く。長い式は、番号を残して自分の箱の中で動く。"""
        writer.body.append(writer.starttag(part, "div", CLASS="math notranslate"))
        writer.body.append(f'<div class="formula">{self.drawn(writer, part)}</div>')
        if part["number"]:
            number = get_node_equation_number(writer, part)
            writer.body.append(f'<span class="eqno">({number})')
            writer.add_permalink_ref(part, "この式へのリンク")
            writer.body.append("</span>")
        writer.body.append("</div>\n")
        raise nodes.SkipNode


def fingerprint() -> str:
    """KaTeXの版、描き方、書式が同じなら、同じになる文字列。"""
    made_from = (node.LOCK, node.ROOT / SCRIPT, LAYOUT)
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in made_from)).hexdigest()


def recall(memory: Path) -> tuple[str, list[Any]]:
    """前のビルドが覚えた、`fingerprint` と式の表。"""
    if not memory.exists():
        return "", []
    tools, formulas = json.loads(memory.read_text(encoding="utf-8"))
    return tools, [((tex, display), html) for (tex, display), html in formulas]


class OneIdEach(SphinxPostTransform):
    """式と表を包む箱から、テーマが写したidを外す(同じidが2つになるため)。"""

    default_priority = 600  # テーマが包んだ(500)あと

    def run(self, **_: Any) -> None:
        for box in self.document.findall(nodes.container):
            if {"math-wrapper", "table-wrapper"} & set(box["classes"]):
                box["ids"] = []


def add_style(app: Sphinx, _page: str, _template: str, _context: Any, tree: Any) -> None:
    """式のあるページに、式の書式を載せる。"""
    if tree is not None and any(formulas_in(tree)):
        app.add_css_file(STYLE)


def setup(app: Sphinx) -> None:
    """Sphinxに登録する。"""
    renderer = Renderer()
    app.add_env_collector(FormulaCollector)
    app.add_post_transform(OneIdEach)
    app.add_html_math_renderer("katex", (renderer.visit_inline, None), (renderer.visit_block, None))
    app.connect("env-updated", renderer.prepare)
    app.connect("html-page-context", add_style)
