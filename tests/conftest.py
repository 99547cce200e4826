"""全テストに共通の条件。"""

from __future__ import annotations

import os

import pytest

from bibun_site.environment import ENVIRONMENT

# torchの最後の桁は、CPUの命令、足す順、スレッドの数で変わるので、torchより先に、本のビルドと同じにする
for name in ("ATEN_CPU_CAPABILITY", "MKL_CBWR", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(name, ENVIRONMENT[name])


@pytest.fixture(autouse=True, scope="session")
def grouped(request: pytest.FixtureRequest) -> None:
    """``xdist_group`` が働いていること(働かなければ、重い用意を、プロセスごとにすることになる)。"""
    if not getattr(request.config.option, "loadgroup", False):
        return
    marked = [item for item in request.session.items if item.get_closest_marker("xdist_group")]
    loose = [item.nodeid for item in marked if "@" not in item.nodeid]
    if loose:
        pytest.fail(
            f"pytest-xdistのグループが働いていません(たとえば {loose[0]})。pytestとpytest-xdistの"
            "版の組み合わせを確かめてください(requirements-dev.in)。",
            pytrace=False,
        )
