"""Joins the monitor's parts. Read top-down: what is made of what, then what runs."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from fastapi import APIRouter, FastAPI
from prometheus_client import CollectorRegistry
from starlette.types import Lifespan

from services.monitor.adapters.alert_store import RedisAlertStore
from services.monitor.api import Surface, monitor_routes
from services.monitor.app.background import concluding, following, keeping
from services.monitor.app.outside import outside_of, verify
from services.monitor.app.parts import counting_of, reporting_of, verdicts_of
from services.monitor.app.terms import alert_terms_of
from services.monitor.loops import Watching
from services.monitor.metrics import AlertMetrics
from services.monitor.operations.alerts import AlertFacts, Alerts
from services.monitor.operations.history import History
from services.monitor.operations.replaying import Replaying
from services.monitor.settings import MonitorSettings
from understudy.runtime.conditional import ConditionalReads
from understudy.runtime.http import RequestIds
from understudy.runtime.loops import cancel, repeat
from understudy.runtime.refusals import CountedRefusals, Refused, uncounted
from understudy.runtime.timely import TimelyBodies
from understudy.runtime.validation import HANDLERS

__all__ = ["create_app", "http_app", "verify"]

_THREADS: Final = 8
"""For what would hold up the event loop; who finds none free waits."""


def create_app(settings: MonitorSettings) -> FastAPI:
    """The monitor as an ASGI application; its loops run while its lifespan lasts."""
    outside, numbers = outside_of(settings), CollectorRegistry()
    counting = counting_of(settings, outside, numbers)
    monitoring, sources = counting.monitoring, counting.sources
    store = RedisAlertStore(outside.redis)
    facts = AlertFacts(store, settings.monitor_alert_seconds, outside.witness)
    verdicts = verdicts_of(outside, counting, facts)
    reporting = reporting_of(settings, outside, counting)
    watching = Watching(monitoring, sources.metrics, settings.monitor_pause_seconds)

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(_THREADS, "monitor"))
        loops = [
            *following(settings, outside, counting),
            repeat("watching", watching.step),
            *concluding(settings, outside, counting, verdicts, reporting),
            *keeping(settings, outside, monitoring, numbers),
        ]
        counting.follower.resume()  # once all who follow it are there
        tasks = [asyncio.create_task(loop) for loop in loops]
        yield
        await cancel(tasks)
        await watching.close()
        await counting.sharing.close()
        await outside.close()

    surface = Surface(
        monitoring=monitoring,
        reporting=reporting,
        appraising=verdicts.appraising,
        registry=numbers,
        history=History(outside.archive),
        replaying=Replaying(outside.outcomes, sources.references, time.time),
        alerts=Alerts(monitoring, store, alert_terms_of(settings), AlertMetrics(numbers)),
    )
    return http_app(
        monitor_routes(surface), lifespan, sources.metrics.refused, settings.monitor_body_seconds
    )


def http_app(
    routes: APIRouter,
    lifespan: Lifespan[FastAPI] | None = None,
    refused: Refused = uncounted,
    body_seconds: float = 30.0,
) -> FastAPI:
    """The routes with the manners that all services share; `refused` is told of refusals."""
    app = FastAPI(
        title="Understudy monitor",
        openapi_url=None,  # it would be one more route without a key
        redirect_slashes=False,  # a redirect would name whatever host the caller named
        lifespan=lifespan,
        exception_handlers=dict(HANDLERS),
    )
    app.add_middleware(TimelyBodies, seconds=body_seconds)
    app.add_middleware(ConditionalReads)
    app.add_middleware(CountedRefusals, refused=refused)
    app.add_middleware(RequestIds)
    app.include_router(routes)
    return app
