"""Keys: issued once in the clear, kept as digests, revoked at once."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime

from services.registry.domain.access import Key, Reach
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
from understudy.runtime.keys import Caller, NewKey

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
        self._check_reach(caller, wish)
        if wish.expires_at is not None and wish.expires_at <= now:
            raise _invalid("/expires_at", "The key would be expired already; name a later time.")
        drawn, scopes = self._draw(), tuple(sorted(set(wish.scopes)))
        key = Key(
            drawn.id,
            drawn.digest,
            wish.name,
            scopes,
            wish.reach,
            now,
            wish.expires_at,
            limits=wish.limits,
        )
        details = {
            "name": key.name,
            "scopes": [scope.value for scope in scopes],
            "deployment": key.reach.deployment,
            "project": key.reach.project,
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
        """Revoke a key. Raises NotFoundError, or InstallationKeyError for one of the settings."""
        if any(key.id == key_id for key in self._state.configuration().keys):
            raise InstallationKeyError(
                "This key is a setting of the installation: change the setting and restart."
            )
        key = self._store.find(key_id)
        if key is None or not self._reaches(caller, key.reach):
            raise not_found("key", key_id)
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
        held = caller.scopes_at(wish.reach.deployment, self._project_of(wish.reach))
        beyond = sorted(set(wish.scopes) - held)
        if beyond and Scope.ADMIN not in held:
            raise _invalid("/scopes", f"You don't have {', '.join(beyond)} there yourself.")

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


def _unknown(what: str, name: str) -> UnknownReferenceError:
    return UnknownReferenceError(f"/{what}", f"There is no {what} '{name}' that you reach.")


def _invalid(pointer: str, detail: str) -> InvalidKeyRequestError:
    return InvalidKeyRequestError(detail, FieldError(pointer, detail))
