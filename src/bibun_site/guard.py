"""嘘の出力を通さない検査。

章のソースと、実行し終えたノートブックを調べ、問題をSphinxの警告として出す。警告が1つでもあれば
ビルドは失敗し、次のビルドは最初から読み直す(2度目に黙って通ることはない)。
どの検査も、わざと壊した章で赤くなることを ``tests/book/test_planted_defects.py`` が確かめる。
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from docutils import nodes
from myst_nb.core.read import is_myst_markdown_notebook
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.errors import SphinxError
from sphinx.util import logging

from bibun_site.blocks import details
from bibun_site.execution import MEMORY, executed_path

logger = logging.getLogger(__name__)

ALLOWED_TAGS = {"hide-input", "hide-output", "raises-exception", "remove-cell", "test"}
ALLOWED_IMPORTS = {"torch", "torchviz", "numpy", "matplotlib", "mpl_toolkits", "bibun"}
MAX_CELL_LINES = 15
LOCAL_TRACES = re.compile(
    r"(?P<address>0x[0-9a-f]{6,})|(?P<path>(?:/home/|/root/|/Users/|/tmp/|/var/folders/|[A-Z]:\\Users)\S*)"
    r"|(?P<site>\S*site-packages\S*)",
)
TYPED_OUTPUT = re.compile(r"#\s*(→|->|=>|⇒|Out|出力|結果[:は]|tensor\()")
FENCE = re.compile(
    r"^(?P<fence>`{3,}|~{3,})(?P<info>[^\n`]*)\n(?P<body>.*?)^(?P=fence)\s*$", re.M | re.S
)
MEASURED = re.compile(r"(?<![\w.])[-−]?(\d+\.\d{3,})(?![\w.])", re.ASCII)
HEADING = re.compile(r"^(#{1,6}) +(.+)$")
LABEL = re.compile(r"^\([a-z]+(-[a-z0-9]+)+\)=$")


@dataclass(frozen=True)
class Problem:
    """見つかった問題。``line`` はソースの行(1から)。"""

    line: int
    message: str


class BookError(SphinxError):
    """本に問題があり、ビルドを止めたことを告げる例外。"""

    category = "本の検査"


# ---- ソースの検査 -------------------------------------------------------------------------


def check_front_matter(text: str) -> Iterator[Problem]:
    """先頭の設定が、実行されるノートブックのものであること。"""
    if not is_myst_markdown_notebook(text):
        yield Problem(
            1,
            "先頭に jupytext の設定(format_name: myst)がありません。"
            "このままではセルが実行されません。CONTRIBUTING.md の「先頭」を写してください。",
        )
        return
    front = text.split("---", 2)[1]
    if "kernelspec:" not in front:
        yield Problem(
            1, "先頭に kernelspec がありません。CONTRIBUTING.md の「先頭」を写してください。"
        )
    if not re.search(r'description lang=ja"?:\s*\S', front):
        yield Problem(1, "先頭の myst.html_meta に「description lang=ja」(章の説明)がありません。")


def check_headings(text: str) -> Iterator[Problem]:
    """見出しの直前に札があり、深さが3段までであること。"""
    previous, in_fence = "", ""
    for number, line in enumerate(text.splitlines(), start=1):
        fence = re.match(r"^(`{3,}|~{3,})", line)
        if fence:
            in_fence = "" if in_fence == fence[1] else in_fence or fence[1]
        heading = None if in_fence else HEADING.match(line)
        if heading:
            if not LABEL.match(previous):
                yield Problem(
                    number, f"見出し「{heading[2]}」の直前に札 (sec-章-話題)= がありません。"
                )
            if len(heading[1]) > 3:
                yield Problem(number, f"見出し「{heading[2]}」が深すぎます。3段までです。")
        if line.strip():
            previous = line


def check_typed_outputs(text: str) -> Iterator[Problem]:
    """手で書いた出力や、動かない対話例がないこと。"""
    for fence in FENCE.finditer(text):
        first = text.count("\n", 0, fence.start()) + 2
        executed = fence["info"].startswith("{code-cell}")
        for offset, line in enumerate(fence["body"].splitlines()):
            if executed and TYPED_OUTPUT.search(line):
                yield Problem(first + offset, f"手で書いた出力があります: {line.strip()}")
            if not executed and line.lstrip().startswith((">>>", "Traceback (most recent")):
                yield Problem(
                    first + offset, "動かない対話例があります。code-cell にして実行してください。"
                )


# ---- セルの検査 ---------------------------------------------------------------------------


def check_exception(cell: Any, prose: str) -> Iterator[str]:
    """例外が、予告どおりに起きること。"""
    announced = cell.metadata.get("raises")
    tagged = "raises-exception" in cell.metadata.get("tags", [])
    errors = [output for output in cell.outputs if output.output_type == "error"]
    if tagged and not announced:
        yield "raises-exception のセルに :raises: 例外の種類 がありません。"
    elif announced and not tagged:
        yield ":raises: のあるセルに :tags: [raises-exception] がありません。"
    elif announced:
        yield from _check_announced(announced, errors, prose)
    else:
        yield from map(describe_unannounced, errors)


def describe_unannounced(error: Any) -> str:
    """例外の種類と、起きたところまでの道すじ。"""
    words = f"予告のない例外です: {error.ename}\n" + textwrap.indent(
        "\n".join(error.traceback), "  "
    )
    if error.ename == "MemoryError":
        words += f"\n  1つの章が使える記憶は、{MEMORY >> 30} GBまでです。"
    return words


def _check_announced(announced: str, errors: list[Any], prose: str) -> Iterator[str]:
    if not errors:
        yield f"予告した例外 {announced} が起きませんでした。"
    for error in errors:
        if error.ename != announced:
            yield f"予告は {announced} ですが、{error.ename} が起きました: {error.evalue}"
    if f"`{announced}`" not in prose:
        yield f"例外 `{announced}` を、本文のどこでも名指ししていません。"


def check_stderr(cell: Any) -> Iterator[str]:
    """標準エラー出力が、予告どおりであること。"""
    text = "".join(
        output.text
        for output in cell.outputs
        if output.output_type == "stream" and output.name == "stderr"
    )
    announced = cell.metadata.get("stderr")
    if text and not announced:
        yield f"予告のない標準エラー出力です: {text.strip()[:200]}"
    elif announced and announced not in text:
        yield f"予告した標準エラー出力「{announced}」が現れませんでした。"


def check_local_traces(cell: Any) -> Iterator[str]:
    """アドレスや、この計算機の置き場所が出力に混ざっていないこと。"""
    for text in output_texts(cell):
        trace = LOCAL_TRACES.search(text)
        if trace:
            kind = "アドレス" if trace["address"] else "この計算機のファイルの置き場所"
            yield f"出力に{kind}が混ざっています: {trace[0][:80]}"


def check_tags(cell: Any) -> Iterator[str]:
    """決められた札だけを使い、隠すセルはテストだけであること。"""
    tags = set(cell.metadata.get("tags", []))
    unknown = tags - ALLOWED_TAGS
    if unknown:
        yield f"使えない札です: {'、'.join(sorted(unknown))}"
    if ("remove-cell" in tags) != ("test" in tags):
        yield "remove-cell と test は必ず一緒に使います。"
    if "test" in tags:
        yield from _check_asserts(cell.source)


def _check_asserts(source: str) -> Iterator[str]:
    tree = parse_cell(source)
    allowed = (ast.Assert, ast.Import, ast.ImportFrom, ast.Assign)
    if tree is None or not all(isinstance(node, allowed) for node in tree.body):
        yield "テストのセルには assert と import と代入だけを書きます。"
    elif not any(isinstance(node, ast.Assert) for node in tree.body):
        yield "テストのセルに assert がありません。"


def check_code_style(cell: Any) -> Iterator[str]:
    """セルが短く、決められたものだけを読み込むこと。"""
    lines = [line for line in cell.source.splitlines() if line.strip()]
    if len(lines) > MAX_CELL_LINES and "test" not in cell.metadata.get("tags", []):
        yield f"セルが{len(lines)}行あります。{MAX_CELL_LINES}行までです。"
    if re.search(r"^\s*[!%]", cell.source, re.M):
        yield "セルで ! や % の命令は使えません。"
    tree = parse_cell(cell.source)
    for name in imported_names(tree) if tree else ():
        root, *rest = name.split(".")
        if root not in ALLOWED_IMPORTS and not is_standard(root):
            yield f"章では {root} を読み込めません。"
        if root == "bibun" and any(part.startswith("_") for part in rest):
            yield f"bibun の非公開の名前は使えません: {name}"


def parse_cell(source: str) -> ast.Module | None:
    """セルのソースを構文木にする。構文の誤りを見せるセルなら ``None``。"""
    try:
        return ast.parse(source)
    except SyntaxError:
        return None


def imported_names(tree: ast.Module) -> Iterator[str]:
    """読み込む名前を、点でつないだ形で並べる。"""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def is_standard(module: str) -> bool:
    """章で使ってよい標準ライブラリーか。``sys`` は置き場所を変えられるので使わない。"""
    import sys

    return module in sys.stdlib_module_names and module != "sys"


def output_texts(cell: Any) -> Iterator[str]:
    """セルの出力に現れる、すべての文字列。"""
    for output in cell.outputs:
        if output.output_type == "stream":
            yield output.text
        elif output.output_type == "error":
            yield "\n".join([*output.traceback, output.evalue])
        else:
            for mime, data in output.data.items():
                if not mime.startswith("image/") or mime == "image/svg+xml":
                    yield data if isinstance(data, str) else str(data)


CELL_CHECKS: tuple[Callable[[Any], Iterator[str]], ...] = (
    check_stderr,
    check_local_traces,
    check_tags,
    check_code_style,
)


def check_cells(notebook: Any) -> Iterator[Problem]:
    """実行し終えたノートブックの、すべてのコードセルを調べる。"""
    lines = notebook.metadata.get("source_map", [])
    prose = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    unexecuted = []
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type != "code":
            continue
        line = lines[index] + 1 if index < len(lines) else 1
        if cell.execution_count is None:
            unexecuted.append(line)
        for check in CELL_CHECKS:
            yield from (Problem(line, message) for message in check(cell))
        yield from (Problem(line, message) for message in check_exception(cell, prose))
    if unexecuted:
        others = f"(この後にも{len(unexecuted) - 1}個)" if unexecuted[1:] else ""
        yield Problem(unexecuted[0], f"実行されていないセルです{others}。")


def check_numbers(notebook: Any) -> Iterator[Problem]:
    """本文の実測の数(小数点以下3桁以上)が、出力かコードのどこかに現れること。"""
    lines = notebook.metadata.get("source_map", [])
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    evidence = "\n".join(text for cell in cells for text in (cell.source, *output_texts(cell)))
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type != "markdown":
            continue
        text = re.sub(r"https?://\S+|\(https?:[^)]*\)|doi:\S+", "", cell.source)
        for match in MEASURED.finditer(text):
            if match[1] not in evidence:
                line = lines[index] + 1 + text.count("\n", 0, match.start())
                yield Problem(
                    line,
                    f"本文の数 {match[0]} が、章のどのセルの出力にもテストにも現れません。",
                )


# ---- 文書の検査 ---------------------------------------------------------------------------


def check_pictures(doctree: nodes.document) -> Iterator[Problem]:
    """すべての図に代替テキストがあること。"""
    for image in doctree.findall(nodes.image):
        if not str(image.get("alt", "")).strip():
            yield Problem(image.line or 1, "図に代替テキスト(mystnb.image.alt)がありません。")
    for raw in doctree.findall(nodes.raw):
        if "<svg" in raw.astext() and not re.search(r"<svg[^>]*aria-label=\"[^\"]", raw.astext()):
            yield Problem(raw.line or 1, "図(SVG)に代替テキスト(aria-label)がありません。")


def check_formulas(doctree: nodes.document) -> Iterator[Problem]:
    """式の番号に、参照できる札が付いていること(裸のalignなどの番号の札は、作るたびに変わる)。"""
    for formula in doctree.findall(nodes.math_block):
        if "amsmath" in formula["classes"] and formula["number"] is not None:
            yield Problem(
                formula.line or 1,
                "番号の付く式は $$ … $$ (eq-章-話題) と書きます。番号が要らなければ、"
                "環境の名前に * を付けます(align* など)。",
            )


def check_exercises(doctree: nodes.document, notebook: Any) -> Iterator[Problem]:
    """演習の後に、その番号を採点するセルがあること。折りたたみの記法が迷子でないこと。"""
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    for box in doctree.findall(nodes.admonition):
        for exercise_id in box.get("exercise_ids", ()):
            if f'check("{exercise_id}"' not in code:
                yield Problem(box.line or 1, f'check("{exercise_id}", …) を呼ぶセルがありません。')
    for fold in doctree.findall(details):
        if not fold["summary"]:
            yield Problem(fold.line or 1, "hint と answer は、演習の中に置きます。")


# ---- Sphinxとのつなぎ ---------------------------------------------------------------------


def examine(app: Sphinx, doctree: nodes.document) -> None:
    """読み終えた章を調べ、問題を警告にする。"""
    docname = app.env.docname
    path = Path(app.env.doc2path(docname))
    if path.suffix != ".md":
        return
    text = path.read_text(encoding="utf-8")
    problems = [*check_front_matter(text), *check_headings(text), *check_typed_outputs(text)]
    executed = executed_path(app, docname)
    if is_myst_markdown_notebook(text) and executed.exists():
        notebook = nbformat.read(executed, as_version=4)
        problems += [*check_cells(notebook), *check_numbers(notebook)]
        problems += check_exercises(doctree, notebook)
    problems += [*check_pictures(doctree), *check_formulas(doctree)]
    for problem in problems:
        logger.warning(
            "%s", problem.message, location=(docname, problem.line), type="bibun", subtype="guard"
        )


def forget_previous_run(app: Sphinx, env: BuildEnvironment, docname: str) -> None:
    """読む前に、前回の実行結果を消す(実行されなかった章が、古い結果で通らないように)。"""
    executed_path(app, docname).unlink(missing_ok=True)


def stop_on_warnings(app: Sphinx, exception: Exception | None) -> None:
    """警告があればビルドを失敗させ、次のビルドに最初から読み直させる。"""
    if exception is None and app._warncount:
        Path(app.doctreedir, "environment.pickle").unlink(missing_ok=True)
        raise BookError(f"警告が{app._warncount}件あります。上の WARNING の行を直してください。")


def setup(app: Sphinx) -> None:
    """Sphinxに登録する。"""
    app.connect("env-purge-doc", forget_previous_run)
    app.connect("doctree-read", examine)
    app.connect("build-finished", stop_on_warnings, priority=900)
