"""Where a version comes from, as far as this machine can tell."""

import getpass
import hashlib
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from understudy.contracts.registry import Lineage

_ALWAYS: Final = ("scikit-learn", "numpy", "pandas", "skops")
_GIT_SECONDS: Final = 5.0


def lineage_here(model: Any, reference: Path) -> Lineage:
    """Author, commit, libraries and the reference file's SHA-256; what can't be told is left out.

    When it was trained nobody knows: say it with `lineage=`.
    """
    return Lineage(
        author=_author(),
        git_commit=_commit(),
        data_sha256=digest_of(reference),
        libraries=libraries([*_ALWAYS, *_packages(model)]),
    )


def completed(stated: Lineage, found: Lineage) -> Lineage:
    """What somebody stated; what they left out, as it was found."""
    told = stated.model_dump(exclude_defaults=True)
    return found.model_copy(update={name: getattr(stated, name) for name in told})


def libraries(names: Iterable[str]) -> dict[str, str]:
    """Installed versions; what is not installed is left out."""
    found = dict[str, str]()
    for name in dict.fromkeys(names):
        with suppress(PackageNotFoundError, ValueError):
            found[name] = version(name)
    return found


def digest_of(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_time(told: object) -> datetime | None:
    """A time as other tools write it: ISO 8601, in UTC where it says nothing."""
    with suppress(ValueError, OverflowError):
        found = datetime.fromisoformat(str(told))
        return found if found.tzinfo else found.replace(tzinfo=UTC)
    return None


def _packages(model: Any) -> Iterator[str]:
    """Of the model and its steps."""
    yield type(model).__module__.partition(".")[0]
    for _, step in getattr(model, "steps", ()):
        yield from _packages(step)


def _author() -> str | None:
    name = _git("config", "user.name")
    if name:
        return name
    with suppress(OSError, KeyError, ImportError):
        return getpass.getuser()
    return None


def _commit() -> str | None:
    """Of the folder that the program runs in; marked when files differ from it."""
    commit = _git("rev-parse", "HEAD")
    if not commit:
        return None
    return f"{commit}-dirty" if _git("status", "--porcelain", "--untracked-files=no") else commit


def _git(*words: str) -> str | None:
    try:
        told = subprocess.run(  # noqa: S603 - fixed words
            ["git", *words],  # noqa: S607 - whichever git the person uses
            capture_output=True,
            text=True,
            timeout=_GIT_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return None
    return told.stdout.strip() or None
