"""Reports as files in a folder that fsspec opens by URL: a page, and beside it what it is about.

A report is there once its description is; the page is written before. Ids sort by time.
"""

import asyncio
import gzip
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

import fsspec
import msgspec

from services.monitor.domain.reports import REPORT_ID, KeptReport
from understudy.runtime.folders import WrittenFolder, make_folder

_DESCRIPTION: Final = ".json"
_PAGE: Final = ".html.gz"


class FileReportShelf:
    """Implements `ports.ReportShelf`."""

    def __init__(self, url: str, *, room: int, deadline_seconds: float) -> None:
        self._files, root = fsspec.url_to_fs(url, use_listings_cache=False)
        self._root = root.rstrip("/")
        self._written = WrittenFolder(self._files, self._root)
        self._room = room
        self._deadline_seconds = deadline_seconds

    async def put(self, deployment: str, report: KeptReport, page: bytes) -> None:
        """Compressed: a page is some MB of script and JSON."""
        async with asyncio.timeout(self._deadline_seconds):
            await asyncio.to_thread(self._put, deployment, report, page)

    async def reports(self, deployment: str) -> Sequence[KeptReport]:
        """One listing and a small file each."""
        async with asyncio.timeout(self._deadline_seconds):
            return await asyncio.to_thread(self._reports, deployment)

    async def page(self, deployment: str, report: str) -> bytes | None:
        """Only what is called like a report is looked for."""
        if REPORT_ID.fullmatch(report) is None:
            return None
        async with asyncio.timeout(self._deadline_seconds):
            return await asyncio.to_thread(self._page, deployment, report)

    def _put(self, deployment: str, report: KeptReport, page: bytes) -> None:
        place = self._place(deployment, report.id)
        with self._written.writing():
            make_folder(self._files, f"{self._root}/{deployment}")
            self._files.pipe_file(place + _PAGE, gzip.compress(page, 6))
            self._files.pipe_file(place + _DESCRIPTION, msgspec.json.encode(report))
        for name in self._names(deployment)[self._room :]:
            self._drop(self._place(deployment, name))

    def _reports(self, deployment: str) -> list[KeptReport]:
        found = []
        for name in self._names(deployment):
            # Another monitor may let go of it meanwhile, and a killed one have left half of it.
            with suppress(FileNotFoundError, msgspec.DecodeError):
                content = self._files.cat_file(self._place(deployment, name) + _DESCRIPTION)
                found.append(msgspec.json.decode(content, type=KeptReport))
        return found

    def _page(self, deployment: str, report: str) -> bytes | None:
        try:
            content: bytes = self._files.cat_file(self._place(deployment, report) + _PAGE)
        except FileNotFoundError:
            return None
        return gzip.decompress(content)

    def _names(self, deployment: str) -> list[str]:
        """Ids of what is there, or half there, newest first."""
        try:
            listed: list[Any] = self._files.ls(f"{self._root}/{deployment}", detail=False)
        except FileNotFoundError:
            return []
        names = {path.rpartition("/")[2].partition(".")[0] for path in listed}
        return sorted((name for name in names if REPORT_ID.fullmatch(name)), reverse=True)

    def _drop(self, place: str) -> None:
        for suffix in (_DESCRIPTION, _PAGE):
            with suppress(FileNotFoundError):
                self._files.rm_file(place + suffix)

    def _place(self, deployment: str, report: str) -> str:
        return f"{self._root}/{deployment}/{report}"
