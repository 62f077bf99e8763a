"""What runs while the monitor does, and how often."""

import time
from collections.abc import Coroutine
from functools import partial
from typing import Final

from prometheus_client import CollectorRegistry

from services.monitor.adapters.archive.backlog import RedisBacklog
from services.monitor.adapters.probe_store import RedisProbeStore
from services.monitor.app.outside import Outside
from services.monitor.app.parts import Counting, Verdicts
from services.monitor.app.terms import part_limits_of, probe_terms_of, retention_of
from services.monitor.loops import Concluding, Heartbeat, Leasing, Tidying
from services.monitor.metrics import ArchiveMetrics
from services.monitor.operations import Monitoring, Probing, Reporting
from services.monitor.operations.alarm_reports import AlarmReports
from services.monitor.operations.archiving import Archiving, Expiring, NotArchiving
from services.monitor.operations.forgetting import Forgetting
from services.monitor.settings import MonitorSettings
from understudy.runtime.instance import instance_name
from understudy.runtime.logs import without_message
from understudy.runtime.loops import repeat

Loop = Coroutine[None, None, None]

_ARCHIVE_PAUSE_SECONDS: Final = 10.0
_ALARM_LOOK_SECONDS: Final = 5.0
_EXPIRING_SECONDS: Final = 3_600.0

_over_rows = partial(repeat, told=without_message)
"""For steps that handle what callers sent: none of it may get into a log."""


def following(settings: MonitorSettings, outside: Outside, counting: Counting) -> list[Loop]:
    """Keep up with the registry, and with other monitors."""
    monitoring, follower, sources = counting.monitoring, counting.follower, counting.sources
    every = settings.monitor_heartbeat_seconds
    heartbeat = Heartbeat(monitoring, outside.registry, instance_name(), every, sources.clock)
    tidying = Tidying(follower, sources.references)
    leasing = Leasing(counting.sharing, follower, settings.monitor_lease_seconds)
    return [
        follower.run(),
        repeat("heartbeat", heartbeat.step, pause_seconds=heartbeat.LOOK_SECONDS),
        repeat("tidying", tidying.step, pause_seconds=tidying.PAUSE_SECONDS),
        repeat("leasing", leasing.step),
    ]


def concluding(
    settings: MonitorSettings,
    outside: Outside,
    counting: Counting,
    verdicts: Verdicts,
    reporting: Reporting,
) -> list[Loop]:
    """Judge, look for what costs more than counting, and report alarms."""
    monitoring, sources, weighing = counting.monitoring, counting.sources, verdicts.weighing
    judging = Concluding(monitoring, verdicts.judging, verdicts.appraising, sources.metrics)
    probes = RedisProbeStore(outside.redis)
    probing = Probing(monitoring.held, sources, probes, probe_terms_of(settings))
    alarms = AlarmReports(monitoring.held, sources, reporting)
    return [
        _over_rows("concluding", judging.step, pause_seconds=settings.monitor_judge_seconds),
        _over_rows("probing", probing.step, pause_seconds=settings.monitor_probe_seconds),
        _over_rows("weighing", weighing.step, pause_seconds=settings.monitor_weighing_seconds),
        _over_rows("alarm_reports", alarms.step, pause_seconds=_ALARM_LOOK_SECONDS),
    ]


def keeping(
    settings: MonitorSettings,
    outside: Outside,
    monitoring: Monitoring,
    numbers: CollectorRegistry,
) -> list[Loop]:
    """Keep the archive, or tell that there is none; let go of what is old."""
    pause = min(_ARCHIVE_PAUSE_SECONDS, settings.monitor_archive_seconds / 4)
    backlog = RedisBacklog(outside.redis, part_limits_of(settings))
    forgetting = Forgetting(outside.outcomes, retention_of(settings), time.time)
    forgets = _over_rows("forgetting", forgetting.step, pause_seconds=_EXPIRING_SECONDS)
    archive, metrics = outside.archive, ArchiveMetrics(numbers)
    if archive is None:
        telling = NotArchiving(backlog, monitoring.held)
        return [forgets, repeat("not_archiving", telling.step, pause_seconds=pause)]
    archiving = Archiving(archive, backlog, monitoring.held, metrics, time.time)
    expiring = Expiring(
        archive, settings.monitor_archive_days, settings.monitor_protected_days, time.time
    )
    return [
        forgets,
        _over_rows("archiving", archiving.step, pause_seconds=pause),
        _over_rows("expiring", expiring.step, pause_seconds=_EXPIRING_SECONDS),
    ]
