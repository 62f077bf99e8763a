"""Joins the parts of the challenger process: readers of the log, and an application for probes."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime

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

from services.serving.adapters.inbox import RedisInbox
from services.serving.adapters.library import ModelLibrary
from services.serving.loops import Following, Readers
from services.serving.metrics import ChallengerMetrics
from services.serving.operations.access import check_installation_access
from services.serving.operations.challenges import Challenges
from services.serving.settings import ChallengerSettings
from understudy.client.following import RegistryFollowing
from understudy.contracts.registry import Snapshot
from understudy.contracts.vocabulary import Scope
from understudy.runtime.following import Follower, SnapshotCache
from understudy.runtime.http import EXCEPTION_HANDLERS, RequestIds, liveness, readiness_response
from understudy.runtime.instance import instance_name
from understudy.runtime.keys import presented_key
from understudy.runtime.loops import cancel
from understudy.runtime.redis_client import redis_client

_REDIS_CONNECTIONS = 1_000
# A reader holds its question for a second on top of what an answer may take.
_READING_SECONDS = 1.0


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
        self._library = ModelLibrary(
            self._registry, folder / "artifacts", settings.load_deadline_seconds
        )
        self._challenges = Challenges(
            self._library,
            self._inbox,
            ChallengerMetrics(self._numbers),
            instance_name(),
        )
        self._readers = Readers()
        self._following = Following(
            self._follower,
            self._registry,
            self._take_up,
            self._challenges.report,
            settings.heartbeat_seconds,
        )

    def app(self) -> Starlette:
        """Probes and metrics; its life is that of the readers."""
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
        following = asyncio.create_task(self._follow())
        try:
            yield
        finally:
            await cancel([following])
            await self._readers.close()
            self._library.close()
            await self._redis.aclose()
            await self._registry.aclose()

    async def _follow(self) -> None:
        await self._following.begin(self._settings.load_deadline_seconds)
        await self._following.run()

    async def _take_up(self, snapshot: Snapshot) -> bool:
        self._challenges.take_up(snapshot)
        self._readers.run(self._challenges.running)
        return True

    def _inbox(self, deployment: str, version: int) -> RedisInbox:
        return RedisInbox(
            self._redis,
            deployment,
            version,
            consumer=self._settings.challenger_name,
            entries=self._settings.challenger_entries,
        )

    async def _readiness(self, _request: Request) -> Response:
        if not self._challenges.known:
            return readiness_response({"snapshot": "none of the registry's was taken up yet"})
        return readiness_response({})

    async def _metrics(self, request: Request) -> Response:
        caller = self._follower.keys.authenticate(presented_key(request.headers), datetime.now(UTC))
        check_installation_access(caller, Scope.METRICS)
        text = await asyncio.to_thread(generate_latest, self._numbers)
        return Response(text, media_type=CONTENT_TYPE_LATEST)
