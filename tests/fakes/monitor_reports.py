"""The ports around reports in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from services.monitor.domain.reports import KeptReport, Span
from services.monitor.domain.rows import PredictionRows
from services.monitor.domain.sampling import EvenSample
from services.monitor.operations import Reporting, ReportTerms, Sources
from services.monitor.operations.reporting import Aside, Telling
from services.monitor.operations.watching import Watch
from services.monitor.ports import Past, PastRows, Reports, ReportShelf
from tests.fakes.monitor import CannedReports, MemoryLog


@dataclass
class MemoryPast:
    """`ports.Past` over the log in memory."""

    log: MemoryLog

    async def between(
        self, deployment: str, span: Span, most_rows: int, main: int | None = None
    ) -> PastRows:
        sample = EvenSample(most_rows, main)
        held = [
            entry
            for _, _, entry in self.log.entries.get(deployment, [])
            if isinstance(entry, PredictionRows)
        ]
        for entry in held:
            sample.add(span.holds(entry))
        oldest = float(held[0].at.min()) if held else None
        return PastRows(sample.rows(), sample.seen, oldest)


@dataclass
class MemoryShelf:
    """`ports.ReportShelf`."""

    room: int = 50
    held: dict[str, dict[str, tuple[KeptReport, bytes]]] = field(default_factory=dict)

    async def put(self, deployment: str, report: KeptReport, page: bytes) -> None:
        own = self.held.setdefault(deployment, {})
        own[report.id] = (report, page)
        for name in sorted(own)[: -self.room]:
            del own[name]

    async def reports(self, deployment: str) -> Sequence[KeptReport]:
        own = self.held.get(deployment, {})
        return [own[name][0] for name in sorted(own, reverse=True)]

    async def page(self, deployment: str, report: str) -> bytes | None:
        found = self.held.get(deployment, {}).get(report)
        return None if found is None else found[1]


def nothing_aside(_: Watch) -> Aside:
    """For tests that are about rows."""
    return Aside()


def reporting_of(
    sources: Sources,
    *,
    reports: Reports | None = None,
    shelf: ReportShelf | None = None,
    past: Past | None = None,
    telling: Telling = nothing_aside,
    deadline_seconds: float = 5.0,
) -> Reporting:
    """Reporting over a log in memory, 100 rows at most, handed out again for a minute."""
    assert isinstance(sources.log, MemoryLog)
    return Reporting(
        sources,
        past=past or MemoryPast(sources.log),
        reports=reports or CannedReports(),
        shelf=shelf or MemoryShelf(),
        telling=telling,
        terms=ReportTerms(100, deadline_seconds, 60.0),
    )
