"""The endpoints that BentoML's clients are told of."""

from typing import Any

import pytest

from tests.fakes.dialects import DialectService
from understudy.contracts.vocabulary import AccessLevel

pytestmark = pytest.mark.anyio


async def endpoints(service: DialectService, key: Any) -> list[str]:
    answer = await service.ask("GET", "/schema.json", key=key)
    return [route["name"] for route in answer.json()["routes"]]


async def test_callers_are_told_of_what_they_reach() -> None:
    service = DialectService()
    await service.begin(*AccessLevel)
    assert await endpoints(service, None) == ["public", "public_rows"]
    assert await endpoints(service, service.foreign) == [
        "instance",
        "instance_rows",
        "public",
        "public_rows",
    ]
    first = (await service.ask("GET", "/schema.json")).json()["routes"][0]
    assert first["route"] == "/v1/deployments/public/predict"
    assert [*first["input"]["properties"]] == ["length", "width"]


async def test_where_nothing_is_public_a_key_is_asked_for() -> None:
    service = DialectService()
    await service.begin(AccessLevel.PROJECT)
    assert (await service.ask("GET", "/schema.json")).status_code == 401
    assert await endpoints(service, service.foreign) == []
