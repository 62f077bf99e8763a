"""What is fuzzed: the service's application in this process, its model a rule."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.serving.api.predict import Predict, PredictOverASGI, deployment_of
from services.serving.api.routes import routes
from services.serving.api.spoken import Spoken
from services.serving.domain.rows import Plan
from services.serving.domain.scoring import Cost, Loaded
from services.serving.metrics import ServingMetrics
from services.serving.operations import Elsewhere, Facts, Serving
from services.serving.operations.releases import Releases
from services.serving.operations.scoring import Limits
from services.serving.ports import key_of
from tests.fakes.serving import LOANS, ListLog, RuleLibrary, deployment, key_record, ruled
from understudy.contracts import vocabulary
from understudy.contracts.registry import ServedVersion, Snapshot
from understudy.inference.rows import Rows
from understudy.inference.scored import Scored
from understudy.runtime.http import EXCEPTION_HANDLERS
from understudy.runtime.keys import KeyRing, make_key

DEPLOYMENTS: Final = ("flowers", "loans")
_BODY_LIMIT: Final = 65_536
_KEY: Final = make_key()


class Shrugging:
    """A runner that answers the same to everything."""

    def score(self, rows: Rows) -> Scored:
        count = len(rows)
        return Scored(np.zeros(count), np.full((count, 2), 0.5))


class ShruggingLibrary(RuleLibrary):
    """Loads any signature."""

    async def load(self, model: str, version: ServedVersion, trusted: Sequence[str]) -> Loaded:
        del trusted
        plan = Plan(version.signature)
        found = Loaded(1, version.signature, plan, Shrugging(), Cost(0.0, 0.0))
        self._loaded[key_of(model, version)] = found
        return found


@dataclass(slots=True)
class Target:
    """Answers one request at a time."""

    app: ASGIApp
    log: ListLog

    @classmethod
    async def begin(cls) -> "Target":
        ring = KeyRing([key_record(_KEY, vocabulary.Scope.ADMIN)])
        metrics, log = ServingMetrics(CollectorRegistry()), ListLog()
        limits = Limits(1_000, 0.002, 1, 1)
        serving = Serving(keys=lambda: ring, log=log, metrics=metrics, limits=limits)
        facts, elsewhere = Facts(serving, log, metrics), Elsewhere(serving, log, metrics)
        releases = Releases(serving, ShruggingLibrary(), metrics, "here:1")
        versions = (
            ruled(1),
            ServedVersion(version=1, artifact="e" * 64, reference="0" * 64, signature=LOANS),
        )
        served = [
            deployment([version], name=name)
            for name, version in zip(DEPLOYMENTS, versions, strict=True)
        ]
        await releases.take_up(Snapshot(sequence=1, deployments=tuple(served)))
        api = routes(serving, facts, elsewhere, _BODY_LIMIT)
        rest = Starlette(routes=api, exception_handlers={**EXCEPTION_HANDLERS})
        return cls(Spoken(_Front(PredictOverASGI(Predict(serving, _BODY_LIMIT)), rest)), log)

    async def post(
        self, path: str, headers: list[tuple[bytes, bytes]], body: bytes
    ) -> tuple[int, bytes]:
        """Status and body of the answer."""
        named = [*headers, (b"x-api-key", _KEY.plaintext.encode())]
        scope: Scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": b"",
            "headers": named,
            "server": ("here", 80),
            "client": ("there", 1),
        }
        status, answer = 0, bytearray()

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            answer.extend(message.get("body", b""))

        await self.app(scope, receive, send)
        for held in (self.log.answered, self.log.labelled, self.log.told, self.log.rows):
            held.clear()
        self.log.pairs.clear()
        return status, bytes(answer)


class _Front:
    """Plain predictions go their own way, as in a worker."""

    def __init__(self, predict: PredictOverASGI, rest: ASGIApp) -> None:
        self._predict = predict
        self._rest = rest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (name := deployment_of(scope)) is not None:
            await self._predict(name, scope, receive, send)
        else:
            await self._rest(scope, receive, send)
