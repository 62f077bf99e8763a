"""OAuth 2.0: access tokens for client credentials (RFC 6749), and where they are described."""

import base64
import binascii
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, unquote_plus

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.registry.api.edge import Verbs
from services.registry.domain.tokens import Client, GrantError, GrantProblem
from services.registry.operations.tokens import CLIENT_CREDENTIALS
from understudy.contracts.vocabulary import Scope
from understudy.runtime.tokens import ALGORITHM

TOKEN_PATH: Final = "/v1/oauth/token"  # noqa: S105 - a path
KEYS_PATH: Final = "/v1/oauth/jwks"
METADATA_PATH: Final = "/.well-known/oauth-authorization-server"

router = APIRouter()

_FORM: Final = "application/x-www-form-urlencoded"
_MOST_BYTES: Final = 8192
_MOST_FIELDS: Final = 20
_NOT_STORED: Final = {"Cache-Control": "no-store", "Pragma": "no-cache"}
_CACHED: Final = {"Cache-Control": "public, max-age=300"}

_TEXT: Final = {"type": "string"}
_TOLD: Final[dict[int | str, dict[str, Any]]] = {
    "4XX": {
        "description": "Refused, as RFC 6749 (section 5.2) has it.",
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "error": {"enum": [*GrantProblem]},
                        "error_description": _TEXT,
                    },
                    "required": ["error"],
                }
            },
            "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}},
        },
    }
}
_ASKED: Final = {
    "requestBody": {
        "required": True,
        "content": {
            _FORM: {
                "schema": {
                    "type": "object",
                    "properties": {
                        "grant_type": {"const": CLIENT_CREDENTIALS},
                        "scope": _TEXT,
                        "client_id": _TEXT,
                        "client_secret": _TEXT,
                    },
                    "required": ["grant_type"],
                    # What nobody knows is ignored; but no field may stand twice.
                    "additionalProperties": _TEXT,
                }
            }
        },
    }
}


@router.post(TOKEN_PATH, responses=_TOLD, openapi_extra=_ASKED)
async def token(request: Request, verbs: Verbs) -> Response:
    """An access token for a key's id and secret."""
    try:
        fields = await _fields(request)
        client = _client(request.headers.get("authorization"), fields)
        _require_grant_type(fields)
        found = await run_in_threadpool(verbs.tokens.grant, client, fields.get("scope"))
    except GrantError as error:
        return _refused(error)
    body = {
        "access_token": found.token,
        "token_type": "Bearer",
        "expires_in": found.expires_in,
        "scope": " ".join(found.scopes),
    }
    return JSONResponse(body, headers=_NOT_STORED)


@router.get(KEYS_PATH)
def keys(verbs: Verbs) -> Response:
    """The public keys of access tokens, as a JWK set."""
    found = [
        {
            "kty": "OKP",
            "crv": "Ed25519",
            "x": key.x,
            "kid": key.kid,
            "use": "sig",
            "alg": ALGORITHM,
        }
        for key in verbs.tokens.public_keys()
    ]
    return JSONResponse({"keys": found}, headers=_CACHED)


@router.get(METADATA_PATH)
def metadata(verbs: Verbs) -> Response:
    """Where tokens are had, and how (RFC 8414)."""
    issuer = verbs.tokens.public_keys()[0].issuer
    body = {
        "issuer": issuer,
        "token_endpoint": issuer + TOKEN_PATH,
        "jwks_uri": issuer + KEYS_PATH,
        "grant_types_supported": [CLIENT_CREDENTIALS],
        "response_types_supported": [],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "scopes_supported": [scope.value for scope in Scope],
    }
    return JSONResponse(body, headers=_CACHED)


async def _fields(request: Request) -> Mapping[str, str]:
    """The form; a field without a value counts as absent (RFC 6749, section 3.2)."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != _FORM:
        raise _malformed(f"Send the fields as {_FORM}.")
    body = await request.body()
    if len(body) > _MOST_BYTES:
        raise _malformed(f"The form has at most {_MOST_BYTES} bytes.")
    try:
        found = parse_qsl(body.decode(), errors="strict", max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise _malformed("The form is not well-formed UTF-8, or has too many fields.") from None
    fields = dict(found)
    if len(fields) != len(found):
        raise _malformed("A field stands twice.")
    return fields


def _client(authorization: str | None, fields: Mapping[str, str]) -> Client:
    """By HTTP Basic or by the form, never by both."""
    named, secret = fields.get("client_id"), fields.get("client_secret")
    if authorization is None:
        if named is None or secret is None:
            raise GrantError(
                GrantProblem.INVALID_CLIENT,
                "Send the client id and secret by HTTP Basic, or as client_id and client_secret.",
            )
        return Client(named, secret)
    client = _basic(authorization)
    if secret is not None or named not in {None, client.id}:
        raise _malformed("Send the client's credentials by HTTP Basic or in the form, not both.")
    return client


def _basic(authorization: str) -> Client:
    kind, _, encoded = authorization.partition(" ")
    try:
        decoded = base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        decoded = ""
    named, _, secret = decoded.partition(":")
    if kind.lower() != "basic" or not secret:
        raise GrantError(
            GrantProblem.INVALID_CLIENT, "The Authorization header is not that of HTTP Basic."
        )
    return Client(unquote_plus(named), unquote_plus(secret))


def _require_grant_type(fields: Mapping[str, str]) -> None:
    asked = fields.get("grant_type")
    if asked is None:
        raise _malformed("The field grant_type is missing.")
    if asked != CLIENT_CREDENTIALS:
        raise GrantError(
            GrantProblem.UNSUPPORTED_GRANT_TYPE, f"The one grant type here is {CLIENT_CREDENTIALS}."
        )


def _malformed(description: str) -> GrantError:
    return GrantError(GrantProblem.INVALID_REQUEST, description)


def _refused(error: GrantError) -> Response:
    body: dict[str, Any] = {"error": error.problem, "error_description": error.description}
    if error.problem is not GrantProblem.INVALID_CLIENT:
        return JSONResponse(body, 400, _NOT_STORED)
    challenge = {"WWW-Authenticate": 'Basic realm="understudy", charset="UTF-8"'}
    return JSONResponse(body, 401, {**_NOT_STORED, **challenge})
