"""日本語の段落の改行が、空白として表示されないこと。"""

from __future__ import annotations

import pytest

from bibun_site.japanese import join_lines


@pytest.mark.parametrize(
    ("before", "text", "after", "joined"),
    [
        ("", "勾配を\n計算します。", "", "勾配を計算します。"),
        ("", "勾配を\nbackward", "", "勾配をbackward"),
        ("", "PyTorch\nの勾配", "", "PyTorchの勾配"),
        ("", "two\nwords", "", "two\nwords"),
        ("太字です。", "\n", "次の文", ""),
        ("bold", "\n", "word", "\n"),
        ("", "\n", "文", ""),
    ],
)
def test_newline_next_to_japanese_is_removed(
    before: str, text: str, after: str, joined: str
) -> None:
    assert join_lines(before, text, after) == joined
