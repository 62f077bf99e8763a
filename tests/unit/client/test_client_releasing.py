"""A service that changes a release: what it sends, and how it is told no."""

import socket
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.conftest import free_port
from tests.fakes.registry_bodies import release
from tests.fakes.scripted_http import Script, scripted_server
from understudy.client.errors import ProblemError, UnexpectedAnswerError, UnreachableError
from understudy.client.releasing import RegistryReleasing
from understudy.contracts.registry import ReleaseRequest
from understudy.contracts.vocabulary import ReleaseKind

pytestmark = pytest.mark.anyio

RELEASES = "/v1/deployments/risk/releases"
PROMOTE = ReleaseRequest(
    kind=ReleaseKind.PROMOTE, version=2, expected_release=3, evidence={"n": 1, "nothing": None}
)


@pytest.fixture
def server() -> Iterator[Script]:
    with scripted_server() as script:
        yield script


@pytest.fixture
async def releasing(server: Script) -> AsyncIterator[RegistryReleasing]:
    made = RegistryReleasing(server.url, "us_key")
    yield made
    await made.aclose()


async def test_a_release_is_asked_for_with_its_evidence(
    releasing: RegistryReleasing, server: Script
) -> None:
    server.on("POST", RELEASES, release(4, 2, 1), 201)
    assert await releasing.release("risk", PROMOTE) == 4
    (asked,) = server.asked
    assert asked.headers["Authorization"] == "Bearer us_key"
    assert asked.json == {
        "kind": "promote",
        "version": 2,
        "former_main": "challenger",
        "expected_release": 3,
        "reason": "",
        "evidence": {"n": 1, "nothing": None},
    }


@pytest.mark.parametrize(
    ("status", "conflict"), [(409, True), (412, True), (403, False), (422, False), (503, False)]
)
async def test_a_refusal_is_told_in_the_registrys_words(
    *, releasing: RegistryReleasing, server: Script, status: int, conflict: bool
) -> None:
    server.problem("POST", RELEASES, status, "No.", None)
    with pytest.raises(ProblemError, match=r"No\.") as refused:
        await releasing.release("risk", PROMOTE)
    assert refused.value.conflict is conflict
    assert len(server.asked) == 1


async def test_somebody_else_is_not_the_registry(
    releasing: RegistryReleasing, server: Script
) -> None:
    server.on("POST", RELEASES, {"hello": "you"}, 200)
    with pytest.raises(UnexpectedAnswerError, match="UNDERSTUDY_REGISTRY_URL"):
        await releasing.release("risk", PROMOTE)


async def test_nobody_there_is_told() -> None:
    releasing = RegistryReleasing(f"http://127.0.0.1:{free_port()}", "us_key")
    with pytest.raises(UnreachableError):
        await releasing.release("risk", PROMOTE)
    await releasing.aclose()


async def test_silence_ends_at_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        releasing = RegistryReleasing(url, "us_key", deadline_seconds=0.1)
        with pytest.raises(UnreachableError):
            await releasing.release("risk", PROMOTE)
        await releasing.aclose()


async def test_a_name_is_one_segment(releasing: RegistryReleasing, server: Script) -> None:
    server.on("POST", "/v1/deployments/a%2Fb/releases", release(1, 1), 201)
    assert await releasing.release("a/b", PROMOTE) == 1
