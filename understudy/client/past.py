"""What can be shown later: what was main when, what was done, and that the trail is whole."""

from datetime import datetime
from typing import Final

import httpx

from understudy.client.connection import Connection, Params, segment
from understudy.contracts.history import AuditReport, MainAt, Verification

_WALKING_SECONDS: Final = 300.0
"""How long the registry may take over the whole chain: some millions of entries."""


class PastConnection(Connection):
    """The part of the registry that remembers."""

    def verify_audit(self, head: str | None = None, expect: str | None = None) -> Verification:
        """Whether the audit trail's chain is whole, and holds what was noted elsewhere.

        `head` is a hash that some entry must have; `expect` is `SEQUENCE:HASH`, that of one entry.
        """
        asked = _stated(head=head, expect=expect)
        return self.read(self._walk("/v1/audit/verification", asked), Verification)

    def main_at(self, deployment: str, at: datetime | None = None) -> MainAt:
        """Which version was main at a moment, now unless one is given, and by whose decision."""
        asked = _stated(at=None if at is None else at.isoformat())
        return self.get(f"/v1/deployments/{segment(deployment)}/main", MainAt, asked)

    def audit_report(
        self, deployment: str, since: datetime | None = None, until: datetime | None = None
    ) -> AuditReport:
        """What was done in a period, by whom and why."""
        asked = _stated(
            since=None if since is None else since.isoformat(),
            until=None if until is None else until.isoformat(),
        )
        place = f"/v1/deployments/{segment(deployment)}/audit-report"
        return self.read(self._walk(place, asked), AuditReport)

    def _walk(self, path: str, params: Params) -> httpx.Response:
        return self.ask("GET", path, params=params, timeout_seconds=_WALKING_SECONDS)


def _stated(**params: str | None) -> dict[str, str | int]:
    return {name: value for name, value in params.items() if value is not None}
