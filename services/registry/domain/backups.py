"""What a backup is: files of rows under a manifest that vouches for them, and how it is refused."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final

from services.registry.domain.chain import Head
from understudy.contracts.refusals import Fault, Refusal

FORMAT: Final = 1
"""Goes up when what was written before can't be read as it was."""
ARTIFACTS: Final = "artifacts"
"""The file that lists the artifacts, among those of the tables."""
NAME: Final = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{6}", re.ASCII)
"""Names sort by the time at which the backup was begun."""


@dataclass(frozen=True, slots=True)
class Part:
    """A file of a backup, as it was when it was written."""

    rows: int
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds. It is written last: without it, there is no backup."""

    format: int
    name: str
    made_at: datetime
    """When it was begun: changes from then on may be missing."""
    revision: str
    """Of the tables."""
    sequence: int
    """The last change that is in it."""
    tables: Mapping[str, Part]
    """By name, in an order in which no row refers to one that comes later."""
    artifacts: Part
    artifact_bytes: int
    head: Head | None = None
    """The newest entry of the audit trail, to be held against the trail later. None: there was
    none yet, or the backup is of a release that made no chain."""

    @property
    def rows(self) -> int:
        """Of all tables."""
        return sum(part.rows for part in self.tables.values())


def name_of(at: datetime, token: str) -> str:
    """The name of a backup that is begun at `at`, in UTC; `token` is six random hex digits."""
    return f"{at:%Y%m%dT%H%M%SZ}-{token}"


class BackupFolderUnavailableError(Refusal):
    """The folder of the backups can't be reached, read or written."""

    fault: ClassVar = Fault.UNAVAILABLE
    code: ClassVar = "backup_folder_unavailable"


class FolderUnsupportedError(BackupFolderUnavailableError):
    """A URL's protocol is unknown, or the library for it is not installed."""


class BackupPublishedError(Refusal):
    """The backup is published; something that comes after that failed."""

    fault: ClassVar = Fault.FAILED
    code: ClassVar = "backup_published"


class BackupNotFoundError(Refusal):
    """There is no published backup, or none of that name."""

    fault: ClassVar = Fault.NOT_FOUND
    code: ClassVar = "backup_not_found"


class BackupUnusableError(Refusal):
    """A file of the backup is missing, damaged, or not what it should be."""

    code: ClassVar = "backup_unusable"


class BackupTooNewError(Refusal):
    """A newer release made the backup."""

    code: ClassVar = "backup_too_new"


class ArtifactLostError(Refusal):
    """The registry's folder of artifacts lacks a file that a version names, or has it damaged."""

    fault: ClassVar = Fault.FAILED
    code: ClassVar = "artifact_lost"


class RegistryNotEmptyError(Refusal):
    """There is something in the registry that a restore would replace."""

    fault: ClassVar = Fault.CONFLICT
    code: ClassVar = "registry_not_empty"
