"""章を、持ち帰るノートブックにする。

ページが書かれるたびに、その章の文書(番号も参照もSphinxが決め終えたもの)と実行済みノートブックから、
出力つきと練習用の2つを ``downloads/`` に書く。変わらない章のものは、書き直さない。
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from docutils import nodes
from sphinx.application import Sphinx

from bibun_site import address, first_cell, node, wheel
from bibun_site.execution import executed_path
from bibun_site.notebook_markdown import Markdown, is_code_cell

__all__ = ["DOWNLOADS", "has_notebook", "setup", "stem"]

DOWNLOADS = "downloads"
KEPT_TAGS = ("hide-input", "hide-output", "raises-exception")
LICENSES = (
    "文章と図は[CC BY 4.0](https://creativecommons.org/licenses/by/4.0/deed.ja)、"
    "プログラムは[MITライセンス](https://opensource.org/license/mit)です。"
)
SVG = re.compile(r"(?:<\?xml.*?)?<svg\b.*?</svg>", re.S)


def stem(docname: str) -> str:
    """ダウンロードするファイルの、拡張子のない名前。"""
    return docname.removeprefix("book/").replace("/", "-")


def has_notebook(app: Sphinx, docname: str) -> bool:
    """実行された章か。"""
    return executed_path(app, docname).exists()


# ---- 文書をセルに分ける -------------------------------------------------------------------


@dataclass
class Piece:
    """ノートブックの1つのセルになるもの。``cell`` は、実行済みノートブックの中の番号。"""

    section: str
    text: str = ""
    cell: int | None = None
    alt: str = ""


def pieces(
    document: nodes.document, markdown: Markdown, figures: dict[str, str]
) -> Iterator[Piece]:
    """文書を、見出しとコードセルで分ける。"""
    for section in document.findall(nodes.section):
        name = next((i for i in section["ids"] if re.match(r"(ch|sec)-", i)), section["ids"][0])
        markdown.depth = depth(section)
        waiting: list[nodes.Node] = []
        for child in section.children:
            if isinstance(child, nodes.section):
                break  # 小さな節は、いつも最後に並ぶ
            if not is_code_cell(child):
                waiting.append(child)
                continue
            yield Piece(name, markdown.blocks(waiting))
            waiting = []
            image = next(child.findall(nodes.image), None)
            yield Piece(name, cell=child["cell_index"], alt=image.get("alt", "") if image else "")
            yield from (
                Piece(name, caption(markdown, figure, figures))
                for figure in child.findall(nodes.figure)
            )
        yield Piece(name, markdown.blocks(waiting))


def depth(section: nodes.Node) -> int:
    """見出しの深さ。"""
    return 1 + depth(section.parent) if isinstance(section, nodes.section) else 0


def caption(markdown: Markdown, figure: nodes.figure, figures: dict[str, str]) -> str:
    """図の番号と説明と、代替テキスト。"""
    number = next((figures[i] for i in figure["ids"] if i in figures), "")
    words = " ".join(markdown.text(each) for each in figure.findall(nodes.caption))
    (image,) = figure.findall(nodes.image)
    alt = markdown.inline(nodes.Text(image["alt"]))
    details = f"<details>\n<summary>図を言葉で</summary>\n\n{alt}\n\n</details>"
    return f"**{number}** {words}\n\n{details}"


# ---- セルを作る ---------------------------------------------------------------------------


def convert(parts: Iterator[Piece], executed: Any, start: str, end: str) -> Any:
    """出力つきのノートブックを組み立てる。"""
    first = code_cell(start, {"cellView": "form", "jupyter": {"source_hidden": True}}, [])
    cells = [{**first, "id": "setup"}]
    counts: dict[str, int] = {}
    for part in parts:
        if part.cell is None and not part.text:
            continue
        counts[part.section] = number = counts.get(part.section, 0) + 1
        cell = (
            markdown_cell(part.text)
            if part.cell is None
            else taken_cell(executed.cells[part.cell], part.alt)
        )
        cells.append({**cell, "id": f"{part.section[:56]}-{number}"})
    cells.append({**markdown_cell(end), "id": "licenses"})
    for count, cell in enumerate((c for c in cells if c["cell_type"] == "code"), start=1):
        cell["execution_count"] = count
        for output in cell["outputs"]:
            if output.output_type == "execute_result":
                output.execution_count = count
    form = {"nbformat": 4, "nbformat_minor": 5}
    return nbformat.from_dict({**form, "cells": cells, "metadata": executed.metadata})


# nbformatの作る関数は、セルごとに形を検査して遅い。できたものの形は、テストが検査する


def markdown_cell(text: str) -> dict[str, Any]:
    """文章のセル。"""
    return {"cell_type": "markdown", "metadata": {}, "source": text}


def code_cell(source: str, metadata: dict[str, Any], outputs: list[Any]) -> dict[str, Any]:
    """コードのセル。"""
    cell = {"cell_type": "code", "source": source, "metadata": metadata, "outputs": outputs}
    return {**cell, "execution_count": None}


def taken_cell(cell: Any, alt: str) -> dict[str, Any]:
    """章のコードセルを、持ち帰る先でも折りたたまれる形で。"""
    tags = [tag for tag in KEPT_TAGS if tag in cell.metadata.get("tags", [])]
    metadata: dict[str, Any] = {"tags": tags} if tags else {}
    jupyter = {"source_hidden": "hide-input" in tags, "outputs_hidden": "hide-output" in tags}
    if any(jupyter.values()):
        metadata["jupyter"] = {name: True for name, hidden in jupyter.items() if hidden}
    if "hide-input" in tags:
        metadata["cellView"] = "form"
    if "hide-output" in tags:
        metadata["collapsed"] = True
    return code_cell(cell.source, metadata, [with_pictures(output, alt) for output in cell.outputs])


def with_pictures(output: Any, alt: str) -> Any:
    """SVGの図を、``<img>`` にする。

    JupyterLabは、まだ信頼されていないノートブックのSVGを見せない。``<img>`` なら見せ、代替テキストも残る。
    """
    data = output.get("data", {})
    html = data.pop("image/svg+xml", data.get("text/html", ""))
    pictures = SVG.sub(lambda match: as_image(match[0], alt), html)
    if pictures:
        data["text/html"] = pictures.strip()
    return output


def as_image(svg: str, alt: str) -> str:
    """SVGを埋めこんだ ``<img>``。暗い画面でも読めるように、白い台紙を敷く。"""
    label = re.search(r'<svg\b[^>]*aria-label="([^"]*)"', svg)
    words = label[1] if label else alt.replace("&", "&amp;").replace('"', "&quot;")
    encoded = base64.b64encode(svg.encode()).decode()
    return (
        f'<img alt="{words}" style="max-width:100%;background-color:white" '
        f'src="data:image/svg+xml;base64,{encoded}">'
    )


def practice(notebook: Any) -> Any:
    """出力のない、書きこむためのノートブック。"""
    empty = {"outputs": [], "execution_count": None}
    cells = [{**cell, **empty} if cell.cell_type == "code" else cell for cell in notebook.cells]
    return nbformat.from_dict({**notebook, "cells": cells})


# ---- Sphinxとのつなぎ ---------------------------------------------------------------------


def write_notebooks(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """章の3つのファイル(出力つき、練習用、ソース)を書く。"""
    if app.builder.format != "html" or not has_notebook(app, docname):
        return
    site = app.config.html_baseurl
    page = site + app.builder.get_target_uri(docname) if site else ""
    numbers = app.env.toc_fignumbers.get(docname, {})
    equations = dotted(numbers.get("displaymath", {}))
    chapter = app.env.toc_secnumbers.get(docname, {}).get("") or ()  # 付録には番号がない
    parts = pieces(
        doctree, Markdown(page, equations, ".".join(map(str, chapter))), figure_names(app, numbers)
    )
    executed = nbformat.v4.reads(executed_path(app, docname).read_text(encoding="utf-8"))
    start = first_cell.source(site, wheel.version(), node.ROOT / "requirements.txt")
    whole = convert(parts, executed, start, ending(app.config.html_title, page))
    folder = Path(app.outdir, DOWNLOADS)
    folder.mkdir(exist_ok=True)
    for kind, notebook in (("", whole), ("-practice", practice(whole))):
        path = folder / f"{stem(docname)}{kind}.ipynb"
        path.write_text(nbformat.v4.writes(notebook) + "\n", encoding="utf-8")
    source = Path(app.env.doc2path(docname)).read_bytes()
    (folder / f"{stem(docname)}.md").write_bytes(source)


def figure_names(app: Sphinx, numbers: dict[str, Any]) -> dict[str, str]:
    """図の ``id`` から、「図 1.2」のような名前へ。"""
    form = app.config.numfig_format["figure"]
    return {key: form % number for key, number in dotted(numbers.get("figure", {})).items()}


def dotted(numbers: dict[str, tuple[int, ...]]) -> dict[str, str]:
    """番号を、点で区切った文字に。"""
    return {key: ".".join(map(str, number)) for key, number in numbers.items()}


def ending(book: str, page: str) -> str:
    """最後のセル: どこから来たか。"""
    origin = f"[このページをサイトで読む]({page})。" if page else ""
    return f"---\n\n「{book}」より。{origin}{LICENSES}"


def offer(app: Sphinx, docname: str, _template: str, context: dict[str, Any], *_: object) -> None:
    """ダウンロードの一覧を、ページの型紙に渡す。"""
    if not has_notebook(app, docname):
        return
    name = stem(docname)
    context["downloads"] = [
        ("ノートブック(実行済み)", f"{DOWNLOADS}/{name}.ipynb"),
        ("ノートブック(練習用)", f"{DOWNLOADS}/{name}-practice.ipynb"),
        ("このページのソース", f"{DOWNLOADS}/{name}.md"),
        ("すべてのノートブック(zip)", f"{DOWNLOADS}/notebooks.zip"),
        ("サイト全体(zip)", f"{DOWNLOADS}/site.zip"),
    ]
    context["colab"] = address.colab(app.config, f"{name}.ipynb")


def setup(app: Sphinx) -> None:
    """Sphinxに登録する。ほかの拡張が数式などをHTMLに替える前に、文書を受け取る。"""
    app.connect("doctree-resolved", write_notebooks, priority=100)
    app.connect("html-page-context", offer)
