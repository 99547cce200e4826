r"""ページの文章を、飾りのない文字列にする。検索のデータと、用語の短い説明に使う。

数式は、読める1行の式にする(``\dfrac{a}{b}`` なら ``a/b``)。正確な組版ではなく、探すためと、
式を描けない場所(``title`` 属性)に書くためのものである。
"""

from __future__ import annotations

import html
import re
import unicodedata

from docutils import nodes

__all__ = ["plain_html", "plain_math", "plain_text"]


def _table(text: str) -> dict[str, str]:
    return dict(pair.split("=") for pair in text.split())


LETTERS = _table(
    "partial=∂ nabla=∇ sum=∑ prod=∏ infty=∞ lvert=| rvert=| top=⊤ sigma=σ Sigma=Σ theta=θ eta=η"
    " omega=ω Delta=Δ varphi=φ varepsilon=ε"
)
RELATIONS = _table(
    "times=× div=÷ cdot=· to=→ leftarrow=← approx=≈ in=∈ lesssim=≲ ge=≥ neq=≠ fallingdotseq=≒"
    " cdots=… ldots=… dots=…"
)
ACCENTS = {"bar": "\u0304", "dot": "\u0307"}
ACCENTED = re.compile(r"\\(bar|dot)\{(\w+)\}")
POWERS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
POWER = re.compile(r"\^(?:\{(-?\d+)\}|(\d))")
# 中にかっこを含まないもの。内側から順に開く
FRACTION = re.compile(r"\\d?frac\{([^{}]*)\}\{([^{}]*)\}")
GROUP = re.compile(r"(\^|_|\\sqrt|(?<![A-Za-z}]))\{([^{}]*)\}")
DROPPED = re.compile(
    r"\\(?:begin|end)\{\w+\}|\\(?:left|right|[bB]igg?[lr]?|displaystyle|boldsymbol|text|underbrace)\b"
    r"|\\[,;:! ]|\\q?quad\b|\\\\\[\w+\]|&"
)


def plain_math(tex: str) -> str:
    r"""LaTeXの式を、1行の文字列にする。

    Examples
    --------
    >>> plain_math(r"\dfrac{f(x+h)-f(x)}{h}")
    '(f(x+h)-f(x))/h'
    >>> plain_math(r"\partial z/\partial t \approx 2^{-53}")
    '∂z/∂t ≈ 2⁻⁵³'
    """
    tex = DROPPED.sub(" ", tex)
    tex = ACCENTED.sub(lambda m: unicodedata.normalize("NFC", m[2] + ACCENTS[m[1]]), tex)
    tex = POWER.sub(lambda m: (m[1] or m[2]).translate(POWERS), tex)
    simpler = ""
    while simpler != tex:
        simpler = tex
        tex = FRACTION.sub(lambda m: f" {_grouped(m[1])}/{_grouped(m[2])}", tex)
        tex = GROUP.sub(
            lambda m: m[1].replace(r"\sqrt", "√") + (_grouped(m[2]) if m[1] else m[2]), tex
        )
    tex = re.sub(r"\\([A-Za-z]+)( ?)", _symbol, tex)
    return re.sub(r"\s+", " ", re.sub(r"[{}\\]", " ", tex)).strip()


def _symbol(found: re.Match[str]) -> str:
    """命令を記号にする。関数の名前(``sin`` など)は、そのまま。"""
    name, space = found.groups()
    return LETTERS.get(name) or RELATIONS.get(name, name) + space


def _grouped(part: str) -> str:
    """2つ以上の項からなるものを、かっこで囲む。"""
    part = part.strip()
    return f"({part})" if re.search(r"[-+ ]", part) else part


def plain_html(markup: str) -> str:
    """セルの出力のHTMLから、図(SVG)を除いた文字を取り出す。"""
    text = re.sub(r"<(svg|style)\b.*?</\1>", " ", markup, flags=re.S)
    text = re.sub(r"</(?:tr|caption|summary|p|div)>", "\n", text)
    lines = html.unescape(re.sub(r"<[^>]+>", " ", text)).splitlines()
    return "\n".join(line for line in (" ".join(line.split()) for line in lines) if line)


def plain_text(node: nodes.Node) -> str:
    """段落やコードなど、ひとまとまりの文字。"""
    if isinstance(node, nodes.Text):
        return node.astext()
    if isinstance(node, (nodes.math, nodes.math_block)):
        return plain_math(node.astext())
    if isinstance(node, (nodes.raw, nodes.image)):
        return ""
    return "".join(plain_text(child) for child in node.children)
