"""The generator and two of its parts, compiled once."""

import ctypes
import subprocess
from pathlib import Path

import pytest

from benchmarks.peers.generator import SOURCES, Generator, build


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("generator"))


@pytest.fixture
def generator(compiled: Path) -> Generator:
    return Generator(compiled, core=0)


@pytest.fixture(scope="session")
def parts(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """histogram.c and answer.c, to be called one by one."""
    library = tmp_path_factory.mktemp("parts") / "parts.so"
    sources = [str(SOURCES / name) for name in ("histogram.c", "answer.c")]
    command = ["gcc", "-shared", "-fPIC", "-o", str(library), *sources]
    subprocess.run(command, check=True)
    loaded = ctypes.CDLL(str(library))
    loaded.histogram_quantile.restype = ctypes.c_uint64
    loaded.answer_read.restype = ctypes.c_size_t
    return loaded
