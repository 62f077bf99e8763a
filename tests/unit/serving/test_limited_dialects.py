"""Limited keys in every dialect: a request counts before anything is read of its body."""

import asyncio
from collections.abc import Mapping
from datetime import datetime

import pytest

from services.serving.api.grpc.wire import open_inference_pb2 as wire
from services.serving.metrics.statistics import Statistics, Version
from services.serving.operations.models import Models
from tests.fakes.dialects import DialectService
from tests.fakes.grpc_service import GrpcService
from understudy.contracts.limits import Limits
from understudy.contracts.registry import KeyRecord
from understudy.contracts.vocabulary import AccessLevel, Scope
from understudy.runtime.keys import Caller, KeyRing, make_key

pytestmark = pytest.mark.anyio

ONE = Limits(requests_per_second=0.01, burst=1)
PATHS = (
    "/v1/models/project:predict",
    "/v2/models/project/infer",
    "/v1/deployments/project/prevision/predict",
    "/v1/deployments/project/predict",
    "/deployments/project/invocations",
    "/endpoints/project/invocations",
)


class Counting(KeyRing):
    """Counts how often somebody is looked up."""

    looked_up = 0

    def authenticate(self, key: str | None, now: datetime) -> Caller:
        self.looked_up += 1
        return super().authenticate(key, now)


def limit(service: DialectService, limits: Limits | None = ONE) -> Counting:
    key, scopes = service.key, (Scope.PREDICT, Scope.READ)
    ring = Counting([KeyRecord(id=key.id, digest=key.digest, scopes=scopes, limits=limits)])
    service.ring = ring
    return ring


@pytest.fixture
async def service() -> DialectService:
    service = DialectService()
    await service.begin(*AccessLevel)
    return service


@pytest.mark.parametrize("path", PATHS)
async def test_malformed_bodies_count(service: DialectService, path: str) -> None:
    limit(service)
    found = [await service.ask("POST", path, key=service.key, content=b"{") for _ in range(3)]
    assert [answer.status_code for answer in found] == [400, 429, 429]
    assert all("RateLimit" in answer.headers for answer in found)
    refusals = [
        service.numbers.get_sample_value(
            "understudy_refusals_total",
            {"deployment": "project", "code": code, "status": status},
        )
        for code, status in (("malformed_body", "400"), ("rate_limited", "429"))
    ]
    assert refusals == [1, 2]


async def test_what_is_too_much_is_refused_unread(service: DialectService) -> None:
    limit(service)
    await service.ask("POST", PATHS[0], key=service.key, content=b"{")
    # Longer than the limit: whoever would read it says 413.
    answer = await service.ask("POST", PATHS[0], key=service.key, content=bytes(10_000))
    assert answer.status_code == 429


@pytest.mark.parametrize("path", [path for path in PATHS if "v2" not in path])
async def test_a_caller_is_looked_up_once(service: DialectService, path: str) -> None:
    ring = limit(service, None)
    row = {"length": 2.0, "width": 1.0}
    body = {"instances": [row]} if "predict" in path and "v1/m" in path else row
    if path.startswith("/deployments"):
        body = {"dataframe_records": [row]}
    answer = await service.ask("POST", path, key=service.key, json=body)
    assert answer.status_code == 200
    assert ring.looked_up == 1


@pytest.mark.parametrize("path", ["/v2/models/project/stats", "/v2/models/stats"])
async def test_statistics_count(service: DialectService, path: str) -> None:
    limit(service)
    found = [await service.ask("GET", path, key=service.key) for _ in range(2)]
    assert [answer.status_code for answer in found] == [200, 429]
    assert all("RateLimit" in answer.headers for answer in found)
    public = "/v2/models/public/stats"
    unknown = [None, make_key()]
    assert [(await service.ask("GET", public, key=key)).status_code for key in unknown] == [200] * 2


async def test_those_who_ask_for_statistics_at_once_share_them(service: DialectService) -> None:
    counts = 0

    def count() -> Mapping[Version, Statistics]:
        nonlocal counts
        counts += 1
        return {}

    models = Models(service.serving, count=count)
    await asyncio.gather(*(models.statistics() for _ in range(10)))
    await models.statistics()
    assert counts == 1


@pytest.mark.usefixtures("one_loop")
async def test_malformed_messages_count() -> None:
    grpc_service = GrpcService()
    await grpc_service.begin(*AccessLevel)
    try:
        limit(grpc_service.dialects)
        codes = []
        for _ in range(3):
            call = grpc_service.streaming("ModelInfer", key=grpc_service.dialects.key)
            await call.write(b"\xff\xff")
            await call.done_writing()
            await call.code()
            codes.append(dict(await call.trailing_metadata() or ())["code"])
        request = wire.ModelStatisticsRequest(name="project").SerializeToString()
        call = grpc_service.streaming("ModelStatistics", key=grpc_service.dialects.key)
        await call.write(request)
        await call.done_writing()
        codes.append(dict(await call.trailing_metadata() or ())["code"])
    finally:
        await grpc_service.end()
    assert codes == ["malformed_body", "rate_limited", "rate_limited", "rate_limited"]
