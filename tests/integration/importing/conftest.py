"""A registry that reviews, for programs that bring what they have."""

from collections.abc import Iterator

import pytest

from tests.integration.registry.conftest import ADMIN, RegistryProcess, files
from understudy.client import RegistryClient

__all__ = ["files"]


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


@pytest.fixture(scope="session")
def registry_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryProcess]:
    """It reviews nothing."""
    running = RegistryProcess(tmp_path_factory.mktemp("importing"))
    running.start()
    yield running
    running.end()
