"""Deployments: made with a first release, and never changed but by another release."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Final

from services.registry.domain.audit import Action, Entry
from services.registry.domain.deployments import Deployment
from services.registry.domain.errors import (
    PreconditionFailedError,
    StaleReleaseError,
    UnknownReferenceError,
)
from services.registry.domain.paging import Paging, Slice
from services.registry.domain.policies import require_applicable
from services.registry.domain.releases import Change, Plan, Release, Setting, plan
from services.registry.domain.versions import Version, require_fit, require_usable
from services.registry.operations.reach import Clock, not_found, reaches_of, require_able
from services.registry.ports import CatalogueStore, DeploymentStore, Instruments
from understudy.contracts.policy import Policy
from understudy.contracts.refusals import FieldError
from understudy.contracts.signature import Signature
from understudy.contracts.vocabulary import AccessLevel, ReleaseKind, Scope
from understudy.runtime.keys import Caller

_CHOOSING: Final = frozenset({ReleaseKind.PROMOTE, ReleaseKind.SWAP, ReleaseKind.ROLLBACK})
_SCOPES_FOR_CHOOSING: Final = frozenset({Scope.RELEASE, Scope.DEPLOY})
"""The scope release is for choosing among what somebody has deployed before."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What a deployment begins with."""

    name: str
    model: str
    setting: Setting
    access: AccessLevel
    description: str
    reason: str


@dataclass(frozen=True, slots=True)
class Expected:
    """Which release the caller believes to be current: by the body, by `If-Match`, or neither."""

    release: int | None = None
    matches: frozenset[int] | None = None

    def check(self, current: int) -> None:
        """Raises PreconditionFailedError for `If-Match`, StaleReleaseError for the body."""
        if self.matches is not None and current not in self.matches:
            raise PreconditionFailedError(
                f"The current release is {current}, which If-Match does not name. Look at it, "
                "decide again, and send its ETag."
            )
        if self.release is not None and self.release != current:
            detail = f"The current release is {current}, not {self.release}; decide again."
            raise StaleReleaseError(detail, FieldError("/expected_release", detail))


class Deployments:
    """What callers ask for predictions, and which versions answer them."""

    def __init__(
        self,
        store: DeploymentStore,
        catalogue: CatalogueStore,
        instruments: Instruments,
        clock: Clock,
    ) -> None:
        self._store = store
        self._catalogue = catalogue
        self._instruments = instruments
        self._clock = clock

    def make(self, caller: Caller, draft: Draft) -> Deployment:
        """Make a deployment and its first release. Raises NameTakenError among others."""
        model = self._catalogue.model(draft.model)
        if model is None or not caller.reaches(draft.name, model.project):
            raise UnknownReferenceError("/model", f"There is no model '{draft.model}'.")
        require_able(caller, "model", draft.model, project=model.project, deployment=draft.name)
        main = self._usable(draft.model, draft.setting.main, "/main")
        for place, number in enumerate(draft.setting.challengers):
            pointer = f"/challengers/{place}"
            challenger = self._usable(draft.model, number, pointer)
            require_fit(main.draft.signature, challenger, pointer)
        timed = main.draft.time_column is not None
        require_applicable(draft.setting.policy, main.draft.signature, timed=timed)
        made = self._store.add(self._first(caller, draft, model.project), self._made(caller, draft))
        self._instruments.released(made.current)
        return made

    def deployment(self, caller: Caller, name: str) -> Deployment:
        """Raises NotFoundError."""
        found = self._store.find(name)
        if found is None:
            raise not_found("deployment", name)
        require_able(caller, "deployment", name, project=found.project, deployment=name)
        return found

    def page(self, caller: Caller, paging: Paging) -> Slice[Deployment]:
        """Those that the caller reaches."""
        return self._store.page(reaches_of(caller), paging)

    def releases(self, caller: Caller, name: str, paging: Paging) -> Slice[Release]:
        """Newest first. Raises NotFoundError."""
        self.deployment(caller, name)
        return self._store.releases(name, paging)

    def change(self, caller: Caller, name: str, change: Change, expected: Expected) -> Release:
        """Make the next release; somebody else's change in between is a conflict, never lost."""
        needed = _SCOPES_FOR_CHOOSING if change.kind in _CHOOSING else {Scope.DEPLOY}
        found = self.deployment(caller.wanting(*needed), name)
        expected.check(found.current.number)
        if change.version is not None and change.kind is not ReleaseKind.WITHDRAW:
            version = self._usable(found.model, change.version, "/version")
            require_fit(self._signature(found), version, "/version")
        if change.policy is not None:
            timed = self._has_times(found, change.policy)
            require_applicable(change.policy, self._signature(found), timed=timed)
        with _told_as(expected):
            release = self._next(caller, self._history(found), change)
            self._store.release(release, _entry(release, found.current, change.evidence))
        self._instruments.released(release)
        return release

    def delete(self, caller: Caller, name: str, expected: Expected) -> None:
        """Delete it, revoking the keys that reach nothing else; its audit trail stays."""
        found = self.deployment(caller, name)
        expected.check(found.current.number)
        details = {"release": found.current.number, "project": found.project}
        entry = Entry(self._clock(), caller.actor, Action.DELETE_DEPLOYMENT, name, details=details)
        with _told_as(expected):
            self._store.delete(found, entry)

    def _history(self, found: Deployment) -> Sequence[Release]:
        """The history that ends with what was found; what came since was not looked at yet."""
        history = self._store.history(found.name)
        if not history or history[-1] != found.current:
            raise StaleReleaseError(
                f"Somebody else has just changed deployment '{found.name}'; look at its current "
                "release and decide again."
            )
        return history

    def _next(self, caller: Caller, history: Sequence[Release], change: Change) -> Release:
        made: Plan = plan(history, change)
        return Release(
            deployment=history[-1].deployment,
            number=history[-1].number + 1,
            kind=change.kind,
            setting=made.setting,
            released_at=self._clock(),
            released_by=caller.actor,
            reason=change.reason,
            restores=made.restores,
        )

    def _first(self, caller: Caller, draft: Draft, project: str) -> Deployment:
        now = self._clock()
        release = Release(
            draft.name, 1, ReleaseKind.DEPLOY, draft.setting, now, caller.actor, draft.reason
        )
        return Deployment(
            name=draft.name,
            project=project,
            model=draft.model,
            access=draft.access,
            description=draft.description,
            created_at=now,
            anchor=draft.setting.main,
            current=release,
        )

    def _made(self, caller: Caller, draft: Draft) -> Entry:
        details = {
            "model": draft.model,
            "main": draft.setting.main,
            "challengers": list(draft.setting.challengers),
            "access": draft.access.value,
            "policy": asdict(draft.setting.policy),
        }
        now, by = self._clock(), caller.actor
        return Entry(now, by, Action.MAKE_DEPLOYMENT, draft.name, draft.reason, details)

    def _usable(self, model: str, number: int, pointer: str) -> Version:
        version = self._catalogue.version(model, number)
        if version is None:
            raise UnknownReferenceError(pointer, f"Model '{model}' has no version {number}.")
        require_usable(version, pointer)
        return version

    def _signature(self, deployment: Deployment) -> Signature:
        return self._version(deployment, deployment.anchor).draft.signature

    def _has_times(self, deployment: Deployment, policy: Policy) -> bool:
        """Whether strata may be asked for.

        Those that hold already may stay: a later main without times is no reason to refuse a
        change of something else.
        """
        setting = deployment.current.setting
        if policy.judging.drift.strata is setting.policy.judging.drift.strata:
            return True
        return self._version(deployment, setting.main).draft.time_column is not None

    def _version(self, deployment: Deployment, number: int) -> Version:
        version = self._catalogue.version(deployment.model, number)
        assert version is not None  # noqa: S101 - versions are never deleted
        return version


@contextmanager
def _told_as(expected: Expected) -> Iterator[None]:
    """Who asked by `If-Match` is told of a lost race as of a failed precondition."""
    try:
        yield
    except StaleReleaseError as stale:
        if expected.matches is None:
            raise
        raise PreconditionFailedError(stale.detail) from stale


def _entry(release: Release, before: Release, evidence: Mapping[str, object] | None) -> Entry:
    details: dict[str, object] = {
        "release": release.number,
        "kind": release.kind.value,
        "main": release.setting.main,
        "challengers": list(release.setting.challengers),
        "restores": release.restores,
    }
    if release.setting.policy != before.setting.policy:
        details["policy"] = asdict(release.setting.policy)
        details["former_policy"] = asdict(before.setting.policy)
    if evidence is not None:
        details["evidence"] = dict(evidence)
    at, by = release.released_at, release.released_by
    return Entry(at, by, Action.RELEASE, release.deployment, release.reason, details)
