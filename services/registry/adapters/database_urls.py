"""What is wrong with a database's URL, told before anything is asked of the database."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import URL
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from services.registry.domain.errors import DatabaseUnusableError
from understudy.runtime.sqlite_files import claim

_SETTING: Final = "UNDERSTUDY_DATABASE_URL"
_FORM: Final = "postgresql+psycopg://user:password@host:5432/name or sqlite:////path/to/file.db"
_POSTGRES: Final = {"psycopg", "psycopg2"}


@contextmanager
def opened() -> Iterator[None]:
    """Around making an engine. Raises DatabaseUnusableError, which never shows the URL."""
    try:
        yield
    except NoSuchModuleError as error:
        raise DatabaseUnusableError(
            f"{_SETTING} names a kind of database or a driver that SQLAlchemy does not know; "
            f"it looks like {_FORM}."
        ) from error
    except (ArgumentError, ValueError) as error:
        raise DatabaseUnusableError(f"{_SETTING} can't be read; it looks like {_FORM}.") from error
    except ImportError as error:
        raise DatabaseUnusableError(_without_driver(error.name or str(error))) from error


def have_file(path: str) -> None:
    """A database's file, in a folder that can be written. Raises DatabaseUnusableError."""
    folder = Path(path).parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError("it can't be written")
        claim(path)
    except OSError as error:
        raise DatabaseUnusableError(
            f"The folder {folder.absolute()} of the registry's database can't be used: "
            f"{error.strerror or error}. Look at UNDERSTUDY_STATE_DIR, or {_SETTING} if it is set."
        ) from error


def place_of(url: URL) -> str:
    """Host and port, or the path of a file: where to look, and no password."""
    if url.host is None:
        return url.database or "memory"
    return url.host if url.port is None else f"{url.host}:{url.port}"


def _without_driver(module: str) -> str:
    if module.partition(".")[0] in _POSTGRES:
        return (
            f"{_SETTING} needs the driver {module}, which is not installed. Use "
            "postgresql+psycopg:// and the extra 'postgres': pip install 'understudy[postgres]'."
        )
    return f"{_SETTING} needs the driver {module}, which is not installed."
