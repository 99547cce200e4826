"""作ったホイールだけで、bibunが動くこと。"""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "-o", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = folder.glob("bibun-*.whl")
    return built


def test_wheel_holds_the_package_with_its_types_and_nothing_of_the_build(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert "bibun/py.typed" in names
    assert "bibun/exercises/tensor_make.py" in names
    assert not [name for name in names if name.startswith(("bibun_site", "tests", "book"))]


def test_wheel_alone_differentiates_and_judges(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path)
    code = (
        "import bibun.torch_api as torch\n"
        "from bibun.exercises import check\n"
        "x = torch.tensor(2.0, requires_grad=True)\n"
        "(x**2 + 4 * x + 3).backward()\n"
        "print(x.grad, check('3-1', 8.0).status)\n"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", code],  # -S: 仮想環境のパッケージを使わせない
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "tensor(8.) right\n", done.stderr
