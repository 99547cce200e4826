"""場所、時刻、並べ方、実行のしかたが違っても、同じ本が1バイトも違わずにできること。"""

from __future__ import annotations

import filecmp
import os
from pathlib import Path

import pytest

from .conftest import Book, code, page

ALT = "mystnb:\n  image:\n    alt: 右上がりの直線。\n"
FIGURE = f"---\n{ALT}---\n"
PAGES = {
    "figures": page(
        "figures",
        code(
            "import matplotlib.pyplot as plt\n\nplt.plot([0, 1], label='a')\nplt.legend();", FIGURE
        ),
        code(
            "from bibun.plotting import use_style\n\nuse_style()\nplt.plot([0, 1])\nplt.show()",
            FIGURE,
        ),
    ),
    "unnamed": page(  # 名前がないので、分岐の前に読み込まれない
        "unnamed",
        code(
            "plt = __import__('mat' + 'plotlib.pyplot', fromlist=['plot'])\nplt.plot([0, 1]);",
            FIGURE,
        ),
    ),
    "graphs": page(
        "graphs",
        code("import torch\n\nx = torch.tensor(2.0, requires_grad=True)\nx**2"),
        code(
            "from bibun.graph import Graph\nfrom bibun.render import draw\n\ndraw(Graph.from_tensor(x * x))"
        ),
        code("import torchviz\n\ntorchviz.make_dot(x * x, params={'x': x})"),
    ),
    "streams": page(
        "streams",
        "`SyntaxError`と`ValueError`を見ます。",
        code(
            "import warnings\n\nfor i in range(3):\n    print(i)\n    warnings.warn(f'注意{i}')",
            ":stderr: 注意\n",
        ),
        code("x = = 1", ":tags: [raises-exception]\n:raises: SyntaxError\n"),
        code("int('x')", ":tags: [raises-exception]\n:raises: ValueError\n"),
        code("sorted(hash(name) for name in 'abc'), {*'abcdefg'}"),
    ),
    "times": page("times", code("import time\n\ntime.sleep(0.2)"), "```{nb-exec-table}\n```"),
}


def files(folder: Path) -> set[str]:
    """フォルダーの中のファイル。"""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def differences(one: Path, other: Path) -> set[str]:
    """2つのフォルダーの、片方にしかないか、中身の違うファイル。"""
    common = files(one) & files(other)
    _, different, unreadable = filecmp.cmpfiles(one, other, common, shallow=False)
    return (files(one) ^ files(other)) | set(different) | set(unreadable)


@pytest.mark.parametrize("folder", ["html", "jupyter_execute"])
def test_two_builds_are_equal_to_the_byte(two: tuple[Path, Path], folder: str) -> None:
    one, other = (each / "_build" / folder for each in two)
    assert len(files(one)) > 4
    assert differences(one, other) == set()


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """並べて分岐で作った本と、別の場所で、ふつうのカーネルで1つのCPUで作った本。"""
    fast = Book(tmp_path_factory.mktemp("fast"), PAGES)
    stock = Book(
        tmp_path_factory.mktemp("stock") / "もっと" / "深い場所", PAGES, bibun_fork="false"
    )
    built = fast.build()
    assert built.returncode == 0, built.log
    assert built.executed == set(PAGES)
    cpus = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(cpus)})
        built = stock.build()
    finally:
        os.sched_setaffinity(0, cpus)
    assert built.returncode == 0, built.log
    assert built.executed == set()
    return fast.folder, stock.folder


def test_a_difference_would_be_seen(tmp_path: Path) -> None:
    for name, text in (("a", "1"), ("b", "2")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "same").write_text("0")
        (tmp_path / name / "page").write_text(text)
        (tmp_path / name / f"only-{name}").write_text("0")
    assert differences(tmp_path / "a", tmp_path / "b") == {"page", "only-a", "only-b"}
