"""Deployments as other protocols see them: models with versions, statistics and readiness."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from services.serving.domain.errors import (
    NotLoadedError,
    UnknownDeploymentError,
    UnknownVersionError,
)
from services.serving.metrics.statistics import Statistics, Version
from services.serving.operations.answers import Serving
from services.serving.operations.cards import Card
from services.serving.operations.challenged import Challenged
from understudy.contracts.vocabulary import Scope
from understudy.runtime.keys import ForbiddenError, UnauthenticatedError

_SHARED_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Model:
    """A deployment, and which of its versions the caller may know of."""

    card: Card
    versions: tuple[int, ...]
    """The main first, then challengers for those who may read."""
    version: int
    """The one that was asked for; the main unless a path named another."""

    @property
    def challenger(self) -> bool:
        """Whether a challenger was asked for."""
        return self.version != self.card.version


@dataclass(frozen=True, slots=True)
class Entry:
    """A deployment in a list; `model` is None while nothing of it is loaded."""

    name: str
    model: Model | None


class Models:
    """What may be asked of models beside their answers."""

    def __init__(
        self,
        serving: Serving,
        *,
        challenged: Challenged | None = None,
        count: Callable[[], Mapping[Version, Statistics]] = dict,
    ) -> None:
        self._serving = serving
        self._count = count
        self._counted: asyncio.Future[Mapping[Version, Statistics]] | None = None
        self._counted_until = 0.0
        self.challenged = challenged
        """Waits for what challengers answer; None where there is no log to read it from."""

    def entries(self, key: str | None) -> list[Entry]:
        """All that the caller may read of or ask. Raises UnauthenticatedError as `reachable`."""
        names = self._serving.reachable(key, Scope.READ, Scope.PREDICT)
        return [Entry(name, self._loaded(name, key)) for name in names]

    def find(self, name: str, key: str | None, version: str | None = None) -> Model:
        """One model. Raises UnknownVersionError for what the caller may not know of, too."""
        card = self._serving.signature(name, key=key)
        versions = (card.version, *self._challengers(name, key))
        if version is None:
            return Model(card, versions, card.version)
        for known in versions:
            if str(known) == version:
                return Model(card, versions, known)
        raise UnknownVersionError(name, version)

    async def statistics(self) -> Mapping[Version, Statistics]:
        """Of all versions that ever answered here. What was answered of late is not yet in it."""
        now = time.monotonic()
        if self._counted is None or now >= self._counted_until:
            # Reading what all workers publish takes a while: those who ask at once share it.
            self._counted = asyncio.ensure_future(asyncio.to_thread(self._count))
            self._counted_until = now + _SHARED_SECONDS
        return await asyncio.shield(self._counted)

    def _loaded(self, name: str, key: str | None) -> Model | None:
        try:
            return self.find(name, key)
        except NotLoadedError:
            return None

    def _challengers(self, name: str, key: str | None) -> tuple[int, ...]:
        try:
            self._serving.admit_to_tell(name, key, Scope.READ)
        except (UnknownDeploymentError, ForbiddenError, UnauthenticatedError):
            return ()
        found = self._serving.table.find(name)
        answering = found and (found.live or found.asleep)
        return answering.challengers if answering else ()
