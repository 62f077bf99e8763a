"""`/deployments/{deployment}/audit-report`: what was done in a period, by whom and why."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from services.registry.domain.audit import Recorded
from services.registry.operations import Operations
from services.registry.operations.history import Made, NotYetError, Report
from services.registry.pages import review_words as say
from services.registry.pages.charts import numbers
from services.registry.pages.people import InvalidFormError
from services.registry.pages.versions import hidden, reader
from services.registry.pages.visits import Visit, shown, visit_of
from understudy.contracts.refusals import Refusal
from understudy.runtime.documents import Documents


@dataclass(frozen=True, slots=True)
class Period:
    """As it was asked for: days, of which the last is in it, or moments."""

    since: str = ""
    until: str = ""

    @property
    def begin(self) -> datetime | None:
        """Raises InvalidFormError."""
        return _moment(self.since, "since")

    @property
    def end(self) -> datetime | None:
        """Not in the period any more. Raises InvalidFormError."""
        found = _moment(self.until, "until")
        if found is None or len(self.until) != 10:
            return found
        try:
            return found + timedelta(days=1)
        except OverflowError:
            raise _no_day("until") from None


class AuditReports:
    """One report for each deployment and period; of those that were deleted too."""

    def __init__(self, documents: Documents, operations: Operations) -> None:
        self._documents = documents
        self._operations = operations

    async def show(self, request: Request) -> Response:
        """`GET /deployments/{deployment}/audit-report?since=&until=`."""
        query = request.query_params
        period = Period(query.get("since", "").strip(), query.get("until", "").strip())
        name: str = request.path_params["deployment"]
        return await run_in_threadpool(self._page, visit_of(request), name, period)

    def _page(self, visit: Visit, name: str, period: Period) -> Response:
        caller = reader(visit)
        problem: Refusal | None = None
        try:
            try:
                begin, end = period.begin, period.end
                found = self._operations.history.report(caller, name, begin, end)
            except (InvalidFormError, NotYetError) as refusal:
                problem, period = refusal, Period()
                found = self._operations.history.report(caller, name, None, None)
        except Refusal as refusal:
            return shown(self._documents, "missing.html", visit, refusal=hidden(refusal))
        return shown(
            self._documents,
            "audit_report.html",
            visit,
            refusal=problem,
            name=name,
            period=period,
            report=found,
            several=len(_models(found)) > 1,
            overrides=sum(bool(one.ruling.overridden) for one in found.decisions),
            evidence_of=evidence_of,
            query=_query(found),
            say=say,
            num=numbers,
        )


def evidence_of(made: Made) -> str:
    """What a release rested on, as JSON; nothing when nothing was sent."""
    recorded: Recorded | None = made.recorded
    evidence = recorded.entry.details.get("evidence") if recorded else None
    if not isinstance(evidence, Mapping):
        return ""
    return say.plain(json.dumps(evidence, indent=1, ensure_ascii=False, default=str))


def _models(found: Report) -> set[str]:
    """Several, when the name was taken again for another model."""
    held = {one.deployment.model for one in found.mains}
    return held | {one.model for one in found.decisions} | {found.life.deployment.model}


def _query(found: Report) -> str:
    """The same period, for the report as JSON."""
    since = f"since={_stamp(found.since)}&" if found.since else ""
    return f"?{since}until={_stamp(found.until)}"


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _moment(text: str, name: str) -> datetime | None:
    if not text:
        return None
    try:
        if len(text) == 10:
            return datetime.combine(date.fromisoformat(text), time(), UTC)
        found = datetime.fromisoformat(text)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise _no_day(name) from None


def _no_day(name: str) -> InvalidFormError:
    return InvalidFormError(
        f"'{name}' is a day such as 2026-03-01, or a moment such as 2026-03-01T12:00:00Z."
    )
