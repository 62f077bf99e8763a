"""Model cards, assembled from what is kept."""

from typing import Final

from services.registry.domain.gate import judged
from services.registry.domain.grounds import Grounds
from services.registry.domain.reviews import NoReviewError
from services.registry.domain.versions import Lineage, Ruling, VersionDraft
from services.registry.operations.catalogue import Catalogue
from services.registry.operations.gate_policies import GatePolicies
from services.registry.operations.reviews import Reviews
from services.registry.ports.reviews import Reviewed
from understudy.contracts.cards import (
    CardDecision,
    CardFairness,
    CardFiles,
    CardLineage,
    CardOpening,
    CardResults,
    CardReview,
    CardStatements,
    ModelCard,
)
from understudy.contracts.gate import DEFAULT
from understudy.contracts.reviews import Fairness, Results
from understudy.runtime.keys import Caller

_MOST_IMPORTANCES: Final = 10


class Cards:
    """One for each version, at any time as its records are then."""

    def __init__(self, catalogue: Catalogue, reviews: Reviews, policies: GatePolicies) -> None:
        self._catalogue = catalogue
        self._reviews = reviews
        self._policies = policies

    def card(self, caller: Caller, model: str, number: int) -> ModelCard:
        """A version's card; reading it opens no review. Raises NotFoundError."""
        found = self._catalogue.model(caller, model)
        version = self._catalogue.version(caller, model, number)
        draft, answers = version.draft, self._reviews.answers(caller, model, number)
        newest = self._reviews.standing(caller, model, number).made
        grounds = self._reviews.grounds(caller, model, number)
        if grounds is None:
            holding = self._policies.of(found.project)
            grounds = Grounds(newest.number if newest else None, holding.number, holding.policy)
        return ModelCard(
            model=model,
            project=found.project,
            version=number,
            state=version.state,
            model_description=found.description,
            description=draft.description,
            created_at=draft.created_at,
            created_by=draft.created_by,
            signature=draft.signature,
            protected=draft.protected,
            files=_files(draft),
            lineage=_lineage(draft.lineage),
            statements=CardStatements()
            if answers is None
            else CardStatements(answers.answers, answers.at, answers.by),
            review=self._review(caller, model, number, grounds),
            newer_review=newest.number if newest and newest.number != grounds.review else None,
            policy=grounds.policy,
            openings=tuple(
                CardOpening(one.number, one.actor, one.at)
                for one in self._reviews.openings(caller, model, number)
            ),
            decision=None if version.ruling is None else _decision(version.ruling),
        )

    def _review(
        self, caller: Caller, model: str, number: int, grounds: Grounds
    ) -> CardReview | None:
        if grounds.review is None:
            return None
        try:
            found = self._reviews.peek(caller, model, number, grounds.review)
        except NoReviewError:
            return None
        return _reviewed(found, grounds)


def _reviewed(found: Reviewed, grounds: Grounds) -> CardReview:
    review = found.review
    explained = review.explanations
    return CardReview(
        file=found.file,
        made_at=review.made_at,
        samples=review.data.samples,
        findings=judged(grounds.demands or DEFAULT, review.findings),
        results=None if review.results is None else _results(review.results),
        importances=explained.importances[:_MOST_IMPORTANCES] if explained else (),
        fairness=None if review.fairness is None else _fairness(review.fairness),
        left_out=review.left_out,
        number=grounds.review or 0,
    )


def _results(results: Results) -> CardResults:
    return CardResults(
        sample=results.sample,
        rows=results.rows,
        deciding=results.deciding,
        metrics=results.metrics,
        positive=results.positive,
        main=results.main,
    )


def _fairness(fairness: Fairness) -> CardFairness:
    return CardFairness(fairness.positive, fairness.attributes)


def _files(draft: VersionDraft) -> CardFiles:
    return CardFiles(
        artifact=draft.artifact,
        format=draft.format,
        reference=draft.reference,
        evaluation=draft.evaluation,
        converted_from=draft.converted_from,
        attestation=draft.attestation,
    )


def _lineage(lineage: Lineage) -> CardLineage:
    return CardLineage(
        author=lineage.author,
        git_commit=lineage.git_commit,
        data_sha256=lineage.data_sha256,
        trained_at=lineage.trained_at,
        run=lineage.run,
        libraries=lineage.libraries,
    )


def _decision(ruling: Ruling) -> CardDecision:
    return CardDecision(ruling.decided_at, ruling.decided_by, ruling.reason, ruling.overridden)
