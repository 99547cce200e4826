"""出力が、どの種類でも、ふつうのJupyterカーネルが返すものと同じであること。"""

from __future__ import annotations

import copy
from typing import Any

import pytest
from nbclient import NotebookClient

from bibun_site.chapter_cache import normalise
from bibun_site.environment import STARTUP
from bibun_site.execution import execute

from .conftest import notebook

# 名前とセル。1つのノートブックとして、上から順に実行する
CELLS = {
    "result": "1 + 1",
    "no result after a semicolon": "1 + 1;",
    "none": "None",
    "the previous result": "Out[1] + _1",
    "print": "print('あ', end='')\nprint('い')",
    "both streams": "import sys\nprint('o1')\nprint('e1', file=sys.stderr)\nprint('o2')",
    "error stream first": "print('e', file=sys.stderr)\nprint('o')",
    "streams around a display": "print('a')\nprint('x', file=sys.stderr)\ndisplay(1)\nprint('b')",
    "file descriptor": "import os, time\nos.write(1, 'あ\\n'.encode());\ntime.sleep(0.5)",
    "file descriptor of errors": "os.write(2, b'e\\n');\ntime.sleep(0.5)",
    "file descriptor, then print": "os.write(1, b'1\\n')\ntime.sleep(0.5)\nprint('2')",
    "file descriptor, then display": "os.write(1, b'1\\n')\ntime.sleep(0.5)\ndisplay('2')",
    "subprocess": "import subprocess\nsubprocess.run(['echo', 'hello'])\ntime.sleep(0.5)",
    "original stream": "print('元', file=sys.__stdout__, flush=True)\ntime.sleep(0.5)",
    "html": "from IPython.display import HTML, Image, SVG, Markdown, clear_output\nHTML('<b>太字</b>')",
    "markdown": "Markdown('*あ*')",
    "svg": "SVG('<svg xmlns=\"http://www.w3.org/2000/svg\"/>')",
    "several displays": "display(1, 'two', [3])",
    "png bytes": "import base64\nImage(base64.b64decode('iVBORw0KGgo='), format='png', width=3)",
    "display with an identity": "handle = display('前', display_id='same')",
    "update of an earlier cell": "handle.update('後')\nprint('更新')",
    "update in the same cell": "h = display(1, display_id='here')\nh.update(2)\n3",
    "clear": "print('消える')\nclear_output()\nprint('残る')",
    "clear when the next comes": "print('消える')\nclear_output(wait=True)\nprint('残る')",
    "clear when nothing comes": "print('残る')\nclear_output(wait=True)",
    "error": "def f(x):\n    return 1 / x\n\nprint('前')\nf(0)",
    "error with a cause": "try:\n    {}['k']\nexcept KeyError as e:\n    raise ValueError('理由') from e",
    "syntax error": "x = = 1",
    "name error": "ない名前",
    "system exit": "raise SystemExit(3)",
    "keyboard interrupt": "raise KeyboardInterrupt",
    "after an error": "print('続く')",
    "warning": "import warnings\nwarnings.warn('気をつけて')",
    "logging": "import logging\nlogging.warning('記録')",
    "figure": (
        "import matplotlib.pyplot as plt\nfig, ax = plt.subplots(figsize=(2, 1))\n"
        "ax.plot([0, 1]);\nprint('図より前')"
    ),
    "figure in the book's style": (
        "from bibun.plotting import use_style\nuse_style()\nplt.figure(figsize=(2, 1))\n"
        "plt.plot([0, 1], label='線')\nplt.show()\nprint('図より後')"
    ),
    "two figures": "for i in range(2):\n    plt.figure(figsize=(1, 1))\n    plt.plot([i, 1])",
    "figure before an error": "plt.figure(figsize=(1, 1))\nplt.plot([0, 1])\n1 / 0",
    "torch": (
        "import torch\nx = torch.tensor(2.0, requires_grad=True)\ny = x**2\ny.backward()\nx.grad"
    ),
    "torch's error": "torch.ones(2, 3) @ torch.ones(2)",
    "graph by torchviz": "import torchviz\ntorchviz.make_dot(x**2, params={'x': x})",
    "graph by bibun": "from bibun.graph import Graph\nfrom bibun.render import draw\ndraw(Graph.from_tensor(x**2))",
    "await": "import asyncio\nawait asyncio.sleep(0)\n'待った'",
    "class of this notebook": "class C: pass\nimport pickle\n(C.__module__, type(pickle.loads(pickle.dumps(C()))) is C)",
    "docstring pager": "len?",
    "magic": "%who_ls C",
    "blank": "  ",
    "count": "len(In)",
    "working directory is empty": "os.listdir()",
    "import path": "sys.path",
    "terminal": "sys.stdout.isatty(), sys.stdin.isatty()",
    "encoding": "sys.stdout.encoding, sys.stdout.writable()",
}


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    """同じノートブックを、本のしかたと、ふつうのカーネルで実行した結果。"""
    ours = notebook(*CELLS.values())
    stock = copy.deepcopy(ours)
    for run, _ in execute({"a": ours}, seconds=60):
        assert not run.reason
    home = tmp_path_factory.mktemp("ipython")
    startup = home / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "00-bibun.py").write_text(STARTUP, encoding="utf-8")
    here = tmp_path_factory.mktemp("work")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IPYTHONDIR", str(home))
        patch.delenv("PYTEST_CURRENT_TEST")  # あると、カーネルはファイル記述子を受けない
        resources = {"metadata": {"path": str(here)}}
        NotebookClient(stock, allow_errors=True, timeout=60, resources=resources).execute()
    normalise(ours)
    normalise(stock)
    return ours, stock


def test_subprocess_writing_into_our_stream_is_heard() -> None:
    """ふつうのカーネルでは、この出力はカーネルを始めた端末に出てしまう。"""
    book = notebook("import subprocess, sys\nsubprocess.run(['echo', 'hi'], stdout=sys.stdout);")
    list(execute({"a": book}, seconds=60))
    assert [output.text for output in book.cells[0].outputs] == ["hi\n"]


@pytest.mark.xdist_group("stock-kernel")
@pytest.mark.parametrize("name", CELLS)
def test_output_is_that_of_a_stock_kernel(both: tuple[Any, Any], name: str) -> None:
    ours, stock = (each.cells[list(CELLS).index(name)] for each in both)
    assert ours.outputs == stock.outputs
    assert ours.execution_count == stock.execution_count


@pytest.mark.xdist_group("stock-kernel")
def test_the_samples_do_put_something_out(both: tuple[Any, Any]) -> None:
    silent = {name for name, cell in zip(CELLS, both[0].cells, strict=True) if not cell.outputs}
    assert silent == {
        "no result after a semicolon",
        "none",
        "docstring pager",
        "blank",
    }


@pytest.mark.xdist_group("stock-kernel")
def test_language_is_described_as_a_stock_kernel_describes_it() -> None:
    ours, stock = notebook("1"), notebook("1")
    NotebookClient(stock, timeout=60).execute()
    described = stock.metadata["language_info"]
    normalise(ours)
    assert ours.metadata["language_info"] == described
