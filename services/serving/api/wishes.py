"""What a request for plain predictions says beside its rows: types, options, an id."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs

from services.serving.api.media_types import CSV, JSON, wants_csv
from services.serving.api.presented import Presented
from services.serving.domain.errors import InvalidOptionError, MediaTypeError
from services.serving.domain.wording import shown
from services.serving.metrics import Dialect
from services.serving.operations import PLAIN, Options
from services.serving.operations.answers import require_available
from understudy.contracts.refusals import FieldError, json_pointer

_AS_JSON: Final = frozenset(
    {"", JSON, "text/json", "text/plain", "application/x-www-form-urlencoded"}
)
"""The last two are what tools say of a body of which they know nothing, `curl -d` among them."""
_USUAL_TYPES: Final = frozenset({None, b"application/json"})
_USUAL_ANSWERS: Final = frozenset({None, b"*/*", b"application/json"})
"""A closer look at what most requests say would cost as much as reading their rows."""
_YES_OR_NO: Final = {"true": True, "1": True, "false": False, "0": False}
_NAME: Final = "prediction_id"


@dataclass(frozen=True, slots=True)
class Wishes:
    """JSON both ways, and nothing else, where nothing is said."""

    dialect: Dialect = Dialect.JSON
    """Of the body."""
    csv_answer: bool = False
    options: Options = PLAIN
    name: str = ""
    """For the prediction, or for all of a batch."""


_NONE: Final = Wishes()


def wishes_of(presented: Presented) -> Wishes:
    """Raises MediaTypeError, InvalidOptionError, ExplainNotAvailableError."""
    told = presented.headers
    if (
        told.get(b"content-type") in _USUAL_TYPES
        and told.get(b"accept") in _USUAL_ANSWERS
        and not presented.query
    ):
        return _NONE
    query = parse_qs(str(presented.query, "latin-1"), keep_blank_values=True)
    options = options_in(query)
    require_available(options)
    return Wishes(
        _dialect(presented.text(b"content-type")),
        wants_csv(presented.text(b"accept")),
        options,
        query.get(_NAME, [""])[0],
    )


def options_in(query: dict[str, list[str]]) -> Options:
    """Parameters that are not known are left alone. Raises InvalidOptionError."""
    return Options(_option(query, "confidence"), _option(query, "explain"))


def _option(query: dict[str, list[str]], name: str) -> bool:
    told = query.get(name)
    if told is None:
        return False
    found = _YES_OR_NO.get(told[0].lower())
    if found is None or len(told) > 1:
        words = f"must be true or false, once; got {', '.join(map(shown, told[:3]))}"
        raise InvalidOptionError(
            f"The parameter '{name}' {words}.", FieldError(json_pointer("query", name), words)
        )
    return found


def _dialect(content_type: str) -> Dialect:
    told = content_type.partition(";")[0].strip().lower()
    if told in _AS_JSON or (told.startswith("application/") and told.endswith("+json")):
        return Dialect.JSON
    if told == CSV:
        return Dialect.CSV
    raise MediaTypeError(f"Content-Type {shown(told)} is not taken; send {JSON} or {CSV}.")
