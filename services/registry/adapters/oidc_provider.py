"""OpenID Connect by the authorization code flow with PKCE. Authlib and joserfc know the rules."""

import time
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote

from authlib.common.urls import add_params_to_qs
from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import GuestProtocol, Key, KeySet

from services.registry.adapters.oidc_metadata import Asking, Metadata, MetadataSource
from services.registry.domain.identities import (
    Attempt,
    Identity,
    ProviderUnavailableError,
    SignInRefusedError,
    user_name,
)

_ALGORITHMS: Final = (
    *("RS256", "RS384", "RS512"),
    *("PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "Ed25519"),
)
"""Asymmetric ones alone: no token is signed by what the client shares, or by nobody."""
_LEEWAY_SECONDS: Final = 60
_MOST_CHARACTERS: Final = 32_768
_SCOPES: Final = "openid profile email"
_FORM: Final = "application/x-www-form-urlencoded"
_BASIC: Final = "client_secret_basic"
_PLAIN: Final = "!$&'()*+,;=:@/?#[]|"
"""Of a subject; a space stands between it and the issuer."""
_LONGEST_KEY: Final = 500
_LONGEST_DISPLAY_NAME: Final = 200


class OidcProvider:
    """Implements `ports.identities.IdentityProvider`."""

    def __init__(
        self,
        *,
        issuer: str,
        client_id: str,
        client_secret: str | None,
        redirect_uri: str,
        groups_claim: str,
        asking: Asking,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._issuer = issuer
        self._client_id = client_id
        self._client_secret = client_secret
        self._redirect_uri = redirect_uri
        self._groups_claim = groups_claim
        self._asking = asking
        self._source = MetadataSource(issuer, asking, clock)

    async def begin(self, attempt: Attempt) -> str:
        """Where the browser goes to sign in. Raises ProviderUnavailableError."""
        metadata = await self._source.metadata()
        url: str = prepare_grant_uri(
            metadata.authorization_endpoint,
            self._client_id,
            "code",
            redirect_uri=self._redirect_uri,
            scope=_SCOPES,
            state=attempt.state,
            nonce=attempt.nonce,
            code_challenge=create_s256_code_challenge(attempt.verifier),
            code_challenge_method="S256",
        )
        return url

    async def end(self, attempt: Attempt, code: str, issuer: str | None) -> Identity:
        """Who signed in; raises ProviderUnavailableError or SignInRefusedError."""
        if issuer is not None and issuer != self._issuer:
            raise SignInRefusedError("Another identity provider than ours answered (RFC 9207).")
        metadata = await self._source.metadata()
        tokens = await self._redeem(metadata, attempt, code)
        id_token = tokens.get("id_token")
        if not isinstance(id_token, str) or len(id_token) > _MOST_CHARACTERS:
            raise ProviderUnavailableError("The identity provider sent no ID token.")
        try:
            return self._identity(await self._verified(id_token, tokens, attempt))
        except (JoseError, ValueError, TypeError, KeyError, RecursionError) as error:
            raise SignInRefusedError(
                f"What the identity provider says of you can't be trusted ({_word(error)})."
            ) from error

    async def _redeem(self, metadata: Metadata, attempt: Attempt, code: str) -> dict[str, Any]:
        """The tokens for a code."""
        form: str = add_params_to_qs(
            "",
            [
                ("grant_type", "authorization_code"),
                ("code", code),
                ("redirect_uri", self._redirect_uri),
                ("code_verifier", attempt.verifier),
            ],
        )
        how = "client_secret_post"
        if self._client_secret is None:
            how = "none"
        elif _BASIC in metadata.token_authentication:
            how = _BASIC
        url, headers, body = ClientAuth(self._client_id, self._client_secret, how).prepare(
            "POST", metadata.token_endpoint, {"Content-Type": _FORM}, form
        )
        status, told = await self._asking.post(url, headers, body)
        if status != 200:
            error = told.get("error")
            if error == "invalid_grant":
                raise SignInRefusedError(
                    "The identity provider does not know the code, or not any more; begin again."
                )
            raise ProviderUnavailableError(
                f"The identity provider gave no token: it answered {status}."
            )
        return told

    async def _verified(
        self, id_token: str, tokens: dict[str, Any], attempt: Attempt
    ) -> CodeIDToken:
        try:
            found = _decoded(id_token, await self._source.keys())
        except _UnknownKeyError:
            # Providers change their keys; the one that is missing may be new.
            found = _decoded(id_token, await self._source.keys(anew=True))
        claims = CodeIDToken(
            found.claims,
            found.header,
            {
                "iss": {"essential": True, "value": self._issuer},
                "aud": {"essential": True, "value": self._client_id},
            },
            {
                "nonce": attempt.nonce,
                "client_id": self._client_id,
                "access_token": tokens.get("access_token"),
            },
        )
        claims.validate(leeway=_LEEWAY_SECONDS)
        return claims

    def _identity(self, claims: CodeIDToken) -> Identity:
        subject = claims["sub"]
        if not isinstance(subject, str):
            raise TypeError("sub")
        if not subject:
            raise ValueError("sub")
        name = user_name(claims.get("preferred_username"), claims.get("email"), subject)
        display_name = claims.get("name")
        groups = claims.get(self._groups_claim)
        identity = Identity(
            issuer=self._issuer,
            subject=quote(subject, safe=_PLAIN),
            name=name,
            display_name=str(display_name)[:_LONGEST_DISPLAY_NAME] if display_name else name,
            groups=frozenset(group for group in groups if isinstance(group, str))
            if isinstance(groups, list)
            else frozenset(),
        )
        if len(identity.key) > _LONGEST_KEY:
            raise ValueError("sub")
        return identity


class _UnknownKeyError(JoseError):
    """The token was signed by a key that is not published, as far as is known."""

    error = "unknown_key"


def _decoded(id_token: str, keys: KeySet) -> jwt.Token:
    def signer(presented: GuestProtocol) -> Key:
        kid = presented.headers().get("kid")
        found = [key for key in keys.keys if kid is None or key.kid == kid]
        if not found or (kid is None and len(found) > 1):
            raise _UnknownKeyError
        return found[0]

    return jwt.decode(id_token, signer, algorithms=_ALGORITHMS)


def _word(error: Exception) -> str:
    """What was wrong, without anything of what was said."""
    claim = getattr(error, "claim", None)
    return f"the claim {claim}" if claim else type(error).__name__.removesuffix("Error").lower()
