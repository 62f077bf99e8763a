"""Access tokens for client credentials, as OAuth's clients ask for them."""

import base64
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import quote_plus

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from services.registry.app import configure
from services.registry.operations.tokens import NoTokensError, Tokens
from services.registry.settings import RegistrySettings
from tests.fakes.registry import Memory, memory_store
from understudy.contracts.vocabulary import Scope
from understudy.runtime.keys import KeyRing, parse_key

from .conftest import ADMIN, Registry
from .test_registry_doors import bearer, give

pytestmark = pytest.mark.anyio

PATH = "/v1/oauth/token"
GRANT = {"grant_type": "client_credentials"}


def parts(key: str) -> tuple[str, str]:
    """Client id and secret."""
    return str(parse_key(key)), key.split("_", 2)[2]


def basic(name: str, secret: str) -> dict[str, str]:
    pair = f"{quote_plus(name)}:{quote_plus(secret)}"
    return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


async def ask(
    registry: Registry,
    form: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> httpx.Response:
    del registry.http.headers["Authorization"]
    answer = await registry.http.post(PATH, data={**GRANT, **(form or {})}, headers=headers)
    registry.http.headers["Authorization"] = f"Bearer {ADMIN}"
    return answer


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("by_form", [False, True])
async def test_a_key_is_exchanged_for_a_token(
    registry: Registry, *, whole: bool, by_form: bool
) -> None:
    key = give(registry.memory, Scope.READ, Scope.PREDICT)
    name, secret = parts(key)
    secret = key if whole else secret
    form = {"client_id": name, "client_secret": secret} if by_form else {}
    answer = await ask(registry, form, None if by_form else basic(name, secret))
    told = answer.json()
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["X-Request-ID"]
    assert (told["token_type"], told["expires_in"]) == ("Bearer", 3600)
    assert told["scope"] == "predict read"
    headers = bearer(told["access_token"])
    assert (await registry.http.get("/v1/projects", headers=headers)).status_code == 200
    assert (await registry.http.get("/v1/audit", headers=headers)).status_code == 403
    assert secret not in answer.text


async def test_basic_with_the_id_in_the_form_too_is_fine(registry: Registry) -> None:
    name, secret = parts(ADMIN)
    answer = await ask(registry, {"client_id": name}, basic(name, secret))
    assert answer.status_code == 200


async def test_a_token_may_have_less_than_its_key(registry: Registry) -> None:
    answer = await ask(registry, {"scope": "read"}, basic(*parts(ADMIN)))
    headers = bearer(answer.json()["access_token"])
    assert answer.json()["scope"] == "read"
    assert (await registry.http.get("/v1/projects", headers=headers)).status_code == 200
    assert (await registry.http.get("/v1/audit", headers=headers)).status_code == 403


@pytest.mark.parametrize("scope", ["admin", "read admin", "fly", "read fly", " "])
async def test_a_token_has_no_more_than_its_key(registry: Registry, scope: str) -> None:
    key = give(registry.memory, Scope.READ)
    answer = await ask(registry, {"scope": scope}, basic(*parts(key)))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")
    assert "read" in answer.json()["error_description"]


def wrong_clients() -> dict[str, tuple[dict[str, str], dict[str, str] | None]]:
    name, secret = parts(ADMIN)
    return {
        "nobody": ({}, None),
        "a wrong secret": ({}, basic(name, secret[:-1] + "x")),
        "another's id": ({}, basic("service01", ADMIN)),
        "no secret": ({}, basic(name, "")),
        "an unknown id": ({}, basic("absent01", secret)),
        "an id alone": ({"client_id": name}, None),
        "a secret alone": ({"client_secret": secret}, None),
        "not base64": ({}, {"Authorization": "Basic ***"}),
        "not UTF-8": ({}, {"Authorization": "Basic " + base64.b64encode(b"\xff:x").decode()}),
        "a bearer": ({}, {"Authorization": f"Bearer {ADMIN}"}),
        "other letters": ({}, basic("ä" * 8, "ß" * 30)),
    }


WRONG = wrong_clients()


@pytest.mark.parametrize("case", WRONG)
async def test_a_wrong_client_is_told_so_in_oauths_words(registry: Registry, case: str) -> None:
    answer = await ask(registry, *WRONG[case])
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert answer.headers["WWW-Authenticate"].startswith("Basic ")
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Request-ID"]


async def test_a_token_is_no_secret_of_a_client(registry: Registry) -> None:
    token = (await ask(registry, headers=basic(*parts(ADMIN)))).json()["access_token"]
    answer = await ask(registry, headers=basic(parts(ADMIN)[0], token))
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize(
    ("content", "kind", "error"),
    [
        ("", "application/x-www-form-urlencoded", "invalid_request"),
        ("scope=read", "application/x-www-form-urlencoded", "invalid_request"),
        ("grant_type=password", "application/x-www-form-urlencoded", "unsupported_grant_type"),
        ("grant_type=client_credentials&grant_type=x", "", "invalid_request"),
        (
            "grant_type=client_credentials&grant_type=client_credentials",
            "application/x-www-form-urlencoded; charset=utf-8",
            "invalid_request",
        ),
        ('{"grant_type": "client_credentials"}', "application/json", "invalid_request"),
        ("a=%ff", "application/x-www-form-urlencoded", "invalid_request"),
        ("a=" + "x" * 9000, "application/x-www-form-urlencoded", "invalid_request"),
        ("&".join(f"a{n}=1" for n in range(30)), "application/x-www-form-urlencoded",
         "invalid_request"),
        (
            "grant_type=client_credentials&client_secret=x",
            "application/x-www-form-urlencoded",
            "invalid_request",
        ),
    ],
)  # fmt: skip
async def test_a_malformed_request_is_told_so(
    registry: Registry, content: str, kind: str, error: str
) -> None:
    headers = {**basic(*parts(ADMIN)), **({"Content-Type": kind} if kind else {})}
    answer = await registry.http.post(PATH, content=content, headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (400, error)
    assert answer.headers["Cache-Control"] == "no-store"


async def test_an_idempotency_key_keeps_no_token(registry: Registry) -> None:
    headers = {**basic(*parts(ADMIN)), "Idempotency-Key": "again"}
    first, second = [(await ask(registry, headers=headers)).json() for _ in range(2)]
    assert first["access_token"] != second["access_token"]


async def test_a_token_ends_with_its_key(registry: Registry) -> None:
    ends = datetime.now(UTC) + timedelta(minutes=5)
    key = give(registry.memory, Scope.READ, expires_at=ends)
    told = (await ask(registry, headers=basic(*parts(key)))).json()
    assert 290 <= told["expires_in"] <= 300


async def test_revoking_a_key_ends_its_tokens_at_once(registry: Registry) -> None:
    issued = (await registry.http.post("/v1/keys", json={"name": "ci", "scopes": ["read"]})).json()
    told = (await ask(registry, headers=basic(*parts(issued["key"])))).json()
    headers = bearer(told["access_token"])
    assert (await registry.http.get("/v1/projects", headers=headers)).status_code == 200
    await registry.http.delete(f"/v1/keys/{issued['id']}")
    assert (await registry.http.get("/v1/projects", headers=headers)).status_code == 401
    again = await ask(registry, headers=basic(*parts(issued["key"])))
    assert again.json()["error"] == "invalid_client"


async def test_a_token_is_verified_by_what_is_published(registry: Registry) -> None:
    told = (await ask(registry, headers=basic(*parts(ADMIN)))).json()
    nobody = {"Authorization": ""}
    path = "/.well-known/oauth-authorization-server"
    metadata = (await registry.http.get(path, headers=nobody)).json()
    keys = (await registry.http.get("/v1/oauth/jwks", headers=nobody)).json()
    assert metadata["token_endpoint"] == metadata["issuer"] + PATH
    assert metadata["jwks_uri"] == metadata["issuer"] + "/v1/oauth/jwks"
    token = jwt.decode(
        told["access_token"], KeySet.import_key_set(keys), algorithms=[keys["keys"][0]["alg"]]
    )
    assert token.header["typ"] == "at+jwt"
    assert token.claims["iss"] == metadata["issuer"]
    assert token.claims["sub"] == token.claims["client_id"] == parts(ADMIN)[0]
    assert "d" not in keys["keys"][0]


def test_followers_are_told_the_public_keys() -> None:
    memory = Memory()
    settings = RegistrySettings.model_validate(
        {"token_secret": "a" * 32, "token_secret_before": "b" * 32, "public_url": "https://r.x/"}
    )
    configure(memory_store(memory).state, settings)
    now, before = memory.configuration.token_keys
    assert now.kid != before.kid
    assert now.issuer == before.issuer == "https://r.x"
    assert "aaaa" not in repr(memory.configuration)


def test_without_a_secret_there_are_no_tokens() -> None:
    tokens = Tokens(
        ring=KeyRing,
        public=lambda: (),
        signer=None,
        lifetime_seconds=60,
        clock=lambda: datetime.now(UTC),
    )
    with pytest.raises(NoTokensError, match="UNDERSTUDY_TOKEN_SECRET"):
        tokens.public_keys()


@pytest.mark.parametrize("secret", ["short", "x" * 31])
def test_a_short_secret_is_refused_and_not_told(secret: str) -> None:
    with pytest.raises(ValueError, match="at least 32 characters") as failed:
        RegistrySettings.model_validate({"token_secret": secret})
    assert secret not in str(failed.value)
