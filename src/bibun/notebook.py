"""ノートブックの表示を整える: 短いトレースバックと、計算グラフの図。

本のビルドではカーネルの起動時に、ダウンロードしたノートブックでは最初のセルで、同じ `setup` が呼ばれる。
そのため、どちらでも同じ表示になる。IPythonの中でだけ使う。
"""

from __future__ import annotations

import re
import traceback
import warnings
from typing import Any

__all__ = ["setup"]


def setup() -> None:
    """いまのIPythonに、短いトレースバックと計算グラフの表示を登録する。

    - エラーのとき、読者のセルの行と最後の行だけを見せ、ライブラリーの内側の行は数だけを言う。
      計算機ごとに違うファイルの置き場所が、本の出力に混ざらない。
    - 警告も、種類と文だけを見せる。
    - ``torchviz.make_dot`` の戻り値を、``dot`` コマンドがなくてもその場に図で表示する。

    IPythonの外(ただのPython)では何もしない。

    Examples
    --------
    >>> setup()
    """
    try:
        from IPython import get_ipython
    except ImportError:
        return
    shell = get_ipython()
    if shell is None:
        return
    shell.set_custom_exc((Exception,), _show_short_traceback)
    warnings.formatwarning = short_warning
    bundles = shell.display_formatter.mimebundle_formatter
    bundles.for_type_by_name("graphviz.graphs", "Digraph", _show_dot)


def _show_short_traceback(
    shell: Any,
    kind: type[BaseException],
    error: BaseException,
    tb: Any,
    tb_offset: int | None = None,
) -> list[str]:
    lines = short_traceback(kind, error, tb)
    shell._showtraceback(kind, error, lines)
    return lines


def short_traceback(
    kind: type[BaseException], error: BaseException, tb: Any, *, count_hidden: bool = True
) -> list[str]:
    """読者のセルの行だけを残したトレースバックの行。

    Parameters
    ----------
    kind, error, tb
        ``sys.exc_info()`` の3つ組。
    count_hidden : bool
        省いたライブラリーの段数を言うか。段数は、torchとbibunで違う。

    Returns
    -------
    list of str
        セルの中で起きた行、省いたライブラリーの段数、最後の行(種類と理由)。
    """
    lines = ["Traceback (most recent call last):"]
    hidden = 0
    for frame, number in traceback.walk_tb(tb):
        summary = traceback.extract_stack(frame, limit=1)[0]
        code = frame.f_code
        if not _in_cell(code.co_filename):
            hidden += len(lines) > 1  # 最初のセルより外側は、IPython自身の段
            continue
        source = _source_line(code.co_filename, number)
        where = "" if code.co_name == "<module>" else f"、関数 {summary.name} の中"
        lines.append(f"  セルの{number}行目{where}")
        if source:
            lines.append(f"    {source}")
    if hidden and count_hidden:
        lines.append(f"  (ライブラリーの内側の{hidden}段は省略)")
    lines.extend(line.rstrip("\n") for line in traceback.format_exception_only(kind, error))
    return lines


def short_warning(message: Warning | str, category: type[Warning], *_: object, **__: object) -> str:
    """警告の種類と文だけ(``warnings.formatwarning`` の代わり)。"""
    text = re.sub(r" \(Triggered internally at .*?\)", "", str(message))
    return f"{category.__name__}: {text}\n"


def _in_cell(filename: str) -> bool:
    return filename.startswith(("<ipython-input", "<cell ")) or "ipykernel_" in filename


def _source_line(filename: str, number: int) -> str:
    import linecache

    return linecache.getline(filename, number).strip()


def _show_dot(digraph: Any, include: object = None, exclude: object = None) -> dict[str, str]:
    from bibun.render import draw_dot

    drawing = draw_dot(digraph)
    return {"text/html": drawing._repr_html_(), "text/plain": drawing.alt}
