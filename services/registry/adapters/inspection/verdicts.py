"""What the child found, as refusals: which file, what is wrong with it, and what to do."""

from collections.abc import Collection

from services.registry.adapters.inspection.messages import Verdict
from services.registry.domain.artifact_refusals import (
    ArtifactArchiveUnsafeError,
    ArtifactIsPickleError,
    ArtifactNotSkopsError,
    ArtifactOnnxRefusedError,
    ArtifactOtherVersionError,
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
    _judge_format(verdict)
    untrusted = sorted(set(verdict.untrusted) - set(trusted_types))
    if untrusted:
        raise ArtifactTypesNotTrustedError(untrusted)
    _judge_samples(verdict)
    if verdict.other_version is not None:
        raise ArtifactOtherVersionError(
            f"The model was saved with {verdict.other_version}; what it answers would not be what "
            "was trained. Save it with the same release, or have the installation use that one."
        )
    if verdict.unfit:
        raise ArtifactDoesNotFitError(
            f"The model does not fit: {'; '.join(found.message for found in verdict.unfit)}.",
            *(FieldError(found.pointer, found.message) for found in verdict.unfit),
        )


def _judge_format(verdict: Verdict) -> None:
    if verdict.unsafe is not None:
        raise ArtifactArchiveUnsafeError(
            "The artifact is an archive that skops would not have written: "
            f"{verdict.unsafe}. Save the model with skops.io.dump and send the file as it is."
        )
    if verdict.pickle is not None:
        raise ArtifactIsPickleError(
            f"The artifact is {verdict.pickle}, whatever its name says, and to read it is to run "
            "what its maker likes. Save the model with skops.io.dump instead; or an administrator "
            "of the installation sets 'pickle: true' in the project's gate, and pickles are read "
            "once, in a sandbox, and made skops files."
        )
    if verdict.bad_onnx is not None:
        raise ArtifactOnnxRefusedError(f"The ONNX model is not taken: {verdict.bad_onnx}.")
    if verdict.not_skops is not None:
        raise ArtifactNotSkopsError(
            f"The artifact is no file that skops wrote ({verdict.not_skops}), and no ONNX model. "
            "Save the model with skops.io.dump, or export it to ONNX."
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
