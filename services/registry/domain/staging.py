"""Files that wait for a registration: each caller's own, by path, for a while."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from services.registry.domain.mlflow_refusals import InvalidStagedPathError, StagingFullError

KEPT: Final = "understudy"
"""First part of the paths below which versions' files are read; nothing is put there."""
_LONGEST: Final = 500
_LONGEST_PART: Final = 200
_MOST_PARTS: Final = 16


@dataclass(frozen=True, slots=True)
class StagedFile:
    """One file that waits."""

    path: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class StagingLimits:
    """How much one caller may have waiting, and for how long."""

    files: int
    file_bytes: int
    total_bytes: int
    age: timedelta

    def left(self, held: Sequence[StagedFile], path: str) -> int:
        """How many bytes there are beside all but `path`."""
        return self.total_bytes - sum(file.size_bytes for file in held if file.path != path)

    def room(self, held: Sequence[StagedFile], path: str, *, coming: int = 0) -> int:
        """How many bytes a file at `path` may have, while others are `coming`.

        Raises StagingFullError.
        """
        others = coming + sum(file.path != path for file in held)
        left = self.left(held, path)
        if others >= self.files or left <= 0:
            raise self.full(others)
        return min(left, self.file_bytes)

    def full(self, others: int) -> StagingFullError:
        """Says what to do."""
        return StagingFullError(
            f"{others} files of yours wait for a registration already, or are coming; at most "
            f"{self.files}, of {self.total_bytes} bytes together, may. Register them, delete "
            f"some, or wait until they are swept after {self.age}."
        )


def require_path(path: str) -> str:
    """The path without slashes around it. Raises InvalidStagedPathError."""
    path = path.strip("/")
    parts = path.split("/")
    fit = len(path.encode(errors="replace")) <= _LONGEST and len(parts) <= _MOST_PARTS
    if not fit or not all(map(_is_name, parts)):
        raise InvalidStagedPathError(
            f"A path has at most {_LONGEST} bytes and {_MOST_PARTS} parts, none of which is empty, "
            "'.' or '..' or holds a control character or a backslash."
        )
    return path


def require_own(path: str) -> str:
    """The path of a file that callers may put. Raises InvalidStagedPathError."""
    path = require_path(path)
    if path.split("/", 1)[0] == KEPT:
        raise InvalidStagedPathError(
            f"Below '{KEPT}/' are the files of registered versions; put yours somewhere else."
        )
    return path


def _is_name(part: str) -> bool:
    plain = not any(unicodedata.category(one) in {"Cc", "Cs"} or one == "\\" for one in part)
    short = len(part.encode(errors="replace")) <= _LONGEST_PART
    return plain and short and part not in {"", ".", ".."}
