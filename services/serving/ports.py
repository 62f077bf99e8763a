"""What serving needs from outside, named."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

from services.serving.domain.scoring import Loaded
from services.serving.domain.table import Live
from understudy.contracts.events import LabelEvent, PairBatch, PredictionBatch
from understudy.contracts.registry import ServedVersion
from understudy.contracts.vocabulary import Label
from understudy.inference.rows import Rows
from understudy.inference.scored import Scored


@dataclass(frozen=True, slots=True)
class Answered:
    """What the log keeps of one call of a model: the rows of all requests that went with it."""

    deployment: str
    live: Live
    ids: Sequence[str]
    at: float
    seconds: float
    """How long the call took."""
    rows: Rows
    scored: Scored
    overrides: Mapping[str, Label] = field(default_factory=dict)
    """By prediction id: what a guard rule told the caller instead."""


class Log(Protocol):
    """Where answers and labels are kept. Never raises: what can't be kept is counted."""

    def predictions(self, answered: Answered) -> asyncio.Future[bool] | None:
        """Take rows in, by the durability of the release that answered them. Returns at once.

        None: their replies may go (relaxed). Else the replies wait for the future: True when the
        rows are safe, in Redis or on disk; False when they can't be kept and were counted as
        dropped.
        """

    async def labels(self, deployment: str, items: Sequence[LabelEvent]) -> bool:
        """Labels are always strict: True when they are safe."""


class Artifacts(Protocol):
    """Where the files of versions come from; `client.following.RegistryFollowing`."""

    async def fetch_artifact(self, digest: str, folder: Path) -> Path:
        """Have the file, its bytes checked."""


ModelKey = tuple[str, int, str]
"""Model, version, and the digest of its artifact."""


def key_of(model: str, version: ServedVersion) -> ModelKey:
    """What a version is known by among those in memory."""
    return model, version.version, version.artifact


class Library(Protocol):
    """Loads versions: fetch, verify, load, warm. What was loaded before is kept."""

    async def load(self, model: str, version: ServedVersion, trusted: Sequence[str]) -> Loaded:
        """A version that can answer. Raises whatever stood in the way."""

    def keep(self, models: Sequence[tuple[str, ServedVersion]]) -> None:
        """Let go of all other versions."""

    def loaded(self) -> Mapping[ModelKey, Loaded]:
        """The versions in memory."""

    def unload(self, key: ModelKey) -> None:
        """Let go of a version; asking for it loads it again."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """An entry of the prediction stream that was handed to one challenger version."""

    entry: bytes
    batch: PredictionBatch | None
    """None when the entry was trimmed meanwhile, or can't be decoded."""
    unknown_schema: bool = False
    """A newer process may know it, so the entry must stay."""
    corrupt: bool = False
    """Nobody can read it, so the entry need not stay."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """How far a challenger version is behind the log."""

    pending: int
    """Entries handed over and not finished."""
    behind_seconds: float
    """Age of the oldest entry that is not finished; 0 when there is none."""


class Inbox(Protocol):
    """The prediction stream as one challenger version reads it."""

    async def open(self, since: datetime) -> None:
        """Have a place in the stream, made shortly before `since` when there is none."""

    async def unfinished(self, after: bytes) -> list[Delivery]:
        """Entries beyond `after` that were handed over before and not finished."""

    async def abandoned(self) -> list[Delivery]:
        """Entries that another reader took and did not finish for long."""

    async def arrived(self) -> list[Delivery]:
        """New entries; waits a moment for them."""

    async def finish(self, entry: bytes, pairs: PairBatch | None) -> bool:
        """Append the pairs and finish the entry: both or none, and once. False: was done before."""

    async def backlog(self) -> Backlog:
        """How much is left to do."""
