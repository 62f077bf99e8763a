"""Access tokens as clients get and show them, over real HTTP."""

import base64
from collections.abc import Iterator
from urllib.parse import parse_qs

import httpx
import pytest

from tests.conftest import free_port
from tests.fakes.scripted_http import Asked, Script, scripted_server
from understudy.client import ClientCredentials, RegistryClient
from understudy.client.errors import ClientError, ProblemError, UnreachableError
from understudy.client.oauth import TOKEN_PATH, TokenRefusedError

PROJECTS = "/v1/projects"
EMPTY: dict[str, object] = {"items": []}


@pytest.fixture
def server() -> Iterator[Script]:
    with scripted_server() as script:
        yield script


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def credentials(
    server: Script,
    secret: str = "s",  # noqa: S107 - of nobody
    *,
    scope: str | None = None,
    clock: Clock | None = None,
) -> ClientCredentials:
    url = server.url + TOKEN_PATH
    return ClientCredentials(url, "abcdefgh", secret, scope=scope, clock=clock or Clock())


def gives(server: Script, token: str, expires_in: float = 3600) -> None:
    body = {"access_token": token, "token_type": "Bearer", "expires_in": expires_in}
    server.on("POST", TOKEN_PATH, body)


def shown(server: Script) -> list[str]:
    return [asked.headers["Authorization"] for asked in server.sent("GET")]


def test_a_token_is_got_once_and_shown_until_shortly_before_its_end(server: Script) -> None:
    gives(server, "one", 3600)
    gives(server, "two", 3600)
    server.on("GET", PROJECTS, EMPTY)
    clock = Clock()
    with RegistryClient(server.url, credentials(server, clock=clock)) as registry:
        for clock.now in (0.0, 1.0, 3569.0, 3570.0, 3571.0):
            assert registry.projects() == ()
    assert shown(server) == ["Bearer one"] * 3 + ["Bearer two"] * 2
    assert len(server.sent("POST")) == 2


def test_id_and_secret_are_encoded_as_oauth_wants_it(server: Script) -> None:
    gives(server, "one")
    credentials(server, "ä:%+ x", scope="predict label").grant()
    asked: Asked = server.sent("POST")[0]
    kind, pair = asked.headers["Authorization"].split(" ")
    assert (kind, base64.b64decode(pair)) == ("Basic", b"abcdefgh:%C3%A4%3A%25%2B+x")
    assert parse_qs(asked.body.decode()) == {
        "grant_type": ["client_credentials"],
        "scope": ["predict label"],
    }


def test_a_refused_token_is_replaced_once(server: Script) -> None:
    gives(server, "one")
    gives(server, "two")
    server.on("GET", PROJECTS, EMPTY)
    server.problem("GET", PROJECTS, 401, "The access token is not valid.", None)
    server.on("GET", PROJECTS, EMPTY)
    with RegistryClient(server.url, credentials(server)) as registry:
        registry.projects()
        registry.projects()
    assert shown(server) == ["Bearer one", "Bearer one", "Bearer two"]


def test_a_fresh_token_that_is_refused_is_the_end_of_it(server: Script) -> None:
    gives(server, "one")
    server.problem("GET", PROJECTS, 401, "The access token is not valid.", None)
    with (
        RegistryClient(server.url, credentials(server)) as registry,
        pytest.raises(ProblemError, match="not valid"),
    ):
        registry.projects()
    assert shown(server) == ["Bearer one"]


def test_a_refusal_is_told_in_its_words_without_the_secret(server: Script) -> None:
    denied = {"error": "invalid_client", "error_description": "The secret is wrong."}
    server.on("POST", TOKEN_PATH, denied, 401)
    with (
        RegistryClient(server.url, credentials(server, "hidden")) as registry,
        pytest.raises(TokenRefusedError, match="No access token: The secret is wrong") as failed,
    ):
        registry.projects()
    assert failed.value.error == "invalid_client"
    assert "hidden" not in str(failed.value)


def test_an_installation_without_tokens_says_so(server: Script) -> None:
    server.problem("POST", TOKEN_PATH, 501, "This installation gives out no access tokens.", None)
    with pytest.raises(ProblemError, match="gives out no access tokens"):
        credentials(server).grant()


@pytest.mark.parametrize(("content", "status"), [("<html>", 200), ("", 502), ({"a": 1}, 400)])
def test_another_answer_is_told_as_one(
    server: Script, content: str | dict[str, object], status: int
) -> None:
    server.on("POST", TOKEN_PATH, content, status)
    with pytest.raises(ClientError):
        credentials(server).grant()


def test_nobody_there_is_told_as_that() -> None:
    url = f"http://127.0.0.1:{free_port()}{TOKEN_PATH}"
    with pytest.raises(UnreachableError, match="Registry does not answer"):
        ClientCredentials(url, "abcdefgh", "s").grant()


@pytest.mark.anyio
async def test_they_serve_asynchronous_clients_too(server: Script) -> None:
    gives(server, "one")
    server.on("GET", PROJECTS, EMPTY)
    async with httpx.AsyncClient(auth=credentials(server)) as http:
        assert (await http.get(server.url + PROJECTS)).is_success
    assert shown(server) == ["Bearer one"]
