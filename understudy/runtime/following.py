"""Following the registry: ask for what is newer, keep the last answer on disk, go on without it."""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

import structlog

from understudy.contracts.registry import FollowerReport, Snapshot
from understudy.runtime.keys import KeyRing
from understudy.runtime.loops import repeat
from understudy.runtime.tokens import TokenVerifier

BETWEEN_QUESTIONS_SECONDS: Final = 0.01
"""A source that answers at once where it should hold the question is not asked without end."""


class SnapshotSource(Protocol):
    """Where snapshots come from; `client.following.RegistryFollowing` over HTTP."""

    async def snapshot(self, newer_than: int | None, wait_seconds: float) -> Snapshot | None:
        """A snapshot with another sequence, or None when there was none within the wait."""

    async def report(self, report: FollowerReport) -> None:
        """Tell the registry what is loaded."""


class SnapshotCache:
    """The last snapshot in a file, replaced atomically."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> Snapshot | None:
        """The stored snapshot; None when there is none or it can't be read any more."""
        try:
            return Snapshot.read(self._path.read_bytes())
        except (OSError, ValueError):
            return None

    def store(self, snapshot: Snapshot) -> None:
        """Replace the file; it holds key digests, so only its owner may read it. Raises OSError."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        # Several workers of one machine share the file: each writes its own draft.
        draft = self._path.with_suffix(f".{os.getpid()}")
        try:
            draft.touch(mode=0o600)
            draft.write_text(snapshot.model_dump_json())
            draft.replace(self._path)
        except OSError:
            with contextlib.suppress(OSError):
                draft.unlink(missing_ok=True)
            raise


class Follower:
    """Holds the newest snapshot that this process knows, and the keys in it."""

    def __init__(self, source: SnapshotSource, cache: SnapshotCache, wait_seconds: float) -> None:
        self._source = source
        self._cache = cache
        self._wait_seconds = wait_seconds
        self._listeners: list[Callable[[Snapshot], None]] = []
        self._kept: Snapshot | None = None
        self._log = structlog.stdlib.get_logger("following")
        self.snapshot: Snapshot | None = None
        self.keys = KeyRing()

    def subscribe(self, listener: Callable[[Snapshot], None]) -> None:
        """Call `listener` with every snapshot to come; it must return at once."""
        self._listeners.append(listener)

    def resume(self) -> bool:
        """Take up the snapshot kept on disk, so that a start needs no registry."""
        cached = self._cache.load()
        if cached is not None:
            self._kept = cached
            self._take(cached)
        return cached is not None

    async def run(self) -> None:
        """Follow until cancelled."""
        await repeat("follow", self.step, pause_seconds=BETWEEN_QUESTIONS_SECONDS)

    async def step(self) -> bool:
        """Wait for one newer snapshot; True when there was one."""
        known = self.snapshot.sequence if self.snapshot else None
        newer = await self._source.snapshot(known, self._wait_seconds)
        if newer is not None:
            self._take(newer)
        if self.snapshot is not self._kept:
            self._keep()
        return newer is not None

    def _keep(self) -> None:
        """Tried again at each step: a disk without room must not stand in a revocation's way."""
        if self.snapshot is None:
            return
        try:
            self._cache.store(self.snapshot)
        except OSError as error:
            sequence = self.snapshot.sequence
            self._log.warning("snapshot_not_kept", sequence=sequence, error=repr(error))
        else:
            self._kept = self.snapshot

    def _take(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.keys = KeyRing(snapshot.keys, TokenVerifier(snapshot.token_keys))
        for listener in self._listeners:
            listener(snapshot)
