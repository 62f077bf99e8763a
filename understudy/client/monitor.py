"""The monitor: readings of the latest window, and its report for people."""

from typing import Final

from understudy.client.connection import Connection, segment
from understudy.contracts.monitor import Assessment

_REPORT_SECONDS: Final = 120.0
"""A report is made on demand, by a process that takes seconds to start."""


class MonitorClient(Connection):
    """The monitor with a reader's key."""

    service = "the monitor"
    setting = "--monitor-url or UNDERSTUDY_MONITOR_URL"

    def assessment(self, deployment: str) -> Assessment:
        """The readings of the latest window."""
        return self.get(f"/v1/deployments/{segment(deployment)}/assessment", Assessment)

    def report(self, deployment: str) -> str:
        """An HTML page on the latest window."""
        path = f"/v1/deployments/{segment(deployment)}/report"
        return self.ask("GET", path, timeout_seconds=_REPORT_SECONDS).text
