"""The archive as it is handed out: which parts there are, and one of them."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Final

from services.monitor.domain.errors import NothingArchivedError, UnknownPartError
from services.monitor.domain.parts import StoredPart, Stream, parse_part
from services.monitor.ports import Archive

HANDED_OUT: Final = frozenset({Stream.PREDICTIONS, Stream.PAIRS, Stream.LABELS})
"""Protected attributes never are."""


class History:
    """What is in the archive, for those who may read a deployment."""

    def __init__(self, archive: Archive | None) -> None:
        self._archive = archive

    async def parts(
        self, deployment: str, stream: Stream, since: datetime | None, until: datetime | None
    ) -> Sequence[StoredPart]:
        """Those with entries between two moments, oldest first. Raises NothingArchivedError."""
        first = date.min if since is None else since.astimezone(UTC).date()
        last = date.max if until is None else until.astimezone(UTC).date()
        found = await self._there().parts(deployment, stream, first, last)
        return [
            each
            for each in found
            if (since is None or each.part.last.milliseconds >= since.timestamp() * 1_000)
            and (until is None or each.part.first.milliseconds < until.timestamp() * 1_000)
        ]

    async def read(self, deployment: str, stream: Stream, name: str) -> bytes:
        """One Parquet file. Raises NothingArchivedError, UnknownPartError."""
        archive, part = self._there(), parse_part(deployment, stream, name)
        unknown = UnknownPartError(f"The archive of {deployment} has no part {name!r}.")
        if part is None or stream not in HANDED_OUT:
            raise unknown
        try:
            return await archive.read(part)
        except FileNotFoundError:
            raise unknown from None

    def _there(self) -> Archive:
        if self._archive is None:
            raise NothingArchivedError(
                "Nothing is archived here: UNDERSTUDY_MONITOR_ARCHIVE_URL is empty."
            )
        return self._archive
