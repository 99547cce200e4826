"""図の見た目:日本語が出ること、足りない文字が隠れないこと、毎回同じであること。"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator

import matplotlib
import matplotlib.pyplot as plt
import pytest
from matplotlib.figure import Figure

from bibun.descent import descend
from bibun.plotting import loglog_errors, plot_descent, use_style


@pytest.fixture(autouse=True)
def style() -> Iterator[None]:
    with matplotlib.rc_context():
        matplotlib.use("agg")
        use_style()
        yield
        plt.close("all")


def svg(figure: Figure) -> str:
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    return buffer.getvalue()


def figure_with(text: str) -> Figure:
    figure, axes = plt.subplots()
    axes.plot([-1, 0, 1], [1, 0, 1], label=text)
    axes.set_title(text)
    axes.legend()
    return figure


def test_japanese_and_mathematics_are_drawn_without_a_missing_glyph() -> None:
    text = "勾配降下法:学習率 η、$f(x) = x^2 + e^{-x}$、$\\partial z/\\partial u$、−1"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        drawn = svg(figure_with(text))
    assert "<text" not in drawn  # 字は図形になり、読者のフォントによらない


def test_a_missing_glyph_stays_a_visible_warning() -> None:
    with pytest.warns(UserWarning, match="missing from font"):
        svg(figure_with("\u1700"))


def test_the_same_figure_gives_the_same_bytes_in_every_process() -> None:
    program = (
        "import sys, matplotlib; matplotlib.use('agg'); import matplotlib.pyplot as plt;"
        "from bibun.plotting import use_style; use_style(); plt.plot([1, 2], label='損失');"
        "plt.legend(); plt.savefig(sys.stdout, format='svg')"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", program],
            env={
                **os.environ,
                "PYTHONHASHSEED": seed,
                "SOURCE_DATE_EPOCH": "0",
                "PYTHONPATH": "src",
            },
            check=True,
            capture_output=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert runs[0].startswith(b"<?xml")
    assert runs[0] == runs[1]


def test_lines_differ_in_colour_and_in_style() -> None:
    _, axes = plt.subplots()
    lines = [axes.plot([0, 1], [i, i])[0] for i in range(6)]
    assert len({line.get_color() for line in lines}) == 6
    assert len({str(line.get_linestyle()) + str(line._dash_pattern) for line in lines}) == 6


def test_inside_a_notebook_figures_are_svg() -> None:
    program = (
        "from IPython.terminal.interactiveshell import TerminalInteractiveShell as Shell;"
        "shell = Shell.instance(); shell.run_line_magic('matplotlib', 'inline');"
        "from bibun.plotting import use_style; use_style();"
        "print([m for m, f in shell.display_formatter.formatters.items()"
        " if any('Figure' in str(k) for k in f.type_printers)])"
    )
    printed = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": "src"},
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert printed.splitlines()[-1] == "['image/svg+xml']"


def test_descents_share_one_curve_and_differ_in_marker() -> None:
    def f(x: float) -> float:
        return x**2

    _, axes = plt.subplots()
    for lr in (0.1, 0.3, 1.0):
        history = descend(f, 3.0, lr=lr, steps=10, derivative=lambda x: 2 * x)
        plot_descent(f, history, axes=axes, label=f"lr = {lr}")
    curve, *walks = axes.lines
    assert len(curve.get_xdata()) == 401
    assert [len(walk.get_xdata()) for walk in walks] == [11, 11, 11]
    assert len({walk.get_marker() for walk in walks}) == 3
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [
        "lr = 0.1",
        "lr = 0.3",
        "lr = 1.0",
    ]


def test_a_diverged_descent_can_still_be_drawn() -> None:
    history = descend(lambda x: x**4, 3.0, lr=1.0, steps=100, derivative=lambda x: 4 * x**3)
    assert history.diverged
    axes = plot_descent(lambda x: x, history)
    assert len(axes.lines) == 2


def test_an_error_of_zero_is_left_out_of_a_loglog_plot() -> None:
    axes = loglog_errors(
        [1e-1, 1e-2, 1e-3], {"前進差分": [1e-1, 0.0, 1e-3], "中心差分": [1e-2, 1e-4, 1e-6]}
    )
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    drawn = axes.lines[0].get_ydata()
    assert [value == value for value in drawn] == [True, False, True]
    svg(axes.figure)
