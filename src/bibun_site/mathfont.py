"""数式の書式: KaTeXの書式に、本の式が使う字だけの字体を埋めこむ。

字体を別のファイルにすると、字体が届いたときに行が動く。使う字だけなら全部で20 KBに満たないので、書式に埋めこむ。
どの字がどの字体かは、KaTeXの書式の規則を、式のHTMLに当てはめて知る。
"""

from __future__ import annotations

import base64
import io
import logging
import re
from collections import defaultdict
from collections.abc import Iterable
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple

from fontTools import subset
from fontTools.ttLib import TTFont

from bibun_site import node

__all__ = ["write_style"]

KATEX = node.PACKAGES / "katex" / "dist"
FACE = re.compile(r"@font-face\{[^}]*?src:url\(fonts/(KaTeX_[\w-]+)\.woff2\)[^}]*\}")
RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
SELECTOR = re.compile(r"\.katex (?:\S+ )*\.([\w.-]+)(?:>span)?")


class Font(NamedTuple):
    """字体の種類。"""

    family: str = "Main"
    bold: bool = False
    italic: bool = False

    @property
    def name(self) -> str:
        """KaTeXのファイルの名前。"""
        style = "Bold" * self.bold + "Italic" * self.italic
        return f"KaTeX_{self.family}-{style or 'Regular'}"


def font_rules(css: str) -> list[tuple[frozenset[str], dict[str, object]]]:
    """クラスの組と、それが替える字体の性質。書式の順に並ぶ。"""
    rules = []
    for selectors, properties in RULE.findall(FACE.sub("", css)):
        changes: dict[str, object] = {}
        if family := re.search(r"font-family:KaTeX_(\w+)", properties):
            changes["family"] = family[1]
        if weight := re.search(r"font-weight:(\w+)", properties):
            changes["bold"] = weight[1] in ("bold", "700")
        if style := re.search(r"font-style:(\w+)", properties):
            changes["italic"] = style[1] == "italic"
        if changes:
            found = map(SELECTOR.fullmatch, selectors.split(","))
            rules += [(frozenset(match[1].split(".")), changes) for match in found if match]
    return rules


class Letters(HTMLParser):
    """式のHTMLを読み、字体ごとに使う字を集める。"""

    def __init__(self, css: str) -> None:
        super().__init__()
        self.rules = font_rules(css)
        self.used: defaultdict[str, set[str]] = defaultdict(set)
        self.open: list[Font | None] = [Font()]  # ``None`` はMathMLの中

    def handle_starttag(self, _tag: str, attributes: list[tuple[str, str | None]]) -> None:
        classes = set((dict(attributes).get("class") or "").split())
        font = None if "katex-mathml" in classes else self.open[-1]
        for needed, changes in self.rules:
            if font and needed <= classes:
                font = font._replace(**changes)  # type: ignore[arg-type]
        self.open.append(font)

    def handle_endtag(self, _tag: str) -> None:
        self.open.pop()

    def handle_data(self, text: str) -> None:
        if self.open[-1]:
            self.used[self.open[-1].name].update(text)


def woff2(name: str, letters: Iterable[str]) -> bytes:
    """KaTeXの字体から、``letters`` だけを取り出す。"""
    logging.getLogger("fontTools").setLevel(logging.ERROR)  # 古い日付のことを言うだけなので
    font = TTFont(KATEX / "fonts" / f"{name}.ttf", recalcTimestamp=False)
    subsetter = subset.Subsetter(subset.Options(hinting=False, layout_features=[], name_IDs=[]))
    subsetter.populate(text="".join(sorted(letters)))
    subsetter.subset(font)
    font.flavor = "woff2"
    made = io.BytesIO()
    font.save(made)
    return made.getvalue()


def write_style(path: Path, formulas: Iterable[str], layout: str) -> None:
    """``formulas`` を表示する書式を作る。

    Parameters
    ----------
    path : Path
        作るファイル。
    formulas : iterable of str
        KaTeXが描いた式。
    layout : str
        あとに続ける、この本の書式。
    """
    css = (KATEX / "katex.min.css").read_text(encoding="utf-8")
    letters = Letters(css)
    for formula in formulas:
        letters.feed(formula)

    def embed(face: re.Match[str]) -> str:
        used = letters.used.get(face[1])
        if not used:
            return ""
        data = base64.b64encode(woff2(face[1], used)).decode()
        source = f"src:url(data:font/woff2;base64,{data}) format('woff2')"
        return re.sub(r"src:[^}]*", source, face[0])

    path.parent.mkdir(exist_ok=True)
    path.write_text(FACE.sub(embed, css) + layout, encoding="utf-8")
