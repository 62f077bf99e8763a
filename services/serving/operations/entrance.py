"""Who is let in, how much they may still ask, and when their keys were used last."""

from collections.abc import Callable
from datetime import UTC, datetime

from services.serving.domain.table import Deployment
from services.serving.operations.access import check_access
from services.serving.operations.limiting import Allowance, Limiting
from understudy.contracts.vocabulary import AccessLevel, Scope
from understudy.runtime.keys import Caller, KeyRing
from understudy.runtime.uses import Uses


class Entrance:
    """Every request passes it. Without `limiting` no key is limited."""

    def __init__(self, keys: Callable[[], KeyRing], limiting: Limiting | None = None) -> None:
        self._keys = keys
        self._limiting = limiting
        self.uses = Uses()

    @property
    def keys(self) -> KeyRing:
        """The keys of this moment."""
        return self._keys()

    def caller(self, key: str | None) -> Caller:
        """Whose key it is. Raises UnauthenticatedError."""
        return self._keys().authenticate(key, datetime.now(UTC))

    def allowance(self, key: str) -> Allowance | None:
        """What somebody may still ask, whoever they ask. Raises UnauthenticatedError."""
        caller = self.caller(key)
        return None if self._limiting is None else self._limiting.of(caller)

    def let_in(
        self,
        found: Deployment | None,
        name: str,
        key: str | None,
        *scopes: Scope,
        public: bool = True,
    ) -> tuple[Deployment, Allowance | None]:
        """The deployment, and what its caller may still ask; None: as much as anybody can.

        Whoever asks a public deployment is nobody, whatever key comes along.
        """
        if public and found is not None and found.access is AccessLevel.PUBLIC:
            return found, None
        now = datetime.now(UTC)
        caller = self._keys().authenticate(key, now)
        open_to = check_access(found, name, caller, scopes)
        self.uses.note(caller.actor, now)
        return open_to, None if self._limiting is None else self._limiting.of(caller)
