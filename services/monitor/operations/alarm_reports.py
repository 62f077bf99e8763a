"""A report is made and kept when an alarm begins, or a verdict turns to rolling back.

One for each alarm and hour at most. What was reported is read off the kept reports too, so that
after a restart, or by another monitor, an alarm that lasts is not reported again.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final

import structlog

from services.monitor.operations.report_asides import drift_of, named
from services.monitor.operations.reporting import Reporting
from services.monitor.operations.sources import Sources
from services.monitor.operations.watching import Watch
from understudy.contracts.refusals import Refusal
from understudy.contracts.vocabulary import Verdict
from understudy.runtime.folders import FolderUnavailableError

_QUIET_SECONDS: Final = 3_600.0
_MOST_NAMED: Final = 5
_ROLL_BACK: Final = "verdict: roll back"


class AlarmReports:
    """Looks at all deployments in turn."""

    def __init__(
        self, watches: Callable[[], Mapping[str, Watch]], sources: Sources, reporting: Reporting
    ) -> None:
        self._watches = watches
        self._sources = sources
        self._reporting = reporting
        self._on: dict[str, set[str]] = {}
        """The alarms that were there at the last look."""
        self._told: dict[str, dict[str, float]] = {}
        """When each was last reported."""

    async def step(self) -> None:
        """One at a time: a report takes seconds of a processor."""
        watches = dict(self._watches())
        for name in self._on.keys() - watches.keys():
            del self._on[name]
            self._told.pop(name, None)
        for name, watch in watches.items():
            if self._sources.holds(name):
                await self._look(name, watch)

    async def _look(self, name: str, watch: Watch) -> None:
        alarms, before = alarms_of(watch), self._on.get(name)
        begun = {alarm: at for alarm, at in alarms.items() if alarm not in (before or ())}
        told = await self._told_already(name, begun, lasting=before is None) if begun else set()
        self._on[name] = set(alarms)
        fresh = sorted(begun.keys() - told)
        if not fresh:
            return
        now = self._sources.clock()
        self._told.setdefault(name, {}).update(dict.fromkeys(fresh, now))
        try:
            report = await self._reporting.keep(watch, reason_of(fresh), fresh)
        except (Refusal, OSError, TimeoutError) as error:
            self._sources.metrics.report_failed(name)
            structlog.stdlib.get_logger().warning(
                "alarm_report_failed",
                deployment=name,
                error=type(error).__name__,
                detail=str(error) if isinstance(error, FolderUnavailableError) else None,
            )
        else:
            structlog.stdlib.get_logger().info(
                "alarm_report_kept", deployment=name, report=report.id
            )

    async def _told_already(
        self, name: str, begun: Mapping[str, datetime], *, lasting: bool
    ) -> set[str]:
        """Those reported lately; at a first look also those that last since a report of them."""
        lately = datetime.fromtimestamp(self._sources.clock() - _QUIET_SECONDS, UTC)
        found = {alarm for alarm, at in self._told.get(name, {}).items() if at > lately.timestamp()}
        for report in await self._reporting.kept(name):
            for alarm in begun.keys() & report.alarms:
                if report.made_at > lately or (lasting and begun[alarm] <= report.made_at):
                    found.add(alarm)
        return found


def alarms_of(watch: Watch) -> dict[str, datetime]:
    """What is wrong now, in words that stay the same while it is, and since when."""
    drift, judged = drift_of(watch), watch.judged
    found = dict[str, datetime]()
    for alarm in () if drift is None else drift.alarms:
        # Which pairs carry an interaction may change from look to look.
        found[f"drift: {alarm.subject if alarm.pairs else named(alarm)}"] = alarm.since
    if judged is not None and judged.verdict is Verdict.ROLL_BACK:
        # Of when it became so, a monitor that was restarted knows nothing.
        found[_ROLL_BACK] = watch.deployment.released_at
    return found


def reason_of(alarms: list[str]) -> str:
    """The first few by name."""
    more = len(alarms) - _MOST_NAMED
    return "; ".join(alarms[:_MOST_NAMED]) + (f"; and {more} more" if more > 0 else "")
