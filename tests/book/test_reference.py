"""参照ページ(bibun)が、公開の名前をすべて、日本語の見出しで載せていること。"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import pytest

import bibun

SOURCE = Path(__file__).resolve().parents[2] / "book" / "appendix" / "bibun.md"
ROOMS = sorted(module.name for module in pkgutil.iter_modules(bibun.__path__))
# 中身の部屋。読者が直に呼ぶものはなく、地図に名前だけを載せる
INSIDE = {
    "arguments",
    "autograd",
    "box_muller",
    "browser",
    "creation",
    "in_place",
    "methods",
    "operators",
    "printing",
    "random",
    "rules",
    "sampling",
    "shapes",
}
FIELDS = {"引数:", "警告:", "戻り値:", "例外:", "属性:", "順に返すもの:"}
RUBRICS = {"用例", "補足", "出典", "規則の書き方"}


@pytest.fixture(scope="module")
def page(site: Path) -> str:
    """手引きとエンジンの2ページをつないだもの。"""
    parts = ("bibun", "bibun-engine")
    return "".join((site / f"book/appendix/{part}.html").read_text("utf-8") for part in parts)


def test_the_map_names_every_room() -> None:
    named = set(re.findall(r"`([a-z_]+)`", SOURCE.read_text(encoding="utf-8")))
    assert set(ROOMS) <= named


@pytest.mark.parametrize("room", sorted(set(ROOMS) - INSIDE))
def test_every_public_function_and_class_is_described(page: str, room: str) -> None:
    module = importlib.import_module(f"bibun.{room}")
    names = getattr(module, "__all__", None) or [n for n in vars(module) if not n.startswith("_")]
    described = set(re.findall(r'id="bibun\.[\w.]*?(\w+)"', page))
    for name in names:
        value = getattr(module, name)
        if (inspect.isclass(value) or inspect.isfunction(value)) and value.__module__.startswith(
            "bibun"
        ):
            assert value.__name__ in described, f"bibun.{room}.{name}"


def test_the_headings_of_the_descriptions_are_japanese(page: str) -> None:
    fields = set(re.findall(r'<dt class="field-\w+">(.*?)<span class="colon">(:)</span>', page))
    assert {name + colon for name, colon in fields} <= FIELDS
    assert fields
    rubrics = {
        re.sub(r"<[^>]+>", "", text) for text in re.findall(r'<p class="rubric">(.*?)</p>', page)
    }
    assert rubrics
    assert rubrics <= RUBRICS
    assert "optional" not in re.sub(r"<pre>.*?</pre>", "", page, flags=re.S)
