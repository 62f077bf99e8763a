"""Refusals: how any part of Understudy says no. Plain values: every domain may raise them."""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar


class Fault(StrEnum):
    """The closed set of reasons for refusing; the HTTP edge maps each to one status."""

    MALFORMED = "malformed"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    METHOD = "method"
    SLOW = "slow"
    CONFLICT = "conflict"
    PRECONDITION = "precondition"
    TOO_LARGE = "too_large"
    MEDIA_TYPE = "media_type"
    INVALID = "invalid"
    LIMITED = "limited"
    FAILED = "failed"
    UNSUPPORTED = "unsupported"
    """Planned, and told so; the HTTP edge answers 501."""
    UNAVAILABLE = "unavailable"
    DEADLINE = "deadline"


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing wrong with a request: where (JSON Pointer, RFC 6901) and how to put it right."""

    pointer: str
    message: str


class Refusal(Exception):  # noqa: N818 - the word of the field; subclasses end in Error
    """A request that is turned down, with nothing half-done.

    Subclasses set `fault` and `code` (stable, for machines), and give `detail` for people.
    """

    fault: ClassVar[Fault] = Fault.INVALID
    code: ClassVar[str] = "invalid"

    def __init__(self, detail: str, *errors: FieldError, retry_after: float | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = errors
        self.retry_after = retry_after


class SlowBodyError(Refusal):
    """The client took too long to send its body."""

    fault: ClassVar = Fault.SLOW
    code: ClassVar = "slow_body"

    def __init__(self, seconds: float) -> None:
        super().__init__(f"The body was not here within {seconds:g} s.")


def json_pointer(*path: str | int) -> str:
    """`("rows", 3, "a/b")` → `/rows/3/a~1b` (RFC 6901)."""
    return "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in path)
