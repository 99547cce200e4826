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
    shell = get_ipython()  # type: ignore[no-untyped-call]
    if shell is None:
        return
    shell.set_custom_exc((Exception,), _show_short_traceback)
    warnings.formatwarning = _short_warning
    formatter = shell.display_formatter.formatters["text/html"]
    formatter.for_type_by_name("graphviz.graphs", "Digraph", _dot_as_html)
    for mime in ("image/svg+xml", "text/plain"):
        other = shell.display_formatter.formatters[mime]
        other.for_type_by_name("graphviz.graphs", "Digraph", _dot_as_text)


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


def short_traceback(kind: type[BaseException], error: BaseException, tb: Any) -> list[str]:
    """読者のセルの行だけを残したトレースバックの行。

    Parameters
    ----------
    kind, error, tb
        ``sys.exc_info()`` の3つ組。

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
            hidden += 1
            continue
        source = _source_line(code.co_filename, number)
        where = "" if code.co_name == "<module>" else f"、関数 {summary.name} の中"
        lines.append(f"  セルの{number}行目{where}")
        if source:
            lines.append(f"    {source}")
    if hidden:
        lines.append(f"  (ライブラリーの内側の{hidden}段は省略)")
    lines.extend(line.rstrip("\n") for line in traceback.format_exception_only(kind, error))
    return lines


def _short_warning(
    message: Warning | str, category: type[Warning], *_: object, **__: object
) -> str:
    text = re.sub(r" \(Triggered internally at .*?\)", "", str(message))
    return f"{category.__name__}: {text}\n"


def _in_cell(filename: str) -> bool:
    return filename.startswith("<ipython-input") or "ipykernel_" in filename


def _source_line(filename: str, number: int) -> str:
    import linecache

    return linecache.getline(filename, number).strip()


def _dot_as_html(digraph: Any) -> str:
    from bibun.render import draw_dot

    html: str = draw_dot(digraph)._repr_html_()
    return html


def _dot_as_text(digraph: Any) -> None:
    return None
