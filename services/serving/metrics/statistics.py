"""What was answered since the service began, by version, read back from what is published."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.multiprocess import MultiProcessCollector

from understudy.contracts.vocabulary import Outcome

Version = tuple[str, str]
"""Deployment and version."""

_REQUESTS: Final = "understudy_prediction_requests_total"
_ROWS: Final = "understudy_predictions_total"
_SECONDS: Final = "understudy_prediction_seconds_sum"
_CPU_SECONDS: Final = "understudy_model_cpu_seconds_total"


@dataclass(slots=True)
class Statistics:
    """Of one version."""

    requests: int = 0
    """That were answered."""
    failed: int = 0
    """Requests that the model failed on."""
    rows: int = 0
    seconds: float = 0.0
    """From decoded requests to their answers, summed."""
    cpu_seconds: float = 0.0
    """Of the calls of the model."""


def statistics_of(registry: CollectorRegistry, folder: str | None) -> Mapping[Version, Statistics]:
    """The figures of all workers that share the folder; without one, those of the registry."""
    if folder is None:
        return read(registry.collect())
    everybody = MultiProcessCollector(CollectorRegistry(), folder)  # type: ignore[no-untyped-call]
    return read(everybody.collect())  # type: ignore[no-untyped-call]


def read(metrics: Iterable[Metric]) -> Mapping[Version, Statistics]:
    """The figures among everything that is published."""
    found: dict[Version, Statistics] = defaultdict(Statistics)
    for metric in metrics:
        for sample in metric.samples:
            take = _TAKING.get(sample.name)
            if take is not None:
                labels = sample.labels
                version = found[labels["deployment"], labels["version"]]
                take(version, labels.get("outcome") != Outcome.ERROR, sample.value)
    return {**found}


def _requests(found: Statistics, ok: bool, value: float) -> None:
    if ok:
        found.requests += int(value)
    else:
        found.failed += int(value)


def _rows(found: Statistics, ok: bool, value: float) -> None:
    found.rows += int(value) if ok else 0


def _seconds(found: Statistics, _ok: bool, value: float) -> None:
    found.seconds += value


def _cpu_seconds(found: Statistics, _ok: bool, value: float) -> None:
    found.cpu_seconds += value


_TAKING: Final[Mapping[str, Callable[[Statistics, bool, float], None]]] = {
    _REQUESTS: _requests,
    _ROWS: _rows,
    _SECONDS: _seconds,
    _CPU_SECONDS: _cpu_seconds,
}
