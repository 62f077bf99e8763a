"""Settings that can't be right end a command with 2; what does not answer ends it with 1."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from .conftest import RegistryProcess

pytestmark = pytest.mark.timeout(300)

HOST = "u:s3cret@127.0.0.1:9/d"


def told(folder: Path, *words: str, **settings: str) -> tuple[int, str]:
    """The exit code and the complaint."""
    registry = RegistryProcess(folder, settings=settings)
    done = subprocess.run(
        [sys.executable, "-m", "services.registry", *words],
        env=registry.environment(),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert (done.stdout, "Traceback" in done.stderr, "s3cret" in done.stderr) == ("", False, False)
    return done.returncode, done.stderr.splitlines()[-1]


def without(folder: Path, library: str) -> str:
    """A path for Python on which a library is as if it had not been installed."""
    missing = f"raise ModuleNotFoundError('No module named {library}', name='{library}')\n"
    (folder / f"{library}.py").write_text(missing)
    return str(folder)


@pytest.mark.parametrize(
    ("url", "code", "words"),
    [
        ("nonsense", 2, ("UNDERSTUDY_DATABASE_URL can't be read", "postgresql+psycopg://")),
        (f"postgresql://{HOST[:-4]}:port/d", 2, ("UNDERSTUDY_DATABASE_URL can't be read",)),
        (f"nosuch://{HOST}", 2, ("does not know",)),
        (f"mysql+mysqldb://{HOST}", 2, ("needs the driver MySQLdb",)),
        pytest.param(
            f"postgresql+psycopg://{HOST}",
            1,
            ("The database at 127.0.0.1:9 ", "refused"),
            marks=pytest.mark.skipif(find_spec("psycopg") is None, reason="no psycopg"),
        ),
    ],
)
def test_what_is_wrong_with_a_database_is_told(
    tmp_path: Path, url: str, code: int, words: tuple[str, ...]
) -> None:
    found, said = told(tmp_path, "migrate", UNDERSTUDY_DATABASE_URL=url)
    assert found == code
    assert all(word in said for word in words), said


def test_a_missing_driver_is_told_with_the_extra_that_brings_it(tmp_path: Path) -> None:
    path, url = without(tmp_path, "psycopg"), f"postgresql+psycopg://{HOST}"
    code, said = told(tmp_path, "migrate", UNDERSTUDY_DATABASE_URL=url, PYTHONPATH=path)
    assert (code, "pip install 'understudy[postgres]'" in said) == (2, True)


def test_a_folder_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    code, said = told(tmp_path, "migrate", UNDERSTUDY_STATE_DIR=f"{tmp_path}/state")
    assert (code, f"{tmp_path}/state/registry" in said) == (2, True)
    (tmp_path / "x.db").mkdir()
    url = f"sqlite:///{tmp_path}/x.db"
    code, said = told(tmp_path, "migrate", UNDERSTUDY_DATABASE_URL=url)
    assert (code, f"The database at {tmp_path}/x.db" in said) == (1, True)


def test_a_missing_library_of_a_folder_is_told(tmp_path: Path) -> None:
    path = without(tmp_path, "s3fs")
    code, said = told(tmp_path, "backup", "s3://there/b", PYTHONPATH=path)
    assert (code, "pip install 'understudy[s3]'" in said) == (2, True)
    code, said = told(tmp_path, "restore", "nosuch://u:s3cret@there/b", "--list")
    assert (code, "no library knows nosuch://" in said) == (2, True)
    place = str(tmp_path / "b")
    code, said = told(tmp_path, "backup", place, UNDERSTUDY_ARTIFACTS_URL="nosuch://there/a")
    assert (code, "nosuch://there/a" in said) == (2, True)
