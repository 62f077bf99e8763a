"""Keeps models within the memory that a worker gives them, and says what is in it."""

from collections import Counter
from collections.abc import Collection, Mapping

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
        self._formers: Mapping[str, Collection[ModelKey]] = {}
        self._log = structlog.stdlib.get_logger("memory")

    def has_room_for(self, more_bytes: int) -> bool:
        """Whether so much more would fit without letting go of anything."""
        if self._limit_bytes is None:
            return True
        used = sum(loaded.size_bytes for loaded in self._library.loaded().values())
        return used + more_bytes <= self._limit_bytes

    def expect(self, wanted: Mapping[str, Collection[ModelKey]]) -> None:
        """Which versions are loaded on behalf of each deployment, former mains included."""
        self._formers = wanted

    def fit(self, mains: Mapping[str, ModelKey], spared: ModelKey | None = None) -> set[ModelKey]:
        """Let go of what does not fit; returns what went. `spared` was just asked for.

        `mains`: what answers, by deployment.
        """
        gone: set[ModelKey] = set()
        if self._limit_bytes is not None:
            held = self._held({*mains.values()})
            gone = self._let_go(surplus(held, self._limit_bytes, spared))
        self._publish(mains)
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

    def _publish(self, mains: Mapping[str, ModelKey]) -> None:
        loaded = self._library.loaded()
        runners = Counter(found.runner_name for found in loaded.values())
        capacity = self._metrics.capacity
        capacity.loaded(runners, sum(found.size_bytes for found in loaded.values()))
        capacity.holds(
            {
                (name, key[1]): loaded[key].size_bytes
                for name, main in mains.items()
                for key in (*self._formers.get(name, ()), main)
                if key in loaded
            }
        )
