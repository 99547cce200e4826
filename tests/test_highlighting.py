"""コードの色: 色の付く字句だけが囲まれ、文字は1つも変わらないこと。"""

from __future__ import annotations

import html
import re

import pytest
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name

from bibun_site import highlighting

CODE = '''import torch
from bibun.graph import trace  # 記録

@torch.no_grad()
def step(x: float = 1e-3, *, name="傾き") -> None:
    """説明"""
    return f"{x:.2f}" if x not in (None, 0x1F) else -x @ x
'''
SESSION = ">>> 1 + 1\n2\n>>> 1 / 0\nTraceback (most recent call last):\nZeroDivisionError\n"


def characters(marked: str) -> str:
    return html.unescape(re.sub("<[^>]*>", "", marked))


@pytest.mark.parametrize(("lexer", "code"), [("python", CODE), ("pycon", SESSION)])
def test_only_coloured_tokens_are_wrapped_and_the_text_is_the_same(lexer: str, code: str) -> None:
    ours = highlight(code, get_lexer_by_name(lexer), highlighting.ColouredFormatter())
    stock = highlight(code, get_lexer_by_name(lexer), HtmlFormatter())
    wrapped = set(re.findall(r'<span class="(\w+)">', stock))
    assert characters(ours) == characters(stock)
    assert set(re.findall(r'<span class="(\w+)">', ours)) == wrapped & highlighting.COLOURED
    assert wrapped - highlighting.COLOURED
