"""Which deployments this monitor works on."""

from prometheus_client import CollectorRegistry, Gauge


class LeaseMetrics:
    """Which share of the work is ours."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._held = Gauge(
            "understudy_monitor_leases_held",
            "Deployments that this monitor works on; several monitors share them.",
            registry=registry,
        )

    def hold(self, leases: int) -> None:
        """So many now."""
        self._held.set(leases)
