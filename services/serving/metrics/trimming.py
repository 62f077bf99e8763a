"""What trimming the log counts."""

from collections.abc import Collection

from prometheus_client import CollectorRegistry, Counter, Gauge


class TrimmingMetrics:
    """What trimming the log counts."""

    def __init__(self, registry: CollectorRegistry) -> None:
        names = ["deployment", "stream"]
        self._entries = Gauge(
            "understudy_stream_entries", "Entries of a stream.", names, registry=registry
        )
        self._bytes = Gauge(
            "understudy_stream_bytes",
            "About how much of Redis's memory a stream took when it was last looked at.",
            names,
            registry=registry,
        )
        self._trimmed = Counter(
            "understudy_stream_trimmed_entries",
            "Entries that were trimmed behind every reader.",
            names,
            registry=registry,
        )
        self._held = Gauge(
            "understudy_stream_held",
            "1 for the reader that is not done with entries that are too old or too many.",
            [*names, "reader"],
            registry=registry,
        )
        self._holders: dict[tuple[str, str], str | None] = {}

    def looked(
        self, deployment: str, stream: str, entries: int, size: int, held_by: str | None
    ) -> None:
        """A stream was looked at."""
        self._entries.labels(deployment, stream).set(entries)
        self._bytes.labels(deployment, stream).set(size)
        place = deployment, stream
        former = self._holders.get(place)
        if former is not None and former != held_by:
            self._held.remove(*place, former)
        if held_by is not None:
            self._held.labels(*place, held_by).set(1)
        self._holders[place] = held_by

    def trimmed(self, deployment: str, stream: str, entries: int) -> None:
        """Entries are gone."""
        self._trimmed.labels(deployment, stream).inc(entries)

    def keep(self, deployments: Collection[str]) -> None:
        """Forget the streams of all others; counters stay."""
        for place in [place for place in self._holders if place[0] not in deployments]:
            holder = self._holders.pop(place)
            self._entries.remove(*place)
            self._bytes.remove(*place)
            if holder is not None:
                self._held.remove(*place, holder)
