"""What the monitor needs of the world, named by what it is for."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Protocol

from services.monitor.domain.accounting import Change, Delivery, Positions, State
from services.monitor.domain.deciding.alerts import AlertBook
from services.monitor.domain.deciding.deeds import Deed
from services.monitor.domain.outcomes.baseline import Baseline
from services.monitor.domain.outcomes.facts import Incoming, JoinedRows, Losses, Standing
from services.monitor.domain.outcomes.tallies import CohortId, CohortTally
from services.monitor.domain.parts import EntryId, PartId, StoredPart, Stream, Waiting
from services.monitor.domain.probes import FreshRows, Probe
from services.monitor.domain.reports import FeatureLine, KeptReport, Span
from services.monitor.domain.rows import PredictionRows
from understudy.contracts.events import Fields
from understudy.contracts.registry import ReleaseRequest, ServedVersion
from understudy.contracts.signature import Signature
from understudy.profiles.arrays import Counts, Floats
from understudy.profiles.columns import Column
from understudy.profiles.reference import Reference


class EventLog(Protocol):
    """The three streams of each deployment, read from positions of our own."""

    async def read(self, deployment: str, after: Positions) -> Delivery:
        """What came after the positions: a bounded piece of it; waits a little when there is none.

        Raises UnknownSchemaError for an entry of a newer Understudy: it must not be passed over.
        """

    async def newest(self, deployment: str, rows: int, seconds: float) -> list[PredictionRows]:
        """The newest predictions, oldest first: those of the `seconds` before the newest of all.

        Not many more than `rows` rows are read.
        """

    async def newest_after(self, deployment: str, after: str, rows: int) -> FreshRows:
        """The newest predictions after a position, oldest first: about so many, or all of them."""


class CellStore(Protocol):
    """Where a deployment's state outlives the process."""

    async def load(self, deployment: str) -> State:
        """The state as it was last committed; empty when there is none."""

    async def positions(self, deployment: str) -> Positions:
        """The positions of the last commit."""

    async def outcomes(self, deployment: str) -> str | None:
        """The id of the outcome store that holds its labels; None before the first commit."""

    async def commit(self, deployment: str, change: Change, outcomes: str) -> bool:
        """Apply all of the change, or nothing when the state has left the change's positions.

        Raises LabelsElsewhereError when another outcome store than this one holds its labels.
        """


class ProbeStore(Protocol):
    """Where a deployment's interaction probe outlives the process."""

    async def load(self, deployment: str) -> Probe | None:
        """As it was last committed."""

    async def commit(self, deployment: str, before: str, probe: Probe) -> bool:
        """Keep it, or nothing when the stored one is not at the position `before`."""


class AlertStore(Protocol):
    """Where alerts that somebody told of are found again, by whichever monitor judges.

    Raises AlertsUnavailableError.
    """

    async def load(self, deployment: str) -> AlertBook:
        """As it was last committed; empty when there is none."""

    async def commit(self, deployment: str, book: AlertBook) -> bool:
        """Keep it under the next revision, or nothing when the stored one is not at its own."""


class AlertWitness(Protocol):
    """Whoever evaluates alerts, and can say whether one fires."""

    async def firing(self, deployment: str) -> frozenset[tuple[str, str]]:
        """Name and version label (empty without) of those that do. Raises WitnessSilentError."""


class References(Protocol):
    """Reference samples, fetched once and checked against their digest."""

    async def profile(self, served: ServedVersion, entity: str | None = None) -> Reference:
        """The version's reference as a profile; with an entity, one row of each a minute."""

    async def file(self, served: ServedVersion) -> Path:
        """The Parquet file itself."""

    async def baseline(self, served: ServedVersion) -> Baseline | None:
        """How the version answered a sample at registration; None where that was not measured."""

    async def columns(
        self, served: ServedVersion, names: Collection[str], most_rows: int
    ) -> Mapping[str, Column]:
        """These features of the sample's rows, or of as many of them, evenly spread."""

    async def baseline_rows(self, served: ServedVersion, places: Counts) -> Mapping[str, Column]:
        """The features of these rows of the sample that the version's baseline was measured on."""

    async def keep(self, wanted: Collection[str]) -> None:
        """Let go of files with other digests, once they are old."""


@dataclass(frozen=True, slots=True, eq=False)
class PastRows:
    """Rows of a window, evenly spread over it."""

    entries: Sequence[PredictionRows]
    seen: int
    """Of which they are a sample."""
    reaches_back: float | None
    """When the oldest row that is still there was logged; None when there is none at all."""
    until: float | None = None
    """Set where there were too many to read: later rows of the window are left out."""


class Past(Protocol):
    """Predictions of any window of time, as far back as it reaches."""

    async def between(
        self, deployment: str, span: Span, most_rows: int, main: int | None = None
    ) -> PastRows:
        """Rows that were answered then; with a main, those that it answered."""


@dataclass(frozen=True, slots=True, eq=False)
class ReportOrder:
    """What a report is to be made of."""

    title: str
    signature: Signature
    reference: Path
    rows: Sequence[PredictionRows]
    most_rows: int
    facts: Sequence[tuple[str, str]] = ()
    """What else there is to say, above the figures."""
    figures: Sequence[FeatureLine] = ()
    """Our own, beside Evidently's."""


class Reports(Protocol):
    """Makes pages for people."""

    async def render(self, order: ReportOrder, deadline_seconds: float) -> bytes:
        """An HTML page. Raises ReportFailedError or ReportDeadlineError."""


class Weigher(Protocol):
    """Tells how much more often the like of a sample's rows comes now."""

    async def weights(
        self,
        signature: Signature,
        live: Sequence[PredictionRows],
        baseline: Mapping[str, Column],
        deadline_seconds: float,
    ) -> Floats | None:
        """Of mean 1; None where both are alike. Raises WeighingFailedError."""


class ReportShelf(Protocol):
    """Pages that are kept, by URL."""

    async def put(self, deployment: str, report: KeptReport, page: bytes) -> None:
        """Keep a page, and let go of the oldest beyond the shelf's room."""

    async def reports(self, deployment: str) -> Sequence[KeptReport]:
        """Newest first."""

    async def page(self, deployment: str, report: str) -> bytes | None:
        """None when it is not there."""


class Outcomes(Protocol):
    """Answers and labels, joined by prediction id; by URL, and only the monitor's."""

    async def identity(self) -> str:
        """The store's id, made once: it tells this store from every other."""

    async def apply(self, incoming: Incoming) -> None:
        """Take facts up, all or nothing; facts that are there already change nothing."""

    async def tallies(self, deployment: str, since: float) -> Mapping[CohortId, CohortTally]:
        """Of the cohorts that end after `since`, whatever their main and terms."""

    async def standing(self, deployment: str) -> Standing:
        """What is known of labels beside tallies."""

    async def newest_losses(self, deployment: str, main: int, span: Span, most: int) -> Losses:
        """Of the newest labelled rows that it answered as main then, in the order of prediction."""

    async def joined(self, deployment: str, ids: Sequence[str]) -> Sequence[JoinedRows]:
        """What is known of some predictions; those that are not known are in none."""

    async def note(self, deed: Deed) -> None:
        """Keep what was done, or recommended, by itself."""

    async def deeds(self, deployment: str) -> Sequence[Deed]:
        """The newest 100, newest first."""

    async def deployments(self) -> Sequence[str]:
        """Whose facts or tallies it holds, also when the registry knows them no more."""

    async def maturing_seconds(self, deployment: str) -> float:
        """How old rows are when they have matured, on the longest terms that any are under."""

    async def expire(self, deployment: str, before: float) -> int:
        """Let go of facts of predictions older than that; tallies stay. How many rows went."""

    async def expire_protected(self, deployment: str, before: float) -> int:
        """The same of protected attributes, which have a retention of their own."""


class ChangeFinder(Protocol):
    """Dates changes of a mean."""

    def last_change(self, losses: Losses) -> float | None:
        """When the newest change that can be told from chance began; None without any."""


class Releases(Protocol):
    """The registry's ordinary road to another release."""

    async def release(self, deployment: str, change: ReleaseRequest) -> int:
        """The number of the release that was made. Raises client errors."""


class Leases(Protocol):
    """Who of several monitors works on a deployment. A lease that is not renewed runs out."""

    async def hold(self, deployment: str) -> bool:
        """Take or renew; False when another one has it."""

    async def let_go(self, deployment: str) -> None:
        """So that another one need not wait for it to run out; nothing when it is not ours."""

    async def beat(self) -> int:
        """Say that we are there, for as long as a lease; how many are, with us."""

    async def leave(self) -> None:
        """Say that we are not any more."""


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """What becomes a part."""

    part: PartId
    entries: Sequence[tuple[EntryId, Fields]]
    """As they are in the log; each was seen to be readable."""
    malformed: int
    """Entries between the first and the last that can't be read."""


class Backlog(Protocol):
    """What of the log is not in the archive yet."""

    async def begin(self, deployment: str) -> Mapping[Stream, EntryId]:
        """The last entry of each stream that is archived; from now on trimming stays behind it."""

    async def next(self, deployment: str, stream: Stream, after: EntryId) -> Piece | Waiting | None:
        """The next part, once it is closed; None when there are no entries.

        Raises UnknownSchemaError for an entry of a newer Understudy: it must not be passed over.
        """

    async def holds(self, deployment: str, stream: Stream, entry: EntryId) -> bool:
        """Whether the log has that entry still."""

    async def move(self, deployment: str, stream: Stream, before: EntryId, after: EntryId) -> bool:
        """From one position to the next; False, and nothing done, when it is not there."""

    async def forget(self, deployment: str) -> None:
        """Nothing is archived any more: trimming need not wait."""


class Archive(Protocol):
    """The log for good, as files by URL."""

    async def write(self, piece: Piece) -> int:
        """Have the part's file, whole or not at all; how many bytes it has. Raises OSError."""

    async def parts(
        self, deployment: str, stream: Stream, since: date, until: date
    ) -> tuple[StoredPart, ...]:
        """Those of these days, oldest first."""

    async def read(self, part: PartId) -> bytes:
        """The Parquet file. Raises FileNotFoundError."""

    async def expire(self, now: float, days: float | None, protected_days: float | None) -> int:
        """Let go of days whose entries are all older than that; how many."""
