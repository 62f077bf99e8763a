"""A project's gate as the registry tells of it."""

from pydantic import AwareDatetime

from understudy.contracts.gate import GatePolicy
from understudy.contracts.registry import Body


class GateView(Body):
    """`GET /v1/projects/{project}/gate`: one version of the policy, with its text as written."""

    project: str
    number: int
    """1 is the project's first; 0 is the installation's own, where the project has none."""
    policy: GatePolicy
    """All members, also those that the text does not name."""
    text: str
    set_at: AwareDatetime | None = None
    set_by: str | None = None
    reason: str = ""
