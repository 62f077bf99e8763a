"""What the challenger process tells of the Redis server, which publishes nothing by itself."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector


@dataclass(frozen=True, slots=True)
class RedisFigures:
    """What a Redis server says of itself."""

    memory_bytes: Mapping[str, int]
    """By kind: `used`, `peak`, and the `limit`, which is 0 when there is none."""
    clients: int
    persistence_ok: bool
    """Every write goes to the append-only file, and the last ones reached it."""
    evicted_keys: int
    """Since it started."""


class RedisMetrics(Collector):
    """What was seen last: what is unknown is absent."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._ping_seconds: float | None = None
        self._figures: RedisFigures | None = None
        registry.register(self)

    def answered(self, ping_seconds: float, figures: RedisFigures | None) -> None:
        """The server answered; None when it does not tell figures."""
        self._ping_seconds, self._figures = ping_seconds, figures

    def silent(self) -> None:
        """The server could not be asked."""
        self._ping_seconds = self._figures = None

    def describe(self) -> Iterable[Metric]:
        """All families, without figures."""
        return [
            _gauge("up", "1 when Redis answered the last ping, 0 when it could not be asked."),
            _gauge("ping_seconds", "How long Redis took to answer the last ping."),
            _gauge(
                "memory_bytes",
                "Memory of Redis: used, its peak, and the limit, which is 0 when there is none.",
                "kind",
            ),
            _gauge("clients", "Connections that Redis has."),
            _gauge(
                "persistence_ok",
                "1 when Redis appends every write to its file and the last ones reached it.",
            ),
            CounterMetricFamily(
                "understudy_redis_evicted_keys",
                "Keys that Redis gave up for want of memory since it started: rows of the log.",
            ),
        ]

    def collect(self) -> Iterable[Metric]:
        """Families with what is known."""
        up, ping, memory, clients, persistence, evicted = self.describe()
        up.add_sample(up.name, {}, self._ping_seconds is not None)
        if self._ping_seconds is not None:
            ping.add_sample(ping.name, {}, self._ping_seconds)
        if (found := self._figures) is not None:
            for kind, size in found.memory_bytes.items():
                memory.add_sample(memory.name, {"kind": kind}, size)
            clients.add_sample(clients.name, {}, found.clients)
            persistence.add_sample(persistence.name, {}, found.persistence_ok)
            evicted.add_sample(f"{evicted.name}_total", {}, found.evicted_keys)
        families = (up, ping, memory, clients, persistence, evicted)
        return [family for family in families if family.samples]


def _gauge(name: str, text: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"understudy_redis_{name}", text, labels=labels)
