"""Every way in which the registry says no. A class's docstring says when."""

from typing import ClassVar

from understudy.contracts.refusals import Fault, FieldError, Refusal


class NotFoundError(Refusal):
    """There is no such thing, or none that the caller's key reaches: the two look alike."""

    fault: ClassVar = Fault.NOT_FOUND
    code: ClassVar = "not_found"


class UnknownReferenceError(Refusal):
    """The body names something that is not there."""

    code: ClassVar = "unknown_reference"

    def __init__(self, pointer: str, detail: str) -> None:
        super().__init__(detail, FieldError(pointer, detail))


class InvalidCommandError(Refusal):
    """A member is missing, or does not belong to this kind of change."""

    code: ClassVar = "invalid_command"

    def __init__(self, pointer: str, detail: str) -> None:
        super().__init__(detail, FieldError(pointer, detail))


class InvalidCursorError(Refusal):
    """A list's cursor was not given out by this list."""

    code: ClassVar = "invalid_cursor"


class NameTakenError(Refusal):
    """Something of that name is there already."""

    fault: ClassVar = Fault.CONFLICT
    code: ClassVar = "name_taken"


class AlreadyDecidedError(Refusal):
    """The version's review has ended; its state is final."""

    fault: ClassVar = Fault.CONFLICT
    code: ClassVar = "already_decided"


class RecipeFrozenError(Refusal):
    """A scheduled run has trained a model whose recipe was frozen by a persisted version."""

    fault: ClassVar = Fault.CONFLICT
    code: ClassVar = "recipe_frozen"


class VersionNotUsableError(Refusal):
    """The version is pending or ignored, so it can't be in a release."""

    fault: ClassVar = Fault.CONFLICT
    code: ClassVar = "version_not_usable"


class SignatureMismatchError(Refusal):
    """The version does not take every value that the deployment's signature takes."""

    code: ClassVar = "signature_mismatch"


class InvalidPolicyError(Refusal):
    """A rule of the policy could never apply, or answers what the model never could."""

    code: ClassVar = "invalid_policy"


class NotAChallengerError(Refusal):
    """The version is not a challenger of the deployment now."""

    fault: ClassVar = Fault.CONFLICT
    code: ClassVar = "not_a_challenger"


class AlreadyInReleaseError(Refusal):
    """The version plays that part, or the other one, already."""

    fault: ClassVar = Fault.CONFLICT
    code: ClassVar = "already_in_release"


class AmbiguousSwapError(Refusal):
    """There are several challengers, and the swap does not say which."""

    fault: ClassVar = Fault.CONFLICT
    code: ClassVar = "ambiguous_swap"


class NothingToRollBackError(Refusal):
    """There is no earlier setting to go back to."""

    fault: ClassVar = Fault.CONFLICT
    code: ClassVar = "nothing_to_roll_back"


class NothingChangesError(Refusal):
    """The change would repeat the current setting."""

    fault: ClassVar = Fault.CONFLICT
    code: ClassVar = "nothing_changes"


class TooManyChallengersError(Refusal):
    """A deployment has a bounded number of challengers: each of them scores every row."""

    fault: ClassVar = Fault.CONFLICT
    code: ClassVar = "too_many_challengers"


class StaleReleaseError(Refusal):
    """Somebody else changed the deployment first."""

    fault: ClassVar = Fault.CONFLICT
    code: ClassVar = "stale_release"


class PreconditionFailedError(Refusal):
    """`If-Match` names another release than the current one."""

    fault: ClassVar = Fault.PRECONDITION
    code: ClassVar = "precondition_failed"


class InstallationKeyError(Refusal):
    """Keys of the installation are settings; they are changed there."""

    fault: ClassVar = Fault.CONFLICT
    code: ClassVar = "installation_key"


class InvalidKeyRequestError(Refusal):
    """A key that could never be used, or would reach further than its maker."""

    code: ClassVar = "invalid_key_request"


class InvalidTagError(Refusal):
    """A tag has a name or a value that can't be kept."""

    code: ClassVar = "invalid_tag"

    def __init__(self, pointer: str, detail: str) -> None:
        super().__init__(detail, FieldError(pointer, detail))


class TooManyTagsError(Refusal):
    """A model or version has a bounded number of tags."""

    fault: ClassVar = Fault.CONFLICT
    code: ClassVar = "too_many_tags"


class ArtifactTooLargeError(Refusal):
    """The upload is larger than the installation allows."""

    fault: ClassVar = Fault.TOO_LARGE
    code: ClassVar = "artifact_too_large"


class DigestMismatchError(Refusal):
    """The uploaded bytes have another SHA-256 than the path says."""

    code: ClassVar = "digest_mismatch"


class UploadStalledError(Refusal):
    """The upload stopped sending for too long."""

    fault: ClassVar = Fault.DEADLINE
    code: ClassVar = "upload_stalled"


class ArtifactDoesNotFitError(Refusal):
    """The artifact holds no model that answers as the signature says."""

    code: ClassVar = "artifact_does_not_fit"


class ReferenceInvalidError(Refusal):
    """The reference sample is no Parquet file with the signature's columns and classes."""

    code: ClassVar = "reference_invalid"


class EvaluationInvalidError(Refusal):
    """The evaluation sample is no Parquet file with the signature's columns and classes."""

    code: ClassVar = "evaluation_invalid"


class TimeColumnInvalidError(Refusal):
    """A sample does not have the time column, or it does not say when a row was."""

    code: ClassVar = "time_column_invalid"


class InspectionFailedError(Refusal):
    """The inspection of the files ran out of time or memory, or broke down on them."""

    code: ClassVar = "inspection_failed"


class InspectionBusyError(Refusal):
    """Too many inspections are under way."""

    fault: ClassVar = Fault.UNAVAILABLE
    code: ClassVar = "inspection_busy"


class StoreUnavailableError(Refusal):
    """The database does not answer."""

    fault: ClassVar = Fault.UNAVAILABLE
    code: ClassVar = "store_unavailable"


class DatabaseUnusableError(StoreUnavailableError):
    """The settings name no database that could answer: its URL, its driver or its folder is wrong.

    Raised before anything is asked of it, so never to who asks by HTTP.
    """


class DatabaseSilentError(StoreUnavailableError):
    """The database does not answer. Where it is and why are for operators: callers are not told."""

    def __init__(self, place: str, reason: str) -> None:
        super().__init__("The registry's database does not answer; try again.", retry_after=1.0)
        self.place = place
        """Host and port, or a path; no password is in it."""
        self.reason = reason


class SchemaBehindError(Refusal):
    """The database's tables are older than this software, and it was told not to migrate them."""

    fault: ClassVar = Fault.UNAVAILABLE
    code: ClassVar = "schema_behind"


class SchemaAheadError(Refusal):
    """The database's tables are newer than this software."""

    fault: ClassVar = Fault.UNAVAILABLE
    code: ClassVar = "schema_ahead"
