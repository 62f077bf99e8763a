"""Types that artifacts may hold: asked for by registrations, decided by administrators."""

from collections.abc import Collection, Sequence

from services.registry.domain import trust
from services.registry.domain.artifact_refusals import ArtifactTypesNotTrustedError
from services.registry.domain.audit import Action, Entry
from services.registry.domain.errors import StaleReleaseError
from services.registry.domain.paging import Paging, Slice
from services.registry.domain.trust import Asked
from services.registry.operations.reach import Clock, require_whole
from services.registry.ports.trust import TrustStore
from understudy.contracts.vocabulary import TrustState
from understudy.runtime.keys import Caller


class Trust:
    """What is trusted, what was asked for, what was decided."""

    def __init__(self, store: TrustStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def refused(
        self, caller: Caller, model: str, refusal: ArtifactTypesNotTrustedError
    ) -> ArtifactTypesNotTrustedError:
        """Ask for the types that a registration was refused for; the refusal that says so."""
        never = [name for name in refusal.types if trust.never(name) is not None]
        possible = [name for name in refusal.types if name not in {*never}]
        advice = [self._never(never), self._denied(possible), self._ask(caller, model, possible)]
        return ArtifactTypesNotTrustedError(refusal.types, " ".join(filter(None, advice)))

    def page(self, caller: Caller, state: TrustState | None, paging: Paging) -> Slice[Asked]:
        """By name."""
        require_whole(caller, "Listing trusted types")
        return self._store.page(state, paging)

    def decide(self, caller: Caller, name: str, state: TrustState, reason: str) -> Asked:
        """Trust it or deny it; either may be taken back.

        Raises TypeNeverTrustedError, NothingChangesError or StaleReleaseError.
        """
        require_whole(caller, "Deciding which types are trusted")
        now, by = self._clock(), caller.actor
        before = self._store.find(name)
        asked = before or Asked(name, TrustState.ASKED, now, by, model="")
        after = trust.decide(asked, state, by=by, at=now, reason=reason)
        details = {"state": state.value, "before": asked.state.value, "model": asked.model}
        entry = Entry(now, by, Action.DECIDE_TRUST, name, reason, details)
        if not self._store.decide(before, after, entry):
            raise StaleReleaseError(f"Somebody else has just decided about '{name}'; look again.")
        return after

    def _ask(self, caller: Caller, model: str, names: Sequence[str]) -> str:
        if not names:
            return ""
        now = self._clock()
        asked = [Asked(name, TrustState.ASKED, now, caller.actor, model) for name in names]
        entry = Entry(now, caller.actor, Action.ASK_TRUST, model)
        if not self._store.ask(asked, trust.MOST_OPEN, entry):
            return (
                f"They could not be asked for, for {trust.MOST_OPEN} types wait for a decision "
                "already; an administrator has to decide those first: understudy trust list."
            )
        return (
            "They were asked for: an administrator of the installation may allow each, if it is "
            "known to be harmless and serving has it installed (understudy trust allow TYPE "
            "--reason …, or the registry's setting UNDERSTUDY_TRUSTED_TYPES); then register again."
        )

    def _denied(self, names: Collection[str]) -> str:
        found = (self._store.find(name) for name in names)
        denied = [one for one in found if one is not None and one.state is TrustState.DENIED]
        return " ".join(
            f"'{one.type}' was denied by {one.decided_by}: {one.reason}." for one in denied[:5]
        )

    def _never(self, names: Sequence[str]) -> str:
        told = "; ".join(f"'{name[:100]}': {trust.never(name)}" for name in names[:5])
        return f"Some can't be trusted by anybody ({told})." if names else ""
