"""全テストに共通の条件。"""

from __future__ import annotations

import os

import pytest

from bibun_site.environment import ENVIRONMENT

# torchの最後の桁は、CPUの命令、足す順、スレッドの数で変わるので、torchより先に、本のビルドと同じにする
for name in ("ATEN_CPU_CAPABILITY", "MKL_CBWR", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(name, ENVIRONMENT[name])


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """``xdist_group`` が働かなければ、言って止まる(重い用意を、プロセスごとにすることになる)。"""
    if not getattr(config.option, "loadgroup", False):
        return
    loose = [i.nodeid for i in items if i.get_closest_marker("xdist_group") and "@" not in i.nodeid]
    if loose:
        raise pytest.UsageError(
            f"pytest-xdistのグループが働いていません(たとえば {loose[0]})。pytestとpytest-xdistの"
            "版の組み合わせを確かめてください(requirements-dev.in)。"
        )
