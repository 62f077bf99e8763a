"""Aliases: setting one is a release like any other, by the same operation, rights and trail."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from services.registry.domain.aliases import (
    DEPLOYMENT_TAG,
    Alias,
    alias_of,
    aliases_at,
    in_force,
    setting_alias,
    spoken_of,
)
from services.registry.domain.annotations import MODEL, Tags
from services.registry.domain.deployments import Deployment
from services.registry.domain.errors import AlreadyInReleaseError, NothingChangesError
from services.registry.domain.mlflow_refusals import (
    AliasStaysError,
    AliasUnsetError,
    NoDeploymentError,
)
from services.registry.domain.paging import Paging
from services.registry.domain.releases import Change
from services.registry.operations.deployments import Deployments, Expected
from services.registry.ports.annotations import TagStore
from understudy.contracts.vocabulary import ReleaseKind, Scope
from understudy.runtime.keys import Caller

_PAGE = 1_000


class Book:
    """Deployments by model, as one caller sees them at one moment."""

    def __init__(self, deployments: Sequence[Deployment]) -> None:
        self._by_model: defaultdict[str, list[Deployment]] = defaultdict(list)
        for held in deployments:
            self._by_model[held.model].append(held)

    def spoken_of(self, model: str, tags: Tags) -> Deployment | None:
        """Which one the model's aliases speak of."""
        return spoken_of(model, tags, self._by_model[model])

    def of(self, model: str, tags: Tags) -> Mapping[Alias, int]:
        """The model's aliases."""
        held = self.spoken_of(model, tags)
        return {} if held is None else in_force(held.current.setting)

    def at(self, model: str, tags: Tags, version: int) -> tuple[Alias, ...]:
        """A version's aliases."""
        held = self.spoken_of(model, tags)
        return () if held is None else aliases_at(held.current.setting, version)


class Aliases:
    """What `champion` and `challenger` stand for, and changing it."""

    def __init__(self, deployments: Deployments, tags: TagStore) -> None:
        self._deployments = deployments
        self._tags = tags

    def book(self, caller: Caller) -> Book:
        """What the caller may read."""
        return Book(self._reached(caller.wanting(Scope.READ)))

    def put(self, caller: Caller, model: str, name: str, version: int) -> None:
        """Make the release that gives the alias to the version; none when it has it already.

        Whatever `Deployments.change` refuses is refused here.
        """
        alias, held = alias_of(name), self._spoken_of(caller, model)
        change = setting_alias(held.current.setting, alias, version)
        try:
            self._deployments.change(caller, held.name, change, Expected(held.current.number))
        except (NothingChangesError, AlreadyInReleaseError):
            if alias not in aliases_at(held.current.setting, version):
                raise

    def remove(self, caller: Caller, model: str, name: str) -> None:
        """Withdraw the challenger. Raises AliasStaysError, or AliasUnsetError without one."""
        alias, held = alias_of(name), self._spoken_of(caller, model)
        if alias is Alias.CHAMPION:
            raise AliasStaysError(
                f"Deployment '{held.name}' always has a main version: set 'champion' to another "
                "version, or delete the deployment."
            )
        version = in_force(held.current.setting).get(alias)
        if version is None:
            raise AliasUnsetError(f"Deployment '{held.name}' has no challenger.")
        reason = f"alias {alias} deleted by an MLflow client"
        change = Change(ReleaseKind.WITHDRAW, version, reason=reason)
        self._deployments.change(caller, held.name, change, Expected(held.current.number))

    def _spoken_of(self, caller: Caller, model: str) -> Deployment:
        tags = self._tags.of(model, MODEL)
        found = Book(self._reached(caller)).spoken_of(model, tags)
        if found is None:
            raise NoDeploymentError(
                f"Aliases speak of a deployment, and you reach none of model '{model}' that is "
                f"named like it, is the only one, or is named by its tag '{DEPLOYMENT_TAG}'. Make "
                "one with POST /v1/deployments or set that tag."
            )
        return found

    def _reached(self, caller: Caller) -> list[Deployment]:
        found: list[Deployment] = []
        paging = Paging(_PAGE)
        while True:
            piece = self._deployments.page(caller, paging)
            found += piece.items
            if piece.next_cursor is None:
                return found
            paging = Paging(_PAGE, piece.next_cursor)
