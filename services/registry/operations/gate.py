"""The gate: nobody deploys a version that was not reviewed as its project demands."""

from typing import Final

from services.registry.domain import versions
from services.registry.domain.artifact_refusals import ArtifactDamagedError
from services.registry.domain.audit import Action, Entry
from services.registry.domain.gate import (
    Basis,
    Facts,
    Written,
    assess,
    named,
    require_leave,
)
from services.registry.domain.grounds import grounds_in
from services.registry.domain.persons import person_behind, same_person
from services.registry.domain.reviews import Attempt, NoReviewError, Opening
from services.registry.domain.versions import Version
from services.registry.operations.catalogue import Catalogue
from services.registry.operations.gate_policies import GatePolicies
from services.registry.operations.reach import Clock
from services.registry.operations.reviews import Reviews
from services.registry.ports import CatalogueStore, Instruments, KeyStore
from services.registry.ports.gates import Attestations
from understudy.contracts.gate import Assessment, GatePolicy, Obstacle
from understudy.contracts.reviews import Metric
from understudy.contracts.vocabulary import Decision, MemberRole, Scope
from understudy.runtime.keys import Caller

_PREPARING: Final = (Scope.REGISTER, Scope.REVIEW)
"""Of which one is enough to have reviews made and to answer questions."""


class Gate:
    """Stands between `pending` and every other state."""

    def __init__(
        self,
        *,
        policies: GatePolicies,
        catalogue: Catalogue,
        reviews: Reviews,
        store: CatalogueStore,
        keys: KeyStore,
        attestations: Attestations | None = None,
        instruments: Instruments,
        clock: Clock,
    ) -> None:
        """Without `attestations` no signature counts."""
        self._policies = policies
        self._catalogue = catalogue
        self._reviews = reviews
        self._store = store
        self._keys = keys
        self._attestations = attestations
        self._instruments = instruments
        self._clock = clock

    def assessment(self, caller: Caller, model: str, number: int) -> Assessment:
        """What would stand in the caller's way. Raises NotFoundError."""
        version = self._catalogue.version(caller, model, number)
        written = self._written(caller, model)
        return assess(written.policy, written.number, self._facts(caller, version, written))

    def decide(
        self,
        caller: Caller,
        model: str,
        number: int,
        decision: Decision,
        reason: str,
        *,
        override: bool = False,
    ) -> Version:
        """End a pending version's review, or nothing has happened.

        Raises AlreadyDecidedError, GateClosedError, OverrideRefusedError, ReasonTooShortError;
        ReviewChangedError, AnswersChangedError or GateChangedError when what was assessed is not
        so any more.
        """
        version = self._catalogue.version(caller, model, number)
        version.require_pending()
        written = self._written(caller, model)
        facts = self._facts(caller, version, written)
        obstacles = require_leave(
            version.title,
            written.policy,
            assess(written.policy, written.number, facts),
            decision,
            override=override,
            reason=reason,
        )
        decided = versions.decide(
            version,
            decision,
            by=caller.actor,
            at=facts.now,
            reason=reason,
            overridden=named(obstacles),
        )
        details = {"decision": decision.value, **_evidence(written, facts, obstacles)}
        details["state"] = decided.state.value
        entry = Entry(
            facts.now, caller.actor, Action.DECIDE_VERSION, decided.title, reason, details
        )
        self._store.end_review(decided, entry, _basis(written, facts))
        self._instruments.decided(decided)
        return decided

    def _written(self, caller: Caller, model: str) -> Written:
        return self._policies.of(self._catalogue.model(caller, model).project)

    def _facts(self, caller: Caller, version: Version, written: Written) -> Facts:
        model, number = version.draft.model, version.number
        standing = self._reviews.standing(caller, model, number)
        decider = self._person(caller.actor)
        return Facts(
            version=version,
            state=standing.state,
            failure=standing.failure,
            review=standing.made,
            metrics=self._metrics(caller, version, written.policy, standing.made),
            opening=self._opening(caller, version, standing.made),
            answers=self._reviews.answers(caller, model, number),
            attested=self._attestations is not None and self._attestations.attested(version),
            author=self._person(version.draft.created_by),
            decider=decider,
            roles=_roles(caller, written.project),
            now=self._clock(),
            prepares=any(caller.may(one, project=written.project) for one in _PREPARING),
        )

    def _metrics(
        self, caller: Caller, version: Version, policy: GatePolicy, review: Attempt | None
    ) -> tuple[Metric, ...]:
        """Read where something is demanded of them: a review's file is large."""
        if not policy.metrics or review is None:
            return ()
        try:
            found = self._reviews.peek(caller, version.draft.model, version.number)
        except (NoReviewError, ArtifactDamagedError):  # what can't be read reaches nothing
            return ()
        return () if found.review.results is None else found.review.results.metrics

    def _opening(self, caller: Caller, version: Version, review: Attempt | None) -> Opening | None:
        """The first by that person, with whichever key or sign-in of theirs."""
        if review is None:
            return None
        for each in self._reviews.openings(caller, version.draft.model, version.number):
            mine = same_person(each.actor, caller.actor, self._issuer)
            if each.number == review.number and mine:
                return each
        return None

    def _person(self, actor: str) -> str:
        return person_behind(actor, self._issuer)

    def _issuer(self, key_id: str) -> str | None:
        key = self._keys.find(key_id)
        return None if key is None else key.issued_by


def _roles(caller: Caller, project: str) -> frozenset[MemberRole]:
    """Those of which the caller may do everything there, whoever the caller is."""
    return frozenset(
        role
        for role in MemberRole
        if all(caller.may(scope, project=project) for scope in role.scopes)
    )


def _basis(written: Written, facts: Facts) -> Basis:
    reviewed = facts.review.number if facts.review else 0
    return Basis(
        project=written.project,
        policy=written.number,
        review=reviewed if written.policy.review else None,
        asked=bool(written.policy.questions),
        answered_at=facts.answers.at if facts.answers else None,
    )


def _evidence(written: Written, facts: Facts, obstacles: tuple[Obstacle, ...]) -> dict[str, object]:
    """What the decision rests on, for the trail."""
    details = grounds_in(written, facts)
    if obstacles:
        details["overridden"] = [
            {"code": each.code.value, "subject": each.subject, "detail": each.detail}
            for each in obstacles
        ]
    return details
