"""How much more often the like of each baseline row comes now: looked at every few minutes."""

from collections.abc import Callable, Mapping
from typing import Final

import structlog

from services.monitor.domain.errors import WeighingFailedError
from services.monitor.operations.sources import Sources
from services.monitor.operations.watching import Watch
from services.monitor.ports import Weigher
from understudy.contracts.registry import DeploymentSnapshot, ServedVersion
from understudy.profiles.arrays import Floats
from understudy.profiles.errors import UnusableReferenceError

_LIVE_ROWS: Final = 10_000
_FEWEST_LIVE_ROWS: Final = 1_000
_LIVE_SECONDS: Final = 7 * 86_400.0
_DEADLINE_SECONDS: Final = 60.0


class Weighing:
    """Weights of the baselines of all versions that are watched; none while rows are alike."""

    def __init__(
        self, watches: Callable[[], Mapping[str, Watch]], sources: Sources, weigher: Weigher
    ) -> None:
        self._watches = watches
        self._sources = sources
        self._weigher = weigher
        self._held: dict[tuple[str, str], Floats] = {}
        """By deployment and baseline."""

    def of(self, deployment: str, served: ServedVersion) -> Floats | None:
        """As they were last found."""
        file = None if served.baseline is None else served.baseline.file
        return None if file is None else self._held.get((deployment, file))

    async def step(self) -> None:
        """Each version in turn; one that fails keeps the weights that it has."""
        found = dict[tuple[str, str], Floats]()
        for name, watch in dict(self._watches()).items():
            for served in _in_use(watch.deployment):
                weights = await self._look(name, served)
                if weights is not None and served.baseline is not None:
                    found[name, served.baseline.file] = weights
        self._held = found

    async def _look(self, name: str, served: ServedVersion) -> Floats | None:
        try:
            return await self._weights(name, served)
        except (WeighingFailedError, UnusableReferenceError, OSError) as error:
            structlog.stdlib.get_logger().warning(
                "weighing_failed", deployment=name, version=served.version, reason=_told(error)
            )
            return self.of(name, served)

    async def _weights(self, name: str, served: ServedVersion) -> Floats | None:
        baseline = await self._sources.references.baseline(served)
        if baseline is None or baseline.places is None or not baseline.classes:
            return None
        live = await self._sources.log.newest(name, _LIVE_ROWS, _LIVE_SECONDS)
        if sum(len(entry.ids) for entry in live) < _FEWEST_LIVE_ROWS:
            return None
        rows = await self._sources.references.baseline_rows(served, baseline.places)
        return await self._weigher.weights(served.signature, live, rows, _DEADLINE_SECONDS)


def _told(error: Exception) -> str:
    """Texts of other errors may quote places and values."""
    return str(error) if isinstance(error, WeighingFailedError) else type(error).__name__


def _in_use(deployment: DeploymentSnapshot) -> list[ServedVersion]:
    return [one for one in deployment.versions if deployment.role_of(one.version) is not None]
