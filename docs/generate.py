"""Writes docs/configuration.md and docs/metrics.md from the code that they describe.

Also makes the page that the monitor serves of docs/runbook.md. `python docs/generate.py` writes all
of them; a test fails when they are stale.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import numpy as np
from prometheus_client import CollectorRegistry
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.registry import Collector
from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from docs import runbook_page
from services.monitor.api.runbook import PAGE as RUNBOOK
from services.monitor.metrics import (
    AlertMetrics,
    ArchiveMetrics,
    FiguresCollector,
    LeaseMetrics,
    MonitorMetrics,
)
from services.monitor.settings import MonitorSettings
from services.registry.metrics import Metrics as RegistryMetrics
from services.registry.settings import RegistrySettings
from services.serving.metrics import (
    ChallengerMetrics,
    RedisMetrics,
    ServingMetrics,
    TrimmingMetrics,
)
from services.serving.settings import ChallengerSettings, ServingSettings
from understudy.launch.settings import LaptopSettings
from understudy.runtime.buckets import LATENCY_SECONDS
from understudy.runtime.settings import ServiceSettings

FOLDER: Final = Path(__file__).parent

SETTINGS: Final[dict[str, type[ServiceSettings]]] = {
    "Laptop (`understudy up`)": LaptopSettings,
    "Registry": RegistrySettings,
    "Serving": ServingSettings,
    "Challenger": ChallengerSettings,
    "Monitor": MonitorSettings,
}


def configuration() -> str:
    """All settings, by process."""
    sections = (
        f"## {title}\n\n| variable | default | what it says |\n| --- | --- | --- |\n"
        + "\n".join(_setting(name, field) for name, field in settings.model_fields.items())
        for title, settings in SETTINGS.items()
    )
    opening = (
        "# Configuration\n\n<!-- Written by docs/generate.py -->\n\nEach process reads environment "
        "variables, and nothing else. A value that does not fit stops it at the start with the "
        "name of the variable."
    )
    return "\n\n".join([opening, *sections]) + "\n"


def metrics() -> str:
    """All metrics of ours, by process."""
    sections = (
        f"## {title}\n\n| metric | type | labels | what it says |\n| --- | --- | --- | --- |\n"
        + "\n".join(sorted(set(rows)))
        for title, rows in _metric_rows()
    )
    opening = (
        "# Metrics\n\n<!-- Written by docs/generate.py -->\n\nServed at `/metrics` of each process "
        "to keys with the scope `metrics`. Serving's are sums over its workers; BentoML's own "
        "(`bentoml_…`) stand beside them.\n\n"
        "The monitor shows a deployment's figures while it is deployed, and a version's while it "
        "is in the current release or the window; only totals stay. At most "
        "`UNDERSTUDY_MONITOR_METRIC_FEATURES` features of a deployment have figures, about 20 "
        "series each, and `UNDERSTUDY_MONITOR_METRIC_DISTRIBUTIONS` a distribution, at most 24 "
        "series each: 12 bins, live and reference. A category is named when at least 10 rows of "
        "the reference sample have it."
    )
    return "\n\n".join([opening, *sections]) + "\n"


def runbook() -> str:
    """The page of the runbook."""
    return runbook_page.page((FOLDER / "runbook.md").read_text())


def _setting(name: str, field: FieldInfo) -> str:
    text = " ".join((field.description or "").split())
    return f"| `UNDERSTUDY_{name.upper()}` | {_default(field)} | {text} |"


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True, validated_data={})
    if value is PydanticUndefined:
        return "required"
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if isinstance(value, tuple):
        value = ",".join(value)
    return "" if value in {None, ""} else f"`{value}`"


def _metric_rows() -> Iterator[tuple[str, Iterable[str]]]:
    yield "Registry", _declared(RegistryMetrics)
    yield "Serving", _declared(ServingMetrics)
    challenger = (*_declared(ChallengerMetrics), *_declared(TrimmingMetrics))
    yield "Challenger", [*challenger, *_described(RedisMetrics(CollectorRegistry()))]
    counted = (MonitorMetrics, ArchiveMetrics, LeaseMetrics, AlertMetrics)
    yield "Monitor", [*(row for each in counted for row in _declared(each)), *_figures()]


def _declared(declare: type) -> list[str]:
    registry = CollectorRegistry()
    declare(registry)
    # prometheus_client has no public way to ask a metric for the names of its labels.
    collectors = list(registry._collector_to_names)  # noqa: SLF001
    return [
        _row(metric.name, metric.type, metric.documentation, collector._labelnames)  # noqa: SLF001
        for collector in collectors
        if isinstance(collector, MetricWrapperBase)
        for metric in collector.describe()
    ]


def _figures() -> list[str]:
    return _described(FiguresCollector(list, np.array(LATENCY_SECONDS), 1))


def _described(collector: Collector) -> list[str]:
    return [
        _row(family.name, family.type, family.documentation, family._labelnames)  # type: ignore[attr-defined]  # noqa: SLF001
        for family in collector.describe()
    ]


def _row(name: str, kind: str, text: str, labels: Iterable[str]) -> str:
    suffix = "_total" if kind == "counter" else ""
    named = ", ".join(f"`{label}`" for label in labels)
    return f"| `{name}{suffix}` | {kind} | {named} | {text} |"


if __name__ == "__main__":
    (FOLDER / "configuration.md").write_text(configuration())
    (FOLDER / "metrics.md").write_text(metrics())
    RUNBOOK.write_text(runbook())
