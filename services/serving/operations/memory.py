"""Keeps models within the memory that a worker gives them, and says what is in it."""

from collections import Counter
from collections.abc import Collection

import structlog

from services.serving.domain.memory import Held, surplus
from services.serving.metrics import ServingMetrics
from services.serving.ports import Library, ModelKey


class Memory:
    """The models of one worker, as a sum of bytes."""

    def __init__(
        self, library: Library, metrics: ServingMetrics, limit_bytes: int | None = None
    ) -> None:
        self._library = library
        self._metrics = metrics
        self._limit_bytes = limit_bytes
        self._log = structlog.stdlib.get_logger("memory")

    def has_room_for(self, more_bytes: int) -> bool:
        """Whether so much more would fit without letting go of anything."""
        if self._limit_bytes is None:
            return True
        used = sum(loaded.size_bytes for loaded in self._library.loaded().values())
        return used + more_bytes <= self._limit_bytes

    def fit(self, mains: Collection[ModelKey], spared: ModelKey | None = None) -> set[ModelKey]:
        """Let go of what does not fit; returns what went. `spared` was just asked for."""
        gone: set[ModelKey] = set()
        if self._limit_bytes is not None:
            gone = self._let_go(surplus(self._held(mains), self._limit_bytes, spared))
        self._publish()
        return gone

    def _held(self, mains: Collection[ModelKey]) -> list[Held]:
        return [
            Held(key, loaded.size_bytes, loaded.use.at, key in mains)
            for key, loaded in self._library.loaded().items()
        ]

    def _let_go(self, chosen: Collection[Held]) -> set[ModelKey]:
        gone = set()
        for key, loaded in [*self._library.loaded().items()]:
            found = next((held for held in chosen if held.key == key), None)
            if found is None:
                continue
            role = "main" if found.answers else "former"
            self._library.unload(key)
            self._metrics.capacity.unloaded(role)
            self._log.info(
                "model_unloaded", model=key[0], version=key[1], role=role, bytes=loaded.size_bytes
            )
            gone.add(key)
        return gone

    def _publish(self) -> None:
        loaded = self._library.loaded().values()
        runners = Counter(found.runner_name for found in loaded)
        self._metrics.capacity.loaded(runners, sum(found.size_bytes for found in loaded))
