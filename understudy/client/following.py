"""The registry as a follower sees it: snapshot, artifacts, report. Asynchronous."""

import asyncio
import contextlib
import hashlib
import os
import time
import uuid
from collections.abc import Collection
from pathlib import Path

import anyio
import httpx

from understudy.contracts.registry import FollowerReport, Snapshot


class DigestMismatchError(Exception):
    """A downloaded artifact's bytes are not those that its digest names."""


class RegistryFollowing:
    """Implements `runtime.following.SnapshotSource` and fetches artifacts."""

    def __init__(self, url: str, key: str, *, timeout_seconds: float = 10.0) -> None:
        self._timeout_seconds = timeout_seconds
        self._http = httpx.AsyncClient(
            base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=timeout_seconds
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def snapshot(self, newer_than: int | None, wait_seconds: float) -> Snapshot | None:
        """`GET /v1/snapshot?wait=…`; None on 304. Raises httpx.HTTPError."""
        headers = {} if newer_than is None else {"If-None-Match": f'"{newer_than}"'}
        answer = await self._http.get(
            "/v1/snapshot",
            params={"wait": wait_seconds},
            headers=headers,
            timeout=httpx.Timeout(self._timeout_seconds, read=wait_seconds + self._timeout_seconds),
        )
        if answer.status_code == httpx.codes.NOT_MODIFIED:
            return None
        answer.raise_for_status()
        return Snapshot.read(answer.content)

    async def report(self, report: FollowerReport) -> None:
        """`POST /v1/followers`. Raises httpx.HTTPError."""
        answer = await self._tell(report)
        if answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY and report.used:
            # A registry of before does not know of keys' uses; what is loaded matters more.
            answer = await self._tell(report.model_copy(update={"used": {}}))
        answer.raise_for_status()

    async def _tell(self, report: FollowerReport) -> httpx.Response:
        return await self._http.post(
            "/v1/followers",
            # What is not there to be told is left out: a registry of before may not know of it.
            content=report.model_dump_json(exclude_defaults=True),
            headers={"Content-Type": "application/json"},
        )

    async def fetch_artifact(self, digest: str, folder: Path) -> Path:
        """Have the artifact's file in `folder`, downloaded once, its bytes checked each time.

        Raises httpx.HTTPError, or DigestMismatchError when the bytes are not the digest's.
        """
        path = folder / digest
        if not await asyncio.to_thread(_holds, path, digest):
            # Of one's own: several workers, or tasks of one, may fetch the same at a time.
            draft = folder / f"{digest}.{uuid.uuid4().hex}.part"
            try:
                await self._download(digest, draft)
                await asyncio.to_thread(_accept, draft, path, digest)
            finally:
                draft.unlink(missing_ok=True)
        return path

    async def _download(self, digest: str, draft: Path) -> None:
        async with self._http.stream("GET", f"/v1/artifacts/{digest}") as answer:
            answer.raise_for_status()
            async with await anyio.open_file(draft, "wb") as file:
                async for chunk in answer.aiter_bytes():
                    await file.write(chunk)


def prune_artifacts(folder: Path, wanted: Collection[str], unused_seconds: float) -> int:
    """Remove what is not wanted and was not used for so long, left drafts too; how many files.

    Raises OSError.
    """
    before, removed = time.time() - unused_seconds, 0
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.name not in wanted and path.is_file() and path.stat().st_mtime < before:
            path.unlink(missing_ok=True)
            removed += 1
    return removed


def _holds(path: Path, digest: str) -> bool:
    """Whether the file is there and is the digest's; makes its folder, notes the use."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or _sha256(path) != digest:
        return False
    with contextlib.suppress(OSError):  # a disk that can only be read has nothing pruned either
        os.utime(path)
    return True


def _accept(draft: Path, path: Path, digest: str) -> None:
    """Move a download to its place when its bytes are the digest's."""
    if _sha256(draft) != digest:
        raise DigestMismatchError(f"artifact {digest}: the downloaded bytes have another digest")
    draft.replace(path)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
