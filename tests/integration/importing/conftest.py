"""A registry that reviews, for programs that bring what they have."""

from collections.abc import Iterator

import pytest

from tests.integration.registry.conftest import ADMIN, RegistryProcess
from understudy.client import RegistryClient


@pytest.fixture(scope="session")
def reviewing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryProcess]:
    running = RegistryProcess(tmp_path_factory.mktemp("importing"))
    running.settings["UNDERSTUDY_REGISTRY_REVIEW"] = "true"
    running.settings["UNDERSTUDY_TRUSTED_TYPES"] = "numpy.dtype"
    running.start()
    yield running
    running.end()


@pytest.fixture
def registry(reviewing: RegistryProcess) -> Iterator[RegistryClient]:
    with RegistryClient(reviewing.url, ADMIN) as client:
        yield client
