"""用語集が、五十音順で、読みと行き先をもち、章が太字で紹介した言葉をすべて載せていること。"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

BOOK = Path(__file__).resolve().parents[1] / "book"
ROWS = {
    "a": "アイウエオ",
    "ka": "カキクケコ",
    "sa": "サシスセソ",
    "ta": "タチツテト",
    "na": "ナニヌネノ",
    "ha": "ハヒフヘホ",
    "ma": "マミムメモ",
    "ya": "ヤユヨ",
    "ra": "ラリルレロ",
}
LATIN = "latin"
NOT_TERMS = {"足し込む"}  # 動詞。用語としては「勾配の足し込み」を載せてある
INTRODUCED = re.compile(r"\*\*([^*\n]+)\*\*\(([A-Za-z][A-Za-z -]*)(?:[、,][^)\n]*)?\)")
BLOCK = re.compile(
    r"^\(sec-glossary-([a-z]+)\)=\n## [^\n]*\n\n```\{glossary\}\n(.*?)\n```", re.M | re.S
)


@dataclass(frozen=True)
class Entry:
    row: str
    names: tuple[str, ...]
    definition: str

    @property
    def reading(self) -> str:
        """かっこの中の読み。なければ、見出し語そのものがかなで書かれている。"""
        found = re.match(r"\(([ぁ-ヶー]+)\)", self.definition)
        return found[1] if found else self.names[0]


def entries() -> list[Entry]:
    text = (BOOK / "appendix" / "glossary.md").read_text(encoding="utf-8")
    found = []
    for row, body in BLOCK.findall(text):
        for block in body.split("\n\n"):
            lines = block.splitlines()
            names = tuple(line.strip("`") for line in lines if not line.startswith(" "))
            found.append(Entry(row, names, " ".join(lines[len(names) :]).strip()))
    return found


def katakana(reading: str) -> str:
    """並べるための形: カタカナにし、長音は母音に、濁点と小さな字はもとの字に直す。"""
    plain = ""
    for char in reading:
        char = chr(ord(char) + 0x60) if "ぁ" <= char <= "ゖ" else char
        if char == "ー":
            vowel = unicodedata.name(plain[-1])[-1]
            char = dict(zip("AIUEO", "アイウエオ", strict=True))[vowel]
        char = unicodedata.normalize("NFD", char)[0]
        plain += unicodedata.lookup(unicodedata.name(char).replace("SMALL ", ""))
    return plain


def test_japanese_entries_stand_in_their_row_in_the_order_of_their_readings() -> None:
    for row, initials in ROWS.items():
        readings = [katakana(entry.reading) for entry in entries() if entry.row == row]
        assert readings, row
        assert readings == sorted(readings)
        assert all(reading[0] in initials for reading in readings)


def test_latin_entries_stand_in_alphabetical_order() -> None:
    words = [
        entry.names[0].strip(".").replace("_", " ").lower()
        for entry in entries()
        if entry.row == LATIN
    ]
    assert words
    assert words == sorted(words)


def test_every_japanese_entry_has_its_reading_in_kana() -> None:
    for entry in entries():
        if entry.row != LATIN:
            assert re.fullmatch(r"[ぁ-ヶー]+", entry.reading), entry.names


def test_every_entry_ends_with_a_link_to_the_place_that_explains_it() -> None:
    for entry in entries():
        assert re.search(r"→\[[^\]]+\]\(#[a-z0-9-]+\)$", entry.definition), entry.names


def test_every_term_that_a_chapter_introduces_is_in_the_glossary_with_the_same_english() -> None:
    english = {entry.names[0]: entry.names[1:] for entry in entries()}
    introduced = 0
    for chapter in sorted(BOOK.rglob("*.md")):
        for term, word in INTRODUCED.findall(chapter.read_text(encoding="utf-8")):
            if term in NOT_TERMS or term.lower() == word:
                continue
            assert word in english.get(term, ()), f"{chapter.name}: {term}({word})"
            introduced += 1
    assert introduced > 50


def test_every_symbol_of_the_notation_leads_to_where_it_is_introduced() -> None:
    text = (BOOK / "appendix" / "notation.md").read_text(encoding="utf-8")
    tables = re.findall(r"^\| 記号と読み .*\n\|[- |]+\|\n((?:\|.*\n)+)", text, re.M)
    rows = [row for table in tables for row in table.splitlines()]
    assert len(rows) > 30
    for row in rows:
        assert re.search(r"\]\(#[a-z0-9-]+\)", row), row
