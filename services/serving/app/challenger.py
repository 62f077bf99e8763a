"""Joins the parts of the challenger process: readers of the log, and an application for probes.

Each challenger version has a reader here and a child process that holds the model. No model and no
foreign code is in this process.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.serving.adapters.inbox import RedisInbox, RedisPlaces
from services.serving.adapters.redis_server import RedisWatch
from services.serving.adapters.scoring.responder import CallLimits, ProcessResponder
from services.serving.adapters.scoring.workshop import Workshop
from services.serving.adapters.streams import RedisStreams
from services.serving.domain.trimming import Retention
from services.serving.loops import Following, Readers
from services.serving.metrics import ChallengerMetrics, RedisMetrics, TrimmingMetrics
from services.serving.operations.access import check_installation_access
from services.serving.operations.challenges import Challenges
from services.serving.operations.leftovers import Leftovers
from services.serving.operations.pairing import Pairing, ReadingLimits
from services.serving.operations.trimming import Trimming
from services.serving.settings import ChallengerSettings, RunnerChoice
from understudy.client.following import RegistryFollowing
from understudy.contracts.registry import DeploymentSnapshot, Snapshot
from understudy.contracts.registry import Pairing as Owed
from understudy.contracts.vocabulary import Scope
from understudy.runtime.following import Follower, SnapshotCache
from understudy.runtime.http import EXCEPTION_HANDLERS, RequestIds, liveness, readiness_response
from understudy.runtime.instance import instance_name
from understudy.runtime.keys import presented_key
from understudy.runtime.loops import cancel, repeat
from understudy.runtime.redis_client import redis_client

_REDIS_CONNECTIONS: Final = 1_000
# A reader holds its question for a second on top of what an answer may take.
_READING_SECONDS: Final = 1.0
_TIDYING_SECONDS: Final = 3_600.0
_LEFTOVERS_SECONDS: Final = 60.0
_REDIS_SECONDS: Final = 5.0


class ChallengerProcess:
    """Everything that runs in it."""

    def __init__(self, settings: ChallengerSettings) -> None:
        folder = settings.state_dir / "challenger"
        self._settings = settings
        self._registry = RegistryFollowing(
            str(settings.registry_url), settings.service_key.get_secret_value()
        )
        self._redis = redis_client(
            settings.redis_url.get_secret_value(),
            settings.redis_timeout_seconds + _READING_SECONDS,
            _REDIS_CONNECTIONS,
        )
        self._numbers = CollectorRegistry()
        ProcessCollector(registry=self._numbers)
        PlatformCollector(registry=self._numbers)
        self._follower = Follower(
            self._registry,
            SnapshotCache(folder / "snapshot.json"),
            settings.snapshot_wait_seconds,
        )
        self._figures = ChallengerMetrics(self._numbers)
        self._workshop = Workshop(
            self._registry,
            folder / "artifacts",
            load_seconds=settings.load_deadline_seconds,
            memory_bytes=settings.challenger_memory_bytes,
            nice=settings.challenger_nice,
            timed_ratio=settings.challenger_timed_ratio,
            compiled=settings.runner is RunnerChoice.AUTO,
        )
        self._challenges = Challenges(self._begin, instance_name())
        self._trimming = Trimming(
            RedisStreams(self._redis),
            lambda: self._follower.snapshot,
            retention_of(settings),
            TrimmingMetrics(self._numbers),
        )
        self._redis_watch = RedisWatch(self._redis, RedisMetrics(self._numbers))
        self._readers = Readers()
        self._following = Following(
            self._follower,
            self._registry,
            self._take_up,
            self._challenges.report,
            settings.heartbeat_seconds,
            told=lambda report: self._challenges.uses.told(report.used),
        )

    def app(self) -> Starlette:
        """Probes and metrics; its life is that of the loops."""
        app = Starlette(
            routes=[
                Route("/livez", liveness),
                Route("/readyz", self._readiness),
                Route("/metrics", self._metrics),
            ],
            exception_handlers={**EXCEPTION_HANDLERS},
            lifespan=self._running,
        )
        # A redirect would name whatever host the caller named.
        app.router.redirect_slashes = False
        app.add_middleware(RequestIds)
        return app

    @contextlib.asynccontextmanager
    async def _running(self, _app: Starlette) -> AsyncIterator[None]:
        loops = [asyncio.create_task(loop) for loop in self._loops()]
        try:
            yield
        finally:
            await cancel(loops)
            await self._readers.close()
            await self._redis.aclose()
            await self._registry.aclose()

    def _loops(self) -> Sequence[Coroutine[Any, Any, None]]:
        """What goes on beside the readers."""
        leftovers = Leftovers(
            RedisPlaces(self._redis),
            self._challenges,
            self._figures,
            self._settings.challenger_patience_seconds,
        )
        return [
            self._follow(),
            repeat("leftovers", leftovers.step, pause_seconds=_LEFTOVERS_SECONDS),
            repeat("tidy", self._tidy, pause_seconds=_TIDYING_SECONDS),
            repeat("redis", self._redis_watch.step, pause_seconds=_REDIS_SECONDS),
            repeat("trim", self._trimming.step, pause_seconds=self._settings.log_trim_seconds),
        ]

    async def _follow(self) -> None:
        await self._following.begin(self._settings.load_deadline_seconds)
        await self._following.run()

    async def _take_up(self, snapshot: Snapshot) -> bool:
        self._workshop.trust(snapshot.trusted_types)
        self._challenges.take_up(snapshot)
        self._readers.run(self._challenges.running)
        return True

    async def _tidy(self) -> None:
        if self._challenges.known:
            await self._workshop.tidy(self._challenges.in_use)

    def _begin(
        self, deployment: DeploymentSnapshot, owed: Owed, on_end: Callable[[], None]
    ) -> Pairing:
        settings, served = self._settings, deployment.version(owed.version)
        limits = CallLimits(
            settings.challenger_call_seconds,
            settings.challenger_rows,
            settings.challenger_patience_seconds,
        )
        return Pairing(
            deployment.name,
            owed.version,
            owed.since,
            responder=ProcessResponder(
                deployment.name, served, self._workshop, self._figures, limits
            ),
            inbox=RedisInbox(
                self._redis, deployment.name, owed.version, consumer=settings.challenger_name
            ),
            metrics=self._figures,
            limits=ReadingLimits(
                entries=settings.challenger_entries,
                rows=settings.challenger_rows,
                linger_seconds=settings.challenger_linger_milliseconds / 1_000,
                patience_seconds=settings.challenger_patience_seconds,
            ),
            on_end=on_end,
        )

    async def _readiness(self, _request: Request) -> Response:
        if not self._challenges.known:
            return readiness_response({"snapshot": "none of the registry's was taken up yet"})
        return readiness_response({})

    async def _metrics(self, request: Request) -> Response:
        now = datetime.now(UTC)
        caller = self._follower.keys.authenticate(presented_key(request.headers), now)
        self._challenges.uses.note(caller.actor, now)
        check_installation_access(caller, Scope.METRICS)
        text = await asyncio.to_thread(generate_latest, self._numbers)
        return Response(text, media_type=CONTENT_TYPE_LATEST)


def retention_of(settings: ChallengerSettings) -> Retention:
    """What trimming leaves."""
    return Retention(
        settings.log_keep_seconds,
        settings.log_keep_entries,
        settings.log_keep_bytes,
        settings.log_monitored,
    )
