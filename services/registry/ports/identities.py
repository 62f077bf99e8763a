"""What signing in elsewhere needs from outside."""

from typing import Protocol

from services.registry.domain.identities import Attempt, Identity


class IdentityProvider(Protocol):
    """An OpenID Connect provider."""

    async def begin(self, attempt: Attempt) -> str:
        """Where the browser goes to sign in. Raises ProviderUnavailableError."""

    async def end(self, attempt: Attempt, code: str, issuer: str | None) -> Identity:
        """Who signed in, for the code that the browser brought, and the issuer that it named.

        Raises ProviderUnavailableError, or SignInRefusedError when what is said can't be trusted.
        """


class AttemptSeal(Protocol):
    """Writes attempts so that nobody else can write or read them."""

    def close(self, attempt: Attempt) -> str:
        """As text for a cookie."""

    def open(self, sealed: str) -> Attempt | None:
        """The attempt, unless it is another's or too old."""
