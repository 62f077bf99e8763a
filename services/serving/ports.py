"""What serving needs from outside, named."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from services.serving.domain.drafts import Cells
from services.serving.domain.elsewhere import Said
from services.serving.domain.limits import Ask, Grant, Terms
from services.serving.domain.scoring import Loaded
from services.serving.domain.table import Live
from services.serving.domain.trimming import EntryId, Look, Stream
from understudy.contracts.events import LabelEvent, PairBatch, PredictionHeading, ProtectedEvent
from understudy.contracts.registry import ServedVersion
from understudy.contracts.vocabulary import KeyId, Label, Outcome
from understudy.inference.rows import Rows
from understudy.inference.scored import Scored


@dataclass(slots=True, eq=False)
class Answered:
    """What the log keeps of one call of a model: the rows of all requests that went with it.

    Or rows that a model failed on, answered with NaN.

    Not frozen for one reason: a frozen one costs a microsecond more to make, for each call.
    """

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
    protected: Sequence[ProtectedEvent] = ()
    """What was told with the rows of whom they concern; goes into a stream of its own."""


@dataclass(frozen=True, slots=True)
class ToldRow:
    """A row that was answered elsewhere."""

    prediction_id: str
    at: float
    version: int
    challengers: tuple[int, ...]
    """Versions that owe a pair for it."""
    cells: Cells
    said: Said


@dataclass(frozen=True, slots=True)
class ToldPair:
    """What main and challenger answered elsewhere to one row."""

    prediction_id: str
    at: float
    main: int
    main_said: Said
    challenger: int
    challenger_said: Said
    error: str | None = None


@dataclass(frozen=True, slots=True)
class LogHealth:
    """How the log of one worker fares."""

    degraded: bool
    """Redis is slow or gone: rows go to the disk, or are refused when that can't take them."""
    since: float | None = None
    """Seconds since the epoch."""
    spooled_rows: int = 0
    """Rows on disk that Redis may not have."""
    spooled_bytes: int = 0


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

    async def protected(self, deployment: str, items: Sequence[ProtectedEvent]) -> bool:
        """Protected attributes that come by themselves are strict: True when they are safe."""

    async def elsewhere(
        self, deployment: str, live: Live, rows: Sequence[ToldRow], pairs: Sequence[ToldPair]
    ) -> bool:
        """Predictions made elsewhere are strict: True when all of them are safe."""


class LeasesUnavailableError(Exception):
    """Whoever keeps the buckets did not answer, or made no sense."""


class Leases(Protocol):
    """The buckets of limited keys, shared by all workers; `domain.limits` has their rules."""

    async def exchange(self, key: KeyId, terms: Terms, ask: Ask) -> Grant:
        """Give tokens back, pay debts, take tokens. Raises LeasesUnavailableError.

        Then it is not known whether it was done.
        """


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
    fields: Mapping[bytes, bytes] = field(default_factory=dict)
    """As they are in the stream; none when the entry was trimmed meanwhile."""
    heading: PredictionHeading | None = None
    """None when the entry was trimmed, or can't be read."""
    unknown_schema: bool = False
    """A newer process may know it, so the entry must stay."""
    corrupt: bool = False
    """Nobody can read it, so the entry need not stay."""

    @property
    def rows(self) -> int:
        """How many predictions it holds."""
        return 0 if self.heading is None else self.heading.rows

    @property
    def logged_at(self) -> float:
        """When it was appended, by Redis's clock, in seconds since the epoch."""
        return int(self.entry.partition(b"-")[0]) / 1_000


@dataclass(frozen=True, slots=True)
class Backlog:
    """How far a challenger version is behind the log."""

    pending: int
    """Entries handed over and not finished."""
    undelivered: int
    """Entries that nobody was handed yet; estimated where Redis does not count them."""
    behind_seconds: float
    """Age of the oldest entry that is not finished; 0 when there is none."""


class Inbox(Protocol):
    """The prediction stream as one challenger version reads it."""

    async def open(self, since: datetime) -> None:
        """Have a place in the stream: where a former one ended, or else shortly before `since`."""

    async def unfinished(self, after: bytes, most: int) -> list[Delivery]:
        """Entries beyond `after` that were handed over before and not finished."""

    async def abandoned(self, most: int) -> list[Delivery]:
        """Entries that another reader took and did not finish for long."""

    async def arrived(self, most: int) -> list[Delivery]:
        """New entries; waits a moment for them."""

    async def finish(self, entries: Sequence[bytes], pairs: Mapping[bytes, bytes]) -> bool:
        """Append one entry of pairs and finish the entries that they are of: all, once, or nothing.

        False: some of them were finished before.
        """

    async def acknowledge(self, entries: Sequence[bytes]) -> int:
        """Finish entries that owe no pairs; how many were not finished before."""

    async def backlog(self) -> Backlog:
        """How much is left to do."""

    async def leave(self) -> bool:
        """Give the place up, unless something is unfinished: nobody will wait for this reader."""


class Places(Protocol):
    """Who has a place in the prediction streams."""

    async def versions(self, deployment: str) -> set[int]:
        """Challenger versions with a place in the stream of a deployment."""

    async def give_up(self, deployment: str, version: int) -> int:
        """Remove the place of one; how many entries were handed to it and are not finished."""


class Loss(StrEnum):
    """Why a challenger's process had to be replaced."""

    TIMEOUT = "timeout"
    DIED = "died"
    MEMORY = "memory"


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process takes."""

    memory_bytes: int
    """Resident."""
    cpu_seconds: float
    """Since it began."""


@dataclass(frozen=True, slots=True)
class Paired:
    """Pairs of all rows of some entries of one release, as an entry of the pair stream."""

    entries: Sequence[bytes]
    rows: Sequence[int]
    """Of each entry."""
    main: int
    fields: Mapping[bytes, bytes]
    outcomes: Mapping[Outcome, int]
    timed_main: Sequence[float] = ()
    timed_challenger: Sequence[float] = ()
    """Seconds of the rows that both answered alone, in turn."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What became of entries."""

    paired: Sequence[Paired] = ()
    corrupt: Sequence[bytes] = ()
    """Entries that turned out to be unreadable."""


class Responder(Protocol):
    """One challenger version at work. What it does to itself is an outcome, and harms nobody."""

    @property
    def served(self) -> ServedVersion:
        """Which version it is."""

    @property
    def most_rows(self) -> int:
        """How many rows it can answer within a fraction of the time that a call may take."""

    async def start(self) -> None:
        """Have it loaded. Raises whatever stands in the way."""

    async def respond(self, deliveries: Sequence[Delivery]) -> Answers:
        """Pairs of all their rows. Raises only when it can't be loaded again."""

    def give_up(self, deliveries: Sequence[Delivery], reason: str) -> Answers:
        """Pairs whose rows timed out without being tried."""

    def apart(self, paired: Paired) -> Sequence[Paired]:
        """The same pairs, by entry."""

    def beside(self, main: ServedVersion) -> None:
        """From now on time rows of this main version too, if it can be loaded."""

    def usage(self) -> Usage | None:
        """What it takes; None while it does not run."""

    async def close(self) -> None:
        """End it."""


class Pairs(Protocol):
    """The pair stream of a deployment, as one who waits for a challenger's answers reads it.

    Raises OSError while it can't be read.
    """

    async def latest(self, deployment: str) -> bytes:
        """Where it ends."""

    async def since(
        self, deployment: str, entry: bytes
    ) -> Sequence[tuple[bytes, PairBatch | None]]:
        """Some of the entries beyond `entry`, oldest first; None for what can't be read."""


class Streams(Protocol):
    """The streams of all deployments, as whoever trims them sees them."""

    async def deployments(self) -> Collection[str]:
        """Those that have streams, whether they are served or were deleted."""

    async def look(self, deployment: str, versions: Sequence[int]) -> Look:
        """What is in its streams, and how far their readers are; `versions`: which owe pairs."""

    async def trim(
        self, deployment: str, stream: Stream, below: EntryId, most: int | None = None
    ) -> int:
        """Let go of the entries before an id; how many went.

        `most`: so many of the oldest at most, and some may stay that it would cost much to remove.
        """
