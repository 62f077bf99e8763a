"""Bodies of the registry's HTTP interface, and the snapshot that followers live by."""

import unicodedata
from typing import Annotated, Final, Generic, Self, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
)

from understudy.contracts.evidence import require_bounded
from understudy.contracts.limits import Limits
from understudy.contracts.moments import Moment
from understudy.contracts.policy import Policy
from understudy.contracts.signature import Signature
from understudy.contracts.vocabulary import (
    DIGEST_PATTERN,
    NAME_PATTERN,
    AccessLevel,
    ArtifactFormat,
    BaselineSample,
    CompiledKind,
    Component,
    Decision,
    FormerMain,
    JobState,
    Question,
    ReleaseKind,
    ReviewState,
    Role,
    Scope,
    VersionState,
)

MAX_NUMBER: Final = 2_147_483_647
"""What every database holds in an integer column."""


def _printable(text: str) -> str:
    """Control characters hide or forge lines where texts are shown."""
    return _without_controls(text, allowed="")


def _printable_lines(text: str) -> str:
    return _without_controls(text, allowed="\n\t")


def _without_controls(text: str, *, allowed: str) -> str:
    for place, character in enumerate(text):
        if unicodedata.category(character) == "Cc" and character not in allowed:
            raise ValueError(
                f"holds the control character U+{ord(character):04X} at {place}; remove it"
            )
    return text


Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
Sha256 = Annotated[str, StringConstraints(pattern=DIGEST_PATTERN)]
Text = Annotated[
    str,
    StringConstraints(max_length=4_000),
    AfterValidator(_printable_lines),
    Field(json_schema_extra={"pattern": r"^[^\x00-\x08\x0b-\x1f\x7f-\x9f]*$"}),
]
ShortText = Annotated[
    str,
    StringConstraints(min_length=1, max_length=200),
    AfterValidator(_printable),
    Field(json_schema_extra={"pattern": r"^[^\x00-\x1f\x7f-\x9f]*$"}),
]
ColumnName = ShortText
Number = Annotated[int, Field(ge=1, le=MAX_NUMBER, strict=True)]
"""Of a version or release. Strict: `true` and `1.0` are no numbers of anything."""
Item = TypeVar("Item")
Evidence = Annotated[dict[str, object], AfterValidator(require_bounded)]


class Body(BaseModel):
    """Every body is frozen, and says so when a member is not known or a number not finite."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class ProjectRequest(Body):
    """`POST /v1/projects`."""

    name: Name
    description: Text = ""


class ProjectView(ProjectRequest):
    """A project."""

    created_at: AwareDatetime


class ModelRequest(Body):
    """`POST /v1/models`: a family of versions that answer one question."""

    name: Name
    project: Name
    description: Text = ""


class ModelView(ModelRequest):
    """A model, and how many versions it has."""

    created_at: AwareDatetime
    versions: int
    frozen_by: Number | None = None
    """The persisted version that froze the recipe: scheduled runs no longer train, they predict.
    A version that is deployed later thaws it."""


class ArtifactView(Body):
    """A stored file, addressed by its content."""

    digest: Sha256
    size_bytes: int


class Lineage(Body):
    """Where a version comes from; all of it optional, all of it kept."""

    author: str | None = None
    git_commit: str | None = None
    data_sha256: str | None = None
    trained_at: AwareDatetime | None = None
    libraries: dict[str, str] = Field(default_factory=dict)
    run: ShortText | None = None
    """Of a scheduled training. While a model's recipe is frozen none is taken."""


class VersionRequest(Body):
    """`POST /v1/models/{model}/versions`: names files that were uploaded before."""

    artifact: Sha256
    """A skops file, or ONNX; a pickle only where the project's policy takes them."""
    reference: Sha256
    """The reference (training) sample: Parquet, one column per feature, plus the target's."""
    evaluation: Sha256 | None = None
    """Rows that the model was not trained on, with the same columns: what its baseline is measured
    on. Without it the reference is taken, on which a model looks better than it is."""
    time_column: ColumnName | None = None
    """The column of the samples that says when a row was, so that their rows have an order."""
    protected: Annotated[tuple[ColumnName, ...], Field(max_length=20)] = ()
    """Columns of the samples that hold protected attributes. The model never sees them; the review
    compares their groups."""
    attestation: Sha256 | None = None
    """A file of signatures over the artifact, as model-signing writes it."""
    signature: Signature
    metrics: dict[str, float] = Field(default_factory=dict)
    lineage: Lineage = Lineage()
    description: Text = ""


class Compiled(Body):
    """A version's faster twin, made when it was registered, and how closely it answers alike."""

    kind: CompiledKind
    artifact: Sha256
    precision: str
    """Of its inputs: `float64` or `float32`."""
    rows: int
    """How many rows of the reference sample and of its edges both were asked."""
    difference: float
    """The largest between both answers, to a probability or, relative, to a number."""
    tolerance: float
    """How much was allowed."""
    speedup: float
    """How many times faster one row was answered where it was compiled."""


class Interval(Body):
    """How far a regression's answers are from the truth: of `level` of new rows at most this far.

    Split conformal, from rows that the version was not trained on; docs/statistics/conformal.md.
    """

    level: float
    half_width: float
    rows: int
    """With a label, that it was measured on."""


class Baseline(Body):
    """How a version answered a sample when it was registered: what live figures are held against.

    The file is Parquet: `value` (the number, or the index of the class in the signature's order),
    `p0`, `p1`, … (probabilities, for a classifier that gives them), `label` (like `value`; NaN
    without one), `at` (seconds since the epoch, when the samples have a time column) and `row`
    (which row of the sample it is, from 0), in the order of time, or of the sample.
    """

    file: Sha256
    sample: BaselineSample
    rows: int
    importances: dict[str, float] = Field(default_factory=dict)
    """By feature: how much the loss grows when its column is shuffled; 0 is not important."""
    interval: Interval | None = None
    """Of a regression that was measured on enough rows of an evaluation sample."""


class VersionView(VersionRequest):
    """An immutable version and where its review stands."""

    baseline: Baseline | None = None
    not_measured: str | None = None
    """Why there is no baseline."""
    compiled: Compiled | None = None
    not_compiled: str | None = None
    """Why there is no compiled runner; serving asks scikit-learn then."""

    model: Name
    version: Number
    format: ArtifactFormat = ArtifactFormat.SKOPS
    converted_from: Sha256 | None = None
    """The pickle that the artifact was made of in a sandbox."""
    state: VersionState
    overridden: tuple[str, ...] = ()
    """What stood in the way of its deployment and was decided against, as `code:subject`."""
    created_at: AwareDatetime
    created_by: str
    decided_at: AwareDatetime | None = None
    decided_by: str | None = None
    decision_reason: str | None = None


class ReviewStanding(Body):
    """`GET /v1/models/{model}/versions/{version}/review/status`."""

    state: ReviewState
    review: Number | None = None
    """The number of the newest review that was made; it may be read while another is made."""
    file: Sha256 | None = None
    made_at: AwareDatetime | None = None
    main: Number | None = None
    """The version that it was held against."""
    blocks: int = 0
    warnings: int = 0
    looks: int = 0
    job: str | None = None
    """Of the newest attempt."""
    step: str = ""
    progress: float = 0.0
    failure: str = ""
    opened_by: tuple[str, ...] = ()
    """Who has opened the newest review."""


class QuestionnaireRequest(Body):
    """`PUT /v1/models/{model}/versions/{version}/questionnaire`, while the version is pending.

    Questions that are not named keep their answers; an empty text takes one away.
    """

    answers: dict[Question, Text]


class QuestionnaireView(QuestionnaireRequest):
    """What was answered, last by whom."""

    answered_at: AwareDatetime | None = None
    answered_by: str | None = None


class DecisionRequest(Body):
    """`POST /v1/models/{model}/versions/{version}/decision`: ends a pending version's review."""

    decision: Decision
    reason: Text = ""
    override: bool = False
    """Decide against what stands in the way: needs a role that the policy names, and a reason."""


class DeploymentRequest(Body):
    """`POST /v1/deployments`: makes the deployment and its first release."""

    name: Name
    model: Name
    main: Number
    challengers: tuple[Number, ...] = ()
    access: AccessLevel = AccessLevel.PROJECT
    description: Text = ""
    reason: Text = ""
    policy: Policy = Policy()


class ReleaseRequest(Body):
    """`POST /v1/deployments/{deployment}/releases`: a change is always a new release.

    | kind | needs | makes |
    | --- | --- | --- |
    | deploy | version | `version` main; challengers stay, less the new main |
    | challenge | version | one more challenger |
    | withdraw | version | one challenger less |
    | promote | version, a challenger | it becomes main; the former main stays on as challenger |
    | swap | version where there are several challengers | main and challenger change places |
    | rollback | release, or none for the one before | its main, challengers, policy |
    | configure | policy | the policy, whole, instead of the one before |

    `former_main` = retired lets the main that a promotion replaces go instead.
    `expected_release` (or `If-Match` with the deployment's ETag) makes it fail with a conflict when
    somebody else was faster.
    """

    kind: ReleaseKind
    version: Number | None = None
    release: Number | None = None
    former_main: FormerMain = FormerMain.CHALLENGER
    policy: Policy | None = None
    expected_release: Number | None = None
    reason: Text = ""
    evidence: Evidence | None = None
    """What the decision rests on; kept in the audit trail as it is."""


class ReleaseView(Body):
    """One setting of a deployment."""

    deployment: Name
    release: Number
    kind: ReleaseKind
    main: Number
    challengers: tuple[Number, ...]
    released_at: AwareDatetime
    released_by: str
    reason: str
    restores: Number | None = None
    """For a rollback: the release whose setting this one repeats."""
    policy: Policy = Policy()


class FollowerState(Body):
    """One process that serves or reads a deployment, as it last reported."""

    instance: str
    component: Component
    release: int
    reported_at: AwareDatetime
    failure: str | None = None


class DeploymentView(Body):
    """A deployment with its current release and both of its states."""

    name: Name
    project: Name
    model: Name
    access: AccessLevel
    description: str
    created_at: AwareDatetime
    current: ReleaseView
    deployed: bool
    """Every serving worker that reports has the current release loaded."""
    running: bool
    """At least one serving worker answers on some release."""
    followers: tuple[FollowerState, ...] = ()


class KeyRequest(Body):
    """`POST /v1/keys`. Without deployment and project the key reaches all of them."""

    name: ShortText
    scopes: Annotated[tuple[Scope, ...], Field(min_length=1)]
    deployment: Name | None = None
    project: Name | None = None
    expires_at: Moment | None = None
    limits: Limits | None = None


class KeyView(KeyRequest):
    """A key as it may be shown: without its secret."""

    id: str
    created_at: AwareDatetime
    revoked_at: AwareDatetime | None = None
    last_used_at: AwareDatetime | None = None
    """About when: processes tell it with their heartbeats."""
    issued_by: str = ""
    """A key's id or a person as `user:<name>`; nobody for keys of releases that did not keep it."""


class KeyIssued(KeyView):
    """The one answer that carries the secret."""

    key: str


class AuditView(Body):
    """Who did what to what, when and why; written in the transaction that did it."""

    sequence: int
    at: AwareDatetime
    actor: str
    action: str
    subject: str
    reason: str
    details: dict[str, object]
    hash: str = ""
    """Over this entry and the hash of the one before; `GET /v1/audit/verification` checks all."""


class JobView(Body):
    """`GET /v1/jobs/{id}`: work that takes longer than a request should."""

    id: str
    kind: str
    project: str
    owner: str
    state: JobState
    step: str
    """What it is at, in words."""
    progress: float
    """Between 0 and 1."""
    result: dict[str, object] | None = None
    """What it made: `location`, and what identifies it."""
    problem: dict[str, object] | None = None
    """Why it failed: `code`, `status`, `detail` and `errors` as in any refusal."""
    created_at: AwareDatetime
    ended_at: AwareDatetime | None = None


class FollowerReport(Body):
    """`POST /v1/followers`: what a process has loaded, after each change and as a heartbeat."""

    instance: ShortText
    component: Component
    releases: dict[str, Annotated[int, Field(ge=0, le=MAX_NUMBER, strict=True)]]
    """By deployment; 0 where none could be taken up yet."""
    failures: dict[str, str] = Field(default_factory=dict)
    """By deployment: why its current release could not be taken up."""
    used: Annotated[dict[str, Moment], Field(max_length=10_000)] = Field(default_factory=dict)
    """By key id: when it was last let in, of those that were used since the report before."""


class ServedVersion(Body):
    """All that a process needs in order to load a version."""

    version: Number
    artifact: Sha256
    format: ArtifactFormat = ArtifactFormat.SKOPS
    reference: Sha256
    signature: Signature
    compiled: Compiled | None = None
    baseline: Baseline | None = None
    evaluation: Sha256 | None = None
    time_column: str | None = None
    trained_at: AwareDatetime | None = None

    @property
    def files(self) -> tuple[str, ...]:
        """Digests of what a process may have fetched in order to answer with it."""
        return (
            (self.artifact,) if self.compiled is None else (self.artifact, self.compiled.artifact)
        )

    @property
    def samples(self) -> tuple[str, ...]:
        """Digests of what live rows are held against."""
        if self.baseline is None:
            return (self.reference,)
        measured = (self.reference, self.baseline.file)
        return measured if self.evaluation is None else (*measured, self.evaluation)


class Pairing(Body):
    """A version that owes pairs: it is a challenger now, or was one lately."""

    version: Number
    since: AwareDatetime
    """When the first release that named it as challenger was made."""


class Couple(Body):
    """Main and one challenger, for as long as they have been judged on the same terms."""

    challenger: Number
    release: Number
    """The release that began it."""
    since: AwareDatetime


class DeploymentSnapshot(Body):
    """What followers need to know of one deployment."""

    name: Name
    project: Name
    model: Name
    access: AccessLevel
    description: str = ""
    release: Number
    released_at: AwareDatetime
    first_release: Number = 1
    """That made it. Smaller numbers are of a deleted deployment that had the same name."""
    main: Number
    challengers: tuple[Number, ...]
    main_since: AwareDatetime | None = None
    """When the main became main."""
    previous_main: Number | None
    """Kept warm by serving, so that a rollback is one assignment."""
    previous_release: Number | None = None
    """The newest release in which it was main: what a rollback to it restores."""
    pairings: tuple[Pairing, ...]
    couples: tuple[Couple, ...] = ()
    """The main with each challenger of the current release."""
    policy: Policy = Policy()
    versions: tuple[ServedVersion, ...]
    """Main, challengers, previous main, and every version that still owes pairs."""

    @property
    def main_release(self) -> int:
        """The release that made the main the main, this time."""
        before = self.previous_release
        return self.first_release if before is None else before + 1

    def role_of(self, version: int) -> Role | None:
        """Which part `version` plays in the current release."""
        if version == self.main:
            return Role.MAIN
        return Role.CHALLENGER if version in self.challengers else None

    def version(self, number: int) -> ServedVersion:
        """The version of that number; KeyError when the snapshot does not carry it."""
        for served in self.versions:
            if served.version == number:
                return served
        raise KeyError(number)


class KeyRecord(Body):
    """What a process needs in order to authenticate a caller without asking the registry."""

    id: str
    digest: Sha256
    scopes: tuple[Scope, ...]
    deployment: Name | None = None
    project: Name | None = None
    expires_at: AwareDatetime | None = None
    limits: Limits | None = None


class TokenKey(Body):
    """An Ed25519 public key by which access tokens are verified without asking the registry."""

    kid: str
    """Its thumbprint (RFC 7638)."""
    x: str
    """The 32 bytes in base64url (RFC 8037)."""
    issuer: str
    """What its tokens must say that they come from."""


class Snapshot(Body):
    """`GET /v1/snapshot`: the desired state, whole. `sequence` grows with every change."""

    sequence: int
    deployments: tuple[DeploymentSnapshot, ...] = ()
    keys: tuple[KeyRecord, ...] = ()
    trusted_types: tuple[str, ...] = ()
    """Type names that an artifact may hold beyond what skops trusts by itself."""
    token_keys: tuple[TokenKey, ...] = ()
    """Whose access tokens are valid: the key that signs now, and one of before."""

    @classmethod
    def read(cls, data: bytes) -> Self:
        """As a registry wrote it. Raises ValueError.

        What a newer registry says beyond what is known here is passed over: while Understudy is
        replaced process by process, those of before follow on.
        """
        return cls.model_validate_json(data, extra="ignore")

    def deployment(self, name: str) -> DeploymentSnapshot | None:
        """The deployment of that name."""
        return next((found for found in self.deployments if found.name == name), None)


class Page(Body, Generic[Item]):
    """One page of a list; `next_cursor` is absent on the last."""

    items: tuple[Item, ...]
    next_cursor: str | None = None
