"""Families of samples that are made anew at each scrape, declared by name, text and labels."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

Declared = Mapping[str, tuple[str, tuple[str, ...]]]
"""Name to text and labels."""

PERSONS: Final = ("deployment", "role", "version")
"""The labels of what is said of one version."""


class Families:
    """Empty families that samples are put into."""

    def __init__(self, gauges: Declared, counters: Declared | None = None) -> None:
        self._families: dict[str, GaugeMetricFamily | CounterMetricFamily] = {
            name: GaugeMetricFamily(name, text, labels=labels)
            for name, (text, labels) in gauges.items()
        }
        for name, (text, labels) in (counters or {}).items():
            self._families[name] = CounterMetricFamily(name, text, labels=labels)

    def set(self, name: str, labels: Sequence[str], value: float | None) -> None:
        """One sample; none where the figure is absent."""
        if value is not None:
            self._families[name].add_metric(labels, value)

    def __iter__(self) -> Iterator[Metric]:
        return iter(self._families.values())
