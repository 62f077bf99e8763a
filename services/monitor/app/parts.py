"""What is made of what: counting the log, judging what was counted, reporting on it."""

import time
from dataclasses import dataclass

from prometheus_client import CollectorRegistry

from services.monitor.adapters.adwin import Adwin
from services.monitor.adapters.cell_store import RedisCellStore
from services.monitor.adapters.event_log import RedisEventLog
from services.monitor.adapters.leases import RedisLeases, kept_token
from services.monitor.adapters.references import ParquetReferences
from services.monitor.adapters.report_process import ReportProcess
from services.monitor.adapters.weighing_process import WeighingProcess
from services.monitor.app.outside import Outside, shelf_of
from services.monitor.app.terms import report_terms_of, rules_of
from services.monitor.metrics import FiguresCollector, LeaseMetrics, MonitorMetrics
from services.monitor.operations import Monitoring, Reporting, Sources
from services.monitor.operations.alerts import AlertFacts
from services.monitor.operations.appraising import Appraising
from services.monitor.operations.judging import Judging
from services.monitor.operations.report_asides import aside_of
from services.monitor.operations.sharing import Sharing
from services.monitor.operations.weighing import Weighing
from services.monitor.settings import MonitorSettings
from understudy.runtime.following import Follower, SnapshotCache


@dataclass(frozen=True, slots=True)
class Counting:
    """Which deployments there are, which of them are ours, and what was counted of them."""

    follower: Follower
    sharing: Sharing
    sources: Sources
    monitoring: Monitoring


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What is concluded of what was counted."""

    weighing: Weighing
    appraising: Appraising
    judging: Judging


def counting_of(
    settings: MonitorSettings, outside: Outside, numbers: CollectorRegistry
) -> Counting:
    """Its figures are among the numbers."""
    folder = settings.state_dir / "monitor"
    cache = SnapshotCache(folder / "snapshot.json")
    follower = Follower(outside.registry, cache, settings.snapshot_wait_seconds)
    sharing = Sharing(
        RedisLeases(outside.redis, settings.monitor_lease_seconds, kept_token(folder / "token")),
        lambda: monitoring.watches,
        settings.monitor_lease_seconds,
        LeaseMetrics(numbers),
        time.monotonic,
    )
    sources = _sources(settings, outside, MonitorMetrics(numbers), sharing)
    monitoring = Monitoring(follower, sources)
    sharing.subscribe(monitoring.changed.set)
    edges, most = sources.rules.latency_edges, settings.monitor_metric_features
    numbers.register(FiguresCollector(monitoring.figures, edges, most))
    return Counting(follower, sharing, sources, monitoring)


def verdicts_of(outside: Outside, counting: Counting, alerts: AlertFacts) -> Verdicts:
    """Read off tallies and cells; acted on through the registry."""
    sources = counting.sources
    weighing = Weighing(counting.monitoring.held, sources, WeighingProcess())
    appraising = Appraising(sources, Adwin(), weighing.of)
    judging = Judging(sources, outside.releases, appraising, alerts)
    return Verdicts(weighing, appraising, judging)


def reporting_of(settings: MonitorSettings, outside: Outside, counting: Counting) -> Reporting:
    """Pages for people."""
    return Reporting(
        counting.sources,
        past=outside.past,
        reports=ReportProcess(),
        shelf=shelf_of(settings),
        telling=aside_of,
        terms=report_terms_of(settings),
    )


def _sources(
    settings: MonitorSettings, outside: Outside, metrics: MonitorMetrics, sharing: Sharing
) -> Sources:
    return Sources(
        log=RedisEventLog(
            outside.redis,
            batch_entries=settings.monitor_batch_entries,
            wait_seconds=settings.monitor_wait_seconds,
        ),
        store=RedisCellStore(outside.redis),
        references=ParquetReferences(
            outside.registry,
            settings.state_dir / "monitor" / "references",
            most_rows=settings.monitor_reference_rows,
        ),
        outcomes=outside.outcomes,
        metrics=metrics,
        rules=rules_of(settings),
        clock=time.time,
        holds=sharing.holds,
        reached=sharing.reached,
    )
