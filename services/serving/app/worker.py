"""Joins the parts of a serving worker: our routes in front, BentoML's application behind them."""

import asyncio
import contextlib
import gc
import os
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import structlog
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from services.serving.adapters.event_log import EventLog, LogBounds
from services.serving.adapters.library import ModelLibrary
from services.serving.adapters.limiter import RedisLeases
from services.serving.adapters.pair_stream import PairStream
from services.serving.adapters.redis_line import RedisLine
from services.serving.api.admission import Admission, Bounds
from services.serving.api.connections import Connections, uvicorn_server
from services.serving.api.direct import DirectProtocol
from services.serving.api.limited import LimitFields
from services.serving.api.predict import Predict, PredictOverASGI, deployment_of
from services.serving.api.probes import Readiness, probes
from services.serving.api.routes import routes
from services.serving.api.spoken import Spoken
from services.serving.app.draining import Accepting, Draining
from services.serving.loops import Following
from services.serving.metrics import ServingMetrics, forget_dead_workers
from services.serving.metrics.statistics import statistics_of
from services.serving.operations import Elsewhere, Facts, Serving
from services.serving.operations.challenged import Challenged
from services.serving.operations.limiting import TEND_SECONDS, Limiting
from services.serving.operations.memory import Memory
from services.serving.operations.models import Models
from services.serving.operations.purses import Holder
from services.serving.operations.releases import Releases
from services.serving.operations.scoring import Limits
from services.serving.pages import routes as page_routes
from services.serving.settings import ServingSettings
from understudy.client.following import RegistryFollowing
from understudy.contracts import vocabulary
from understudy.contracts.refusals import Refusal
from understudy.runtime.bounded import ConnectionBounds
from understudy.runtime.following import Follower, SnapshotCache
from understudy.runtime.http import EXCEPTION_HANDLERS, RequestIds
from understudy.runtime.instance import instance_name
from understudy.runtime.keys import presented_key
from understudy.runtime.loops import cancel, repeat

if TYPE_CHECKING:
    from services.serving.api.grpc.server import GrpcServer

_USAGE_SECONDS: Final = 5.0
_PUBLISH_SECONDS: Final = 0.25
_CHALLENGED: Final = 0.8
"""Of the time that a request may take: how long it may wait for a challenger's answer."""


class Worker:
    """The ASGI application of one worker."""

    def __init__(self, settings: ServingSettings, rest: ASGIApp) -> None:
        folder = settings.state_dir / "serving"
        counted = CollectorRegistry()
        metrics = ServingMetrics(counted)
        self._settings = settings
        self._registry = RegistryFollowing(
            str(settings.registry_url), settings.service_key.get_secret_value()
        )
        self._redis = RedisLine(
            settings.redis_url.get_secret_value(), settings.redis_timeout_seconds
        )
        # Large replies on a line of their own, for they would hold up the log.
        self._pairs_redis = RedisLine(
            settings.redis_url.get_secret_value(), settings.redis_timeout_seconds
        )
        # On a line of its own: a log that is slow must not hold up whoever waits for tokens.
        self._limits_redis = RedisLine(
            settings.redis_url.get_secret_value(), settings.redis_timeout_seconds
        )
        self._limiting = limiting_of(settings, self._limits_redis, metrics)
        self._event_log = EventLog(
            self._redis, folder / "spool", metrics.log, log_bounds_of(settings)
        )
        self._follower = Follower(
            self._registry,
            SnapshotCache(folder / "snapshot.json"),
            settings.snapshot_wait_seconds,
        )
        self._serving = Serving(
            keys=lambda: self._follower.keys,
            log=self._event_log,
            metrics=metrics,
            limits=limits_of(settings),
            limiting=self._limiting,
        )
        self._library = ModelLibrary(
            self._registry,
            folder / "artifacts",
            settings.load_deadline_seconds,
            choice=settings.runner,
        )
        self._releases = Releases(
            self._serving,
            self._library,
            metrics,
            instance_name(),
            memory=Memory(self._library, metrics, settings.serving_memory_bytes),
            wake_seconds=settings.serving_request_seconds,
        )
        self._following = Following(
            self._follower,
            self._registry,
            self._releases.take_up,
            self._releases.report,
            settings.heartbeat_seconds,
            told=self._releases.told,
        )
        self._predict = Predict(self._serving, settings.serving_body_limit_bytes)
        self._predict_over_asgi = PredictOverASGI(self._predict)
        self._models = Models(
            self._serving,
            challenged=Challenged(
                PairStream(self._pairs_redis), _CHALLENGED * settings.serving_request_seconds
            ),
            count=partial(statistics_of, counted, os.environ.get("PROMETHEUS_MULTIPROC_DIR")),
        )
        self._app = _front(
            self._serving,
            Facts(self._serving, self._event_log, metrics),
            Elsewhere(self._serving, self._event_log, metrics),
            settings,
            models=self._models,
            look=self._look,
            rest=Guarded(self._serving, rest),
        )
        self._admission = Admission(self._route, _bounds_of(settings), self._serving.note_refusal)
        self._spoken = Spoken(self._admission)
        self._metrics = metrics
        self._draining: Draining | None = None
        self._grpc: GrpcServer | None = None
        self._rest = rest

    @property
    def ready(self) -> bool:
        """Whether requests should be sent here."""
        return self._look().ready

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the application's life."""
        if scope["type"] == "lifespan":
            await self._live(scope, receive, send)
        elif scope["type"] == "http":
            await self._spoken(scope, receive, send)

    async def _route(self, scope: Scope, receive: Receive, send: Send) -> None:
        deployment = deployment_of(scope)
        if deployment is not None:
            await self._predict_over_asgi(deployment, scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _live(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with contextlib.AsyncExitStack() as stack:
            try:
                await stack.enter_async_context(self._running())
            except Exception as error:
                # uvicorn would wait for a word of it for ever.
                log = structlog.stdlib.get_logger("worker")
                log.exception("worker_did_not_start")
                await send({"type": "lifespan.startup.failed", "message": str(error)})
                return
            await self._rest(scope, receive, send)

    @contextlib.asynccontextmanager
    async def _running(self) -> AsyncIterator[None]:
        # No connection is accepted before this has ended: a worker that is started anew beside
        # others must not turn callers down while it loads.
        await self._following.begin(self._settings.serving_start_seconds)
        gc.collect()
        gc.freeze()
        self._metrics.capacity.begun(self._settings.serving_workers)
        await self._start_grpc()
        tasks = [asyncio.create_task(work) for work in self._background()]
        try:
            yield
        finally:
            if (stopping := self._stop_grpc()) is not None:
                await stopping
            await cancel(tasks)
            await self._event_log.drain(self._settings.log_drain_seconds)
            self._metrics.publish()
            self._serving.close()
            self._library.close()
            await self._limiting.close()
            await self._limits_redis.aclose()
            await self._redis.aclose()
            await self._pairs_redis.aclose()
            await self._registry.aclose()

    async def _start_grpc(self) -> None:
        if self._settings.serving_grpc_port is None:
            return
        # Its libraries take memory that other workers need not spend.
        from services.serving.app.grpc import grpc_server  # noqa: PLC0415

        self._grpc = grpc_server(
            self._settings, self._serving, self._models, self._admission, lambda: self.ready
        )
        await self._grpc.start()

    def _stop_grpc(self) -> asyncio.Task[None] | None:
        """Asked again, it is the same stop."""
        if self._grpc is None:
            return None
        return self._grpc.begin_to_stop(self._settings.serving_request_seconds)

    def _background(self) -> Iterator[Coroutine[Any, Any, None]]:
        yield self._following.run()
        yield self._event_log.run()
        yield repeat("expire", self._admission.expire)
        yield repeat("publish", self._publish, pause_seconds=_PUBLISH_SECONDS)
        yield repeat("limits", self._limiting.step, pause_seconds=TEND_SECONDS)
        yield repeat("usage", self._note_usage, pause_seconds=_USAGE_SECONDS)
        server = uvicorn_server()
        if server is None:  # somebody else's server: its connections are its business
            return
        protocol = partial(DirectProtocol, self._predict, self._admission)
        connections = Connections(server, _connection_bounds_of(self._settings), protocol)
        connections.bound()
        yield repeat("connections", connections.expire)
        accepting = Accepting(self._settings.state_dir / "serving")
        self._draining = Draining(
            connections, self._settings.serving_drain_seconds, accepting, self._stop_grpc
        )
        self._draining.listen()

    async def _publish(self) -> None:
        self._metrics.publish()
        self._metrics.capacity.in_flight(self._admission.under_way)

    async def _note_usage(self) -> None:
        self._metrics.capacity.note_usage()

    def _look(self) -> Readiness:
        table = self._serving.table
        return Readiness(
            loaded=self._releases.ready,
            draining=self._draining is not None and self._draining.begun,
            deployments=len(table.deployments),
            not_loaded=len(table.deployments) - len(table.releases),
            log=asdict(self._event_log.state),
        )


class Guarded:
    """BentoML's own application: it is for holders of a key."""

    def __init__(self, serving: Serving, rest: ASGIApp) -> None:
        self._serving = serving
        self._rest = rest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request that no route of ours takes."""
        path = scope["path"]
        wanted = vocabulary.Scope.METRICS if path == "/metrics" else vocabulary.Scope.READ
        key = presented_key(Headers(scope=scope))
        try:
            self._serving.check_installation_access(wanted, key=key)
        except Refusal as refusal:
            self._serving.note_refusal(None, refusal)
            raise
        if path == "/metrics" and (folder := os.environ.get("PROMETHEUS_MULTIPROC_DIR")):
            await asyncio.to_thread(forget_dead_workers, Path(folder))
        await self._rest(scope, receive, send)


def _front(
    serving: Serving,
    facts: Facts,
    elsewhere: Elsewhere,
    settings: ServingSettings,
    *,
    models: Models,
    look: Callable[[], Readiness],
    rest: ASGIApp,
) -> ASGIApp:
    api = routes(
        serving,
        facts,
        elsewhere,
        settings.serving_body_limit_bytes,
        settings.serving_default_deployment,
        models=models,
    )
    app = Starlette(
        routes=[*probes(look), *api, *page_routes(serving)],
        exception_handlers={**EXCEPTION_HANDLERS},
    )
    app.router.redirect_slashes = False
    app.router.default = rest
    return LimitFields(RequestIds(app))


def limits_of(settings: ServingSettings) -> Limits:
    """What one worker takes on."""
    return Limits(
        rows=settings.serving_max_rows,
        inline_seconds=settings.serving_inline_seconds,
        threads=settings.serving_threads,
        queue=settings.serving_queue,
    )


def limiting_of(settings: ServingSettings, redis: RedisLine, metrics: ServingMetrics) -> Limiting:
    """How one worker keeps to the limits of keys."""
    workers = settings.serving_workers
    return Limiting(Holder(instance_name(), workers, RedisLeases(redis), metrics.limits))


def _bounds_of(settings: ServingSettings) -> Bounds:
    return Bounds(
        requests=settings.serving_requests,
        request_seconds=settings.serving_request_seconds,
        body_seconds=settings.serving_body_seconds,
    )


def _connection_bounds_of(settings: ServingSettings) -> ConnectionBounds:
    return ConnectionBounds(
        connections=settings.serving_connections,
        head_seconds=settings.serving_head_seconds,
        finish_seconds=settings.serving_request_seconds,
    )


def log_bounds_of(settings: ServingSettings) -> LogBounds:
    """How much the log of one worker may hold."""
    return LogBounds(
        buffer_rows=settings.log_buffer_rows,
        buffer_bytes=settings.log_buffer_bytes,
        relaxed_rows=settings.log_relaxed_rows,
        spool_bytes=settings.log_spool_bytes,
        relaxed_seconds=settings.log_relaxed_milliseconds / 1_000.0,
        spool_after_seconds=settings.log_spool_after_seconds,
        wait_seconds=settings.log_wait_seconds,
    )
