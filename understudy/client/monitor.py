"""The monitor: what it measures, what it concludes, and its reports for people."""

from datetime import datetime
from typing import Final

from understudy.client.connection import Answer, Connection, Params, segment
from understudy.contracts.monitor import (
    AlertReading,
    Assessment,
    CoverageView,
    DriftView,
    FairnessView,
    Gate,
    Judgement,
    QualityView,
    ReportView,
)

_GATE_ANSWERS: Final = (409, 425)
"""No, and not yet: answers as good as yes."""
_REPORT_SECONDS: Final = 120.0
"""A report is made on demand, by a process that takes seconds to start."""


class MonitorClient(Connection):
    """The monitor with a reader's key."""

    service = "the monitor"
    setting = "--monitor-url or UNDERSTUDY_MONITOR_URL"

    def assessment(self, deployment: str) -> Assessment:
        """The readings of the latest window."""
        return self._view(deployment, "assessment", Assessment)

    def verdict(self, deployment: str) -> Judgement:
        """What is concluded of main and challengers, by which rule, from what."""
        return self._view(deployment, "verdict", Judgement)

    def gate(self, deployment: str, challenger: int) -> Gate:
        """Whether a challenger may become main: yes, no, or not decided yet."""
        path, params = _path(deployment, "gate"), {"challenger": challenger}
        return self.read(self.ask("GET", path, params=params, answers=_GATE_ANSWERS), Gate)

    def alerts(self, deployment: str, limit: int | None = None) -> tuple[AlertReading, ...]:
        """Alerts that the monitor was told of; what accuses the main comes first."""
        return self.pages(_path(deployment, "alerts"), AlertReading, limit)

    def drift(self, deployment: str) -> DriftView:
        """What drifted and what is watched, the strongest evidence first."""
        return self._view(deployment, "drift", DriftView)

    def quality(self, deployment: str, days: int | None = None) -> QualityView:
        """Main and challengers on labelled rows; `days` back, or as many as the monitor likes."""
        return self._view(deployment, "quality", QualityView, _back(days))

    def coverage(self, deployment: str, days: int | None = None) -> CoverageView:
        """How many answers have labels, how late those come, and which are missing."""
        return self._view(deployment, "labels", CoverageView, _back(days))

    def fairness(self, deployment: str, days: int | None = None) -> FairnessView:
        """Groups by protected attributes, and the gaps between them."""
        return self._view(deployment, "fairness", FairnessView, _back(days))

    def reports(self, deployment: str, limit: int | None = None) -> tuple[ReportView, ...]:
        """Reports that are kept, the newest first."""
        return self.pages(_path(deployment, "reports"), ReportView, limit)

    def kept_report(self, deployment: str, report: str) -> str:
        """The HTML page of a report that is kept."""
        return self.ask("GET", f"{_path(deployment, 'reports')}/{segment(report)}").text

    def report(
        self,
        deployment: str,
        begins: datetime | None = None,
        ends: datetime | None = None,
        version: int | None = None,
    ) -> str:
        """An HTML page on predictions between two moments; on the latest window without them.

        With a `version`, on those that it answered as main.
        """
        sides = {"from": begins, "to": ends}
        params: dict[str, str | int] = {
            name: at.isoformat() for name, at in sides.items() if at is not None
        }
        if version is not None:
            params["version"] = version
        path = _path(deployment, "report")
        return self.ask("GET", path, params=params, timeout_seconds=_REPORT_SECONDS).text

    def _view(
        self, deployment: str, name: str, view: type[Answer], params: Params | None = None
    ) -> Answer:
        return self.get(_path(deployment, name), view, params)


def _back(days: int | None) -> Params | None:
    return None if days is None else {"days": days}


def _path(deployment: str, name: str) -> str:
    return f"/v1/deployments/{segment(deployment)}/{name}"
