"""本のビルドの速さを、同じ1回の中で測って比べる(``make bench``)。

計算機の忙しさで秒数は変わるので、比だけを読む。床は、これより速くはできないと考えられる目安で、
「一度だけ読み込んだ1つのプロセスで全部のセルを動かす時間」と「実行結果がそろっている本をSphinxが作る時間」の和。
章ごとの実行時間も ``bench/times.json`` に記録する(実行した環境のページに載る)。
"""

from __future__ import annotations

import json
import math
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from book_copy import JUPYTER_BOOK, ROOT, BookCopy, wait_for
from jupyter_cache.cache.main import JupyterCacheBase

EDITED = Path("book/use/recording.md")
CELL = "```{code-cell} ipython3\n"
REPEAT = 5


def run_all_cells(book: Path) -> None:
    """全部の章のセルを、このプロセスの中で続けて動かす。"""
    from bibun_site.chapter import run
    from bibun_site.chapter_server import PRELOAD, preload

    preload(PRELOAD)
    for path in sorted(book.rglob("*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
        for _ in run(sources):
            pass


def edit(book: BookCopy, old: str, new: str) -> None:
    """1つの章の1か所を書きかえる。"""
    path = book.folder / EDITED
    path.write_text(path.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")


def fresh(book: BookCopy, *, keep_results: bool = False) -> float:
    """最初から作る。``keep_results`` なら、実行結果だけは残しておく。"""
    build = book.folder / "_build"
    for path in build.iterdir() if build.exists() else ():
        if keep_results and path.name == ".jupyter_cache":
            continue
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    return book.build()


def prose(book: BookCopy, number: int) -> float:
    """文章を1つ足して作り直す。"""
    edit(book, f"\n{CELL}", f"\n{number}つめの文を足しました。\n\n{CELL}")
    return book.build()


def code(book: BookCopy, number: int) -> float:
    """1つのセルに1行足して作り直す。"""
    edit(book, CELL, f"{CELL}added = {number}\n")
    return book.build()


def saved(book: BookCopy, word: str, old: str, new: str) -> float:
    """見せている本の1か所を書きかえて、新しいページが見えるまで。"""
    page = (book.folder / "_build/serve" / EDITED).with_suffix(".html")
    time.sleep(2)  # 前の保存の後始末と、見張りが落ち着くまで
    edit(book, old, new)
    return wait_for(page, word)


def without_execution(folder: Path) -> BookCopy:
    """セルを実行しない本(実行を確かめる検査も外す)。Sphinxだけの時間を測る。"""
    book = BookCopy(folder, JUPYTER_BOOK)
    config = folder / "_config.yml"
    text = re.sub(r"execute_notebooks: \w+", "execute_notebooks: 'off'", config.read_text("utf-8"))
    config.write_text(text, encoding="utf-8")
    with (folder / "src/bibun_site/guard.py").open("a", encoding="utf-8") as guard:
        guard.write("\n\ndef setup(app):\n    pass\n")
    return book


def measure(place: Path) -> dict[str, float]:
    """すべての秒数。"""
    ours = BookCopy(place / "ours")
    stock = BookCopy(place / "stock", JUPYTER_BOOK, bibun_fork="false")
    plain = without_execution(place / "plain")
    seconds = {"cold": fresh(ours)}
    record_times(ours)
    seconds["stock"] = fresh(stock)
    executed = ours.folder / "_build/jupyter_execute"
    shutil.copytree(executed, place / "executed")
    seconds["cells"] = ours.timed("python", str(Path(__file__)), str(place / "executed"))
    seconds["sphinx"] = fresh(ours, keep_results=True)
    plain.build()
    repeated: dict[str, Callable[[int], float]] = {
        "sphinx no-op": lambda _: plain.build(),
        "unchanged": lambda _: ours.build(),
        "prose": lambda number: prose(ours, number),
        "code": lambda number: code(ours, number),
        "stock code": lambda number: code(stock, number),
    }
    for number in range(REPEAT):  # 比べるものを交互に測り、計算機のむらを等しく受けさせる
        for name, work in repeated.items():
            seconds[name] = min(seconds.get(name, math.inf), work(number))
    with ours.served():
        texts = [f"\n`prose_{number}`を足しました。\n\n{CELL}" for number in range(REPEAT)]
        rounds = [saved(ours, f"prose_{n}", f"\n{CELL}", text) for n, text in enumerate(texts)]
        seconds["serve prose"] = min(rounds)
        texts = [f"{CELL}code_{number} = 1\n" for number in range(REPEAT)]
        rounds = [saved(ours, f"code_{n}", CELL, text) for n, text in enumerate(texts)]
        seconds["serve code"] = min(rounds)
    return seconds


def record_times(book: BookCopy) -> None:
    """章ごとの実行時間を記録する。"""
    times = {}
    for record in JupyterCacheBase(book.folder / "_build/.jupyter_cache").list_cache_records():
        name = Path(record.uri).relative_to(book.folder).with_suffix("").as_posix()
        times[name] = round(record.data["execution_seconds"], 1)
    text = json.dumps(times, indent=2, sort_keys=True) + "\n"
    (ROOT / "bench" / "times.json").write_text(text, encoding="utf-8")


def report(seconds: dict[str, float]) -> None:
    """比を印字する。"""
    floor = seconds["cells"] + seconds["sphinx"]
    rows = [
        ("最初から ÷ 床", seconds["cold"] / floor, "≤ 1.2"),
        ("ふつうのカーネルで最初から ÷ 床", seconds["stock"] / floor, ""),
        ("変更なし ÷ Sphinxの変更なし", seconds["unchanged"] / seconds["sphinx no-op"], "≤ 1.1"),
        ("文章の変更 ÷ 床", seconds["prose"] / floor, "≤ 0.3"),
        (
            "コードの変更 ÷ ふつうのカーネルでの変更",
            seconds["code"] / seconds["stock code"],
            "≤ 0.5",
        ),
        (
            "`make serve` でのコードの変更 ÷ ふつうのカーネルでの変更",
            seconds["serve code"] / seconds["stock code"],
            "",
        ),
        (
            "`make serve` でのコードの変更 ÷ Sphinxの変更なし",
            seconds["serve code"] / seconds["sphinx no-op"],
            "",
        ),
        (
            "`make serve` での文章の変更 ÷ Sphinxの変更なし",
            seconds["serve prose"] / seconds["sphinx no-op"],
            "",
        ),
    ]
    for name, ratio, aim in rows:
        print(f"{ratio:6.2f} {aim:6s} {name}")
    print("秒:", {name: round(value, 1) for name, value in seconds.items()})


def main() -> None:
    """測って比べる。引数があれば、そのフォルダーのセルを動かすだけ(床を測る子プロセス)。"""
    if len(sys.argv) > 1:
        run_all_cells(Path(sys.argv[1]))
        return
    with tempfile.TemporaryDirectory() as place:
        report(measure(Path(place)))


if __name__ == "__main__":
    main()
