"""Joins the monitor's parts. Read top-down: what is made of what, then what runs."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import numpy as np
from fastapi import APIRouter, FastAPI
from prometheus_client import CollectorRegistry
from redis.asyncio import Redis
from starlette.types import Lifespan

from services.monitor.adapters.adwin import Adwin
from services.monitor.adapters.archive.backlog import RedisBacklog
from services.monitor.adapters.archive.files import ParquetArchive
from services.monitor.adapters.cell_store import RedisCellStore
from services.monitor.adapters.event_log import RedisEventLog
from services.monitor.adapters.leases import RedisLeases, kept_token
from services.monitor.adapters.log_past import ArchivedPast, RedisPast
from services.monitor.adapters.outcome_store import SqlOutcomes
from services.monitor.adapters.probe_store import RedisProbeStore
from services.monitor.adapters.references import ParquetReferences
from services.monitor.adapters.report_process import ReportProcess
from services.monitor.adapters.report_shelf import FileReportShelf
from services.monitor.adapters.weighing_process import WeighingProcess
from services.monitor.api import Surface, monitor_routes
from services.monitor.domain.parts import PartLimits
from services.monitor.domain.rules import Rules
from services.monitor.loops import Concluding, Heartbeat, Leasing, Tidying, Watching, begin_loops
from services.monitor.metrics import ArchiveMetrics, FiguresCollector, LeaseMetrics, MonitorMetrics
from services.monitor.operations import (
    Monitoring,
    ProbeTerms,
    Probing,
    Reporting,
    ReportTerms,
    Sources,
)
from services.monitor.operations.alarm_reports import AlarmReports
from services.monitor.operations.appraising import Appraising
from services.monitor.operations.archiving import Archiving, Expiring, NotArchiving
from services.monitor.operations.forgetting import Forgetting, Retention
from services.monitor.operations.history import History
from services.monitor.operations.judging import Judging
from services.monitor.operations.replaying import Replaying
from services.monitor.operations.report_asides import aside_of
from services.monitor.operations.sharing import Sharing
from services.monitor.operations.weighing import Weighing
from services.monitor.ports import Archive, Past
from services.monitor.settings import MonitorSettings
from understudy.client.following import RegistryFollowing
from understudy.client.releasing import RegistryReleasing
from understudy.runtime.buckets import LATENCY_SECONDS
from understudy.runtime.following import Follower, SnapshotCache
from understudy.runtime.http import RequestIds
from understudy.runtime.instance import instance_name
from understudy.runtime.loops import cancel, repeat
from understudy.runtime.redis_client import redis_client
from understudy.runtime.validation import HANDLERS

_REDIS_SECONDS: Final = 10.0
# Each deployment's look at its log holds one.
_REDIS_CONNECTIONS: Final = 4_096
_PART_BYTES: Final = 16 * 1024**2
"""Of entries in one file of the archive: bounds the memory that making it takes."""
_ARCHIVE_PAUSE_SECONDS: Final = 10.0
_SHELF_SECONDS: Final = 30.0
_ALARM_LOOK_SECONDS: Final = 5.0
_EXPIRING_SECONDS: Final = 3_600.0
_THREADS: Final = 8
"""For what would hold up the event loop; who finds none free waits."""


def create_app(settings: MonitorSettings) -> FastAPI:
    """The monitor as an ASGI application; its loops run while its lifespan lasts."""
    folder = settings.state_dir / "monitor"
    registry = RegistryFollowing(str(settings.registry_url), settings.registry_key)
    redis = _redis(settings)
    numbers = CollectorRegistry()
    metrics = MonitorMetrics(numbers)
    follower = Follower(
        registry, SnapshotCache(folder / "snapshot.json"), settings.snapshot_wait_seconds
    )
    sharing = Sharing(
        RedisLeases(redis, settings.monitor_lease_seconds, kept_token(folder / "token")),
        lambda: monitoring.watches,
        settings.monitor_lease_seconds,
        LeaseMetrics(numbers),
        time.monotonic,
    )
    outcomes = SqlOutcomes(_outcomes_url(settings))
    sources = Sources(
        log=RedisEventLog(
            redis,
            batch_entries=settings.monitor_batch_entries,
            wait_seconds=settings.monitor_wait_seconds,
        ),
        store=RedisCellStore(redis),
        references=ParquetReferences(
            registry, folder / "references", most_rows=settings.monitor_reference_rows
        ),
        outcomes=outcomes,
        metrics=metrics,
        rules=_rules(settings),
        clock=time.time,
        holds=sharing.holds,
    )
    monitoring = Monitoring(follower, sources)
    sharing.subscribe(monitoring.changed.set)
    leasing = Leasing(sharing, follower, settings.monitor_lease_seconds)
    archive = _archive(settings)
    numbers.register(
        FiguresCollector(
            monitoring.figures, sources.rules.latency_edges, settings.monitor_metric_features
        )
    )
    heartbeat = Heartbeat(
        monitoring, registry, instance_name(), settings.monitor_heartbeat_seconds, sources.clock
    )
    watching = Watching(monitoring, metrics, settings.monitor_pause_seconds)
    tidying = Tidying(follower, sources.references)
    reporting = Reporting(
        sources,
        past=_past(redis, archive),
        reports=ReportProcess(),
        shelf=_shelf(settings),
        telling=aside_of,
        terms=_report_terms(settings),
    )
    alarm_reports = AlarmReports(monitoring.held, sources, reporting)
    probing = Probing(monitoring.held, sources, RedisProbeStore(redis), _probe_terms(settings))

    forgetting = Forgetting(outcomes, _retention(settings), time.time)

    weighing = Weighing(monitoring.held, sources, WeighingProcess())
    appraising = Appraising(sources, outcomes, Adwin(), weighing.of)
    releases = RegistryReleasing(str(settings.registry_url), settings.registry_key)
    judging = Judging(sources, outcomes, releases, appraising)
    concluding = Concluding(monitoring, judging, appraising, metrics)

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(_THREADS, "monitor"))
        follower.resume()
        loops = begin_loops(
            follower,
            heartbeat,
            watching,
            tidying,
            repeat("leasing", leasing.step),
            repeat("forgetting", forgetting.step, pause_seconds=_EXPIRING_SECONDS),
            *_archiving(settings, archive, _backlog(redis, settings), monitoring, numbers),
            repeat("concluding", concluding.step, pause_seconds=settings.monitor_judge_seconds),
            repeat("probing", probing.step, pause_seconds=settings.monitor_probe_seconds),
            repeat("weighing", weighing.step, pause_seconds=settings.monitor_weighing_seconds),
            repeat("alarm_reports", alarm_reports.step, pause_seconds=_ALARM_LOOK_SECONDS),
        )
        yield
        await cancel(loops)
        await watching.close()
        await sharing.close()
        if archive is not None:
            archive.close()
        outcomes.close()
        await releases.aclose()
        await registry.aclose()
        await redis.aclose()

    surface = Surface(
        monitoring=monitoring,
        reporting=reporting,
        appraising=appraising,
        registry=numbers,
        history=History(archive),
        replaying=Replaying(outcomes, sources.references, time.time),
    )
    return http_app(monitor_routes(surface), lifespan)


def http_app(routes: APIRouter, lifespan: Lifespan[FastAPI] | None = None) -> FastAPI:
    """The routes with the manners that all services share."""
    app = FastAPI(
        title="Understudy monitor",
        openapi_url=None,  # it would be one more route without a key
        redirect_slashes=False,  # a redirect would name whatever host the caller named
        lifespan=lifespan,
        exception_handlers=dict(HANDLERS),
    )
    app.add_middleware(RequestIds)
    app.include_router(routes)
    return app


def _redis(settings: MonitorSettings) -> Redis:
    """Reads hang for the wait by intent; anything longer is a lost connection."""
    return redis_client(
        settings.redis_url.get_secret_value(),
        settings.monitor_wait_seconds + _REDIS_SECONDS,
        _REDIS_CONNECTIONS,
    )


def _archive(settings: MonitorSettings) -> ParquetArchive | None:
    """None when nothing is to be archived."""
    url = settings.monitor_archive_url
    if url is None:
        url = (settings.state_dir / "monitor" / "archive").resolve().as_uri()
    deadline = settings.monitor_archive_deadline_seconds
    return ParquetArchive(url, deadline_seconds=deadline) if url else None


def _backlog(redis: Redis, settings: MonitorSettings) -> RedisBacklog:
    return RedisBacklog(
        redis,
        PartLimits(
            window_milliseconds=max(1, round(settings.monitor_archive_seconds * 1_000)),
            rows=settings.monitor_archive_rows,
            size=_PART_BYTES,
        ),
    )


def _archiving(
    settings: MonitorSettings,
    archive: ParquetArchive | None,
    backlog: RedisBacklog,
    monitoring: Monitoring,
    numbers: CollectorRegistry,
) -> list[Coroutine[None, None, None]]:
    """The loops that keep the archive, or the one that tells that there is none."""
    pause = min(_ARCHIVE_PAUSE_SECONDS, settings.monitor_archive_seconds / 4)
    metrics = ArchiveMetrics(numbers)
    if archive is None:
        telling = NotArchiving(backlog, monitoring.held)
        return [repeat("not_archiving", telling.step, pause_seconds=pause)]
    archiving = Archiving(archive, backlog, monitoring.held, metrics, time.time)
    expiring = Expiring(
        archive, settings.monitor_archive_days, settings.monitor_protected_days, time.time
    )
    return [
        repeat("archiving", archiving.step, pause_seconds=pause),
        repeat("expiring", expiring.step, pause_seconds=_EXPIRING_SECONDS),
    ]


def _outcomes_url(settings: MonitorSettings) -> str:
    stated = settings.monitor_outcomes_url
    if stated is not None and stated.get_secret_value():
        return stated.get_secret_value()
    return f"sqlite:///{(settings.state_dir / 'monitor' / 'outcomes.db').resolve()}"


def _retention(settings: MonitorSettings) -> Retention:
    return Retention(settings.monitor_outcomes_days, settings.monitor_protected_days)


def _rules(settings: MonitorSettings) -> Rules:
    return Rules(
        latency_edges=np.array(LATENCY_SECONDS),
        window_minutes=settings.monitor_window_minutes,
        retention_minutes=max(
            settings.monitor_retention_hours * 60, settings.monitor_window_minutes
        ),
        drift_rows=settings.monitor_drift_rows,
        history_minutes=settings.monitor_retention_days * 1_440,
    )


def _probe_terms(settings: MonitorSettings) -> ProbeTerms:
    return ProbeTerms(
        rows=settings.monitor_probe_rows,
        features=settings.monitor_probe_features,
        reference_rows=settings.monitor_probe_reference_rows,
    )


def _past(redis: Redis, archive: Archive | None) -> Past:
    log = RedisPast(redis)
    return log if archive is None else ArchivedPast(log, archive)


def _shelf(settings: MonitorSettings) -> FileReportShelf:
    url = settings.monitor_reports_url
    if url is None:
        url = (settings.state_dir / "monitor" / "reports").resolve().as_uri()
    return FileReportShelf(url, room=settings.monitor_reports_kept, deadline_seconds=_SHELF_SECONDS)


def _report_terms(settings: MonitorSettings) -> ReportTerms:
    return ReportTerms(
        rows=settings.monitor_report_rows,
        deadline_seconds=settings.monitor_report_deadline_seconds,
        cache_seconds=settings.monitor_report_cache_seconds,
    )
