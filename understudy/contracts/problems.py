"""The RFC 9457 body in which a caller reads a refusal."""

from pydantic import BaseModel, ConfigDict


class FieldProblem(BaseModel):
    """`FieldError` as the wire carries it."""

    model_config = ConfigDict(frozen=True)

    pointer: str
    message: str


class Problem(BaseModel):
    """An `application/problem+json` body (RFC 9457) with Understudy's extension members."""

    model_config = ConfigDict(frozen=True)

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    code: str
    instance: str | None = None
    request_id: str | None = None
    errors: tuple[FieldProblem, ...] = ()
