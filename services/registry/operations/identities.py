"""Signing in elsewhere: an identity provider vouches for people who have no password here."""

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from services.registry.domain.audit import SYSTEM
from services.registry.domain.errors import NameTakenError
from services.registry.domain.identities import (
    Attempt,
    Identity,
    SignInRefusedError,
    StaleSignInError,
    Welcome,
    local_path,
)
from services.registry.domain.people import UserChange
from services.registry.domain.people_refusals import LastAdministratorError, SignInFailedError
from services.registry.domain.replies import KEPT_FOR
from services.registry.domain.replies import Begun as Answered
from services.registry.operations.people import People
from services.registry.operations.reach import Clock
from services.registry.operations.sessions import SignedIn
from services.registry.ports import ReplyStore
from services.registry.ports.identities import AttemptSeal, IdentityProvider
from services.registry.ports.people import PeopleStore
from understudy.contracts.vocabulary import Scope
from understudy.runtime.keys import Caller, Grant

_INSTALLATION = Caller(SYSTEM, (Grant(frozenset({Scope.ADMIN})),)).wanting(Scope.ADMIN)


@dataclass(frozen=True, slots=True)
class Begun:
    """Where the browser goes, and what it keeps meanwhile."""

    url: str
    sealed: str


class Identities:
    """Who a provider vouches for."""

    def __init__(
        self,
        *,
        provider: IdentityProvider,
        seal: AttemptSeal,
        people: People,
        store: PeopleStore,
        replies: ReplyStore,
        welcome: Welcome,
        clock: Clock,
    ) -> None:
        self._provider = provider
        self._seal = seal
        self._people = people
        self._store = store
        self._replies = replies
        self._welcome = welcome
        self._clock = clock

    async def begin(self, asked: str | None) -> Begun:
        """Send somebody to the provider, who goes to `asked` afterwards."""
        # PKCE wants 43 characters and more of the verifier.
        state, nonce, verifier = (secrets.token_urlsafe(size) for size in (32, 32, 48))
        attempt = Attempt(state, nonce, verifier, local_path(asked))
        return Begun(await self._provider.begin(attempt), self._seal.close(attempt))

    async def end(self, sealed: str | None, answer: Mapping[str, str]) -> tuple[SignedIn, str]:
        """A session for who comes back from the provider, and where to go with it.

        Raises StaleSignInError, SignInRefusedError or ProviderUnavailableError.
        """
        attempt = self._seal.open(sealed) if sealed else None
        state = answer.get("state", "")
        if attempt is None or not hmac.compare_digest(attempt.state.encode(), state.encode()):
            raise StaleSignInError("This sign-in was not begun here, or too long ago; begin again.")
        if not await asyncio.to_thread(self._first, attempt):
            raise StaleSignInError("This sign-in has been answered before; begin again.")
        code = answer.get("code")
        if "error" in answer or not code:
            raise SignInRefusedError("The identity provider did not sign you in.")
        identity = await self._provider.end(attempt, code, answer.get("iss"))
        return await asyncio.to_thread(self._let_in, identity), attempt.next

    def _first(self, attempt: Attempt) -> bool:
        """Whether it is the attempt's first answer: cookies can be kept, and sent again."""
        used, now = hashlib.sha256(f"sign-in\0{attempt.state}".encode()).hexdigest(), self._clock()
        return self._replies.begin(used, Answered(used, now), now - KEPT_FOR) is None

    def _let_in(self, identity: Identity) -> SignedIn:
        known = self._store.of_identity(identity.key)
        if known is None and not self._welcome.sign_up:
            raise SignInRefusedError("Nobody here has this identity; ask an administrator.")
        try:
            signed_in = self._opened(identity)
        except SignInFailedError as error:
            raise SignInRefusedError("The user is disabled; ask an administrator.") from error
        self._make_administrator(signed_in, identity)
        return signed_in

    def _opened(self, identity: Identity) -> SignedIn:
        open_session, told = self._people.sign_in_by_identity, identity.display_name
        with suppress(NameTakenError):
            return open_session(identity.key, identity.name, told)
        return open_session(identity.key, identity.other_name, told)

    def _make_administrator(self, signed_in: SignedIn, identity: Identity) -> None:
        """Where a group says who administers, or no longer does; but somebody always does."""
        group, user = self._welcome.admin_group, signed_in.user
        if group is None or (group in identity.groups) == user.admin:
            return
        with suppress(LastAdministratorError):
            self._people.change(_INSTALLATION, user.name, UserChange(admin=not user.admin))
