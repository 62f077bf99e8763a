"""Reports for people: made one at a time, handed out again for a while, kept at alarms."""

import asyncio
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from services.monitor.domain.errors import (
    InvalidWindowError,
    NothingObservedError,
    ReportDeadlineError,
    UnknownReportError,
)
from services.monitor.domain.reports import Ask, KeptReport, feature_lines, span_of
from services.monitor.domain.rows import PredictionRows
from services.monitor.operations.sources import Sources
from services.monitor.operations.watching import Watch
from services.monitor.ports import Past, PastRows, ReportOrder, Reports, ReportShelf
from understudy.contracts.registry import DeploymentSnapshot, ServedVersion


@dataclass(frozen=True, slots=True)
class ReportTerms:
    """What reports are made under."""

    rows: int
    deadline_seconds: float
    cache_seconds: float
    most_cached: int = 4


@dataclass(frozen=True, slots=True)
class Aside:
    """What a deployment's figures and facts are beside the rows of a report."""

    facts: Sequence[tuple[str, str]] = ()
    evidence: Sequence[tuple[str, float]] = ()
    """By feature: the drift detector's, over its threshold."""


Telling = Callable[[Watch], Aside]


@dataclass(frozen=True, slots=True)
class Made:
    """A page, and what it is about."""

    page: bytes
    release: int
    begins: datetime
    ends: datetime
    rows: int


class Reporting:
    """Makes pages, one at a time; a page is handed out again for a while."""

    def __init__(
        self,
        sources: Sources,
        *,
        past: Past,
        reports: Reports,
        shelf: ReportShelf,
        telling: Telling,
        terms: ReportTerms,
    ) -> None:
        self._sources = sources
        self._past = past
        self._reports = reports
        self._shelf = shelf
        self._telling = telling
        self._terms = terms
        self._making = asyncio.Lock()
        self._made: dict[tuple[str, int, Ask], tuple[float, Made]] = {}

    async def page(self, watch: Watch, ask: Ask) -> bytes:
        """The report on what was asked for.

        Raises InvalidWindowError, NothingObservedError, ReportFailedError, ReportDeadlineError.
        """
        return (await self._found(watch, ask)).page

    async def keep(self, watch: Watch, reason: str, alarms: Sequence[str] = ()) -> KeptReport:
        """Make the report of the newest rows, and keep it. Raises the same."""
        made = await self._found(watch, Ask())
        now = datetime.fromtimestamp(self._sources.clock(), UTC)
        report = KeptReport(
            id=f"{now:%Y%m%dt%H%M%Sz}-{secrets.token_hex(4)}",
            release=made.release,
            made_at=now,
            begins=made.begins,
            ends=made.ends,
            rows=made.rows,
            reason=reason,
            size_bytes=len(made.page),
            alarms=tuple(alarms),
        )
        await self._shelf.put(watch.deployment.name, report, made.page)
        return report

    async def kept(self, deployment: str) -> Sequence[KeptReport]:
        """Newest first."""
        return await self._shelf.reports(deployment)

    async def kept_page(self, deployment: str, report: str) -> bytes:
        """Raises UnknownReportError."""
        page = await self._shelf.page(deployment, report)
        if page is None:
            raise UnknownReportError(f"{deployment} keeps no report of that id; see its reports.")
        return page

    async def _found(self, watch: Watch, ask: Ask) -> Made:
        # One that is there waits for no other that is being made.
        return self._fresh(watch.deployment, ask) or await self._made_in_turn(watch, ask)

    async def _made_in_turn(self, watch: Watch, ask: Ask) -> Made:
        try:
            async with asyncio.timeout(self._terms.deadline_seconds), self._making:
                return self._fresh(watch.deployment, ask) or await self._make(watch, ask)
        except TimeoutError as error:
            raise ReportDeadlineError(
                f"The report was not ready within {self._terms.deadline_seconds:g} s.",
                retry_after=30.0,
            ) from error

    def _fresh(self, deployment: DeploymentSnapshot, ask: Ask) -> Made | None:
        made_at, made = self._made.get((deployment.name, deployment.release, ask), (0.0, None))
        age = self._sources.clock() - made_at
        return made if age < self._terms.cache_seconds else None

    async def _make(self, watch: Watch, ask: Ask) -> Made:
        deployment = watch.deployment
        served = _asked_version(deployment, ask)
        found = await self._rows(deployment, ask)
        entries = found.entries
        if not entries:
            raise NothingObservedError(_nothing(deployment, ask, found))
        begins, ends = span_of(entries)
        rows = sum(len(entry.ids) for entry in entries)
        aside = self._telling(watch) if self._present(deployment, ask) else Aside()
        made_at = ("Made at", _time(self._sources.clock()))
        window = ("Answered", f"{begins:%Y-%m-%d %H:%M:%S} to {ends:%Y-%m-%d %H:%M:%S} UTC")
        facts = (window, made_at, *_notes(ask, found, rows), *aside.facts)
        aside = replace(aside, facts=facts)
        order = await self._order(watch, served, entries, aside)
        page = await self._reports.render(order, self._terms.deadline_seconds)
        made = Made(page, deployment.release, begins, ends, min(rows, self._terms.rows))
        self._cache(deployment, ask, made)
        return made

    def _present(self, deployment: DeploymentSnapshot, ask: Ask) -> bool:
        """Whether alarms and evidence, which are of the main and of now, belong on the page."""
        now = ask.span is None or ask.span.ends >= self._sources.clock()
        return now and ask.version in {None, deployment.main}

    async def _rows(self, deployment: DeploymentSnapshot, ask: Ask) -> PastRows:
        most = self._terms.rows
        if ask.span is not None:
            return await self._past.between(deployment.name, ask.span, most, ask.version)
        seconds = self._sources.rules.window_minutes * 60.0
        newest = await self._sources.log.newest(deployment.name, most, seconds)
        entries = [one for one in newest if ask.version in {None, one.main}]
        return PastRows(entries, sum(len(entry.ids) for entry in entries), None)

    async def _order(
        self,
        watch: Watch,
        served: ServedVersion,
        entries: Sequence[PredictionRows],
        aside: Aside,
    ) -> ReportOrder:
        deployment, references = watch.deployment, self._sources.references
        reference = await references.profile(served)
        figures = await asyncio.to_thread(
            feature_lines,
            entries,
            reference,
            self._sources.rules,
            dict(aside.evidence),
            {} if served.baseline is None else served.baseline.importances,
        )
        return ReportOrder(
            title=f"{deployment.name}: release {deployment.release}, version {served.version}",
            signature=served.signature,
            reference=await references.file(served),
            rows=entries,
            most_rows=self._terms.rows,
            facts=aside.facts,
            figures=figures,
        )

    def _cache(self, deployment: DeploymentSnapshot, ask: Ask, made: Made) -> None:
        name = deployment.name, deployment.release, ask
        self._made.pop(name, None)
        while len(self._made) >= self._terms.most_cached:
            del self._made[next(iter(self._made))]
        self._made[name] = (self._sources.clock(), made)


def _asked_version(deployment: DeploymentSnapshot, ask: Ask) -> ServedVersion:
    number = deployment.main if ask.version is None else ask.version
    for served in deployment.versions:
        if served.version == number:
            return served
    known = ", ".join(str(served.version) for served in deployment.versions)
    raise InvalidWindowError(
        f"`version`: {deployment.name} does not have version {number} now; it has {known}."
    )


def _nothing(deployment: DeploymentSnapshot, ask: Ask, found: PastRows) -> str:
    if ask.span is None and ask.version is None:
        return f"{deployment.name} has not answered any predictions yet: nothing to report on."
    whose = "" if ask.version is None else f" by version {ask.version} as main"
    reach = (
        ""
        if found.reaches_back is None
        else f" What is kept begins at {_time(found.reaches_back)}."
    )
    return f"{deployment.name} answered no predictions{whose} in that window.{reach}"


def _notes(ask: Ask, found: PastRows, rows: int) -> list[tuple[str, str]]:
    notes = []
    if found.seen > rows:
        notes.append(("Sample", f"{rows} of {found.seen} predictions, evenly spread"))
    if ask.span is not None and found.reaches_back and found.reaches_back > ask.span.begins:
        notes.append(("Kept since", f"{_time(found.reaches_back)}; older predictions are gone"))
    if found.until is not None:
        notes.append(("Read until", f"{_time(found.until)}; ask for a shorter window to see more"))
    return notes


def _time(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"
