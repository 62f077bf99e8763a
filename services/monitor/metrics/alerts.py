"""Alerts that others told of."""

from collections.abc import Iterator
from typing import Final

from prometheus_client import CollectorRegistry, Counter
from prometheus_client.core import Metric

from services.monitor.domain.deciding.judgement import Judgement
from services.monitor.metrics.families import Declared, Families
from understudy.contracts.vocabulary import AlertOutcome, AlertState

_GAUGES: Final[Declared] = {
    "understudy_alerts_firing": (
        "Alerts of the deployment that fire, as far as the monitor was told.",
        ("deployment",),
    )
}


class AlertMetrics:
    """What this process was told."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._received = Counter(
            "understudy_alerts_received",
            "Alerts that this monitor was told of, by what became of them.",
            ("deployment", "outcome"),
            registry=registry,
        )

    def received(self, deployment: str, outcome: AlertOutcome) -> None:
        """One; of no deployment where the one that it names is none."""
        self._received.labels(deployment, outcome).inc()


class AlertFamilies:
    """What is held, of each deployment, as it was judged last."""

    def __init__(self) -> None:
        self._families = Families(_GAUGES)

    def add(self, found: Judgement) -> None:
        """That of one deployment."""
        firing = sum(alert.state is AlertState.FIRING for alert in found.alerts)
        self._families.set("understudy_alerts_firing", (found.deployment,), float(firing))

    def __iter__(self) -> Iterator[Metric]:
        return iter(self._families)
