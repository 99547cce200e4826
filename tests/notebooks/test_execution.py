"""持ち帰ったノートブックが、Jupyterだけの環境で、最初のセルから動くこと。"""

from __future__ import annotations

import re
import subprocess
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import nbformat
import pytest

from bibun_site import first_cell
from bibun_site.chapter_cache import normalise

from .conftest import PAGES, Environment, Published

NO_NETWORK = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": ""}


def stem(page: str) -> str:
    return page.replace("/", "-")


def only_first(notebook: Any) -> Any:
    """最初のセルだけのノートブック。"""
    notebook.cells = notebook.cells[:1]
    return notebook


def listed(environment: Environment) -> dict[str, str]:
    """仮想環境に入っているものと版。"""
    command = [environment.python, "-m", "pip", "list", "--format=freeze"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return dict(line.split("==") for line in done.stdout.split())


@pytest.fixture(scope="session")
def offline_error(published: Published, bare: Environment, tmp_path_factory: Any) -> str:
    """何も入っていない環境で、ネットワークなしに最初のセルを動かしたときの例外。"""
    notebook = only_first(published.read("use-tensor"))
    done = bare.run(notebook, tmp_path_factory.mktemp("offline"), **NO_NETWORK)
    assert done.returncode != 0
    return re.sub(r"\x1b\[[0-9;]*m", "", done.stderr)


@pytest.fixture(scope="session")
def filled(
    published: Published, bare: Environment, offline_error: str, tmp_path_factory: Any
) -> tuple[Environment, Any]:
    """最初のセルがパッケージを入れ終えた環境と、そのセル。"""
    assert "torch" not in listed(bare)
    notebook = only_first(published.read("use-tensor"))
    done = bare.run(notebook, tmp_path_factory.mktemp("first"))
    assert done.returncode == 0, done.stderr
    return bare, notebook.cells[0]


@pytest.fixture(scope="session")
def runs(
    published: Published, filled: tuple[Environment, Any], tmp_path_factory: Any
) -> dict[str, Any]:
    """すべての章の、練習用のノートブックを初めから終わりまで実行した結果。"""
    place = tmp_path_factory.mktemp("runs")
    environment, _ = filled

    def run(page: str) -> Any:
        name = f"{stem(page)}-practice"
        notebook = published.read(name)
        done = environment.run(notebook, place / name)
        assert done.returncode == 0, done.stderr
        return notebook

    with ThreadPoolExecutor(2) as pool:
        return dict(zip(PAGES, pool.map(run, PAGES), strict=True))


def test_without_network_the_first_cell_says_what_to_do(offline_error: str) -> None:
    assert "RuntimeError: パッケージを入れられませんでした" in offline_error
    assert "インターネットにつながっているか確かめて" in offline_error


def test_first_cell_installs_the_pinned_versions(filled: tuple[Environment, Any]) -> None:
    environment, cell = filled
    installed = listed(environment)
    pins = first_cell.pinned(Path(__file__).parents[2] / "requirements.txt")
    for name in first_cell.PACKAGES:
        versions = [re.split(r"==|\s*;", pin)[1] for pin in pins if pin.startswith(f"{name}==")]
        assert installed[name].split("+")[0] in versions
    assert "bibun" in installed
    assert "入れています" in cell.outputs[0].text


@pytest.mark.parametrize("page", PAGES)
def test_notebook_runs_and_prints_what_the_book_prints(
    published: Published, runs: dict[str, Any], page: str
) -> None:
    notebook = runs[page]
    book = nbformat.read(published.build / "jupyter_execute" / "book" / f"{page}.ipynb", 4)
    normalise(notebook)
    first, *cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert first.outputs == [], "もう全部あるときは、最初のセルは何も言わない"
    shown = [cell for cell in book.cells if is_shown(cell)]
    assert len(cells) == len(shown)
    for ours, theirs in zip(cells, shown, strict=True):
        assert ours.source == theirs.source
        assert comparable(ours) == comparable(theirs), ours.source


def is_shown(cell: Any) -> bool:
    """読者に見えるコードセルか。"""
    return cell.cell_type == "code" and "remove-cell" not in cell.metadata.get("tags", [])


def comparable(cell: Any) -> list[dict[str, Any]]:
    """セルの番号を除いた出力。"""
    return [{k: v for k, v in out.items() if k != "execution_count"} for out in cell.outputs]


def test_zip_of_notebooks_works_without_an_address_and_without_network(
    published: Published, runs: dict[str, Any], bare: Environment, tmp_path: Path
) -> None:
    zipfile.ZipFile(published.downloads / "notebooks.zip").extractall(tmp_path)
    (folder,) = (path for path in tmp_path.iterdir())
    subprocess.run([bare.python, "-m", "pip", "uninstall", "-q", "-y", "bibun"], check=True)
    notebook = only_first(nbformat.read(folder / "use-tensor.ipynb", 4))
    notebook.cells[0].source = notebook.cells[0].source.replace(repr(published.address), "''")
    assert published.address not in notebook.cells[0].source
    done = bare.run(notebook, folder, **NO_NETWORK)
    assert done.returncode == 0, done.stderr
    assert "bibun" in listed(bare)
    assert "bibun-" in notebook.cells[0].outputs[0].text


def test_without_address_and_wheel_the_first_cell_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RuntimeError, match=r"bibun-0\.0\.7-py3-none-any\.whl .*同じフォルダー"):
        first_cell.prepare("", "0.0.7", ["torch==2.13.0"])


def test_another_torch_is_kept_and_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("importlib.metadata.version", lambda name: {"torch": "9.9"}.get(name, "1"))
    first_cell.prepare("", "1", ["torch==2.13.0"])
    printed = capsys.readouterr().out
    assert printed.startswith("PyTorch 9.9 で動かします。本の出力は 2.13.0 のもの")
