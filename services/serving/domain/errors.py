"""How serving says no. Each refusal has one code, and a detail that names the fix."""

from typing import ClassVar

from services.serving.domain.drafts import Hits
from understudy.contracts.refusals import Fault, FieldError, Refusal
from understudy.contracts.refusals import SlowBodyError as SlowBodyError  # noqa: PLC0414 - one of ours


class UnknownDeploymentError(Refusal):
    """No deployment of that name, or none that the caller may know of."""

    fault: ClassVar = Fault.NOT_FOUND
    code: ClassVar = "unknown_deployment"

    def __init__(self, deployment: str) -> None:
        super().__init__(f"There is no deployment {deployment!r} that this request may reach.")


class NoDefaultDeploymentError(Refusal):
    """A path that names no deployment, where none answers for all."""

    fault: ClassVar = Fault.NOT_FOUND
    code: ClassVar = "no_default_deployment"

    def __init__(self, reachable: int) -> None:
        super().__init__(
            f"This path names no deployment, and the request reaches {reachable}. Ask "
            "'/deployments/{name}/invocations', or have UNDERSTUDY_SERVING_DEFAULT_DEPLOYMENT set."
        )


class NotLoadedError(Refusal):
    """The deployment exists, but no version of it could be loaded yet."""

    fault: ClassVar = Fault.UNAVAILABLE
    code: ClassVar = "not_loaded"

    def __init__(self, deployment: str, *, failed: bool = False) -> None:
        if failed:
            super().__init__(
                f"Deployment {deployment!r} has no model: its release could not be loaded. "
                "Its owner finds the reason with 'understudy status'.",
                retry_after=30,
            )
        else:
            super().__init__(
                f"Deployment {deployment!r} has no loaded model yet. Try again shortly.",
                retry_after=1,
            )


class MalformedBodyError(Refusal):
    """The body is not JSON, or not of a shape that the endpoint takes."""

    fault: ClassVar = Fault.MALFORMED
    code: ClassVar = "malformed_body"


class MediaTypeError(Refusal):
    """The body is of a type that the path does not take."""

    fault: ClassVar = Fault.MEDIA_TYPE
    code: ClassVar = "media_type"


class UnsupportedError(Refusal):
    """What is asked for is not there yet."""

    fault: ClassVar = Fault.UNSUPPORTED
    code: ClassVar = "unsupported"


class ExplainNotAvailableError(UnsupportedError):
    """Explanations of single answers were asked for."""

    code: ClassVar = "explain_not_available"

    def __init__(self) -> None:
        super().__init__(
            "Explanations of single predictions are not there yet. Ask without 'explain'."
        )


class InvalidOptionError(Refusal):
    """A parameter of the query has a value that it can't have."""

    fault: ClassVar = Fault.INVALID
    code: ClassVar = "invalid_option"


class BodyTooLargeError(Refusal):
    """The body is longer than this server takes."""

    fault: ClassVar = Fault.TOO_LARGE
    code: ClassVar = "body_too_large"


class TooManyRowsError(Refusal):
    """The request holds more rows than this server takes at once."""

    fault: ClassVar = Fault.TOO_LARGE
    code: ClassVar = "too_many_rows"


class InvalidRowsError(Refusal):
    """Rows do not fit the signature; `errors` has one entry for each thing wrong."""

    fault: ClassVar = Fault.INVALID
    code: ClassVar = "invalid_rows"

    def __init__(self, detail: str, *errors: FieldError, hits: Hits | None = None) -> None:
        super().__init__(detail, *errors)
        self.hits: Hits = hits or {}
        """Rows that a guard rule refused."""


class LowConfidenceError(Refusal):
    """The model is less sure of a row than the deployment asks for; `errors` names the rows."""

    fault: ClassVar = Fault.INVALID
    code: ClassVar = "low_confidence"

    def __init__(self, detail: str, *errors: FieldError, hits: Hits | None = None) -> None:
        super().__init__(detail, *errors)
        self.hits: Hits = hits or {}
        """Rows that the rule refused."""


class InvalidPredictionIdError(Refusal):
    """A prediction id holds characters that are not allowed, is too long, or repeats."""

    fault: ClassVar = Fault.INVALID
    code: ClassVar = "invalid_prediction_id"


class ScoringFailedError(Refusal):
    """The model raised an error, or answered something that is no answer."""

    fault: ClassVar = Fault.FAILED
    code: ClassVar = "scoring_failed"


class BusyError(Refusal):
    """More slow predictions are under way than this worker can queue."""

    fault: ClassVar = Fault.UNAVAILABLE
    code: ClassVar = "busy"


class LogFullError(Refusal):
    """The log can't keep what must be kept, so that it is not answered, or not accepted."""

    fault: ClassVar = Fault.UNAVAILABLE
    code: ClassVar = "log_full"

    def __init__(
        self,
        detail: str = "The prediction could not be logged, so it is not given. Try again shortly.",
    ) -> None:
        super().__init__(detail, retry_after=5)


class InvalidLabelsError(Refusal):
    """The body is JSON but holds no labels; `errors` says where."""

    fault: ClassVar = Fault.INVALID
    code: ClassVar = "invalid_labels"


class InvalidProtectedError(Refusal):
    """What is told of protected attributes can't be taken; `errors` says where."""

    fault: ClassVar = Fault.INVALID
    code: ClassVar = "invalid_protected"


class InvalidPredictionsError(Refusal):
    """The body is JSON but holds no predictions made elsewhere; `errors` says where."""

    fault: ClassVar = Fault.INVALID
    code: ClassVar = "invalid_predictions"


class MalformedTensorsError(Refusal):
    """What was sent as tensors can't be decoded: sizes, shapes, types and values disagree."""

    fault: ClassVar = Fault.MALFORMED
    code: ClassVar = "malformed_tensors"


class InvalidTensorsError(Refusal):
    """The tensors are well-formed, but are not what the signature asks for."""

    fault: ClassVar = Fault.INVALID
    code: ClassVar = "invalid_tensors"


class UnknownVersionError(Refusal):
    """The deployment has no such version, or none that the caller may know of."""

    fault: ClassVar = Fault.NOT_FOUND
    code: ClassVar = "unknown_version"

    def __init__(self, deployment: str, version: str) -> None:
        shown = version[:40]
        super().__init__(
            f"Deployment {deployment!r} has no version {shown!r} that this request may reach."
        )


class OverloadedError(Refusal):
    """More requests are under way than this worker admits."""

    fault: ClassVar = Fault.UNAVAILABLE
    code: ClassVar = "overloaded"

    def __init__(self) -> None:
        super().__init__("Too many requests are under way. Try again shortly.", retry_after=1)


class DeadlineError(Refusal):
    """The request took longer than it may."""

    fault: ClassVar = Fault.DEADLINE
    code: ClassVar = "deadline"

    def __init__(self, seconds: float) -> None:
        super().__init__(f"There was no answer within {seconds:g} s. Send fewer rows, or wait.")
