"""A version is immutable but for its review, which ends once: deployed, persisted or ignored."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from services.registry.domain.errors import (
    AlreadyDecidedError,
    SignatureMismatchError,
    VersionNotUsableError,
)
from understudy.contracts.refusals import FieldError
from understudy.contracts.signature import Signature
from understudy.contracts.vocabulary import (
    ArtifactFormat,
    BaselineSample,
    CompiledKind,
    Decision,
    VersionState,
)

_ENDS: Final[Mapping[Decision, VersionState]] = {
    Decision.DEPLOY: VersionState.DEPLOYED,
    Decision.PERSIST: VersionState.PERSISTED,
    Decision.IGNORE: VersionState.IGNORED,
}
_USABLE: Final = frozenset({VersionState.DEPLOYED, VersionState.PERSISTED})


@dataclass(frozen=True, slots=True)
class Lineage:
    """Where a version comes from."""

    author: str | None = None
    git_commit: str | None = None
    data_sha256: str | None = None
    trained_at: datetime | None = None
    libraries: Mapping[str, str] = field(default_factory=dict)
    run: str | None = None
    """Of a scheduled training; None for what a person made."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """A version's faster twin, and how closely it answers alike: see the contract of that name."""

    kind: CompiledKind
    artifact: str
    precision: str
    rows: int
    difference: float
    tolerance: float
    speedup: float


@dataclass(frozen=True, slots=True)
class NotCompiled:
    """Why a version has none."""

    reason: str


NOT_TRIED: Final = NotCompiled("compiling was not tried")


@dataclass(frozen=True, slots=True)
class Interval:
    """How far a version's answers are from the truth: see the contract of that name."""

    level: float
    half_width: float
    rows: int


@dataclass(frozen=True, slots=True)
class Baseline:
    """How a version answered a sample: see the contract of that name."""

    file: str
    sample: BaselineSample
    rows: int
    importances: Mapping[str, float] = field(default_factory=dict)
    interval: Interval | None = None


@dataclass(frozen=True, slots=True)
class NotMeasured:
    """Why a version has none."""

    reason: str


NEVER_MEASURED: Final = NotMeasured("measuring was not tried")


@dataclass(frozen=True, slots=True)
class VersionDraft:
    """What is registered; the store numbers it."""

    model: str
    artifact: str
    reference: str
    signature: Signature
    created_at: datetime
    created_by: str
    metrics: Mapping[str, float] = field(default_factory=dict)
    lineage: Lineage = Lineage()
    description: str = ""
    evaluation: str | None = None
    time_column: str | None = None
    protected: tuple[str, ...] = ()
    """Columns of the samples that hold protected attributes; never features."""
    format: ArtifactFormat = ArtifactFormat.SKOPS
    converted_from: str | None = None
    """The pickle that the artifact was made of, by an administrator's leave."""
    attestation: str | None = None
    """A file with signatures of the artifact."""
    compiled: Compiled | NotCompiled = NOT_TRIED
    baseline: Baseline | NotMeasured = NEVER_MEASURED

    @property
    def files(self) -> frozenset[str]:
        """Digests of all files that it names."""
        made = {
            self.compiled.artifact if isinstance(self.compiled, Compiled) else None,
            self.baseline.file if isinstance(self.baseline, Baseline) else None,
        }
        stated = {self.artifact, self.reference, self.evaluation}
        stated |= {self.converted_from, self.attestation}
        return frozenset(digest for digest in stated | made if digest is not None)


@dataclass(frozen=True, slots=True)
class Ruling:
    """How a version's review ended."""

    state: VersionState
    decided_at: datetime
    decided_by: str
    reason: str
    overridden: tuple[str, ...] = ()
    """What stood in the way and was decided against, as `code:subject`."""


@dataclass(frozen=True, slots=True)
class Version:
    """A numbered draft, and how its review ended once it has."""

    number: int
    draft: VersionDraft
    ruling: Ruling | None = None

    @property
    def state(self) -> VersionState:
        """Where the review stands."""
        return self.ruling.state if self.ruling else VersionState.PENDING

    @property
    def title(self) -> str:
        """`model/number`, as audit rows and messages name it."""
        return f"{self.draft.model}/{self.number}"

    def require_pending(self) -> None:
        """Raises AlreadyDecidedError."""
        if self.ruling is not None:
            raise AlreadyDecidedError(
                f"Version {self.title} was {self.state} by {self.ruling.decided_by}; that is "
                "final. Register the model again as a new version to review it anew."
            )


def decide(
    version: Version,
    decision: Decision,
    *,
    by: str,
    at: datetime,
    reason: str,
    overridden: tuple[str, ...] = (),
) -> Version:
    """End a pending version's review. Raises AlreadyDecidedError."""
    version.require_pending()
    return replace(version, ruling=Ruling(_ENDS[decision], at, by, reason, overridden))


def require_usable(version: Version, pointer: str) -> None:
    """Refuse what may not be in a release. Raises VersionNotUsableError."""
    if version.state in _USABLE:
        return
    remedy = (
        "decide its review first (deploy or persist)"
        if version.state is VersionState.PENDING
        else "an ignored version stays out; register it again as a new version"
    )
    detail = f"Version {version.title} is {version.state}: {remedy}."
    raise VersionNotUsableError(detail, FieldError(pointer, detail))


def require_fit(deployed: Signature, version: Version, pointer: str) -> None:
    """Refuse a version that callers would notice. Raises SignatureMismatchError."""
    differences = deployed.differences(version.draft.signature)
    if differences:
        raise SignatureMismatchError(
            f"Version {version.title} does not take every value that the deployment's signature "
            f"takes: {'; '.join(differences)}. Make a new deployment for it, or widen the version.",
            *(FieldError(pointer, difference) for difference in differences),
        )
