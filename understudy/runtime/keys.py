"""API keys: how they look, how they are checked without asking anyone, and what they allow."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar, Final, Protocol

from understudy.contracts.limits import Limits
from understudy.contracts.refusals import Fault, Refusal
from understudy.contracts.registry import KeyRecord
from understudy.contracts.vocabulary import Digest, KeyId, Scope

_KEY: Final = re.compile(r"^us_([a-z0-9]{8,16})_([A-Za-z0-9_-]{20,64})$")
_ABSENT: Final = Digest("0" * 64)
_HEADERS: Final = frozenset({"x-api-key", "authorization"})
_MOST_NARROWED: Final = 4096
"""Keys with different scopes in their tokens; there are seldom more than keys."""


class UnauthenticatedError(Refusal):
    """The request carries no key, or one that is unknown, revoked or expired."""

    fault: ClassVar = Fault.UNAUTHENTICATED
    code: ClassVar = "unauthenticated"


class RepeatedKeyError(UnauthenticatedError):
    """A header that holds a key stands twice: which of its values counts would be a guess."""

    def __init__(self) -> None:
        super().__init__("'X-API-Key' or 'Authorization' stands twice and differs: send one.")


class ForbiddenError(Refusal):
    """The key is valid but does not carry the scope."""

    fault: ClassVar = Fault.FORBIDDEN
    code: ClassVar = "forbidden"


@dataclass(frozen=True, slots=True)
class Grant:
    """What somebody may do within one reach: a deployment, a project, or the whole instance."""

    scopes: frozenset[Scope]
    deployment: str | None = None
    project: str | None = None

    @property
    def whole(self) -> bool:
        """Whether nothing is out of its reach."""
        return self.deployment is None and self.project is None

    def covers(self, deployment: str | None, project: str | None) -> bool:
        """Whether it is about that deployment and project (None: the whole instance)."""
        if self.deployment is not None and self.deployment != deployment:
            return False
        return self.project is None or self.project == project

    def allows(self, scopes: Collection[Scope]) -> bool:
        """Whether it holds one of them; `admin` covers every scope."""
        return Scope.ADMIN in self.scopes or not self.scopes.isdisjoint(scopes)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the holder of a key, which is one grant, or a person, who has one by project."""

    actor: str
    """A key's id, or a person as `user:<name>`; what the audit trail says."""
    grants: tuple[Grant, ...]
    wants: frozenset[Scope] = frozenset()
    """What the route is for, of which one is enough; who wants nothing yet is able of nothing."""
    limits: Limits | None = None
    """How much may be asked."""
    expires_at: datetime | None = None
    """When the key ends."""
    by_token: bool = False
    """Whether an access token of the key is shown, which ends sooner."""

    @property
    def scopes(self) -> frozenset[Scope]:
        """What may be done somewhere."""
        return frozenset().union(*(grant.scopes for grant in self.grants))

    def wanting(self, *scopes: Scope) -> "Caller":
        """The same caller, about to do what needs one of these scopes."""
        return replace(self, wants=frozenset(scopes))

    @property
    def effective(self) -> tuple[Grant, ...]:
        """The grants that allow what is wanted; none before something is."""
        if not self.wants:
            return ()
        return tuple(grant for grant in self.grants if grant.allows(self.wants))

    @property
    def whole(self) -> bool:
        """Whether what is wanted is allowed for the whole instance."""
        return any(grant.whole for grant in self.effective)

    def scopes_at(self, deployment: str | None, project: str | None) -> frozenset[Scope]:
        """What may be done there; nothing where it is out of reach."""
        here = (grant.scopes for grant in self.grants if grant.covers(deployment, project))
        return frozenset().union(*here)

    def reaches(self, deployment: str | None, project: str | None) -> bool:
        """Whether some grant covers that deployment and project (None: the whole instance)."""
        return any(grant.covers(deployment, project) for grant in self.grants)

    def able(self, deployment: str | None, project: str | None) -> bool:
        """Whether what is wanted is allowed there."""
        return any(grant.covers(deployment, project) for grant in self.effective)

    def may(
        self, scope: Scope, *, deployment: str | None = None, project: str | None = None
    ) -> bool:
        """Whether it is allowed there; `admin` covers every scope within its reach."""
        return bool(self.scopes_at(deployment, project) & {scope, Scope.ADMIN})


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key at the one moment when its secret exists."""

    id: KeyId
    plaintext: str
    digest: Digest


def make_key() -> NewKey:
    """Draw a key with 256 bits of secret, so that a plain SHA-256 of it can't be guessed back."""
    key_id = KeyId(secrets.token_hex(6))
    plaintext = f"us_{key_id}_{secrets.token_urlsafe(32)}"
    return NewKey(key_id, plaintext, key_digest(plaintext))


def key_digest(plaintext: str) -> Digest:
    """What is stored of a key."""
    return Digest(hashlib.sha256(plaintext.encode()).hexdigest())


def parse_key(plaintext: str) -> KeyId | None:
    """The id inside a well-formed key."""
    match = _KEY.match(plaintext)
    return KeyId(match[1]) if match else None


def presented_key(headers: Mapping[str, str]) -> str | None:
    """The key of `X-API-Key` or `Authorization: Bearer`; header names in lower case.

    Raises UnauthenticatedError when they hold different ones.
    """
    return key_among(headers.items())


def key_among(headers: Iterable[tuple[str, str]]) -> str | None:
    """The same of pairs, where a name may stand twice.

    Raises UnauthenticatedError when its values differ.
    """
    shown: dict[str, str] = {}
    for name, value in headers:
        if name in _HEADERS and shown.setdefault(name, value) != value:
            raise RepeatedKeyError
    return one_key(shown.get("x-api-key", ""), shown.get("authorization", ""))


def one_key(api_key: str, authorization: str) -> str | None:
    """The key of two headers' values, of which either may be empty.

    Whoever shows two has mixed something up, and which of them counts would be a guess. Other kinds
    of `Authorization` may stand beside a key: proxies have some.

    Raises UnauthenticatedError when they hold different ones.
    """
    key, other = api_key.strip(), bearer(authorization)
    if key and other and not hmac.compare_digest(key.encode(), other.encode()):
        raise UnauthenticatedError("'X-API-Key' and 'Authorization' hold different keys: send one.")
    return key or other


def bearer(authorization: str) -> str | None:
    """The credentials of an `Authorization` header of the kind `Bearer`."""
    kind, _, credentials = authorization.partition(" ")
    return credentials.strip() if kind.lower() == "bearer" and credentials else None


@dataclass(frozen=True, slots=True)
class Token:
    """What a genuine access token says."""

    key: KeyId
    """Of whom it was made."""
    scopes: frozenset[Scope]


class Tokens(Protocol):
    """Verifies access tokens; `runtime.tokens.TokenVerifier`."""

    def looks_like_one(self, credentials: str) -> bool:
        """Whether it is to be verified as a token, and can't be a key."""

    def verify(self, credentials: str, now: datetime) -> Token | None:
        """What it says; None when it is not genuine, or not valid now."""


class KeyRing:
    """An immutable table of keys that answers who a presented key or token belongs to."""

    def __init__(self, records: Iterable[KeyRecord] = (), tokens: Tokens | None = None) -> None:
        self._holders = {record.id: (record, _caller(record)) for record in records}
        self._tokens = tokens
        self._narrowed: dict[Token, Caller] = {}

    def ends_at(self, key_id: str) -> datetime | None:
        """When the key expires, if it does."""
        found = self._holders.get(KeyId(key_id))
        return found[0].expires_at if found else None

    def authenticate(self, plaintext: str | None, now: datetime) -> Caller:
        """Find the holder of a key, or of the key that an access token was made of.

        Raises UnauthenticatedError in the same words whatever is wrong with the key.
        """
        if plaintext is None:
            raise UnauthenticatedError(
                "No API key. Send it as 'Authorization: Bearer us_…' or as 'X-API-Key: us_…'."
            )
        if self._tokens is not None and self._tokens.looks_like_one(plaintext):
            return self._of_token(self._tokens.verify(plaintext, now), now)
        # The digest is of the whole key, so its form need not be checked here.
        record, caller = self._holders.get(plaintext[3:].partition("_")[0], (None, None))
        known = hmac.compare_digest(key_digest(plaintext), record.digest if record else _ABSENT)
        expired = record is not None and record.expires_at is not None and record.expires_at <= now
        if caller is None or not known or expired:
            raise UnauthenticatedError("The API key is not valid: unknown, revoked or expired.")
        return caller

    def _of_token(self, token: Token | None, now: datetime) -> Caller:
        """A token gives no more than its key does by now."""
        record, caller = self._holders.get(token.key, (None, None)) if token else (None, None)
        expired = record is not None and record.expires_at is not None and record.expires_at <= now
        if token is None or caller is None or expired:
            raise UnauthenticatedError("The access token is not valid: unknown, ended or expired.")
        narrowed = self._narrowed.get(token)
        if narrowed is None:
            if len(self._narrowed) >= _MOST_NARROWED:
                self._narrowed.clear()
            narrowed = self._narrowed[token] = _narrowed(caller, token.scopes)
        return narrowed


def _narrowed(caller: Caller, scopes: frozenset[Scope]) -> Caller:
    grants = (replace(grant, scopes=allowed_of(scopes, grant.scopes)) for grant in caller.grants)
    return replace(caller, grants=tuple(grants), by_token=True)


def allowed_of(asked: Collection[Scope], held: Collection[Scope]) -> frozenset[Scope]:
    """Of the scopes asked for, those that somebody with `held` has; `admin` covers every one."""
    return frozenset(asked) if Scope.ADMIN in held else frozenset(asked) & frozenset(held)


def _caller(record: KeyRecord) -> Caller:
    grant = Grant(frozenset(record.scopes), record.deployment, record.project)
    return Caller(record.id, (grant,), limits=record.limits, expires_at=record.expires_at)
