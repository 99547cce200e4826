"""ページが分けられたときに見せる絵(1200×630)。題と、曲線とその接線を描く。"""

from __future__ import annotations

from pathlib import Path

import matplotlib_fontja
from PIL import Image, ImageDraw, ImageFont

from bibun_site.japanese import phrases

__all__ = ["draw"]

FONT = Path(matplotlib_fontja.__file__).parent / "fonts" / "ipaexg.ttf"
WIDTH, HEIGHT = 1200, 630
FINE = 2  # 線をなめらかにするため、大きく描いて縮める
MARGIN = 90
PAPER, INK, SOFT, BLUE, ORANGE = "#f6f7f8", "#1b1d20", "#5f656c", "#0b66a8", "#b4430d"


def draw(title: str, book: str, path: Path) -> None:
    """題が ``title`` のページの絵を ``path`` に書く。同じ題からは同じ絵になる。

    Parameters
    ----------
    title : str
        ページの題。
    book : str
        本の題。
    path : Path
        PNGを書く場所。
    """
    image = Image.new("RGB", (WIDTH * FINE, HEIGHT * FINE), PAPER)
    pen = ImageDraw.Draw(image)
    _curve(pen)
    pen.rectangle((0, 0, 24 * FINE, HEIGHT * FINE), fill=BLUE)
    pen.text((MARGIN * FINE, 80 * FINE), book, font=_font(38), fill=SOFT)
    font = _font(76)
    for number, line in enumerate(wrap(title, font, (WIDTH - 2 * MARGIN) * FINE)):
        pen.text((MARGIN * FINE, (165 + 108 * number) * FINE), line, font=font, fill=INK)
    path.parent.mkdir(parents=True, exist_ok=True)
    image.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS).quantize(64).save(
        path, "PNG", optimize=True
    )


def wrap(title: str, font: ImageFont.FreeTypeFont, width: float) -> list[str]:
    """題を、文節の切れ目で、長さのそろった行に分ける。"""
    parts = phrases(title)
    lines = _fill(parts, font, width)
    while len(narrower := _fill(parts, font, width * 0.97)) == len(lines) and width > 1:
        lines, width = narrower, width * 0.97
    return lines


def _fill(parts: list[str], font: ImageFont.FreeTypeFont, width: float) -> list[str]:
    lines = [""]
    for part in parts:
        if lines[-1] and font.getlength(lines[-1] + part) > width:
            lines.append("")
        lines[-1] += part
    return [line.strip() for line in lines]


def _curve(pen: ImageDraw.ImageDraw) -> None:
    """右下の、放物線とその接線。"""
    left, bottom, scale = 690 * FINE, 590 * FINE, 190 * FINE

    def place(x: float, y: float) -> tuple[float, float]:
        return left + x * scale, bottom - y * scale

    steps = [step / 100 for step in range(-20, 231)]
    pen.line([place(x, x * x / 3.2) for x in steps], fill="#c3cad1", width=7 * FINE, joint="curve")
    touch = 1.5
    slope = 2 * touch / 3.2
    ends = [place(x, touch**2 / 3.2 + slope * (x - touch)) for x in (0.75, 2.25)]
    pen.line(ends, fill=ORANGE, width=6 * FINE)
    x, y = place(touch, touch**2 / 3.2)
    radius = 12 * FINE
    pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=BLUE)


def _font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(FONT, size * FINE)
