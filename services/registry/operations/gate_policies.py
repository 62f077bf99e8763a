"""What projects demand of reviews: set as a text, kept in versions."""

from collections.abc import Collection

from services.registry.domain.audit import Action, Entry
from services.registry.domain.errors import PreconditionFailedError
from services.registry.domain.gate import Written
from services.registry.domain.gate_refusals import GateChangedError
from services.registry.domain.gate_texts import document_of, policy_of
from services.registry.domain.paging import Paging, Slice
from services.registry.operations.reach import Clock, not_found, require_able, require_whole
from services.registry.ports import CatalogueStore
from services.registry.ports.gates import GateReader, GateStore
from understudy.contracts.gate import DEFAULT, GatePolicy
from understudy.runtime.keys import Caller


class GatePolicies:
    """The policies of gates, by project."""

    def __init__(
        self,
        *,
        store: GateStore,
        catalogue: CatalogueStore,
        reader: GateReader,
        own: str | None,
        clock: Clock,
    ) -> None:
        """`own` is the installation's own policy as a text; the standard one without it.

        Raises InvalidGateError.
        """
        self._store = store
        self._catalogue = catalogue
        self._reader = reader
        self._clock = clock
        self._own_text = own or ""
        self._own = DEFAULT if own is None else policy_of(reader.values(own))

    def of(self, project: str) -> Written:
        """The one that holds: the project's last, or the installation's own as number 0."""
        return self._store.current(project) or Written(project, 0, self._own, self._own_text)

    def allows_pickle(self, project: str) -> bool:
        """Whether pickles are read there, in a sandbox."""
        return self.of(project).policy.pickle

    def show(self, caller: Caller, project: str) -> Written:
        """The same for somebody. Raises NotFoundError or ForbiddenError."""
        self._require(caller, project)
        return self.of(project)

    def history(self, caller: Caller, project: str, paging: Paging) -> Slice[Written]:
        """All that the project has set, newest first."""
        self._require(caller, project)
        return self._store.versions(project, paging)

    def put(
        self,
        caller: Caller,
        project: str,
        text: str,
        reason: str,
        matches: Collection[int] | None = None,
    ) -> Written:
        """Have another policy hold from now on; the same text again changes nothing.

        `matches` are the numbers of which one must hold now. Raises InvalidGateError,
        PreconditionFailedError, GateChangedError, ForbiddenError or NotFoundError.
        """
        self._require(caller, project)
        policy = policy_of(self._reader.values(text))
        former = self.of(project)
        if matches is not None and former.number not in matches:
            raise _other(project, former.number)
        if policy.pickle and not former.policy.pickle:
            require_whole(caller, "Taking pickles")
        if former.number and (former.text, former.policy) == (text, policy):
            return former
        made = self._next(caller, former, policy, text, reason)
        try:
            self._store.add(made, self._entry(made, former))
        except GateChangedError as error:
            if matches is None:
                raise
            raise _other(project, self.of(project).number) from error
        return made

    def _next(
        self, caller: Caller, former: Written, policy: GatePolicy, text: str, reason: str
    ) -> Written:
        return Written(
            project=former.project,
            number=former.number + 1,
            policy=policy,
            text=text,
            at=self._clock(),
            by=caller.actor,
            reason=reason,
        )

    def _entry(self, made: Written, former: Written) -> Entry:
        assert made.at is not None  # noqa: S101 - `_next` gave it one
        assert made.by is not None  # noqa: S101 - and an actor
        details = {
            "number": made.number,
            "policy": document_of(made.policy),
            "former_number": former.number,
            "former_policy": document_of(former.policy),
        }
        return Entry(made.at, made.by, Action.SET_GATE, made.project, made.reason, details)

    def _require(self, caller: Caller, project: str) -> None:
        if self._catalogue.project(project) is None:
            raise not_found("project", project)
        require_able(caller, "project", project, project=project)


def _other(project: str, number: int) -> PreconditionFailedError:
    return PreconditionFailedError(
        f"The gate of '{project}' has the policy number {number} now; look at it, then try again."
    )
