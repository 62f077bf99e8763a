"""Refusals as gRPC tells them: a status, a text, and trailing metadata."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from grpc import StatusCode

from understudy.contracts.refusals import Fault, Refusal

STATUS: Final[Mapping[Fault, StatusCode]] = {
    Fault.MALFORMED: StatusCode.INVALID_ARGUMENT,
    Fault.UNAUTHENTICATED: StatusCode.UNAUTHENTICATED,
    Fault.FORBIDDEN: StatusCode.PERMISSION_DENIED,
    Fault.NOT_FOUND: StatusCode.NOT_FOUND,
    Fault.METHOD: StatusCode.UNIMPLEMENTED,
    Fault.SLOW: StatusCode.DEADLINE_EXCEEDED,
    Fault.CONFLICT: StatusCode.ABORTED,
    Fault.PRECONDITION: StatusCode.FAILED_PRECONDITION,
    Fault.TOO_LARGE: StatusCode.RESOURCE_EXHAUSTED,
    Fault.MEDIA_TYPE: StatusCode.INVALID_ARGUMENT,
    Fault.INVALID: StatusCode.INVALID_ARGUMENT,
    Fault.LIMITED: StatusCode.RESOURCE_EXHAUSTED,
    Fault.FAILED: StatusCode.INTERNAL,
    Fault.UNSUPPORTED: StatusCode.UNIMPLEMENTED,
    Fault.UNAVAILABLE: StatusCode.UNAVAILABLE,
    Fault.DEADLINE: StatusCode.DEADLINE_EXCEEDED,
}
_MOST_CHARACTERS: Final = 1_500
"""Of a text: clients drop a call whose trailing metadata is longer than some KB, and there a
character may take twelve bytes."""
Metadata = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Told:
    """What ends a call that is turned down."""

    status: StatusCode
    detail: str
    metadata: Metadata


def told(refusal: Refusal) -> Told:
    """A refusal."""
    said = [refusal.detail]
    if len(refusal.errors) > 1:  # a single error often repeats the detail in other words
        said += [f"{error.pointer}: {error.message}" for error in refusal.errors]
    metadata: Metadata = (("code", refusal.code),)
    if refusal.retry_after is not None:
        metadata += (("retry-after", str(max(1, round(refusal.retry_after)))),)
    return Told(STATUS[refusal.fault], "; ".join(said)[:_MOST_CHARACTERS], metadata)


FAILURE: Final = Told(
    StatusCode.INTERNAL,
    "The request failed for a reason on our side; the log has it under the request id.",
    (("code", "internal"),),
)
"""What nobody foresaw."""
