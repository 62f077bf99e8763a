"""What projects demand before a version leaves `pending`, and what that makes of one."""

from typing import Final

from understudy.client.connection import Connection, segment
from understudy.contracts.gate import Assessment
from understudy.contracts.gate_views import GateView

_YAML: Final = {"Content-Type": "application/yaml"}


class GatesConnection(Connection):
    """The part of the registry that keeps gates."""

    def gate(self, project: str) -> GateView:
        """The policy that holds."""
        return self.get(_place(project), GateView)

    def gates(self, project: str) -> tuple[GateView, ...]:
        """All that the project has set, newest first."""
        return self.pages(f"{_place(project)}/versions", GateView)

    def set_gate(
        self, project: str, text: str, *, reason: str = "", expected: int | None = None
    ) -> GateView:
        """Have another policy hold, as YAML or JSON.

        With `expected` it fails with a conflict when another one than of that number holds.
        """
        headers = _YAML if expected is None else {**_YAML, "If-Match": f'"{expected}"'}
        answer = self.ask(
            "PUT",
            _place(project),
            params={"reason": reason},
            content=text.encode(),
            headers=headers,
        )
        return self.read(answer, GateView)

    def assessment(self, model: str, number: int) -> Assessment:
        """What would stand in one's own way, should one decide about the version."""
        return self.get(f"/v1/models/{segment(model)}/versions/{number}/gate", Assessment)


def _place(project: str) -> str:
    return f"/v1/projects/{segment(project)}/gate"
