"""What a request says that its body is, and which answer it takes."""

from collections.abc import Sequence
from typing import Final

from starlette.requests import Request

from services.serving.domain.errors import MediaTypeError

JSON: Final = "application/json"
CSV: Final = "text/csv"
_UTF_8: Final = ("utf-8", "utf8")


def media_type(request: Request, taken: Sequence[str]) -> str:
    """The type of the body, JSON where nothing is said. Raises MediaTypeError."""
    told, _, parameters = request.headers.get("content-type", "").partition(";")
    found = told.strip().lower() or JSON
    if found not in taken:
        raise MediaTypeError(
            f"Content-Type {found[:60]!r} is not taken; send {' or '.join(taken)}."
        )
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        charset = value.strip().strip('"').lower()
        if name.strip().lower() == "charset" and charset not in _UTF_8:
            raise MediaTypeError(f"Charset {charset[:60]!r} is not taken; send utf-8.")
    return found


def wants_csv(accept: str) -> bool:
    """Whether an `Accept` asks for CSV: JSON for those who name it too."""
    told = [part.partition(";")[0].strip().lower() for part in accept.split(",")]
    return CSV in told and JSON not in told
