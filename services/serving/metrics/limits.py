"""What a worker counts of the limits of keys."""

from prometheus_client import CollectorRegistry, Counter

from services.serving.domain.limits import Counted


class LimitMetrics:
    """How workers come by the tokens that limited keys spend."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._exchanges = Counter(
            "understudy_limit_exchanges",
            "Round trips to Redis for tokens of limited keys, by what is counted and the result.",
            ["counted", "result"],
            registry=registry,
        )
        self._alone = Counter(
            "understudy_limit_alone",
            "Requests of limited keys that a worker let in or refused by its own part of the "
            "limit, as Redis did not answer in time.",
            ["counted", "result"],
            registry=registry,
        )
        for counted in Counted:
            for result in ("granted", "dry", "failed"):
                self._exchanges.labels(counted, result)
            for result in ("admitted", "refused"):
                self._alone.labels(counted, result)

    def exchanged(self, counted: Counted, result: str) -> None:
        """One round trip, or none."""
        self._exchanges.labels(counted, result).inc()

    def alone(self, counted: Counted, *, admitted: bool) -> None:
        """One request."""
        self._alone.labels(counted, "admitted" if admitted else "refused").inc()
