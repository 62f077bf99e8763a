"""Translates HTTP in: one thin module per noun over the operations."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from prometheus_client import CollectorRegistry
from starlette.types import ASGIApp

from services.registry.api import (
    artifacts,
    cards,
    catalogue,
    deployments,
    followers,
    gates,
    history,
    jobs,
    keys,
    mlflow,
    oauth,
    oidc,
    people,
    probes,
    reviews,
    sessions,
    trail,
    trust,
    versions,
)
from services.registry.api.door import OPEN, STREAMED, BoundedBodies, Counted, Keyed, SingleMembers
from services.registry.api.mlflow.errors import mlflow_error, speaks_mlflow
from services.registry.api.repeating import Repeating
from services.registry.api.visiting import Visitors
from services.registry.metrics import Metrics
from services.registry.operations import Operations
from understudy.runtime.conditional import ConditionalReads
from understudy.runtime.cookies import Cookie
from understudy.runtime.describing import described
from understudy.runtime.http import RequestIds
from understudy.runtime.problem_forms import InForm
from understudy.runtime.refusals import CountedRefusals
from understudy.runtime.timely import TimelyBodies
from understudy.runtime.validation import HANDLERS

ROUTERS = (
    probes.router,
    catalogue.router,
    versions.router,
    reviews.router,
    cards.router,
    gates.router,
    artifacts.router,
    deployments.router,
    jobs.router,
    history.router,
    keys.router,
    trail.router,
    followers.router,
    people.router,
    trust.router,
    sessions.router,
    oauth.router,
    oidc.router,
    *mlflow.ROUTERS,
)


def make_api(
    operations: Operations,
    metrics: Metrics,
    collectors: CollectorRegistry,
    missing: Callable[[], Mapping[str, str]],
    session_cookie: Cookie,
) -> FastAPI:
    """All routes. Their schema is for whoever has a key."""
    api = FastAPI(
        title="Understudy registry",
        exception_handlers=dict(HANDLERS),
        openapi_url=None,
        # A key must not travel a second time to wherever a header says.
        redirect_slashes=False,
    )
    api.state.operations = operations
    api.state.metrics = metrics
    api.state.collectors = collectors
    api.state.missing = missing
    api.state.session_cookie = session_cookie
    for router in ROUTERS:
        api.include_router(router)
        for route in router.routes:
            if isinstance(route, APIRoute):
                metrics.offers(route.path, *(route.methods or ()))

    @api.get("/v1/openapi.json", include_in_schema=False)
    def openapi() -> dict[str, Any]:
        return described(api, OPEN)

    return api


@dataclass(frozen=True, slots=True)
class BodyLimit:
    """How large a body may be that is read as a whole, and how long it may take."""

    bytes: int
    seconds: float


def behind_the_door(
    api: ASGIApp,
    operations: Operations,
    metrics: Metrics,
    limit: BodyLimit,
    session_cookie: Cookie,
) -> ASGIApp:
    """The routes as the world sees them: numbered, counted, and nothing without a key."""
    visitors = Visitors(operations.sessions, session_cookie)
    read = ConditionalReads(Repeating(SingleMembers(api), operations.replies))
    keys, uses = operations.snapshots.keys, operations.followers.uses
    keyed = Keyed(BoundedBodies(read, limit.bytes), keys, visitors, uses)
    timely = TimelyBodies(keyed, limit.seconds, STREAMED)
    counted = Counted(CountedRefusals(timely, metrics.refused), metrics)
    return RequestIds(InForm(counted, speaks_mlflow, mlflow_error))
