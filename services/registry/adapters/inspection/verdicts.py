"""What the child found, as refusals: which file, what is wrong with it, and what to do."""

from collections.abc import Collection

from services.registry.adapters.inspection.messages import Verdict
from services.registry.domain.artifact_refusals import (
    ArtifactNotSkopsError,
    ArtifactTypesNotTrustedError,
)
from services.registry.domain.errors import (
    ArtifactDoesNotFitError,
    EvaluationInvalidError,
    ReferenceInvalidError,
    TimeColumnInvalidError,
)
from understudy.contracts.refusals import FieldError


def judge(verdict: Verdict, trusted_types: Collection[str]) -> None:
    """Raises a refusal that says what is wrong with which file; returns when nothing is."""
    if verdict.not_skops is not None:
        detail = (
            f"The artifact is no file that skops wrote ({verdict.not_skops}). Save the model with "
            "skops.io.dump; pickle and joblib files are never taken, for loading them runs code."
        )
        raise ArtifactNotSkopsError(detail)
    untrusted = sorted(set(verdict.untrusted) - set(trusted_types))
    if untrusted:
        raise ArtifactTypesNotTrustedError(untrusted)
    _judge_samples(verdict)
    if verdict.unfit:
        raise ArtifactDoesNotFitError(
            f"The model does not fit: {'; '.join(found.message for found in verdict.unfit)}.",
            *(FieldError(found.pointer, found.message) for found in verdict.unfit),
        )


def _judge_samples(verdict: Verdict) -> None:
    for refusal, pointer, what, problems in (
        (ReferenceInvalidError, "/reference", "reference sample", verdict.reference),
        (EvaluationInvalidError, "/evaluation", "evaluation sample", verdict.evaluation),
        (TimeColumnInvalidError, "/time_column", "time column", verdict.time_column),
    ):
        if problems:
            raise refusal(
                f"The {what} does not fit: {'; '.join(problems)}.",
                *(FieldError(pointer, problem) for problem in problems),
            )
