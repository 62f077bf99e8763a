"""The archive as Parquet files in a folder that fsspec opens by URL: a disk, or an object store.

`deployment=NAME/stream=predictions/day=2026-01-31/FIRST_LAST_ROWS.parquet`: Hive partitions, which
DuckDB, Spark, Polars and pyarrow take for columns. A file is there whole or not at all.
"""

import asyncio
import io
import os
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import date
from typing import Any, Final, TypeVar

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq

from services.monitor.adapters.archive.tables import table_of
from services.monitor.domain.parts import PartId, StoredPart, Stream, expired, parse_part
from services.monitor.ports import Piece
from understudy.runtime.folders import WrittenFolder, is_local

Found = TypeVar("Found")

_ROW_GROUP: Final = 10_000
_ABANDONED_SECONDS: Final = 86_400.0


class ParquetArchive:
    """Implements `ports.Archive`.

    All work is done by one thread, so that a store that hangs holds up the archive alone, and
    tries after it do not pile up.
    """

    def __init__(self, url: str, *, deadline_seconds: float) -> None:
        self._files, root = fsspec.url_to_fs(url, use_listings_cache=False)
        self._root = root.rstrip("/")
        self._written = WrittenFolder(self._files, self._root)
        self._drafts = f"{self._root}/.drafts"
        self._deadline_seconds = deadline_seconds
        self._thread = ThreadPoolExecutor(1, "archive")

    async def write(self, piece: Piece) -> int:
        """As a draft that is renamed, or put whole where there is no renaming."""
        return await self._do(lambda: self._write(piece))

    async def parts(
        self, deployment: str, stream: Stream, since: date, until: date
    ) -> tuple[StoredPart, ...]:
        """One listing for each day that has files."""
        return await self._do(lambda: (*self._parts(deployment, stream, since, until),))

    async def read(self, part: PartId) -> bytes:
        """A part is a few MB."""
        return await self._do(lambda: self._read(part))

    async def expire(self, now: float, days: float | None, protected_days: float | None) -> int:
        """Whole days go, and drafts of killed writers."""
        return await self._do(lambda: self._expire(now, days, protected_days))

    def close(self) -> None:
        """Begin nothing more."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _do(self, work: Callable[[], Found]) -> Found:
        async with asyncio.timeout(self._deadline_seconds):
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _write(self, piece: Piece) -> int:
        written = io.BytesIO()
        pq.write_table(table_of(piece), written, compression="zstd", row_group_size=_ROW_GROUP)
        pa.default_memory_pool().release_unused()
        with self._written.writing():
            self._put(self._path(piece.part), written.getbuffer())
        return written.tell()

    def _put(self, path: str, content: memoryview) -> None:
        if not is_local(self._files):
            self._files.pipe_file(path, bytes(content))
            return
        folder = path.rpartition("/")[0]
        os.makedirs(folder, exist_ok=True)  # noqa: PTH103 - fsspec's paths are texts
        os.makedirs(self._drafts, exist_ok=True)  # noqa: PTH103 - the same
        draft = f"{self._drafts}/{uuid.uuid4().hex}"
        try:
            with open(draft, "wb") as file:  # noqa: PTH123 - the same
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(draft, path)  # noqa: PTH105 - the same
            _sync_folder(folder)
        finally:
            with suppress(FileNotFoundError):
                os.unlink(draft)  # noqa: PTH108 - the same

    def _read(self, part: PartId) -> bytes:
        found: bytes = self._files.cat_file(self._path(part))
        return found

    def _parts(
        self, deployment: str, stream: Stream, since: date, until: date
    ) -> Iterator[StoredPart]:
        """In the order of the log."""
        for folder, day in sorted(self._days(self._folder(deployment, stream))):
            if since <= day <= until:
                found = [
                    StoredPart(part, int(details["size"]))
                    for name, details in self._list(folder)
                    if (part := parse_part(deployment, stream, name)) is not None
                ]
                yield from sorted(found, key=lambda stored: stored.part.first)

    def _expire(self, now: float, days: float | None, protected_days: float | None) -> int:
        gone = self._drop_drafts(now)
        for deployment, _ in self._list(self._root):
            for stream in Stream:
                kept = protected_days if stream is Stream.PROTECTED else days
                folder = f"{self._root}/{deployment}/stream={stream}"
                for path, day in [*self._days(folder)] if kept is not None else []:
                    if expired(day, now, kept):
                        self._files.rm(path, recursive=True)
                        gone += 1
        return gone

    def _drop_drafts(self, now: float) -> int:
        """What killed writers left on a disk."""
        old = [
            details["name"]
            for _, details in self._list(self._drafts)
            if now - details.get("mtime", now) > _ABANDONED_SECONDS
        ]
        for path in old:
            self._files.rm_file(path)
        return len(old)

    def _days(self, folder: str) -> Iterator[tuple[str, date]]:
        for name, _ in self._list(folder):
            with suppress(ValueError):
                yield f"{folder}/{name}", date.fromisoformat(name.removeprefix("day="))

    def _list(self, folder: str) -> list[tuple[str, Any]]:
        """Names and what is known of them; empty where there is no such folder."""
        try:
            found = self._files.ls(folder, detail=True)
        except FileNotFoundError:
            return []
        return [(each["name"].rstrip("/").rpartition("/")[2], each) for each in found]

    def _folder(self, deployment: str, stream: Stream) -> str:
        return f"{self._root}/deployment={deployment}/stream={stream}"

    def _path(self, part: PartId) -> str:
        folder = self._folder(part.deployment, part.stream)
        return f"{folder}/day={part.day.isoformat()}/{part.name}"


def _sync_folder(folder: str) -> None:
    """So that the name outlives a power cut, too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
