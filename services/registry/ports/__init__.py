"""What the operations need from outside.

Every write is one transaction: it moves the sequence by one and leaves its audit entry, or nothing.
A store that is gone raises StoreUnavailableError.
"""

from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from services.registry.domain.access import Configuration, Key, Reach
from services.registry.domain.annotations import NO_TAGS, Tags
from services.registry.domain.audit import Entry, Recorded, Wanted
from services.registry.domain.catalogue import Model, Project
from services.registry.domain.deployments import Deployment
from services.registry.domain.gate import Basis
from services.registry.domain.history import Life
from services.registry.domain.jobs import Job
from services.registry.domain.paging import Paging, Slice
from services.registry.domain.releases import Release
from services.registry.domain.replies import Begun
from services.registry.domain.tokens import Claims
from services.registry.domain.verifying import Chain
from services.registry.domain.versions import (
    Baseline,
    Compiled,
    NotCompiled,
    NotMeasured,
    Version,
    VersionDraft,
)
from services.registry.ports.annotations import TagStore
from services.registry.ports.gates import GateStore
from services.registry.ports.people import PeopleStore, SessionStore
from services.registry.ports.review_store import ReviewStore
from services.registry.ports.trust import TrustStore
from understudy.contracts.registry import FollowerReport
from understudy.contracts.signature import Signature
from understudy.contracts.vocabulary import ArtifactFormat, TrustState, VersionState


class CatalogueStore(Protocol):
    """Projects, models and versions."""

    def add_project(self, project: Project, entry: Entry) -> None:
        """Raises NameTakenError."""

    def project(self, name: str) -> Project | None:
        """The project of that name."""

    def projects(self, reaches: Sequence[Reach], paging: Paging) -> Slice[Project]:
        """By name."""

    def add_model(self, model: Model, entry: Entry, tags: Tags = NO_TAGS) -> None:
        """Raises NameTakenError. The project must be there."""

    def model(self, name: str) -> Model | None:
        """The model of that name, with the number of its versions."""

    def models(self, reaches: Sequence[Reach], paging: Paging) -> Slice[Model]:
        """By name."""

    def add_version(self, draft: VersionDraft, entry: Entry, tags: Tags = NO_TAGS) -> Version:
        """Number the draft: one more than the model's last. The entry's subject is its title.

        Raises RecipeFrozenError when its recipe was frozen meanwhile.
        """

    def version(self, model: str, number: int) -> Version | None:
        """One version."""

    def versions(self, model: str, paging: Paging) -> Slice[Version]:
        """Newest first."""

    def end_review(self, version: Version, entry: Entry, basis: Basis | None = None) -> None:
        """Keep the version's review, if what it rests on is still so.

        Raises AlreadyDecidedError when it had ended meanwhile, GateChangedError,
        ReviewChangedError or AnswersChangedError.
        """

    def projects_using(self, digest: str) -> frozenset[str]:
        """Projects with a version that names the file, whatever as (see `VersionDraft.files`)."""


class DeploymentStore(Protocol):
    """Deployments and their releases."""

    def add(self, deployment: Deployment, entry: Entry) -> Deployment:
        """Keep it with its first release, numbered on from an earlier deployment of that name.

        Raises NameTakenError.
        """

    def find(self, name: str) -> Deployment | None:
        """The deployment of that name that is not deleted."""

    def page(self, reaches: Sequence[Reach], paging: Paging) -> Slice[Deployment]:
        """By name, without those that were deleted."""

    def release(self, release: Release, entry: Entry) -> None:
        """Make it current if the current one is `release.number - 1`, else StaleReleaseError."""

    def lives(self, name: str) -> tuple[Life, ...]:
        """Every deployment that bore the name, with all of its releases; the oldest first."""

    def history(self, name: str) -> tuple[Release, ...]:
        """All releases, ascending; empty when there is no such deployment."""

    def releases(self, name: str, paging: Paging) -> Slice[Release]:
        """Newest first."""

    def delete(self, deployment: Deployment, entry: Entry) -> None:
        """Delete it and revoke the keys that reach nothing else, at the entry's time.

        Raises StaleReleaseError when `deployment.current` is not current any more.
        """


class KeyStore(Protocol):
    """Issued keys."""

    def add(self, key: Key, entry: Entry) -> None:
        """Keep the key."""

    def find(self, key_id: str) -> Key | None:
        """The key of that id, also when it was revoked."""

    def page(self, reaches: Sequence[Reach], paging: Paging) -> Slice[Key]:
        """By id; within reach are keys of that project or deployment, or of a project's ones."""

    def opening(
        self, deployment: Deployment, reaches: Sequence[Reach], paging: Paging
    ) -> Slice[Key]:
        """Of `page`, those that open the deployment: its own, its project's, and unlimited ones."""

    def issued_by(self, actor: str) -> Sequence[Key]:
        """Those of an issuer that are not revoked, by id."""

    def note_use(self, used: Mapping[str, datetime]) -> None:
        """Keep when keys were used last, as far as that is later than what is known."""

    def revoke(self, key_id: str, entry: Entry) -> None:
        """Revoke it at the entry's time; a key that is revoked stays as it is."""


@dataclass(frozen=True, slots=True)
class Served:
    """One deployment as the store has it: all of its releases, and the versions they name."""

    deployment: Deployment
    history: tuple[Release, ...]
    versions: Mapping[int, Version]


@dataclass(frozen=True, slots=True)
class State:
    """All that a snapshot is made of, as one transaction saw it."""

    sequence: int
    configuration: Configuration
    keys: tuple[Key, ...]
    """Those that are not revoked."""
    deployments: tuple[Served, ...]
    versions: Mapping[VersionState, int] = field(default_factory=dict)
    """How many there are, of all models."""
    trust: Mapping[str, TrustState] = field(default_factory=dict)
    """Types that artifacts may or must not hold, as was decided."""
    backed_up_at: datetime | None = None
    """When the last backup that was published was begun."""


class StateStore(Protocol):
    """The whole: its sequence, its configuration, its trail."""

    def verify(self) -> None:
        """Raises StoreUnavailableError when the database can't be written."""

    def sequence(self) -> int:
        """The number of the last change that followers need know of: that of the snapshot."""

    def state(self) -> State:
        """Everything that followers need."""

    def configuration(self) -> Configuration:
        """What the installation was last configured with."""

    def trusted_types(self) -> tuple[str, ...]:
        """What artifacts may hold beyond what skops trusts: see `domain.trust.effective`."""

    def configure(self, configuration: Configuration, entry: Entry) -> bool:
        """Keep the configuration; False, and no change, when it is as it was."""

    def trail(self, paging: Paging) -> Slice[Recorded]:
        """Audit entries, newest first."""

    def entries(self, wanted: Wanted) -> tuple[Recorded, ...]:
        """Those that are asked for, oldest first."""

    def count(self, wanted: Wanted) -> int:
        """How many there are of them, beyond `most` too."""

    def chain(self) -> AbstractContextManager[Chain]:
        """All of them as one transaction sees them, to be walked within."""


class FollowerStore(Protocol):
    """What followers said last, to whichever replica."""

    def keep(self, report: FollowerReport, at: datetime, silent: datetime) -> None:
        """Keep a process's report instead of its last one; drop all that are before `silent`."""

    def heard(self, since: datetime, limit: int) -> list[tuple[datetime, FollowerReport]]:
        """Reports that are not older than that; the newest when there are more than `limit`."""


class JobStore(Protocol):
    """Long work, as it is told of."""

    def add(self, job: Job, forgotten: datetime) -> None:
        """Keep a new one; all that are from before `forgotten` go."""

    def tell(self, job: Job) -> None:
        """Keep how it is now."""

    def beat(self, ids: Collection[str], at: datetime) -> None:
        """Those of them that have not ended were heard of."""

    def find(self, job_id: str) -> Job | None:
        """The job of that id."""

    def page(self, owner: str, reaches: Sequence[Reach], paging: Paging) -> Slice[Job]:
        """An owner's, and those of projects within reach; newest first."""


class ReplyStore(Protocol):
    """What requests with an Idempotency-Key were answered."""

    def begin(self, reply_id: str, begun: Begun, forgotten: datetime) -> Begun | None:
        """Note that it is being answered; what there was already, if there was.

        All that was begun before `forgotten` goes.
        """

    def take_over(self, reply_id: str, before: Begun, at: datetime) -> bool:
        """Answer instead of whoever was cut off; False when somebody else does."""

    def end(self, reply_id: str, status: int, sealed: bytes) -> None:
        """Keep the answer."""

    def forget(self, reply_id: str) -> None:
        """As if it had never been asked."""


class Signer(Protocol):
    """Signs access tokens."""

    def sign(self, claims: Claims) -> str:
        """One token."""


class UploadStore(Protocol):
    """Who sent which file of late."""

    def note(self, digest: str, actor: str, at: datetime, forgotten: datetime) -> None:
        """The caller sent it now; what was noted before `forgotten` goes."""

    def noted(self, digest: str, actor: str, since: datetime) -> bool:
        """Whether the caller has sent it since then."""


@dataclass(frozen=True, slots=True)
class Store:
    """One database, by what it is asked for."""

    catalogue: CatalogueStore
    deployments: DeploymentStore
    keys: KeyStore
    state: StateStore
    followers: FollowerStore
    people: PeopleStore
    sessions: SessionStore
    tags: TagStore
    gates: GateStore
    replies: ReplyStore
    jobs: JobStore
    uploads: UploadStore
    reviews: ReviewStore
    trust: TrustStore


class ArtifactStore(Protocol):
    """Files by the SHA-256 of their bytes."""

    def verify(self) -> None:
        """Raises StoreUnavailableError when the folder can't be written."""

    def size(self, digest: str) -> int | None:
        """In bytes; None when there is no such file."""

    async def receive(self, digest: str, chunks: AsyncIterator[bytes]) -> int:
        """Keep an upload and return its size; nothing stays behind when it is refused.

        Raises DigestMismatchError, ArtifactTooLargeError or UploadStalledError.
        """

    def read(self, digest: str) -> Iterator[bytes]:
        """The bytes, in chunks."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Files of a version to be, and what they must hold."""

    artifact: str
    reference: str
    signature: Signature
    evaluation: str | None = None
    time_column: str | None = None
    pickle: bool = False
    """Whether a pickle is taken: read once, in a sandbox, and made a skops file."""


@dataclass(frozen=True, slots=True)
class Inspected:
    """What came of files that a version may be made of."""

    baseline: Baseline | NotMeasured
    compiled: Compiled | NotCompiled
    format: ArtifactFormat = ArtifactFormat.SKOPS
    converted: str | None = None
    """The skops file that was made of a pickle: it takes the artifact's place."""


class Inspector(Protocol):
    """Looks into files that nobody trusts yet; loads a model only when its types are trusted."""

    def inspect(self, sample: Sample, trusted_types: Collection[str]) -> Inspected:
        """Refuse what a version must not be made of; measure and compile what it may be made of.

        What was measured and compiled is stored as artifacts when this returns.
        Raises what `domain.artifact_refusals` has, ReferenceInvalidError,
        EvaluationInvalidError, TimeColumnInvalidError, ArtifactDoesNotFitError,
        InspectionFailedError or InspectionBusyError.
        """


class Instruments(Protocol):
    """What is counted, in the operations' words."""

    def released(self, release: Release) -> None:
        """A deployment changed."""

    def registered(self, version: Version) -> None:
        """A version was registered."""

    def decided(self, version: Version) -> None:
        """A review ended."""

    def stored(self, size_bytes: int) -> None:
        """An artifact came in."""
