"""テストのために、用語集と札の置き場所を、ソースから読む(ビルドとは別の読み方で)。"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

BOOK = Path(__file__).resolve().parents[2] / "book"
BLOCK = re.compile(r"```\{glossary\}\n(.*?)\n```", re.S)


@dataclass(frozen=True)
class Entry:
    """用語集の1項目。``label`` は、くわしい説明の札。"""

    name: str
    others: tuple[str, ...]
    label: str


def entries() -> list[Entry]:
    """用語集の、すべての項目。``others`` は、読みと英語。"""
    found = []
    text = (BOOK / "appendix" / "glossary.md").read_text(encoding="utf-8")
    for item in "\n\n".join(BLOCK.findall(text)).split("\n\n"):
        heads = [line.strip("`") for line in item.splitlines() if not line.startswith(" ")]
        reading = re.search(r"^ +\(([ぁ-ヶー]+)\)", item, re.M)
        label = re.search(r"→\[[^\]]+\]\(#([a-z0-9-]+)\)$", item)
        assert label, item
        others = ([reading[1]] if reading else []) + heads[1:]
        found.append(Entry(heads[0], tuple(others), label[1]))
    return found


def page_of(label: str) -> str:
    """札のあるページ(``book/use/tensor`` など)。"""
    pages = [
        path.relative_to(BOOK.parent).with_suffix("").as_posix()
        for path in BOOK.rglob("*.md")
        if re.search(rf"^(\({label}\)=|:name: {label})$", path.read_text("utf-8"), re.M)
    ]
    assert len(pages) == 1, (label, pages)
    return pages[0]
