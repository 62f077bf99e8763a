"""Access tokens by OAuth 2.0's client credentials (RFC 6749): what is asked, said and refused."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from understudy.contracts.vocabulary import Scope


class GrantProblem(StrEnum):
    """Why there is no token, in the words of RFC 6749, section 5.2."""

    INVALID_REQUEST = "invalid_request"
    INVALID_CLIENT = "invalid_client"
    UNSUPPORTED_GRANT_TYPE = "unsupported_grant_type"
    INVALID_SCOPE = "invalid_scope"


class GrantError(Exception):
    """A token is refused, in OAuth's own form and not in that of a problem."""

    def __init__(self, problem: GrantProblem, description: str) -> None:
        super().__init__(description)
        self.problem = problem
        self.description = description


@dataclass(frozen=True, slots=True)
class Client:
    """Who asks for a token: a key, taken apart."""

    id: str
    secret: str
    """The key's last part, or the whole key."""

    @property
    def key(self) -> str:
        """The whole key."""
        return self.secret if self.secret.startswith("us_") else f"us_{self.id}_{self.secret}"


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says."""

    key: str
    scopes: tuple[Scope, ...]
    issued_at: datetime
    expires_at: datetime
    token_id: str


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A token at the one moment when it is told."""

    token: str
    scopes: tuple[Scope, ...]
    expires_in: int
    """Seconds."""
