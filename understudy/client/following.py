"""The registry as a follower sees it: snapshot, artifacts, report. Asynchronous."""

import hashlib
import os
from pathlib import Path

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
        if path.exists() and _sha256(path) == digest:
            return path
        folder.mkdir(parents=True, exist_ok=True)
        draft = folder / f"{digest}.{os.getpid()}.part"
        try:
            await self._download(digest, draft)
            if _sha256(draft) != digest:
                raise DigestMismatchError(
                    f"artifact {digest}: the downloaded bytes have another digest"
                )
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
        return path

    async def _download(self, digest: str, draft: Path) -> None:
        async with self._http.stream("GET", f"/v1/artifacts/{digest}") as answer:
            answer.raise_for_status()
            with draft.open("wb") as file:
                async for chunk in answer.aiter_bytes():
                    file.write(chunk)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
