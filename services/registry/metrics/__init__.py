"""Every number of the registry, declared once, behind verbs."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector

from services.registry.domain.figures import Figures
from services.registry.domain.releases import Release
from services.registry.domain.versions import Compiled, Version
from services.registry.metrics.state import StateGauges
from understudy.contracts.vocabulary import ObstacleCode
from understudy.runtime.buckets import LATENCY_SECONDS
from understudy.runtime.refusals import WATCHED

HANGING: Final = "/v1/snapshot"
"""Takes as long as its caller wishes, so its durations say nothing."""
_SECONDS: Final = tuple(sorted({*LATENCY_SECONDS, 0.1, 0.5, 1.0}))
"""What a share of slow answers is asked for must be an edge."""
_FAILED: Final = "failed"


class Metrics:
    """Implements `ports.Instruments`, and counts requests."""

    def __init__(self, collectors: CollectorRegistry) -> None:
        self._requests = Counter(
            "understudy_registry_requests",
            "Requests by route and outcome: answered, refused (4xx) or failed (5xx).",
            ("route", "method", "outcome"),
            registry=collectors,
        )
        self._refusals = Counter(
            "understudy_registry_refusals",
            "Requests that were turned away or failed, by the code and the status of the answer.",
            ("code", "status"),
            registry=collectors,
        )
        for code, status in WATCHED:
            self._refusals.labels(code, str(status))
        self._seconds = Histogram(
            "understudy_registry_request_duration_seconds",
            "Time to answer, without waits for a newer snapshot.",
            ("route",),
            buckets=_SECONDS,
            registry=collectors,
        )
        self._releases = Counter(
            "understudy_registry_releases",
            "Releases made, by the verb that made them.",
            ("kind",),
            registry=collectors,
        )
        self._registered = Counter(
            "understudy_registry_registrations",
            "Versions registered, by the runner that serving asks: onnx, treelite or sklearn.",
            ("runner",),
            registry=collectors,
        )
        self._decisions = Counter(
            "understudy_registry_decisions",
            "Reviews of versions that ended, by the state they ended in.",
            ("state",),
            registry=collectors,
        )
        self._overridden = Counter(
            "understudy_registry_overrides",
            "Decisions against a closed gate, by what stood in the way: each such thing once.",
            ("obstacle",),
            registry=collectors,
        )
        for obstacle in ObstacleCode:
            self._overridden.labels(obstacle.value)
        self._stored = Counter(
            "understudy_registry_artifact_received_bytes",
            "Bytes of artifacts that were uploaded and verified.",
            registry=collectors,
        )
        self._state = StateGauges(collectors)
        ProcessCollector(registry=collectors)

    def offers(self, route: str, *methods: str) -> None:
        """There is such a route: that it fails is there, at 0."""
        for method in methods:
            self._requests.labels(route, method, _FAILED)

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        """A request got its answer."""
        self._requests.labels(route, method, _outcome(status)).inc()
        if route != HANGING:
            self._seconds.labels(route).observe(seconds)

    def refused(self, code: str, status: int) -> None:
        """A request got a problem for an answer."""
        self._refusals.labels(code, str(status)).inc()

    def released(self, release: Release) -> None:
        """A deployment changed."""
        self._releases.labels(release.kind.value).inc()

    def registered(self, version: Version) -> None:
        """A version was registered."""
        compiled = version.draft.compiled
        runner = compiled.kind.value if isinstance(compiled, Compiled) else "sklearn"
        self._registered.labels(runner).inc()

    def decided(self, version: Version) -> None:
        """A review ended."""
        self._decisions.labels(version.state.value).inc()
        overridden = version.ruling.overridden if version.ruling else ()
        for obstacle in sorted({each.partition(":")[0] for each in overridden}):
            self._overridden.labels(obstacle).inc()

    def stored(self, size_bytes: int) -> None:
        """An artifact came in."""
        self._stored.inc(size_bytes)

    def show(self, figures: Figures) -> None:
        """Set what is read off the state when somebody scrapes."""
        self._state.show(figures)


def _outcome(status: int) -> str:
    if status < 400:
        return "answered"
    return "refused" if status < 500 else _FAILED
