"""What the monitor speaks to and keeps things in: the registry, Redis, a database, files."""

from dataclasses import dataclass
from typing import Final

from redis.asyncio import Redis

from services.monitor.adapters.archive.files import ParquetArchive
from services.monitor.adapters.log_past import ArchivedPast, RedisPast
from services.monitor.adapters.outcome_store import SqlOutcomes
from services.monitor.adapters.prometheus import PrometheusWitness
from services.monitor.adapters.report_shelf import FileReportShelf
from services.monitor.ports import Past
from services.monitor.settings import MonitorSettings
from understudy.client.following import RegistryFollowing
from understudy.client.releasing import RegistryReleasing
from understudy.runtime.redis_client import redis_client

_REDIS_SECONDS: Final = 10.0
# Each deployment's look at its log holds one.
_REDIS_CONNECTIONS: Final = 4_096
_SHELF_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class Outside:
    """Connections are made when they are first needed."""

    registry: RegistryFollowing
    releases: RegistryReleasing
    redis: Redis
    outcomes: SqlOutcomes
    archive: ParquetArchive | None
    """None when nothing is to be archived."""
    witness: PrometheusWitness | None
    """Who confirms alerts; None where nobody is named."""

    @property
    def past(self) -> Past:
        """The log, and the archive before it."""
        log = RedisPast(self.redis)
        return log if self.archive is None else ArchivedPast(log, self.archive)

    async def close(self) -> None:
        """Give all connections back."""
        if self.archive is not None:
            self.archive.close()
        self.outcomes.close()
        if self.witness is not None:
            await self.witness.aclose()
        await self.releases.aclose()
        await self.registry.aclose()
        await self.redis.aclose()


def outside_of(settings: MonitorSettings) -> Outside:
    """As the settings name it."""
    registry = str(settings.registry_url), settings.registry_key
    return Outside(
        registry=RegistryFollowing(*registry),
        releases=RegistryReleasing(*registry),
        redis=_redis(settings),
        outcomes=SqlOutcomes(_outcomes_url(settings)),
        archive=_archive(settings),
        witness=_witness(settings),
    )


def verify(settings: MonitorSettings) -> None:
    """See, before anything is begun, that what is told can be used.

    Raises OutcomesUnavailableError, UnknownOutcomesError.
    """
    outcomes = SqlOutcomes(_outcomes_url(settings))
    try:
        outcomes.verify()
    finally:
        outcomes.close()


def _witness(settings: MonitorSettings) -> PrometheusWitness | None:
    url = settings.monitor_prometheus_url
    return None if url is None else PrometheusWitness(str(url))


def shelf_of(settings: MonitorSettings) -> FileReportShelf:
    """Where reports are kept."""
    url = settings.monitor_reports_url
    if url is None:
        url = (settings.state_dir / "monitor" / "reports").resolve().as_uri()
    return FileReportShelf(url, room=settings.monitor_reports_kept, deadline_seconds=_SHELF_SECONDS)


def _redis(settings: MonitorSettings) -> Redis:
    """Reads hang for the wait by intent; anything longer is a lost connection."""
    return redis_client(
        settings.redis_url.get_secret_value(),
        settings.monitor_wait_seconds + _REDIS_SECONDS,
        _REDIS_CONNECTIONS,
    )


def _outcomes_url(settings: MonitorSettings) -> str:
    stated = settings.monitor_outcomes_url
    if stated is not None and stated.get_secret_value():
        return stated.get_secret_value()
    return f"sqlite:///{(settings.state_dir / 'monitor' / 'outcomes.db').resolve()}"


def _archive(settings: MonitorSettings) -> ParquetArchive | None:
    url = settings.monitor_archive_url
    if url is None:
        url = (settings.state_dir / "monitor" / "archive").resolve().as_uri()
    deadline = settings.monitor_archive_deadline_seconds
    return ParquetArchive(url, deadline_seconds=deadline) if url else None
