"""章を実行している間の知らせと、終わりのまとめ。"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable

from sphinx.util import logging
from sphinx.util.console import term_width_line

logger = logging.getLogger(__name__)

SLOWEST = 5


class Progress:
    """端末には、実行中のセルを1行で書きかえながら見せる。記録には、終わった章を1行ずつ書く。"""

    def __init__(self, total: int) -> None:
        self.total = total
        self.done: dict[str, dict[int, float]] = {}
        self.since = time.monotonic()
        logger.info("セルを実行しています: %dページ", total)

    def show(self, running: Iterable[tuple[str, int, int]]) -> None:
        """実行中の章、セル、秒(端末だけ)。"""
        if sys.stdout.isatty():
            places = [f"{name} {cell + 1}/{cells}" for name, cell, cells in running]
            line = f"  {time.monotonic() - self.since:.1f}秒  {'  '.join(places)}"
            logger.info("%s", term_width_line(line).rstrip("\n"), nonl=True)

    def finished(self, name: str, seconds: dict[int, float], stopped: int | None = None) -> None:
        """終わった章。``stopped`` は、途中で止められたセル。"""
        self.done[name] = seconds
        if sys.stdout.isatty():
            logger.info("\r\x1b[2K", nonl=True)
        logger.info(
            "  [%d/%d] %s %dセル %.1f秒%s",
            len(self.done),
            self.total,
            name,
            len(seconds),
            sum(seconds.values()),
            "" if stopped is None else f"、{stopped + 1}番目のセルで止まりました",
        )

    def summary(self) -> None:
        """かかった時間と、いちばん長かったセル。"""
        logger.info("セルを実行しました: %.1f秒", time.monotonic() - self.since)
        cells = sorted(
            (-seconds, name, cell)
            for name, times in self.done.items()
            for cell, seconds in times.items()
        )
        logger.info("長かったセル:")
        for seconds, name, cell in cells[:SLOWEST]:
            logger.info("  %6.2f秒  %s %d番目のセル", -seconds, name, cell + 1)
