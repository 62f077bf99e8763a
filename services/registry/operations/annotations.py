"""Tags of models and versions: whoever may register versions may say things about them.

One of them decides something, and is for those who may deploy: which deployment aliases speak of.
"""

from collections.abc import Mapping

from services.registry.domain.aliases import DEPLOYMENT_TAG
from services.registry.domain.annotations import (
    DESCRIPTION,
    MODEL,
    Tags,
    require_free,
    require_room,
    require_tags,
)
from services.registry.domain.audit import Action, Entry
from services.registry.domain.errors import InvalidTagError
from services.registry.operations.catalogue import Catalogue
from services.registry.operations.reach import Clock
from services.registry.ports import DeploymentStore
from services.registry.ports.annotations import TagStore
from understudy.contracts.vocabulary import Scope
from understudy.runtime.keys import Caller


class Annotations:
    """What is said about models and versions, which changes nothing about them."""

    def __init__(
        self, store: TagStore, catalogue: Catalogue, deployments: DeploymentStore, clock: Clock
    ) -> None:
        self._store = store
        self._deployments = deployments
        self._catalogue = catalogue
        self._clock = clock

    def of(self, caller: Caller, model: str, version: int = MODEL) -> Tags:
        """All of them. Raises NotFoundError."""
        self._require(caller, model, version)
        return self._store.of(model, version)

    def of_model(self, caller: Caller, model: str) -> Mapping[int, Tags]:
        """Of the model (0) and of its versions. Raises NotFoundError."""
        self._catalogue.model(caller, model)
        return self._store.of_model(model)

    def put(self, caller: Caller, model: str, version: int, tags: Tags) -> None:
        """Set some. Raises NotFoundError, InvalidTagError or TooManyTagsError."""
        require_tags(tags)
        for name in tags:
            self._require(_about(caller, version, name), model, version)
        if _decides(version, DEPLOYMENT_TAG) and DEPLOYMENT_TAG in tags:
            self._require_deployment(caller, model, tags[DEPLOYMENT_TAG])
        self._put(caller, model, version, tags)

    def describe(self, caller: Caller, model: str, version: int, text: str) -> None:
        """Say something else about it than what was said when it was made."""
        self._require(caller.wanting(Scope.REGISTER), model, version)
        self._put(caller, model, version, {DESCRIPTION: text})

    def remove(self, caller: Caller, model: str, version: int, name: str) -> None:
        """Delete one. Raises NotFoundError; a tag that is not there is no error."""
        require_free(name)
        held = self.of(_about(caller, version, name), model, version)
        if name not in held:
            return
        entry = self._entry(caller, Action.DELETE_TAG, _title(model, version), {name: held[name]})
        self._store.remove(model, version, name, entry)

    def _put(self, caller: Caller, model: str, version: int, tags: Tags) -> None:
        require_room(self._store.of(model, version), tags)
        entry = self._entry(caller, Action.SET_TAG, _title(model, version), tags)
        self._store.put(model, version, tags, entry)

    def _require(self, caller: Caller, model: str, version: int) -> None:
        if version == MODEL:
            self._catalogue.model(caller, model)
        else:
            self._catalogue.version(caller, model, version)

    def _require_deployment(self, caller: Caller, model: str, name: str) -> None:
        held = self._deployments.find(name)
        deployer = caller.wanting(Scope.DEPLOY)
        if held is None or held.model != model or not deployer.able(held.name, held.project):
            raise InvalidTagError(
                "/value",
                f"'{name[:100]}' is no deployment of model '{model}' at which you may deploy.",
            )

    def _entry(self, caller: Caller, action: Action, subject: str, tags: Tags) -> Entry:
        return Entry(self._clock(), caller.actor, action, subject, details={"tags": dict(tags)})


def _about(caller: Caller, version: int, tag: str) -> Caller:
    """The caller, wanting what the tag needs."""
    return caller.wanting(Scope.DEPLOY if _decides(version, tag) else Scope.REGISTER)


def _decides(version: int, tag: str) -> bool:
    return version == MODEL and tag == DEPLOYMENT_TAG


def _title(model: str, version: int) -> str:
    return model if version == MODEL else f"{model}/{version}"
