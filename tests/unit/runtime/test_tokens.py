"""Access tokens: what is genuine, what an attacker makes of them, what a key still gives them."""

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import OctKey, OKPKey

from services.registry.adapters.token_signing import TokenSigner, public_key
from services.registry.domain.tokens import Claims
from understudy.contracts.registry import KeyRecord, TokenKey
from understudy.contracts.vocabulary import KeyId, Scope
from understudy.runtime.keys import KeyRing, UnauthenticatedError, make_key
from understudy.runtime.tokens import TokenVerifier

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
SECRET, BEFORE, STRANGE = "s" * 32, "b" * 32, "x" * 32
ISSUER = "https://registry.example"
KEY = make_key()
CLAIMS = Claims(KEY.id, (Scope.PREDICT, Scope.READ), NOW, NOW + HOUR, "t1")
SIGNER = TokenSigner(SECRET, ISSUER)
TOKEN = SIGNER.sign(CLAIMS)


def published(secret: str = SECRET, issuer: str = ISSUER) -> TokenKey:
    key = public_key(secret, issuer)
    return TokenKey(kid=key.kid, x=key.x, issuer=key.issuer)


PUBLIC = published()


def record(*scopes: Scope, **more: Any) -> KeyRecord:
    return KeyRecord(id=KEY.id, digest=KEY.digest, scopes=scopes, **more)


def ring(*records: KeyRecord, keys: tuple[TokenKey, ...] = (PUBLIC,)) -> KeyRing:
    return KeyRing(records, TokenVerifier(keys))


HELD = record(Scope.PREDICT, Scope.READ, deployment="iris")


def refused(token: str, within: KeyRing | None = None, now: datetime = NOW) -> None:
    with pytest.raises(UnauthenticatedError):
        (within or ring(HELD)).authenticate(token, now)


def private() -> OKPKey:
    """The pair that signs, to make with it what the registry never would."""
    return SIGNER._pair


def said() -> dict[str, Any]:
    return dict(jwt.decode(TOKEN, private(), algorithms=["Ed25519"]).claims)


HEADER = {"alg": "Ed25519", "typ": "at+jwt", "kid": PUBLIC.kid}


def forged(header: dict[str, Any] | None = None, **claims: Any) -> str:
    """Signed by the right key, saying something else; None leaves a claim out."""
    told = {name: value for name, value in {**said(), **claims}.items() if value is not None}
    return jwt.encode({**HEADER, **(header or {})}, told, private(), algorithms=["Ed25519"])


def part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def test_a_token_is_its_key_with_the_scopes_that_it_says() -> None:
    caller = ring(HELD).authenticate(TOKEN, NOW)
    assert caller.actor == KEY.id
    assert caller.scopes == {Scope.PREDICT, Scope.READ}
    assert caller.reaches("iris", "flowers")
    assert not caller.reaches("other", "flowers")


def test_what_is_forged_is_otherwise_as_a_genuine_one() -> None:
    assert ring(HELD).authenticate(forged(), NOW).actor == KEY.id


def test_the_pair_derives_from_the_secret_alone() -> None:
    assert published() == published()
    assert published().kid != published(BEFORE).kid
    assert SECRET not in repr(published())


def test_a_key_is_still_a_key() -> None:
    assert ring(HELD).authenticate(KEY.plaintext, NOW).actor == KEY.id


def test_a_token_of_the_secret_before_stays_valid() -> None:
    old = TokenSigner(BEFORE, ISSUER).sign(CLAIMS)
    assert ring(HELD, keys=(PUBLIC, published(BEFORE))).authenticate(old, NOW).actor == KEY.id
    refused(old)


def _none() -> str:
    return f"{part({**HEADER, 'alg': 'none'})}.{part(said())}."


def _public_as_secret(encode: Callable[[TokenKey], bytes]) -> str:
    key = OctKey.import_key(encode(PUBLIC).ljust(32, b"\0"))
    return jwt.encode({**HEADER, "alg": "HS256"}, said(), key, algorithms=["HS256"])


def _with_own_key() -> str:
    own = OKPKey.generate_key("Ed25519")
    header = {**HEADER, "kid": own.thumbprint(), "jwk": own.as_dict(private=False)}
    return jwt.encode(header, said(), own, algorithms=["Ed25519"])


def _changed() -> str:
    head, _, signature = TOKEN.split(".")
    return f"{head}.{part({**said(), 'scope': 'admin'})}.{signature}"


FORGERIES: dict[str, Callable[[], str]] = {
    "no algorithm": _none,
    "no algorithm, in capitals": lambda: _none().replace(
        part({**HEADER, "alg": "none"}), part({**HEADER, "alg": "None"})
    ),
    "the public key as a secret": lambda: _public_as_secret(lambda key: key.x.encode()),
    "the public bytes as a secret": lambda: _public_as_secret(
        lambda key: base64.urlsafe_b64decode(key.x + "=")
    ),
    "somebody's own key under our kid": lambda: jwt.encode(
        HEADER, said(), OKPKey.generate_key("Ed25519"), algorithms=["Ed25519"]
    ),
    "somebody's own key in the header": _with_own_key,
    "another secret": lambda: TokenSigner(STRANGE, ISSUER).sign(CLAIMS),
    "an unknown kid": lambda: forged({"kid": "x" * 43}),
    "a kid that is a list": lambda: f"{part({**HEADER, 'kid': ['x']})}.{part(said())}.AAAA",
    "another issuer": lambda: forged(iss="https://elsewhere.example"),
    "no issuer": lambda: forged(iss=None),
    "another audience": lambda: forged(aud="somebody"),
    "no audience": lambda: forged(aud=None),
    "an ID token": lambda: forged({"typ": "JWT"}),
    "no subject": lambda: forged(sub=None),
    "no end": lambda: forged(exp=None),
    "an end in words": lambda: forged(exp="never"),
    "an endless end": lambda: forged(exp=float("inf")),
    "no scope": lambda: forged(scope=None),
    "no time of issue": lambda: forged(iat=None),
    "issued tomorrow": lambda: forged(iat=int((NOW + 24 * HOUR).timestamp())),
    "not yet valid": lambda: forged(nbf=int((NOW + HOUR).timestamp())),
    "truncated": lambda: TOKEN[:-10],
    "without a signature": lambda: TOKEN.rpartition(".")[0] + ".",
    "two parts": lambda: TOKEN.rpartition(".")[0],
    "four parts": lambda: TOKEN + ".AAAA",
    "a changed claim": _changed,
    "huge": lambda: forged(more="x" * 3000),
    "huge and hollow": lambda: "eyJ" + "A" * 1_000_000,
    "nested": lambda: "eyJ" + base64.b64encode(b"[" * 700).decode() + ".e30.AAAA",
    "nested claims": lambda: f"{part(HEADER)}.{base64.b64encode(b'[' * 1200).decode()}.AAAA",
    "other text": lambda: "eyJé.ü.ß",
    "critical": lambda: f"{part({**HEADER, 'crit': ['exp'], 'exp': 1})}.{part(said())}.AAAA",
}


@pytest.mark.parametrize("forgery", FORGERIES.values(), ids=FORGERIES)
def test_forgeries_are_nothing(forgery: Callable[[], str]) -> None:
    refused(forgery())


@given(st.text(max_size=300))
def test_whatever_looks_like_a_token_is_no_more_than_refused(text: str) -> None:
    refused("eyJ" + text)


@given(st.integers(0, len(TOKEN) - 1), st.characters(codec="ascii"))
def test_a_token_with_one_character_changed_is_refused_or_the_same(at: int, other: str) -> None:
    changed = TOKEN[:at] + other + TOKEN[at + 1 :]
    verified = TokenVerifier([PUBLIC]).verify(changed, NOW)
    # The last character of base64url has bits that nothing reads.
    assert verified is None or changed == TOKEN or at == len(TOKEN) - 1


@pytest.mark.parametrize(("late", "valid"), [(0, True), (3600 + 4, True), (3600 + 6, False)])
def test_a_token_ends(late: int, *, valid: bool) -> None:
    within, now = ring(HELD), NOW + timedelta(seconds=late)
    if valid:
        assert within.authenticate(TOKEN, now).actor == KEY.id
    else:
        refused(TOKEN, within, now)
    # What is remembered ends too.
    refused(TOKEN, within, NOW + 2 * HOUR)


def test_a_clock_may_be_a_little_behind() -> None:
    assert ring(HELD).authenticate(TOKEN, NOW - timedelta(seconds=4)).actor == KEY.id
    refused(TOKEN, now=NOW - timedelta(seconds=10))


def test_a_revoked_key_ends_its_tokens() -> None:
    refused(TOKEN, ring())
    other = KeyRecord(id=KeyId("otherkey"), digest="0" * 64, scopes=(Scope.PREDICT,))
    refused(TOKEN, ring(other))


def test_an_expired_key_ends_its_tokens() -> None:
    within = ring(record(Scope.PREDICT, expires_at=NOW + timedelta(minutes=1)))
    assert within.authenticate(TOKEN, NOW).actor == KEY.id
    refused(TOKEN, within, NOW + timedelta(minutes=1))


@pytest.mark.parametrize(
    ("held", "asked", "got"),
    [
        ((Scope.PREDICT,), (Scope.PREDICT, Scope.READ), {Scope.PREDICT}),
        ((Scope.PREDICT,), (Scope.ADMIN,), set()),
        ((Scope.ADMIN,), (Scope.READ,), {Scope.READ}),
        ((Scope.ADMIN,), (Scope.ADMIN,), {Scope.ADMIN}),
    ],
)
def test_a_token_gives_no_more_than_its_key_does(
    held: tuple[Scope, ...], asked: tuple[Scope, ...], got: set[Scope]
) -> None:
    token = SIGNER.sign(replace(CLAIMS, scopes=asked))
    assert ring(record(*held)).authenticate(token, NOW).scopes == got


def test_scopes_of_a_newer_registry_are_passed_over() -> None:
    assert ring(HELD).authenticate(forged(scope="predict fly"), NOW).scopes == {Scope.PREDICT}


def test_what_is_remembered_is_bounded_and_no_token() -> None:
    verifier = TokenVerifier([PUBLIC])
    for number in range(1100):
        token = SIGNER.sign(replace(CLAIMS, token_id=str(number)))
        assert verifier.verify(token, NOW) is not None
    assert len(verifier._remembered) == 1024
    assert sha256(token.encode()).digest() in verifier._remembered
    assert not any(token.encode() in kept for kept in verifier._remembered)
