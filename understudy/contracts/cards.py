"""A version's model card: what somebody who was not there needs to know of it.

Everything is taken from records: the registration, the review, the questionnaire, the decision.
Plain values; JSON at the edges.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from understudy.contracts.reviews import (
    AttributeFairness,
    Finding,
    Importance,
    LeftOut,
    Metric,
    SampleFacts,
)
from understudy.contracts.signature import Signature
from understudy.contracts.vocabulary import (
    ArtifactFormat,
    BaselineSample,
    Label,
    Question,
    VersionState,
)

FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class CardStatements:
    """What people say of it: the questionnaire."""

    answers: Mapping[Question, str] = field(default_factory=dict)
    answered_at: datetime | None = None
    answered_by: str | None = None


@dataclass(frozen=True, slots=True)
class CardResults:
    """How good it was when it was reviewed."""

    sample: BaselineSample
    rows: int
    deciding: str
    metrics: tuple[Metric, ...]
    positive: Label | None = None
    main: int | None = None
    """The version that it was held against."""


@dataclass(frozen=True, slots=True)
class CardFairness:
    """By protected attributes."""

    positive: Label | None
    attributes: tuple[AttributeFairness, ...]


@dataclass(frozen=True, slots=True)
class CardReview:
    """What the review found."""

    file: str
    """The artifact that holds all of it."""
    made_at: datetime
    samples: tuple[SampleFacts, ...]
    findings: tuple[Finding, ...]
    """The limits that are known, with the severities of the policy."""
    results: CardResults | None = None
    importances: tuple[Importance, ...] = ()
    """The ten largest."""
    fairness: CardFairness | None = None
    left_out: tuple[LeftOut, ...] = ()
    number: int = 0
    """Among the version's reviews."""


@dataclass(frozen=True, slots=True)
class CardOpening:
    """Somebody had a review before their eyes."""

    review: int
    actor: str
    at: datetime


@dataclass(frozen=True, slots=True)
class CardDecision:
    """How the version left `pending`."""

    decided_at: datetime
    decided_by: str
    reason: str
    overridden: tuple[str, ...] = ()
    """What stood in the way and was decided against, as `code:subject`."""


@dataclass(frozen=True, slots=True)
class CardLineage:
    """Where it comes from, as its author stated it."""

    author: str | None = None
    git_commit: str | None = None
    data_sha256: str | None = None
    trained_at: datetime | None = None
    run: str | None = None
    libraries: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CardFiles:
    """What it is made of, by SHA-256."""

    artifact: str
    format: ArtifactFormat
    reference: str
    evaluation: str | None = None
    converted_from: str | None = None
    attestation: str | None = None


@dataclass(frozen=True, slots=True)
class ModelCard:
    """`GET /v1/models/{model}/versions/{version}/card`."""

    model: str
    project: str
    version: int
    state: VersionState
    model_description: str
    description: str
    created_at: datetime
    created_by: str
    signature: Signature
    protected: tuple[str, ...]
    files: CardFiles
    lineage: CardLineage
    statements: CardStatements
    review: CardReview | None = None
    """The newest; of a version that was decided, the one that it was decided on, if any."""
    newer_review: int | None = None
    """The number of the newest, where that was made after the decision."""
    policy: int | None = None
    """The number of the policy that holds, or by which the version was decided; 0 is the
    installation's own, None where nobody kept it."""
    openings: tuple[CardOpening, ...] = ()
    decision: CardDecision | None = None
    """None while the version is pending."""
    format: int = FORMAT
