"""サイトと置き場の住所と、枝 notebooks。"""

from __future__ import annotations

import subprocess
import tarfile
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sphinx.errors import ConfigError

from bibun_site import address

from .conftest import ROOT


def read(monkeypatch: pytest.MonkeyPatch, **variables: str) -> Any:
    """環境変数を置いて、設定を読む。"""
    config = SimpleNamespace(html_baseurl="https://example.org/a", bibun_repository="")
    for name in ("BIBUN_SITE_URL", "BIBUN_REPOSITORY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    address.read(None, config)  # type: ignore[arg-type]
    return config


def test_environment_wins_and_the_address_ends_with_a_slash(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert read(monkeypatch).html_baseurl == "https://example.org/a/"
    config = read(monkeypatch, BIBUN_SITE_URL="https://b.example", BIBUN_REPOSITORY="me/book")
    assert config.html_baseurl == "https://b.example/"
    assert address.colab(config, "x.ipynb") == (
        "https://colab.research.google.com/github/me/book/blob/notebooks/x.ipynb"
    )


def test_without_a_repository_there_is_no_colab(monkeypatch: pytest.MonkeyPatch) -> None:
    assert address.colab(read(monkeypatch), "x.ipynb") == ""


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("BIBUN_SITE_URL", "example.org", "の形で書きます。いまは「example.org」"),
        ("BIBUN_REPOSITORY", "https://github.com/me/book", "持ち主/名前 の形"),
    ],
)
def test_a_wrong_address_is_told(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        read(monkeypatch, **{name: value})


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_branch_holds_just_the_notebooks_and_changes_only_with_them(tmp_path: Path) -> None:
    origin, book, site = (tmp_path / name for name in ("origin", "book", "site"))
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(origin)], check=True)
    subprocess.run(["git", "init", "-q", "-b", "main", str(book)], check=True)
    (book / "README.md").write_text("本")
    git(book, "add", ".")
    git(book, "commit", "-qm", "Book")
    git(book, "push", "-q", str(origin), "main")
    (site / "downloads").mkdir(parents=True)
    (site / "index.html").write_text("本")

    def push(text: str) -> tuple[str, str]:
        (site / "downloads" / "use-tensor.ipynb").write_text(text)
        with tarfile.open(tmp_path / "artifact.tar", "w") as archive:
            archive.add(site, ".")
        with tempfile.TemporaryDirectory() as clone:
            git(tmp_path, "clone", "-q", str(origin), clone)
            script = [str(ROOT / "tools" / "push_notebooks.sh"), str(tmp_path / "artifact.tar")]
            subprocess.run(script, cwd=clone, check=True, capture_output=True)
        commit = git(origin, "rev-parse", "notebooks")
        return commit, git(origin, "show", "notebooks:use-tensor.ipynb")

    first, text = push("1")
    assert text == "1"
    assert git(origin, "ls-tree", "--name-only", "notebooks") == "use-tensor.ipynb"
    again, text = push("2")
    assert (again != first, text) == (True, "2")
    assert push("2") == (again, "2")
    assert git(origin, "rev-list", "--count", "notebooks") == "1"
