"""What can be shown years later: which version was main when and why, and that nothing was changed.

Times are RFC 3339. Everything here is derived from releases and the audit trail as they are kept.
"""

from pydantic import AwareDatetime, Field

from understudy.contracts.registry import Body, Name, Number, Sha256
from understudy.contracts.vocabulary import BreakKind, ReleaseKind, VersionState


class ChainHead(Body):
    """An entry of the audit trail by its place and hash: note it elsewhere, compare it later."""

    sequence: int
    hash: str


class ChainBreak(Body):
    """What is wrong with the entries from `first` to `last`; 0 where a row has no entry."""

    kind: BreakKind
    first: int
    last: int
    detail: str


class Verification(Body):
    """`GET /v1/audit/verification`: the whole chain of the audit trail, walked."""

    whole: bool
    """Nothing is broken, and what was noted is there."""
    entries: int
    first: int | None
    """The sequence of the first entry."""
    head: ChainHead | None
    """The newest entry."""
    breaks: tuple[ChainBreak, ...] = ()
    more: int = 0
    """Breaks beyond those that are listed."""
    incomparable: int = 0
    """Versions, policies and releases whose entries tell too little to be held against them."""
    walked_at: AwareDatetime | None = None
    """When; None: for this answer. Reports share a walk while no entry is written, for five minutes
    at most."""


class Admission(Body):
    """How a version left `pending`."""

    model: Name
    version: Number
    state: VersionState
    decided_at: AwareDatetime
    decided_by: str
    reason: str
    overridden: tuple[str, ...] = ()
    """What stood in the way and was decided against, as `code:subject`."""
    review: Sha256 | None = None
    """The file of the review that it rested on; None where there was none."""
    details: dict[str, object] = Field(default_factory=dict)
    """What the audit entry keeps besides."""
    entry: ChainHead | None = None
    """None where the trail no longer holds it."""


class ReleaseMade(Body):
    """A release with what it rested on."""

    model: Name
    """Of its versions: another deployment of the name may have been of another one."""
    release: int
    kind: ReleaseKind
    main: Number
    challengers: tuple[Number, ...]
    at: AwareDatetime
    by: str
    reason: str
    restores: int | None = None
    evidence: dict[str, object] | None = None
    """As whoever decided has sent it, such as the monitor's verdict."""
    entry: ChainHead | None = None
    """None where the trail no longer holds it."""


class Reign(Body):
    """A version was main."""

    project: Name
    model: Name
    """As the deployment had them then: a name may have been taken again."""
    version: Number
    release: int
    """That made it main."""
    since: AwareDatetime
    until: AwareDatetime | None = None
    """None: it is still."""


class MainAt(Reign):
    """`GET /v1/deployments/{deployment}/main?at=TIME`: which version was main then, and why."""

    deployment: Name
    at: AwareDatetime
    release_then: int
    """That held at that moment: challengers or policy may have changed since the version became
    main."""
    deleted_at: AwareDatetime | None = None
    """Of the deployment."""
    decision: ReleaseMade
    """That made it main."""
    admission: Admission | None = None
    """How the version left `pending`."""


class KeyChange(Body):
    """A key of the deployment was issued or revoked."""

    key: str
    name: str
    action: str
    at: AwareDatetime
    by: str
    scopes: tuple[str, ...] = ()
    entry: ChainHead


class Omitted(Body):
    """How many a report does not list: of each kind it lists the newest thousand."""

    mains: int = 0
    releases: int = 0
    decisions: int = 0
    keys: int = 0


class AuditReport(Body):
    """`GET /v1/deployments/{deployment}/audit-report`: what was done in a period, by whom and why.

    `since` is in it, `until` is not.
    """

    deployment: Name
    project: Name
    model: Name
    """Of the last deployment of the name, as `project`."""
    since: AwareDatetime | None
    """None: from the beginning."""
    until: AwareDatetime
    made_at: AwareDatetime
    deleted_at: AwareDatetime | None = None
    """When the deployment was deleted, if it was in or before the period."""
    mains: tuple[Reign, ...]
    """Of which some lies in the period, in order."""
    releases: tuple[ReleaseMade, ...]
    decisions: tuple[Admission, ...]
    """About the versions that it named in the period, whenever they were decided, and about others
    of its models that were decided in it."""
    overrides: tuple[Admission, ...]
    """Those of `decisions` that were made against what stood in the way."""
    keys: tuple[KeyChange, ...]
    """Of keys that reach this deployment alone."""
    left_out: Omitted = Omitted()
    verification: Verification
