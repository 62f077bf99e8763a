"""What Prevision's client asks below a deployment's base URL."""

import pytest

from tests.fakes.dialects import DialectService
from understudy.contracts.vocabulary import AccessLevel

pytestmark = pytest.mark.anyio

BASE = "/v1/deployments/public/prevision"
ROW = {"length": 9.0, "width": 2.0}


@pytest.fixture
async def service() -> DialectService:
    found = DialectService()
    await found.begin(*AccessLevel)
    return found


async def test_the_deployment_is_described(service: DialectService) -> None:
    about = (await service.ask("GET", f"{BASE}/about")).json()
    assert about == {
        "problem_type": "classification",
        "provider": "understudy",
        "name": "public",
        "version": 1,
    }
    inputs = (await service.ask("GET", f"{BASE}/inputs")).json()
    assert [one["name"] for one in inputs] == ["length", "width"]
    (output,) = (await service.ask("GET", f"{BASE}/outputs")).json()
    assert output["name"] == "species"


async def test_a_row_is_answered_like_plain_json(service: DialectService) -> None:
    named = {"X-Request-ID": "mine"}
    plain = await service.ask("POST", "/v1/deployments/public/predict", json=ROW, headers=named)
    for query in ("", "?explain=false&confidence=false"):
        answer = await service.ask("POST", f"{BASE}/predict{query}", json=ROW, headers=named)
        assert answer.status_code == 200
        assert answer.json() == plain.json()


async def test_confidence_is_told_to_those_who_ask(service: DialectService) -> None:
    answer = await service.ask("POST", f"{BASE}/predict?confidence=true", json=ROW)
    assert answer.json()["confidence"]["probability"] == pytest.approx(0.9)


@pytest.mark.parametrize(
    ("query", "body", "status"),
    [
        ("", b"", 400),
        ("", b"[]", 400),
        ("", b'{"length": 1}', 422),
        ("?explain=true", b"{}", 501),
    ],
)
async def test_what_cant_be_answered_is_said(
    service: DialectService, query: str, body: bytes, status: int
) -> None:
    answer = await service.ask("POST", f"{BASE}/predict{query}", content=body)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["about", "inputs", "outputs", "predict"])
async def test_what_others_own_looks_like_what_does_not_exist(
    service: DialectService, path: str
) -> None:
    method = "POST" if path == "predict" else "GET"
    for name in ("project", "nothing"):
        whole = f"/v1/deployments/{name}/prevision/{path}"
        assert (await service.ask(method, whole)).status_code == 401
        answer = await service.ask(method, whole, key=service.foreign)
        assert answer.status_code == 404
        words = f"There is no deployment {name!r} that this request may reach."
        assert answer.json()["detail"] == words
