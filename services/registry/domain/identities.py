"""People who sign in at an identity provider: an attempt to, and who it says that they are."""

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import ClassVar, Final

from understudy.contracts.refusals import Fault, Refusal

HOME: Final = "/"
_LOCAL: Final = re.compile(r"/(?![/\\]|signin)[!-\[\]-~]{0,1000}")
_NOT_IN_NAMES: Final = re.compile(r"[^a-z0-9._@+-]+")
_MOST_CHARACTERS: Final = 100


@dataclass(frozen=True, slots=True)
class Attempt:
    """A sign-in that has begun; its browser alone brings it back."""

    state: str
    nonce: str
    verifier: str
    """Whose hash the provider was shown (PKCE)."""
    next: str
    """Where the browser goes at the end."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who somebody is, on a provider's word."""

    issuer: str
    subject: str
    name: str
    display_name: str
    groups: frozenset[str] = frozenset()

    @property
    def key(self) -> str:
        """By which the user is found again; names may change hands, this does not."""
        return f"{self.issuer} {self.subject}"

    @property
    def other_name(self) -> str:
        """For who comes second under a name."""
        return f"{self.name}-{sha256(self.key.encode()).hexdigest()[:8]}"


@dataclass(frozen=True, slots=True)
class Welcome:
    """Who of a provider's people is let in, and as what."""

    sign_up: bool = True
    """Whether unknown people become users, who are members of nothing."""
    admin_group: str | None = None
    """Whose members administer the instance; with one, nobody else of the provider does."""


class ProviderUnavailableError(Refusal):
    """The identity provider does not answer, or not as one does."""

    fault: ClassVar = Fault.UNAVAILABLE
    code: ClassVar = "provider_unavailable"


class StaleSignInError(Refusal):
    """The answer belongs to no sign-in that this browser began just now."""

    fault: ClassVar = Fault.MALFORMED
    code: ClassVar = "sign_in_stale"


class SignInRefusedError(Refusal):
    """The provider refused, or vouches for nobody who may come in."""

    fault: ClassVar = Fault.FORBIDDEN
    code: ClassVar = "sign_in_refused"


def local_path(asked: str | None) -> str:
    """Where to go after signing in: a page of this host as it was asked for, else the start."""
    return asked if asked is not None and _LOCAL.fullmatch(asked) else HOME


def user_name(*candidates: object) -> str:
    """The first candidate of which a user's name can be made."""
    for candidate in candidates:
        if isinstance(candidate, str):
            name = _NOT_IN_NAMES.sub("-", candidate[:_MOST_CHARACTERS].lower()).lstrip("._@+-")
            if name:
                return name
    return "user"
