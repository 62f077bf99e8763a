"""The routes of serving over models that answer by a rule, asked without a network."""

from functools import partial
from typing import Any

import httpx
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

from services.serving.api.limited import LimitFields
from services.serving.api.predict import Predict, PredictOverASGI, deployment_of
from services.serving.api.routes import routes
from services.serving.api.spoken import Spoken
from services.serving.metrics import ServingMetrics
from services.serving.metrics.statistics import statistics_of
from services.serving.operations import Elsewhere, Facts, Serving
from services.serving.operations.limiting import Limiting
from services.serving.operations.models import Models
from services.serving.operations.purses import Holder
from services.serving.operations.releases import Releases
from services.serving.operations.scoring import Limits
from tests.fakes.leases import InMemoryLeases
from tests.fakes.serving import ListLog, RuleLibrary, deployment, key_record, ruled
from understudy.contracts import vocabulary
from understudy.contracts.registry import Snapshot
from understudy.contracts.vocabulary import AccessLevel
from understudy.runtime.http import EXCEPTION_HANDLERS
from understudy.runtime.keys import KeyRing, NewKey, make_key

MOST_ROWS = 5
MOST_BYTES = 2_000


class DialectService:
    """One deployment of each access level, named like it.

    `key` may predict everywhere, `foreign` may do so in another project. Another `ring` holds
    others.
    """

    def __init__(self, default_deployment: str | None = None) -> None:
        self.key, self.foreign = make_key(), make_key()
        self.ring = KeyRing(
            [
                key_record(self.key, vocabulary.Scope.PREDICT),
                key_record(self.foreign, vocabulary.Scope.PREDICT, project="elsewhere"),
            ]
        )
        self.numbers = CollectorRegistry()
        self.log = ListLog()
        metrics = ServingMetrics(self.numbers)
        limits = Limits(MOST_ROWS, 0.002, 1, 1)
        serving = Serving(
            keys=lambda: self.ring,
            log=self.log,
            metrics=metrics,
            limits=limits,
            limiting=Limiting(Holder("here", 1, InMemoryLeases(), metrics.limits)),
        )
        self.serving = serving
        self.metrics = metrics
        self._releases = Releases(serving, RuleLibrary(), metrics, "here:1")
        facts, elsewhere = Facts(serving, self.log, metrics), Elsewhere(serving, self.log, metrics)
        self.models = models = Models(serving, count=partial(statistics_of, self.numbers, None))
        api = routes(serving, facts, elsewhere, MOST_BYTES, default_deployment, models=models)
        app = Starlette(routes=api, exception_handlers={**EXCEPTION_HANDLERS})
        self._app = LimitFields(app)
        self._predict = PredictOverASGI(Predict(serving, MOST_BYTES))

    async def begin(self, *levels: AccessLevel) -> None:
        """Serve a deployment of each level."""
        found = tuple(deployment([ruled(1)], name=access.value, access=access) for access in levels)
        await self._releases.take_up(Snapshot(sequence=1, deployments=found))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await Spoken(self._route)(scope, receive, send)

    async def _route(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (name := deployment_of(scope)) is not None:
            await self._predict(name, scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def ask(
        self, method: str, path: str, *, key: NewKey | None = None, **sent: Any
    ) -> httpx.Response:
        """One request, as `httpx` takes it; `headers` among what is sent."""
        headers = {**sent.pop("headers", {})}
        if key is not None:
            headers["X-API-Key"] = key.plaintext
        transport = httpx.ASGITransport(app=self)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            return await client.request(method, path, headers=headers, **sent)
