"""The registry as a follower sees it: snapshot, artifacts, report. Asynchronous."""

import asyncio
import hashlib
import os
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
        return Snapshot.model_validate_json(answer.content)

    async def report(self, report: FollowerReport) -> None:
        """`POST /v1/followers`. Raises httpx.HTTPError."""
        answer = await self._http.post(
            "/v1/followers",
            content=report.model_dump_json(),
            headers={"Content-Type": "application/json"},
        )
        answer.raise_for_status()

    async def fetch_artifact(self, digest: str, folder: Path) -> Path:
        """Have the artifact's file in `folder`, downloaded once, its bytes checked each time.

        Raises httpx.HTTPError, or DigestMismatchError when the bytes are not the digest's.
        """
        path = folder / digest
        if not await asyncio.to_thread(_holds, path, digest):
            draft = folder / f"{digest}.{os.getpid()}.part"
            await self._download(digest, draft)
            await asyncio.to_thread(_accept, draft, path, digest)
        return path

    async def _download(self, digest: str, draft: Path) -> None:
        async with self._http.stream("GET", f"/v1/artifacts/{digest}") as answer:
            answer.raise_for_status()
            async with await anyio.open_file(draft, "wb") as file:
                async for chunk in answer.aiter_bytes():
                    await file.write(chunk)


def _holds(path: Path, digest: str) -> bool:
    """Whether the file is there and is the digest's; makes its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.exists() and _sha256(path) == digest


def _accept(draft: Path, path: Path, digest: str) -> None:
    """Move a download to its place when its bytes are the digest's, else remove it."""
    if _sha256(draft) != digest:
        draft.unlink()
        raise DigestMismatchError(f"artifact {digest}: the downloaded bytes have another digest")
    draft.replace(path)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
