"""演習の一覧(表紙の ``exercise-list``)と、ページの中で動かすための帯の置き場。

一覧は、章にある演習を ``_toc.yml`` の順に並べる。解けた印は、読者の端末の記録から ``web/live`` が付ける。
JavaScriptがなければ、ただの一覧である。本に載る判定の言葉は、`…` で囲んだところをコードの字で見せる
(ページの中で採点したときは、``web/live/output.ts`` が同じにする)。
"""

from __future__ import annotations

from html import escape
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective

from bibun.exercises import exercises
from bibun_site.chapter_cache import CHECKED

__all__ = ["setup"]

ABOUT = "book/appendix/bibun"

# 文字の出力と同じ形
VERDICT = (
    '<div class="output text_plain highlight-myst-ansi notranslate"><div class="highlight">'
    "<pre>{}\n</pre></div>\n</div>\n"
)

Place = tuple[str, str]
"""演習の番号と、章の中の札。"""


class exercise_list(nodes.General, nodes.Element):
    """演習の一覧が入るところ。"""


class ExerciseListDirective(SphinxDirective):
    """``:::{exercise-list}``。"""

    def run(self) -> list[nodes.Node]:
        pages_with_list(self.env).add(self.env.docname)
        return [exercise_list()]


def places(env: BuildEnvironment) -> dict[str, list[Place]]:
    """章ごとの演習。"""
    if not hasattr(env, "bibun_exercises"):
        env.bibun_exercises = {}  # type: ignore[attr-defined]
    found: dict[str, list[Place]] = env.bibun_exercises
    return found


def pages_with_list(env: BuildEnvironment) -> set[str]:
    """演習の一覧のあるページ。"""
    if not hasattr(env, "bibun_exercise_lists"):
        env.bibun_exercise_lists = set()  # type: ignore[attr-defined]
    pages: set[str] = env.bibun_exercise_lists
    return pages


def collect(app: Sphinx, doctree: nodes.document) -> None:
    """章にある演習を覚える。"""
    found = [
        (number, box["ids"][0])
        for box in doctree.findall(nodes.admonition)
        for number in box.get("exercise_ids", ())
    ]
    if found:
        places(app.env)[app.env.docname] = found


def forget(_app: Sphinx, env: BuildEnvironment, docname: str) -> None:
    """読み直される章のものを忘れる。"""
    places(env).pop(docname, None)
    pages_with_list(env).discard(docname)


def listing(app: Sphinx, page: str) -> nodes.bullet_list:
    """章ごとの一覧。演習の項目の ``id`` は、``exercise-`` に番号を続けたもの。

    Raises
    ------
    ExtensionError
        どの章にもない演習があるとき。
    """
    found = places(app.env)
    missing = set(exercises()) - {number for group in found.values() for number, _ in group}
    if missing:
        raise ExtensionError(
            f"演習 {'、'.join(sorted(missing))} は bibun.exercises にありますが、どの章にもありません。"
            "章に置くか、bibun/exercises から取り除いてください。"
        )
    chapters = nodes.bullet_list(classes=["exercise-list"])
    for docname in toc_order(app.env):
        if docname not in found:
            continue
        address = app.builder.get_relative_uri(page, docname)
        items = nodes.bullet_list()
        for number, label in found[docname]:
            link = reference(exercises()[number].title, f"{address}#{label}")
            items += nodes.list_item("", link, ids=[f"exercise-{number}"])
        chapters += nodes.list_item("", reference(app.env.titles[docname].astext(), address), items)
    return chapters


def reference(title: str, address: str) -> nodes.paragraph:
    """リンクだけの段落。"""
    return nodes.paragraph("", "", nodes.reference("", title, refuri=address, internal=True))


def toc_order(env: BuildEnvironment) -> list[str]:
    """``_toc.yml`` の順のページ。"""
    order: list[str] = []

    def visit(docname: str) -> None:
        order.append(docname)
        for child in env.toctree_includes.get(docname, ()):
            visit(child)

    visit(env.config.root_doc)
    return order


def outdated(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """演習か章の題が変わったら、一覧のあるページを書き直す。"""
    now = {doc: (env.titles[doc].astext(), group) for doc, group in places(env).items()}
    before = getattr(env, "bibun_exercise_listing", None)
    env.bibun_exercise_listing = now  # type: ignore[attr-defined]
    return sorted(pages_with_list(env)) if now != before else []


def fill(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """一覧を置く。"""
    for spot in list(doctree.findall(exercise_list)):
        spot.replace_self(listing(app, docname))


def show_code(app: Sphinx, doctree: nodes.document, _docname: str) -> None:
    """判定の言葉の中の、`…` で囲んだところを、コードの字で見せる。"""
    if app.builder.format != "html":
        return
    for cell in doctree.findall(nodes.container):
        if cell.get("nb_element") != "cell_code" or not CHECKED.search(cell[0].astext()):
            continue
        for block in list(cell.findall(nodes.literal_block)):
            words = block.astext().split("`")
            if "text_plain" in block["classes"] and len(words) % 2 and len(words) > 1:
                shown = nodes.raw("", VERDICT.format(with_code(words)), format="html")
                block.parent.replace(block, shown)


def with_code(words: list[str]) -> str:
    """1つおきにコードの字にしたHTML。"""
    pieces = (f"<code>{escape(w)}</code>" if i % 2 else escape(w) for i, w in enumerate(words))
    return "".join(pieces)


def add_bar(app: Sphinx, _page: str, _template: str, context: dict[str, Any], _tree: Any) -> None:
    """動かせるセルのあるページの題の下に、帯の置き場を作る。中身は ``web/live`` が書く。"""
    body = context.get("body", "")
    if "data-cell=" not in body:
        return
    about = app.builder.get_relative_uri(context["pagename"], ABOUT)
    bar = f'<div class="live-bar" data-online data-about="{about}"></div>'
    title, end, rest = body.partition("</h1>")
    link, close, rest = rest.partition("</div>\n")  # 見出しへのリンクの後(bibun_site.headings)
    context["body"] = f"{title}{end}{link}{close}{bar}\n{rest}"


def setup(app: Sphinx) -> None:
    """Sphinxに登録する。"""
    app.add_node(exercise_list)
    app.add_directive("exercise-list", ExerciseListDirective)
    app.connect("cells-running", lambda _app: exercises())
    app.connect("env-purge-doc", forget)
    app.connect("doctree-read", collect)
    app.connect("env-updated", outdated)
    app.connect("doctree-resolved", fill, priority=90)  # ノートブックが書かれる前に
    app.connect("doctree-resolved", show_code, priority=900)  # ノートブックが書かれた後に
    app.connect("html-page-context", add_bar)
