"""Keys: issued once in the clear, kept as digests, revoked at once."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from services.registry.domain.access import Key, LooserError, Reach, within
from services.registry.domain.audit import Action, Entry
from services.registry.domain.deployments import Deployment
from services.registry.domain.errors import (
    InstallationKeyError,
    InvalidKeyRequestError,
    UnknownReferenceError,
)
from services.registry.domain.paging import Paging, Slice
from services.registry.operations.reach import Clock, not_found, reaches_of
from services.registry.ports import CatalogueStore, DeploymentStore, KeyStore, StateStore
from understudy.contracts.limits import Limits
from understudy.contracts.refusals import FieldError
from understudy.contracts.vocabulary import Scope
from understudy.runtime.keys import Caller, ForbiddenError, NewKey

_MACHINES = frozenset({Scope.FOLLOW, Scope.METRICS})


@dataclass(frozen=True, slots=True)
class Wish:
    """The key that somebody asks for."""

    name: str
    scopes: tuple[Scope, ...]
    reach: Reach
    expires_at: datetime | None = None
    limits: Limits | None = None


class Keys:
    """Who may do what where."""

    def __init__(
        self,
        *,
        store: KeyStore,
        state: StateStore,
        catalogue: CatalogueStore,
        deployments: DeploymentStore,
        draw: Callable[[], NewKey],
        clock: Clock,
    ) -> None:
        self._store = store
        self._state = state
        self._catalogue = catalogue
        self._deployments = deployments
        self._draw = draw
        self._clock = clock

    def issue(self, caller: Caller, wish: Wish) -> tuple[Key, str]:
        """Issue a key; the second value is the only copy of it in the clear."""
        now = self._clock()
        if caller.by_token:
            raise ForbiddenError(
                "An access token issues no keys, which would outlive it: show its key instead."
            )
        self._check_reach(caller, wish)
        expires_at = _ending(caller, wish, now)
        limits = _limited(caller, wish)
        drawn, scopes = self._draw(), tuple(sorted(set(wish.scopes)))
        key = Key(
            drawn.id,
            drawn.digest,
            wish.name,
            scopes,
            wish.reach,
            now,
            expires_at,
            limits=limits,
            issued_by=caller.actor,
        )
        details = {
            "name": key.name,
            "scopes": [scope.value for scope in scopes],
            "deployment": key.reach.deployment,
            "project": key.reach.project,
            "expires_at": None if key.expires_at is None else key.expires_at.isoformat(),
            "limits": None if key.limits is None else asdict(key.limits),
        }
        entry = Entry(now, caller.actor, Action.ISSUE_KEY, key.id, details=details)
        self._store.add(key, entry)
        return key, drawn.plaintext

    def page(self, caller: Caller, paging: Paging) -> Slice[Key]:
        """Those within the caller's reach, revoked ones too; the installation's are settings."""
        return self._store.page(reaches_of(caller), paging)

    def opening(self, caller: Caller, deployment: Deployment, paging: Paging) -> Slice[Key]:
        """Those that open a deployment, of those within the caller's reach, revoked ones too."""
        return self._store.opening(deployment, reaches_of(caller), paging)

    def revoke(self, caller: Caller, key_id: str) -> None:
        """Revoke a key that the caller might have issued.

        Raises NotFoundError, ForbiddenError, or InstallationKeyError for one of the settings.
        """
        if any(key.id == key_id for key in self._state.configuration().keys):
            raise InstallationKeyError(
                "This key is a setting of the installation: change the setting and restart."
            )
        key = self._store.find(key_id)
        if key is None or not self._reaches(caller, key.reach):
            raise not_found("key", key_id)
        if beyond := self._beyond(caller, key.reach, key.scopes):
            raise ForbiddenError(
                f"The key may do what you may not: {', '.join(beyond)}. Whoever may revokes it."
            )
        self._store.revoke(key_id, Entry(self._clock(), caller.actor, Action.REVOKE_KEY, key_id))

    def _check_reach(self, caller: Caller, wish: Wish) -> None:
        reach = wish.reach
        if not reach.whole and _MACHINES & set(wish.scopes):
            raise _invalid("/scopes", "follow and metrics concern the whole installation.")
        if reach.whole and not caller.whole:
            raise _invalid("/project", "You are limited; limit the new key at least as much.")
        self._check_deployment(reach)
        if reach.project is not None and self._catalogue.project(reach.project) is None:
            raise _unknown("project", reach.project)
        if not self._reaches(caller, reach):
            what = "project" if reach.deployment is None else "deployment"
            raise _unknown(what, reach.deployment or reach.project or "")
        self._check_scopes(caller, wish)

    def _check_scopes(self, caller: Caller, wish: Wish) -> None:
        """Nobody hands out more than they have."""
        if beyond := self._beyond(caller, wish.reach, wish.scopes):
            raise _invalid("/scopes", f"You don't have {', '.join(beyond)} there yourself.")

    def _beyond(self, caller: Caller, reach: Reach, scopes: Iterable[Scope]) -> Sequence[Scope]:
        """Of the scopes, those that the caller does not hold there."""
        held = caller.scopes_at(reach.deployment, self._project_of(reach))
        return [] if Scope.ADMIN in held else sorted(set(scopes) - held)

    def _project_of(self, reach: Reach) -> str | None:
        found = None if reach.deployment is None else self._deployments.find(reach.deployment)
        return reach.project if found is None else found.project

    def _check_deployment(self, reach: Reach) -> None:
        if reach.deployment is None:
            return
        found = self._deployments.find(reach.deployment)
        if found is None:
            raise _unknown("deployment", reach.deployment)
        if reach.project not in {None, found.project}:
            raise _invalid("/project", "The deployment belongs to another project; name one only.")

    def _reaches(self, caller: Caller, reach: Reach) -> bool:
        if reach.deployment is None:
            return caller.able(None, reach.project)
        found = self._deployments.find(reach.deployment)
        if found is None:
            return caller.whole
        return caller.able(found.name, found.project)


def _ending(caller: Caller, wish: Wish, now: datetime) -> datetime | None:
    """No later than the key that issues it."""
    if wish.expires_at is not None and wish.expires_at <= now:
        raise _invalid("/expires_at", "The key would be expired already; name a later time.")
    own = caller.expires_at
    if own is not None and wish.expires_at is not None and wish.expires_at > own:
        raise _invalid("/expires_at", f"Your own key ends at {own.isoformat()}; no later.")
    return wish.expires_at or own


def _limited(caller: Caller, wish: Wish) -> Limits | None:
    """No looser than the key that issues it."""
    try:
        return within(wish.limits, caller.limits)
    except LooserError as looser:
        raise _invalid(f"/limits/{looser}", "Your own key is limited more than that.") from looser


def _unknown(what: str, name: str) -> UnknownReferenceError:
    return UnknownReferenceError(f"/{what}", f"There is no {what} '{name}' that you reach.")


def _invalid(pointer: str, detail: str) -> InvalidKeyRequestError:
    return InvalidKeyRequestError(detail, FieldError(pointer, detail))
