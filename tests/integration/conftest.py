"""One laptop cluster, without the example, for all integration tests that need a whole one."""

from collections.abc import Iterator

import psutil
import pytest

from tests.cluster import LaptopCluster, laptop_cluster


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LaptopCluster]:
    with laptop_cluster(tmp_path_factory.mktemp("cluster"), serving_workers=1) as running:
        yield running
        family = psutil.Process(running.launcher_pid()).children(recursive=True)
        assert running.stop() == 0
        assert not any(process.is_running() for process in family)
