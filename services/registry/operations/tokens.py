"""Access tokens: for a while, and no longer than the key that they are made of."""

from collections.abc import Callable
from datetime import timedelta
from typing import ClassVar, Final
from uuid import uuid4

from services.registry.domain.tokens import (
    AccessToken,
    Claims,
    Client,
    GrantError,
    GrantProblem,
)
from services.registry.operations.reach import Clock
from services.registry.ports import Signer
from understudy.contracts.refusals import Fault, Refusal
from understudy.contracts.registry import TokenKey
from understudy.contracts.vocabulary import Scope
from understudy.runtime.keys import (
    Caller,
    KeyRing,
    UnauthenticatedError,
    allowed_of,
    parse_key,
)

CLIENT_CREDENTIALS: Final = "client_credentials"


class NoTokensError(Refusal):
    """Access tokens are not set up."""

    fault: ClassVar = Fault.UNSUPPORTED
    code: ClassVar = "no_tokens"


class Tokens:
    """Makes access tokens of keys."""

    def __init__(
        self,
        *,
        ring: Callable[[], KeyRing],
        public: Callable[[], tuple[TokenKey, ...]],
        signer: Signer | None,
        lifetime_seconds: float,
        clock: Clock,
    ) -> None:
        self._ring = ring
        self._public = public
        self._signer = signer
        self._lifetime = timedelta(seconds=lifetime_seconds)
        self._clock = clock

    def grant(self, client: Client, scope: str | None) -> AccessToken:
        """A token of the client's key. Raises GrantError, or NoTokensError."""
        signer, ring, now = self._required(), self._ring(), self._clock()
        caller = self._authenticated(client, ring)
        scopes = _scopes(caller, scope)
        key_ends = ring.ends_at(caller.actor)
        ends = now + self._lifetime
        ends = ends if key_ends is None else min(ends, key_ends)
        claims = Claims(caller.actor, scopes, now, ends, uuid4().hex)
        return AccessToken(signer.sign(claims), scopes, int((ends - now).total_seconds()))

    def public_keys(self) -> tuple[TokenKey, ...]:
        """By which tokens are verified. Raises NoTokensError."""
        self._required()
        return self._public()

    def _required(self) -> Signer:
        if self._signer is None:
            raise NoTokensError(
                "This installation gives out no access tokens: set UNDERSTUDY_TOKEN_SECRET for the "
                "registry, or send the key itself as 'Authorization: Bearer us_…'."
            )
        return self._signer

    def _authenticated(self, client: Client, ring: KeyRing) -> Caller:
        try:
            caller = ring.authenticate(client.key, self._clock())
        except UnauthenticatedError:
            caller = None
        if caller is None or parse_key(client.key) != client.id:
            raise GrantError(
                GrantProblem.INVALID_CLIENT,
                "The client is unknown, its secret is wrong, or its key is revoked or expired. "
                "The client id is the key's id; the secret is the key, or what follows the id.",
            )
        return caller


def _scopes(caller: Caller, asked: str | None) -> tuple[Scope, ...]:
    """Those asked for, or all that the key has."""
    if asked is None:
        return tuple(sorted(caller.scopes))
    known = {scope.value: scope for scope in Scope}
    wanted = [known.get(name) for name in asked.split(" ") if name]
    scopes = {scope for scope in wanted if scope is not None}
    if not wanted or None in wanted or scopes - allowed_of(scopes, caller.scopes):
        held = " ".join(sorted(caller.scopes))
        raise GrantError(GrantProblem.INVALID_SCOPE, f"The key's scopes are: {held}.")
    return tuple(sorted(scopes))
