"""Keys as the registry keeps them, and the configuration that an installation is given."""

import math
from dataclasses import dataclass
from datetime import datetime

from understudy.contracts.limits import Limits
from understudy.contracts.vocabulary import Scope


@dataclass(frozen=True, slots=True)
class Reach:
    """What a key is limited to; without limits it is the whole installation."""

    deployment: str | None = None
    project: str | None = None

    @property
    def whole(self) -> bool:
        """Whether nothing is out of reach."""
        return self.deployment is None and self.project is None


@dataclass(frozen=True, slots=True)
class Key:
    """A key without its secret: only the digest of the whole key is kept."""

    id: str
    digest: str
    name: str
    scopes: tuple[Scope, ...]
    reach: Reach
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    limits: Limits | None = None
    last_used_at: datetime | None = None
    """About when, as far as those that it was shown to have said."""
    issued_by: str = ""
    """The actor; of keys from before that was kept, nobody."""

    def valid(self, now: datetime) -> bool:
        """Whether it opens anything."""
        expired = self.expires_at is not None and self.expires_at <= now
        return self.revoked_at is None and not expired


class LooserError(ValueError):
    """A limit that is asked for is looser than that of who asks; which one."""


def within(asked: Limits | None, own: Limits | None) -> Limits | None:
    """Limits as they are asked for, and one's own where nothing is. Raises LooserError."""
    if own is None:
        return asked
    asked = asked or Limits()
    rate, burst = asked.requests_per_second, asked.burst
    if own.requests_per_second is not None:
        if rate is not None and rate > own.requests_per_second:
            raise LooserError("requests_per_second")
        if burst is not None and burst > own.at_once:
            raise LooserError("burst")
        rate = rate or own.requests_per_second
        burst = burst or min(own.at_once, math.ceil(rate))
    most = own.predictions_per_day
    rows = asked.predictions_per_day
    if most is not None and rows is not None and rows > most:
        raise LooserError("predictions_per_day")
    return Limits(rate, burst, rows or most)


@dataclass(frozen=True, slots=True)
class InstallationKey:
    """A key that comes from the settings and never expires."""

    id: str
    digest: str
    scopes: tuple[Scope, ...]


@dataclass(frozen=True, slots=True)
class TokenKey:
    """An Ed25519 public key: its thumbprint, its bytes in base64url, and its tokens' issuer."""

    kid: str
    x: str
    issuer: str


@dataclass(frozen=True, slots=True)
class Configuration:
    """What an installation's settings say that followers must know too."""

    keys: tuple[InstallationKey, ...] = ()
    trusted_types: tuple[str, ...] = ()
    token_keys: tuple[TokenKey, ...] = ()
    """The one that signs is the first."""
