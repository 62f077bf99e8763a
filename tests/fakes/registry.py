"""The registry's ports in memory. The stores pass the contract suite that the SQL ones pass."""

import hashlib
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TypeVar

from services.registry.domain.access import Configuration, Key, Reach
from services.registry.domain.annotations import MODEL, NO_TAGS, Tags
from services.registry.domain.attempts import Attempts
from services.registry.domain.audit import UNFOLLOWED, Entry, KeysOf, Recorded, Wanted
from services.registry.domain.catalogue import Model, Project
from services.registry.domain.chain import BEGINNING, Head, Link, linked
from services.registry.domain.deployments import Deployment
from services.registry.domain.errors import (
    AlreadyDecidedError,
    DigestMismatchError,
    NameTakenError,
    StaleReleaseError,
)
from services.registry.domain.gate import Basis, Written
from services.registry.domain.history import Life
from services.registry.domain.jobs import Job
from services.registry.domain.paging import Paging, Slice, cut
from services.registry.domain.people import Membership, Session, User
from services.registry.domain.recipes import require_thawed
from services.registry.domain.releases import Release, Setting
from services.registry.domain.replies import Begun
from services.registry.domain.reviews import Answers, Attempt, Opening
from services.registry.domain.trust import Asked, effective
from services.registry.domain.verifying import Chain
from services.registry.domain.versions import (
    Baseline,
    Compiled,
    NotCompiled,
    NotMeasured,
    Version,
    VersionDraft,
)
from services.registry.ports import Inspected, Sample, Served, State, Store
from tests.fakes.gates import MemoryGates, require_basis
from tests.fakes.people import MemoryPeople, MemorySessions
from tests.fakes.reviews_store import MemoryReviews
from tests.fakes.trust import MemoryTrust
from understudy.contracts.registry import FollowerReport
from understudy.contracts.signature import Feature, Signature, Target
from understudy.contracts.vocabulary import (
    AccessLevel,
    FeatureKind,
    ReleaseKind,
    Task,
    VersionState,
)

Item = TypeVar("Item")

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)

SIGNATURE = Signature(
    features=(Feature("age", FeatureKind.INTEGER, minimum=18, maximum=99),),
    target=Target("defaults", Task.CLASSIFICATION, classes=("no", "yes")),
)


def draft(
    model: str = "credit", signature: Signature = SIGNATURE, *, time_column: str | None = None
) -> VersionDraft:
    return VersionDraft(
        model=model,
        artifact="a" * 64,
        reference="b" * 64,
        signature=signature,
        created_at=NOON,
        created_by="admin0001",
        metrics={"auc": 0.8},
        time_column=time_column,
    )


def release(
    number: int,
    setting: Setting,
    *,
    deployment: str = "credit",
    at: datetime = NOON,
    restores: int | None = None,
) -> Release:
    kind = ReleaseKind.DEPLOY if restores is None else ReleaseKind.ROLLBACK
    return Release(deployment, number, kind, setting, at, "admin0001", restores=restores)


def deployment(name: str = "credit", *, project: str = "bank", model: str = "credit") -> Deployment:
    return Deployment(
        name=name,
        project=project,
        model=model,
        access=AccessLevel.PROJECT,
        description="",
        created_at=NOON,
        anchor=1,
        current=release(1, Setting(1), deployment=name),
    )


class Memory:
    """What the stores share: a lock, a sequence, a trail."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.sequence = 1000
        self.configuration = Configuration()
        self.head = BEGINNING
        self.trail: list[Recorded] = []
        self.past: list[Life] = []
        self.projects: dict[str, Project] = {}
        self.models: dict[str, Model] = {}
        self.versions: dict[tuple[str, int], Version] = {}
        self.deployments: dict[str, Deployment] = {}
        self.histories: dict[str, list[Release]] = {}
        self.last_release: dict[str, int] = {}
        self.keys: dict[str, Key] = {}
        self.users: dict[str, User] = {}
        self.members: dict[tuple[str, str], Membership] = {}
        self.sessions: dict[str, Session] = {}
        self.attempts: dict[str, Attempts] = {}
        self.tags: dict[tuple[str, int], dict[str, str]] = {}
        self.trust: dict[str, Asked] = {}
        self.gates: dict[str, list[Written]] = {}
        self.reports: dict[tuple[str, str], tuple[datetime, FollowerReport]] = {}
        self.backed_up_at: datetime | None = None
        self.listeners: list[Callable[[], None]] = []
        self.replies: dict[str, Begun] = {}
        self.jobs: dict[str, Job] = {}
        self.uploads: dict[tuple[str, str], datetime] = {}
        self.reviews: dict[tuple[str, int], list[Attempt]] = {}
        self.openings: dict[tuple[str, int], list[Opening]] = {}
        self.answers: dict[tuple[str, int], Answers] = {}

    @contextmanager
    def change(self, entry: Entry) -> Iterator[None]:
        with self.lock:
            yield
            self.record(entry)

    def record(self, entry: Entry) -> None:
        self.sequence += 1
        self.head = linked(self.head, Recorded(self.sequence, entry))
        self.trail.append(Recorded(self.sequence, entry, self.head))
        for listener in self.listeners:
            listener()


class MemoryCatalogue:
    """`ports.CatalogueStore`."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def add_project(self, project: Project, entry: Entry) -> None:
        with self._memory.change(entry):
            if project.name in self._memory.projects:
                raise NameTakenError(f"There is a project '{project.name}' already.")
            self._memory.projects[project.name] = project

    def project(self, name: str) -> Project | None:
        return self._memory.projects.get(name)

    def projects(self, reaches: Sequence[Reach], paging: Paging) -> Slice[Project]:
        found = [held for held in self._memory.projects.values() if _within(reaches, held.name)]
        return _by_name(found, paging, lambda project: project.name)

    def add_model(self, model: Model, entry: Entry, tags: Tags = NO_TAGS) -> None:
        with self._memory.change(entry):
            if model.name in self._memory.models:
                raise NameTakenError(f"There is a model '{model.name}' already.")
            self._memory.models[model.name] = model
            self._memory.tags[model.name, MODEL] = dict(tags)

    def model(self, name: str) -> Model | None:
        found = self._memory.models.get(name)
        return found and self._shown(found)

    def models(self, reaches: Sequence[Reach], paging: Paging) -> Slice[Model]:
        found = [held for held in self._memory.models.values() if _within(reaches, held.project)]
        return _by_name([*map(self._shown, found)], paging, lambda model: model.name)

    def add_version(self, draft: VersionDraft, entry: Entry, tags: Tags = NO_TAGS) -> Version:
        with self._memory.lock:
            require_thawed(draft, self._frozen(draft.model))
            version = Version(self._count(draft.model) + 1, draft)
            with self._memory.change(entry.about(version.title)):
                self._memory.versions[draft.model, version.number] = version
                self._memory.tags[draft.model, version.number] = dict(tags)
        return version

    def version(self, model: str, number: int) -> Version | None:
        return self._memory.versions.get((model, number))

    def versions(self, model: str, paging: Paging) -> Slice[Version]:
        found = [held for held in self._memory.versions.values() if held.draft.model == model]
        return _newest_first(found, paging, lambda version: version.number)

    def end_review(self, version: Version, entry: Entry, basis: Basis | None = None) -> None:
        place = version.draft.model, version.number
        with self._memory.change(entry):
            if self._memory.versions[place].ruling is not None:
                raise AlreadyDecidedError(f"Somebody else has just decided {version.title}.")
            if basis is not None:
                require_basis(self._memory, version, basis)
            self._memory.versions[place] = version

    def projects_using(self, digest: str) -> frozenset[str]:
        return frozenset(
            self._memory.models[held.draft.model].project
            for held in self._memory.versions.values()
            if digest in held.draft.files
        )

    def _shown(self, model: Model) -> Model:
        return replace(model, versions=self._count(model.name), frozen_by=self._frozen(model.name))

    def _frozen(self, model: str) -> int | None:
        used = [
            (held.ruling.decided_at, number, held.state)
            for (name, number), held in self._memory.versions.items()
            if name == model and held.ruling and held.state is not VersionState.IGNORED
        ]
        _, number, state = max(used, default=(None, None, None))
        return number if state is VersionState.PERSISTED else None

    def _count(self, model: str) -> int:
        return sum(held == model for held, _ in self._memory.versions)


class MemoryDeployments:
    """`ports.DeploymentStore`."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def add(self, deployment: Deployment, entry: Entry) -> Deployment:
        name = deployment.name
        with self._memory.change(entry):
            if name in self._memory.deployments:
                raise NameTakenError(f"There is a deployment '{name}' already.")
            number = self._memory.last_release.get(name, 0) + 1
            made = replace(deployment, current=replace(deployment.current, number=number))
            self._memory.deployments[name] = made
            self._memory.histories[name] = [made.current]
            self._memory.last_release[name] = number
        return made

    def find(self, name: str) -> Deployment | None:
        return self._memory.deployments.get(name)

    def page(self, reaches: Sequence[Reach], paging: Paging) -> Slice[Deployment]:
        found = [
            held
            for held in self._memory.deployments.values()
            if any(
                _within([replace(reach, deployment=None)], held.project)
                and reach.deployment in {None, held.name}
                for reach in reaches
            )
        ]
        return _by_name(found, paging, lambda deployment: deployment.name)

    def release(self, release: Release, entry: Entry) -> None:
        with self._memory.change(entry):
            found = self._current(release.deployment, release.number - 1)
            self._memory.deployments[found.name] = replace(found, current=release)
            self._memory.histories[found.name].append(release)
            self._memory.last_release[found.name] = release.number

    def lives(self, name: str) -> tuple[Life, ...]:
        past = [life for life in self._memory.past if life.deployment.name == name]
        found = self.find(name)
        return (*past, *([Life(found, None, self.history(name))] if found else []))

    def history(self, name: str) -> tuple[Release, ...]:
        return tuple(self._memory.histories.get(name, ()))

    def releases(self, name: str, paging: Paging) -> Slice[Release]:
        return _newest_first(self.history(name), paging, lambda release: release.number)

    def delete(self, deployment: Deployment, entry: Entry) -> None:
        with self._memory.change(entry):
            found = self._current(deployment.name, deployment.current.number)
            self._memory.past.append(Life(found, entry.at, self.history(found.name)))
            del self._memory.deployments[found.name], self._memory.histories[found.name]
            for key in tuple(self._memory.keys.values()):
                if key.reach.deployment == found.name and key.revoked_at is None:
                    self._memory.keys[key.id] = replace(key, revoked_at=entry.at)

    def _current(self, name: str, number: int) -> Deployment:
        found = self._memory.deployments.get(name)
        if found is None or found.current.number != number:
            raise StaleReleaseError(f"Somebody else has just changed deployment '{name}'.")
        return found


class MemoryKeys:
    """`ports.KeyStore`."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def add(self, key: Key, entry: Entry) -> None:
        with self._memory.change(entry):
            self._memory.keys[key.id] = key

    def find(self, key_id: str) -> Key | None:
        return self._memory.keys.get(key_id)

    def page(self, reaches: Sequence[Reach], paging: Paging) -> Slice[Key]:
        found = [
            key
            for key in self._memory.keys.values()
            if any(self._reached(reach, key.reach) for reach in reaches)
        ]
        return _by_name(found, paging, lambda key: key.id)

    def opening(
        self, deployment: Deployment, reaches: Sequence[Reach], paging: Paging
    ) -> Slice[Key]:
        everywhere, project = Reach(), Reach(project=deployment.project)
        found = [
            key
            for key in self.page(reaches, Paging(10_000)).items
            if key.reach.deployment == deployment.name or key.reach in (everywhere, project)
        ]
        return _by_name(found, paging, lambda key: key.id)

    def issued_by(self, actor: str) -> Sequence[Key]:
        held = [key for _, key in sorted(self._memory.keys.items())]
        return [key for key in held if key.issued_by == actor and key.revoked_at is None]

    def note_use(self, used: Mapping[str, datetime]) -> None:
        for key_id, at in used.items():
            key = self._memory.keys.get(key_id)
            if key is not None and (key.last_used_at is None or key.last_used_at < at):
                self._memory.keys[key_id] = replace(key, last_used_at=at)

    def revoke(self, key_id: str, entry: Entry) -> None:
        with self._memory.change(entry):
            key = self._memory.keys[key_id]
            self._memory.keys[key_id] = replace(key, revoked_at=key.revoked_at or entry.at)

    def _reached(self, mine: Reach, theirs: Reach) -> bool:
        if mine.deployment is not None and mine.deployment != theirs.deployment:
            return False
        held = self._memory.deployments.get(theirs.deployment or "")
        return mine.project in {None, theirs.project, held.project if held else None}


class MemoryState:
    """`ports.StateStore`."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def verify(self) -> None:
        """Nothing can be missing."""

    def sequence(self) -> int:
        sequence = self._memory.sequence
        for one in reversed(self._memory.trail):
            # Tests that move the number by hand leave no entry, and mean a change.
            if one.sequence != sequence or one.entry.action not in UNFOLLOWED:
                break
            sequence -= 1
        return sequence

    def state(self) -> State:
        with self._memory.lock:
            held = self._memory
            return State(
                sequence=self.sequence(),
                configuration=held.configuration,
                keys=tuple(key for _, key in sorted(held.keys.items()) if key.revoked_at is None),
                deployments=tuple(self._served(name) for name in sorted(held.deployments)),
                versions=Counter(version.state for version in held.versions.values()),
                trust=MemoryTrust(held).decided(),
                backed_up_at=held.backed_up_at,
            )

    def configuration(self) -> Configuration:
        return self._memory.configuration

    def trusted_types(self) -> tuple[str, ...]:
        decided = MemoryTrust(self._memory).decided()
        return effective(self._memory.configuration.trusted_types, decided)

    def configure(self, configuration: Configuration, entry: Entry) -> bool:
        if configuration == self._memory.configuration:
            return False
        with self._memory.change(entry):
            self._memory.configuration = configuration
        return True

    def trail(self, paging: Paging) -> Slice[Recorded]:
        return _newest_first(self._memory.trail, paging, lambda recorded: recorded.sequence)

    def entries(self, wanted: Wanted) -> tuple[Recorded, ...]:
        found = self._wanted(wanted)
        return tuple(found if wanted.most is None else found[-wanted.most :])

    def count(self, wanted: Wanted) -> int:
        return len(self._wanted(wanted))

    def _wanted(self, wanted: Wanted) -> list[Recorded]:
        keys = None if wanted.keys is None else self._keys_of(wanted.keys)
        found = [one for one in self._memory.trail if _is_wanted(one.entry, wanted)]
        return [one for one in found if keys is None or one.entry.subject in keys]

    def _keys_of(self, wanted: KeysOf) -> set[str]:
        return {
            key.id
            for key in self._memory.keys.values()
            if key.reach.deployment == wanted.deployment
            and key.created_at >= wanted.since
            and (wanted.until is None or key.created_at < wanted.until)
        }

    @contextmanager
    def chain(self) -> Iterator[Chain]:
        with self._memory.lock:
            links = [Link(one.sequence, one.hash, one) for one in self._memory.trail]
            yield Chain(Head(self._memory.sequence, self._memory.head), iter(links))

    def _served(self, name: str) -> Served:
        found = self._memory.deployments[name]
        versions = {
            number: version
            for (model, number), version in self._memory.versions.items()
            if model == found.model
        }
        return Served(found, tuple(self._memory.histories[name]), versions)


def _is_wanted(entry: Entry, wanted: Wanted) -> bool:
    return (
        entry.action in wanted.actions
        and (wanted.subjects is None or entry.subject in wanted.subjects)
        and (wanted.within is None or entry.subject.startswith(wanted.within))
        and (wanted.since is None or entry.at >= wanted.since)
        and (wanted.until is None or entry.at < wanted.until)
    )


class MemoryFollowers:
    """`ports.FollowerStore`."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def keep(self, report: FollowerReport, at: datetime, silent: datetime) -> None:
        with self._memory.lock:
            reports = self._memory.reports
            reports[report.component.value, report.instance] = at, report
            self._memory.reports = {
                place: one for place, one in reports.items() if one[0] >= silent
            }

    def heard(self, since: datetime, limit: int) -> list[tuple[datetime, FollowerReport]]:
        found = [one for one in self._memory.reports.values() if one[0] >= since]
        return sorted(found, key=lambda one: one[0], reverse=True)[:limit]


class MemoryTags:
    """`ports.annotations.TagStore`."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def of(self, model: str, version: int) -> Tags:
        return dict(sorted(self._memory.tags.get((model, version), {}).items()))

    def of_model(self, model: str) -> Mapping[int, Tags]:
        held = [version for name, version in self._memory.tags if name == model]
        return {version: tags for version in held if (tags := self.of(model, version))}

    def put(self, model: str, version: int, tags: Tags, entry: Entry) -> None:
        with self._memory.change(entry):
            self._memory.tags.setdefault((model, version), {}).update(tags)

    def remove(self, model: str, version: int, name: str, entry: Entry) -> None:
        with self._memory.change(entry):
            self._memory.tags.get((model, version), {}).pop(name, None)


class MemoryArtifacts:
    """`ports.ArtifactStore`."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def verify(self) -> None:
        """Nothing can be missing."""

    def size(self, digest: str) -> int | None:
        return len(self.files[digest]) if digest in self.files else None

    async def receive(self, digest: str, chunks: AsyncIterator[bytes]) -> int:
        content = b"".join([chunk async for chunk in chunks])
        if hashlib.sha256(content).hexdigest() != digest:
            raise DigestMismatchError("The body has another SHA-256.")
        self.files[digest] = content
        return len(content)

    def read(self, digest: str) -> Iterator[bytes]:
        yield self.files[digest]


class TrustingInspector:
    """`ports.Inspector` that finds nothing wrong, and measures and compiles what it is told."""

    def __init__(self) -> None:
        self.inspected: list[Sample] = []
        self.baseline: Baseline | NotMeasured = NotMeasured("no rows")
        self.compiled: Compiled | NotCompiled = NotCompiled("no converter")
        self.converted: str | None = None

    def inspect(self, sample: Sample, trusted_types: Collection[str]) -> Inspected:
        del trusted_types
        self.inspected.append(sample)
        return Inspected(self.baseline, self.compiled, converted=self.converted)


class SilentInstruments:
    """`ports.Instruments` that count nothing."""

    def released(self, release: Release) -> None:
        """Not counted."""

    def registered(self, version: Version) -> None:
        """Not counted."""

    def decided(self, version: Version) -> None:
        """Not counted."""

    def stored(self, size_bytes: int) -> None:
        """Not counted."""


class MemoryJobs:
    """`ports.JobStore`."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def add(self, job: Job, forgotten: datetime) -> None:
        held = self._memory.jobs
        self._memory.jobs = {key: old for key, old in held.items() if old.created_at >= forgotten}
        self._memory.jobs[job.id] = job

    def tell(self, job: Job) -> None:
        self._memory.jobs[job.id] = job

    def beat(self, ids: Collection[str], at: datetime) -> None:
        for job in [self._memory.jobs[key] for key in ids]:
            if job.ended_at is None:
                self._memory.jobs[job.id] = replace(job, heard_at=at)

    def find(self, job_id: str) -> Job | None:
        return self._memory.jobs.get(job_id)

    def page(self, owner: str, reaches: Sequence[Reach], paging: Paging) -> Slice[Job]:
        held = self._memory.jobs.values()
        found = [job for job in held if job.owner == owner or _within(reaches, job.project)]
        ordered = sorted(found, key=lambda job: job.id, reverse=True)
        kept = [job for job in ordered if paging.cursor is None or job.id < paging.cursor]
        return cut(kept, paging.limit, lambda job: job.id)


class MemoryReplies:
    """`ports.ReplyStore`."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    @property
    def held(self) -> dict[str, Begun]:
        return self._memory.replies

    def begin(self, reply_id: str, begun: Begun, forgotten: datetime) -> Begun | None:
        kept = {key: held for key, held in self.held.items() if held.at >= forgotten}
        self._memory.replies = kept
        found = self.held.get(reply_id)
        if found is None:
            self.held[reply_id] = begun
        return found

    def take_over(self, reply_id: str, before: Begun, at: datetime) -> bool:
        mine = self.held.get(reply_id) == before and before.status is None
        if mine:
            self.held[reply_id] = replace(before, at=at)
        return mine

    def end(self, reply_id: str, status: int, sealed: bytes) -> None:
        self.held[reply_id] = replace(self.held[reply_id], status=status, sealed=sealed)

    def forget(self, reply_id: str) -> None:
        self.held.pop(reply_id, None)


class MemoryUploads:
    """`ports.UploadStore`."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def note(self, digest: str, actor: str, at: datetime, forgotten: datetime) -> None:
        held = self._memory.uploads
        kept = {place: noted for place, noted in held.items() if noted >= forgotten}
        self._memory.uploads = kept | {(digest, actor): at}

    def noted(self, digest: str, actor: str, since: datetime) -> bool:
        at = self._memory.uploads.get((digest, actor))
        return at is not None and at >= since


def memory_store(memory: Memory | None = None) -> Store:
    memory = memory or Memory()
    return Store(
        catalogue=MemoryCatalogue(memory),
        deployments=MemoryDeployments(memory),
        keys=MemoryKeys(memory),
        state=MemoryState(memory),
        followers=MemoryFollowers(memory),
        people=MemoryPeople(memory),
        sessions=MemorySessions(memory),
        tags=MemoryTags(memory),
        trust=MemoryTrust(memory),
        gates=MemoryGates(memory),
        replies=MemoryReplies(memory),
        jobs=MemoryJobs(memory),
        uploads=MemoryUploads(memory),
        reviews=MemoryReviews(memory),
    )


def _within(reaches: Sequence[Reach], project: str) -> bool:
    return any(reach.deployment is None and reach.project in {None, project} for reach in reaches)


def _by_name(found: Collection[Item], paging: Paging, name: Callable[[Item], str]) -> Slice[Item]:
    ordered = sorted(found, key=name)
    after = [item for item in ordered if paging.cursor is None or name(item) > paging.cursor]
    return cut(after, paging.limit, name)


def _newest_first(
    found: Collection[Item], paging: Paging, number: Callable[[Item], int]
) -> Slice[Item]:
    ordered, after = sorted(found, key=number, reverse=True), paging.after_number()
    kept = [item for item in ordered if after is None or number(item) < after]
    return cut(kept, paging.limit, number)
