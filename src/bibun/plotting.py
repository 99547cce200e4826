"""matplotlibの図の見た目:日本語の文字、色と線の種類、狭い画面でも読める大きさ。"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from bibun.descent import History

__all__ = ["loglog_errors", "plot_descent", "use_style"]

# Okabe–Itoの配色から、白地で見分けにくい黄色を除いたもの。色がわからなくても線種と印で区別できる。
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#000000")
LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1)))
MARKERS = ("o", "s", "^", "D", "v", "x")


def use_style() -> None:
    """この本の図の見た目をmatplotlibに設定する。

    日本語の文字(IPAexGothic)、色覚の違いによらず線種でも見分けられる配色、幅390 pxの画面でも
    読める大きさ、毎回同じになるSVGを選ぶ。ノートブックの中では図をSVGで表示する。

    Notes
    -----
    フォントにない文字は隠さず、matplotlibの警告のまま出す。

    Examples
    --------
    >>> use_style()
    >>> import matplotlib
    >>> matplotlib.rcParams["font.family"][0]
    'IPAexGothic'
    """
    import matplotlib
    import matplotlib_fontja  # type: ignore[import-untyped]

    matplotlib_fontja.japanize()
    matplotlib.rcParams.update(_settings())
    _show_svg_in_notebook()


def _settings() -> dict[Any, Any]:
    from cycler import cycler

    return {
        # IPAexGothicを先頭に置かないと、数式の中の記号が豆腐になる。
        "font.family": ["IPAexGothic", "sans-serif"],
        "font.size": 11.5,
        "axes.titlesize": 12,
        "axes.labelsize": 11.5,
        "xtick.labelsize": 11,
        "ytick.labelsize": 11,
        "legend.fontsize": 11,
        "figure.figsize": (5.2, 3.4),
        "figure.constrained_layout.use": True,
        "figure.facecolor": "white",
        "savefig.facecolor": "white",
        "axes.prop_cycle": cycler(color=COLORS) + cycler(linestyle=LINES),
        "lines.linewidth": 2.0,
        "lines.markersize": 5.0,
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": "#dddddd",
        "grid.linewidth": 0.8,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.unicode_minus": False,
        "legend.frameon": False,
        "svg.fonttype": "path",
        "svg.hashsalt": "bibun",
    }


def _show_svg_in_notebook() -> None:
    try:
        from IPython import get_ipython
    except ImportError:
        return
    if get_ipython() is None:
        return
    from matplotlib_inline.backend_inline import set_matplotlib_formats

    set_matplotlib_formats("svg")  # type: ignore[no-untyped-call]


def plot_descent(
    f: Callable[[float], float],
    history: History,
    *,
    axes: Axes | None = None,
    label: str | None = None,
    margin: float = 0.5,
) -> Axes:
    """関数のグラフの上に、勾配降下法がたどった点を重ねて描く。

    Parameters
    ----------
    f : callable
        数を受け取って数を返す関数。
    history : History
        ``bibun.descent.descend``の結果(スカラーの``x``)。
    axes : matplotlib.axes.Axes, optional
        描く先。省けば今の図。すでに曲線が描いてあれば、点だけを足す。
    label : str, optional
        凡例に出す名前。
    margin : float
        たどった範囲の左右に足す幅。

    Returns
    -------
    matplotlib.axes.Axes
        描いた先。

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> from bibun.descent import descend
    >>> history = descend(lambda x: x**2, 3.0, lr=0.1, steps=20, derivative=lambda x: 2 * x)
    >>> import matplotlib.pyplot as plt
    >>> figure, axes = plt.subplots()
    >>> plot_descent(lambda x: x**2, history, axes=axes, label="lr=0.1").get_xlabel()
    'x'
    >>> plt.close(figure)
    """
    import matplotlib.pyplot as plt

    axes = axes or plt.gca()
    if not axes.lines:
        finite = [x for x in history.xs if isfinite(x)]
        low, high = min(finite) - margin, max(finite) + margin
        grid = [low + (high - low) * i / 400 for i in range(401)]
        axes.plot(grid, [float(f(x)) for x in grid], color="#888888", linestyle="-", zorder=1)
        axes.set_xlabel("x")
        axes.set_ylabel("f(x)")
    number = sum(1 for line in axes.lines if line.get_marker() != "None")
    axes.plot(history.xs, history.values, marker=MARKERS[number % len(MARKERS)], label=label)
    if label:
        axes.legend()
    return axes


def loglog_errors(
    steps: Sequence[float],
    errors: Mapping[str, Sequence[float]],
    *,
    axes: Axes | None = None,
) -> Axes:
    """刻み幅hに対する誤差を両対数で描く。

    Parameters
    ----------
    steps : sequence of float
        刻み幅。
    errors : mapping of str to sequence of float
        方法の名前と、刻み幅ごとの誤差の絶対値。0は対数で描けないので、その点は抜ける。
    axes : matplotlib.axes.Axes, optional
        描く先。省けば今の図。

    Returns
    -------
    matplotlib.axes.Axes
        描いた先。

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> import matplotlib.pyplot as plt
    >>> figure, axes = plt.subplots()
    >>> errors = {"前進差分": [1e-1, 1e-2], "中心差分": [1e-2, 1e-4]}
    >>> loglog_errors([1e-1, 1e-2], errors, axes=axes).get_yscale()
    'log'
    >>> plt.close(figure)
    """
    import matplotlib.pyplot as plt

    axes = axes or plt.gca()
    for (name, values), marker in zip(errors.items(), MARKERS, strict=False):
        drawn = [value if value > 0 else float("nan") for value in values]
        axes.loglog(steps, drawn, marker=marker, label=name)
    axes.set_xlabel("刻み幅 $h$")
    axes.set_ylabel("誤差の絶対値")
    axes.legend()
    return axes
