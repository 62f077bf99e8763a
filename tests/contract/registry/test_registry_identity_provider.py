"""A provider as its client sees it: what it publishes, how it changes, and when it is none."""

import time
from collections.abc import Callable, Iterator
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from starlette.responses import JSONResponse, PlainTextResponse, Response

from services.registry.adapters.oidc_metadata import Asking, MetadataSource
from services.registry.adapters.oidc_provider import OidcProvider
from services.registry.domain.identities import (
    Attempt,
    Identity,
    ProviderUnavailableError,
    SignInRefusedError,
)
from tests.conftest import free_port
from tests.fakes.identity_provider import CLIENT_ID, CLIENT_SECRET, Provider, new_key

pytestmark = pytest.mark.anyio

BACK = "http://127.0.0.1:1/signin/oidc/callback"
ATTEMPT = Attempt("state", "nonce", "v" * 64, "/")


@pytest.fixture(scope="module")
def running() -> Iterator[Provider]:
    with Provider(BACK).serving() as provider:
        yield provider


@pytest.fixture
def provider(running: Provider) -> Provider:
    fresh = Provider(BACK)
    running.person, running.said, running.key = fresh.person, {}, fresh.key
    running.odd, running.down, running.ways, running.asked = None, False, None, []
    return running


def client_of(
    provider: Provider,
    secret: str | None = CLIENT_SECRET,
    clock: Callable[[], float] = time.monotonic,
) -> OidcProvider:
    return OidcProvider(
        issuer=provider.issuer,
        client_id=CLIENT_ID,
        client_secret=secret,
        redirect_uri=BACK,
        groups_claim="groups",
        asking=Asking(),
        clock=clock,
    )


async def sign_in(client: OidcProvider, attempt: Attempt = ATTEMPT) -> Identity:
    url = await client.begin(ATTEMPT)
    async with httpx.AsyncClient() as http:
        back = (await http.get(url)).headers["Location"]
    return await client.end(attempt, parse_qs(urlsplit(back).query)["code"][0], None)


async def test_somebody_is_told_as_the_provider_says(provider: Provider) -> None:
    provider.person = {"sub": "a b%", "email": "Ann.Lee@Bank.Example", "groups": ["ops", 1, "dev"]}
    found = await sign_in(client_of(provider))
    assert found.key == f"{provider.issuer} a%20b%25"
    assert (found.name, found.display_name) == ("ann.lee@bank.example", "ann.lee@bank.example")
    assert found.groups == {"ops", "dev"}


@pytest.mark.parametrize(
    ("ways", "secret"),
    [
        (None, CLIENT_SECRET),
        (["client_secret_post", "client_secret_basic"], CLIENT_SECRET),
        (["client_secret_post"], CLIENT_SECRET),
        (["none"], None),
    ],
)
async def test_a_client_shows_its_secret_as_the_provider_wants(
    provider: Provider, ways: list[str] | None, secret: str | None
) -> None:
    provider.ways = ways
    assert (await sign_in(client_of(provider, secret))).subject == "p-1"


async def test_who_has_no_subject_is_nobody(provider: Provider) -> None:
    provider.person = {"sub": "", "email": "ann@bank.example"}
    with pytest.raises(SignInRefusedError):
        await sign_in(client_of(provider))


async def test_a_wrong_secret_is_told_to_who_runs_the_provider(provider: Provider) -> None:
    with pytest.raises(ProviderUnavailableError, match="401"):
        await sign_in(client_of(provider, "wrong"))


async def test_a_verifier_that_was_not_shown_is_refused(provider: Provider) -> None:
    other = Attempt("state", "nonce", "w" * 64, "/")
    with pytest.raises(SignInRefusedError):
        await sign_in(client_of(provider), other)


async def test_a_nonce_of_another_attempt_is_refused(provider: Provider) -> None:
    other = Attempt("state", "another", "v" * 64, "/")
    with pytest.raises(SignInRefusedError, match="nonce"):
        await sign_in(client_of(provider), other)


async def test_keys_may_change(provider: Provider) -> None:
    now = 0.0
    source = MetadataSource(provider.issuer, Asking(), lambda: now)
    before = [key.kid for key in (await source.keys()).keys]
    provider.key = new_key()
    assert [key.kid for key in (await source.keys(anew=True)).keys] == before
    now = 11.0
    assert [key.kid for key in (await source.keys()).keys] == before
    assert [key.kid for key in (await source.keys(anew=True)).keys] == [provider.key.kid]
    assert provider.asked == ["metadata", "keys", "keys"]


async def test_what_is_published_is_asked_for_again_after_an_hour(provider: Provider) -> None:
    now = 0.0
    source = MetadataSource(provider.issuer, Asking(), lambda: now)
    await source.keys()
    now = 3601.0
    provider.key = new_key()
    assert [key.kid for key in (await source.keys()).keys] == [provider.key.kid]
    assert provider.asked == ["metadata", "keys"] * 2


async def test_a_new_key_is_found_when_a_token_names_it(provider: Provider) -> None:
    now = 0.0
    client = client_of(provider, clock=lambda: now)
    await sign_in(client)
    provider.key = new_key()
    with pytest.raises(SignInRefusedError):
        await sign_in(client)
    now = 11.0
    assert (await sign_in(client)).subject == "p-1"


ODD: dict[str, Callable[[Provider], Response]] = {
    "another issuer": lambda _provider: JSONResponse({"issuer": "https://elsewhere.example"}),
    "no endpoints": lambda provider: JSONResponse({"issuer": provider.issuer}),
    "endpoints without https": lambda provider: JSONResponse(
        {
            "issuer": provider.issuer,
            "authorization_endpoint": "http://id.example/a",
            "token_endpoint": "http://id.example/t",
            "jwks_uri": "http://id.example/k",
        }
    ),
    "no JSON": lambda _provider: PlainTextResponse("<html>"),
    "nested": lambda _provider: PlainTextResponse("[" * 100_000),
    "a list": lambda _provider: JSONResponse([]),
    "too much": lambda _provider: PlainTextResponse("x" * 1_000_000),
    "elsewhere": lambda _provider: Response(status_code=302, headers={"Location": "/x"}),
}


@pytest.mark.parametrize("case", ODD)
async def test_a_provider_that_is_none_is_told_as_that(provider: Provider, case: str) -> None:
    now = 0.0
    client = client_of(provider, clock=lambda: now)
    provider.odd = ODD[case](provider)
    with pytest.raises(ProviderUnavailableError):
        await client.begin(ATTEMPT)
    provider.odd = None
    now = 3.0
    assert (await sign_in(client)).subject == "p-1"


async def test_nobody_waits_for_a_provider_that_just_failed(provider: Provider) -> None:
    now = 0.0
    client = client_of(provider, clock=lambda: now)
    provider.down = True
    for moment in (0.0, 1.0, 1.9, 2.0):
        now = moment
        with pytest.raises(ProviderUnavailableError, match="503"):
            await client.begin(ATTEMPT)
    assert provider.asked == ["metadata"] * 2


async def test_a_provider_that_is_gone_is_told_as_that() -> None:
    with pytest.raises(ProviderUnavailableError, match="does not answer"):
        await client_of(Provider(BACK, port=free_port())).begin(ATTEMPT)


async def test_a_provider_that_is_slow_is_not_waited_for(provider: Provider) -> None:
    with pytest.raises(ProviderUnavailableError, match="does not answer"):
        await MetadataSource(provider.issuer, Asking(deadline_seconds=0.0)).metadata()
