"""作られたサイトが、講義のすべてを、本当に実行して載せていること。"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = (
    "index",
    "start/why-autodiff",
    "start/pytorch",
    "use/tensor",
    "use/recording",
    "use/backward",
    "use/many-functions",
    "use/gradient-descent",
    "use/pitfalls",
    "how/numerical-differentiation",
    "how/computation-graph",
    "how/chain-rule",
    "how/reverse-mode",
    "how/build-your-own",
    "appendix/errata",
    "appendix/glossary",
    "appendix/index-of-terms",
    "appendix/notation",
    "appendix/bibun",
    "appendix/bibun-engine",
    "appendix/environment",
)
# 本の中のどこかで、本当に出力されていなければならないもの(講義の要)
OUTPUTS = {
    "index": ["tensor(8.)"],
    "use/tensor": [
        "RuntimeError: Only Tensors of floating point and complex dtype can require gradients"
    ],
    "use/recording": [
        "tensor(4., grad_fn=<AddBackward0>)",
        "tensor(4., grad_fn=<MulBackward0>)",
        "SqrtBackward0",
        "LogBackward0",
    ],
    "use/backward": ["tensor(1.)"],
    "use/many-functions": ["tensor(-218.4625)", "tensor(8.)", "2.6111"],
    "use/gradient-descent": ["0.3517"],
    "use/pitfalls": ["'Tensor' object is not callable", "3.8147"],
    "how/numerical-differentiation": ["4.0000010006480125"],
    "appendix/errata": [
        "TypeError: 'Tensor' object is not callable",
        "mat1 and mat2 shapes cannot be multiplied (1x2 and 1x2)",
        "NameError",
    ],
}


def executed(page: str) -> list[dict[str, object]]:
    """実行済みノートブックのセル。"""
    path = ROOT / "_build" / "jupyter_execute" / "book" / f"{page}.ipynb"
    cells: list[dict[str, object]] = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return cells


def test_the_site_has_exactly_the_pages_of_the_table(site: Path) -> None:
    built = {
        p.relative_to(site / "book").with_suffix("").as_posix() for p in site.glob("book/**/*.html")
    }
    assert built == set(PAGES)


@pytest.mark.parametrize("page", PAGES)
def test_every_code_cell_was_executed(site: Path, page: str) -> None:
    codes = [cell for cell in executed(page) if cell["cell_type"] == "code"]
    assert codes or page == "appendix/index-of-terms", "コードセルが1つもありません"
    counts = [cell["execution_count"] for cell in codes]
    assert counts == list(range(1, len(codes) + 1))


@pytest.mark.parametrize("page", OUTPUTS)
def test_the_outputs_of_the_lecture_really_came_out(site: Path, page: str) -> None:
    shown = json.dumps([cell.get("outputs", []) for cell in executed(page)], ensure_ascii=False)
    for output in OUTPUTS[page]:
        assert output in shown, f"{output} が出力されていません"


@pytest.mark.parametrize("page", PAGES)
def test_page_is_whole(site: Path, page: str) -> None:
    html = (site / "book" / f"{page}.html").read_text(encoding="utf-8")
    assert 'lang="ja"' in html
    assert "system-message" not in html
    assert 'class="problematic"' not in html
    assert re.search(r'<meta name="description" content="[^"]{20,}"', html), "説明がありません"
    for picture in re.findall(r"<img [^>]*>", html):
        assert re.search(r'alt="[^"]', picture), picture


@pytest.mark.parametrize("page", PAGES)
def test_the_contents_lead_to_every_page_and_mark_the_one_being_read(site: Path, page: str) -> None:
    html = (site / "book" / f"{page}.html").read_text(encoding="utf-8")
    contents = re.search(r'<nav class="sidebar-tree".*?</nav>', html, re.S)
    assert contents is not None
    folder = Path(page).parent
    found = [
        page
        if address == "#"
        else Path(os.path.normpath(folder / address)).with_suffix("").as_posix()
        for address in re.findall(r'href="(.*?)"', contents[0])
    ]
    assert found == [name for name in PAGES if name != "index"]
    assert contents[0].count("current-page") == (page != "index")
    assert contents[0].count('href="#"') == (page != "index")
