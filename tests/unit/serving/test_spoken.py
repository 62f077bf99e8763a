"""Which paths are of protocols whose clients look for `error`, and the tags of what is read."""

import pytest

from services.serving.api.spoken import speaks_a_dialect
from tests.fakes.dialects import DialectService
from understudy.contracts.vocabulary import AccessLevel


@pytest.mark.parametrize(
    "path",
    [
        "/v2",
        "/v2/models",
        "/v1/models",
        "/v1/models/flowers:predict",
        "/deployments/flowers/invocations",
        "/endpoints/flowers/invocations",
        "/invocations",
        "/version",
        "/ping",
        "/health",
    ],
)
def test_paths_of_dialects(path: str) -> None:
    assert speaks_a_dialect(path)


@pytest.mark.parametrize(
    "path",
    [
        "/v1/deployments/flowers/predict",
        "/v1/modelsx",
        "/versions",
        "/pinging",
        "/healthz",
        "/invocations/1",
    ],
)
def test_other_paths(path: str) -> None:
    assert not speaks_a_dialect(path)


@pytest.mark.anyio
@pytest.mark.parametrize("what", ["signature", "openapi.json"])
async def test_what_is_read_of_a_deployment_has_a_tag(what: str) -> None:
    service = DialectService()
    await service.begin(AccessLevel.PROJECT)
    path = f"/v1/deployments/project/{what}"
    first = await service.ask("GET", path, key=service.key)
    tag = first.headers["ETag"]
    assert (await service.ask("HEAD", path, key=service.key)).headers["ETag"] == tag
    known = {"If-None-Match": tag}
    again = await service.ask("GET", path, key=service.key, headers=known)
    assert (again.status_code, again.content) == (304, b"")
    assert (await service.ask("GET", path, headers=known)).status_code == 401
