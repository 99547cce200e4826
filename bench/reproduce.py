"""本を2か所で作り、1バイトも違わないことを見る(``make reproduce``)。

1つめは ``make book`` で、章を並べて分岐で実行する。2つめは ``jupyter-book build`` で、別の深さのフォルダーで、
CPUを1つだけ使い、章を1つずつふつうのJupyterカーネルで実行する。時刻も違う。
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

from book_copy import JUPYTER_BOOK, BookCopy

FOLDERS = ("html", "jupyter_execute")


def digests(build: Path) -> dict[str, str]:
    """できたファイルと、その指紋。"""
    return {
        path.relative_to(build).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for folder in FOLDERS
        for path in sorted((build / folder).rglob("*"))
        if path.is_file()
    }


def main() -> None:
    """2つ作って比べる。違えば、違うファイルを言って終了コード1で終わる。"""
    with tempfile.TemporaryDirectory() as place:
        one = BookCopy(Path(place, "one"))
        other = BookCopy(Path(place, "別の", "深い場所"), JUPYTER_BOOK, bibun_fork="false")
        print(f"並べて分岐で: {one.build():.0f}秒", flush=True)
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        print(f"ふつうのカーネルで1つずつ: {other.build():.0f}秒", flush=True)
        first, second = (digests(book.folder / "_build") for book in (one, other))
    different = sorted(
        name for name in first.keys() | second.keys() if first.get(name) != second.get(name)
    )
    if different:
        raise SystemExit("違うファイルがあります:\n" + "\n".join(different))
    whole = hashlib.sha256(repr(sorted(first.items())).encode()).hexdigest()
    print(f"{len(first)}個のファイルがすべて同じです。全体の指紋: {whole}")


if __name__ == "__main__":
    main()
