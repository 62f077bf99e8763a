"""Every number of the registry, declared once, behind verbs."""

from collections.abc import Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from services.registry.domain.releases import Release
from services.registry.domain.versions import Compiled, Version
from understudy.contracts.registry import Snapshot
from understudy.contracts.vocabulary import Component
from understudy.runtime.buckets import LATENCY_SECONDS

HANGING: Final = "/v1/snapshot"
"""Takes as long as its caller wishes, so its durations say nothing."""


class Metrics:
    """Implements `ports.Instruments`, and counts requests."""

    def __init__(self, collectors: CollectorRegistry) -> None:
        self._requests = Counter(
            "understudy_registry_requests",
            "Requests by route and outcome: answered, refused (4xx) or failed (5xx).",
            ("route", "method", "outcome"),
            registry=collectors,
        )
        self._seconds = Histogram(
            "understudy_registry_request_duration_seconds",
            "Time to answer, without waits for a newer snapshot.",
            ("route",),
            buckets=LATENCY_SECONDS,
            registry=collectors,
        )
        self._releases = Counter(
            "understudy_registry_releases",
            "Releases made, by the verb that made them.",
            ("kind",),
            registry=collectors,
        )
        self._registered = Counter(
            "understudy_registry_versions",
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
        self._stored = Counter(
            "understudy_registry_artifact_received_bytes",
            "Bytes of artifacts that were uploaded and verified.",
            registry=collectors,
        )
        self._state = _StateGauges(collectors)
        ProcessCollector(registry=collectors)

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        """A request got its answer."""
        self._requests.labels(route, method, _outcome(status)).inc()
        if route != HANGING:
            self._seconds.labels(route).observe(seconds)

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

    def stored(self, size_bytes: int) -> None:
        """An artifact came in."""
        self._stored.inc(size_bytes)

    def show(self, snapshot: Snapshot, followers: Mapping[Component, int]) -> None:
        """Set what is read off the state when somebody scrapes."""
        self._state.show(snapshot, followers)


class _StateGauges:
    """What is as it is, whoever changed it: the same on every replica."""

    def __init__(self, collectors: CollectorRegistry) -> None:
        self._sequence = Gauge(
            "understudy_registry_snapshot_sequence",
            "Number of the current snapshot; it grows with every change.",
            registry=collectors,
        )
        self._keys = Gauge(
            "understudy_registry_keys_active",
            "Keys in the current snapshot, those of the installation included.",
            registry=collectors,
        )
        self._release = Gauge(
            "understudy_release_info",
            "1 for the current release of each deployment and its main version.",
            ("deployment", "version", "release"),
            registry=collectors,
        )
        self._released_at = Gauge(
            "understudy_release_timestamp_seconds",
            "When the current release of each deployment was made.",
            ("deployment",),
            registry=collectors,
        )
        self._followers = Gauge(
            "understudy_registry_followers",
            "Processes that reported to this replica within the last 90 s.",
            ("component",),
            registry=collectors,
        )

    def show(self, snapshot: Snapshot, followers: Mapping[Component, int]) -> None:
        self._sequence.set(snapshot.sequence)
        self._keys.set(len(snapshot.keys))
        self._release.clear()
        self._released_at.clear()
        for held in snapshot.deployments:
            self._release.labels(held.name, str(held.main), str(held.release)).set(1)
            self._released_at.labels(held.name).set(held.released_at.timestamp())
        for component, count in followers.items():
            self._followers.labels(component.value).set(count)


def _outcome(status: int) -> str:
    if status < 400:
        return "answered"
    return "refused" if status < 500 else "failed"
