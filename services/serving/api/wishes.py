"""What a request for plain predictions says beside its rows: types, options, an id."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs

from services.serving.api.presented import Presented
from services.serving.domain.errors import InvalidOptionError, MediaTypeError
from services.serving.domain.wording import shown
from services.serving.operations import PLAIN, Options
from understudy.contracts.refusals import FieldError, json_pointer

CSV: Final = "text/csv"
_JSON: Final = "application/json"
_AS_JSON: Final = frozenset(
    {"", _JSON, "text/json", "text/plain", "application/x-www-form-urlencoded"}
)
"""The last two are what tools say of a body of which they know nothing, `curl -d` among them."""
_USUAL_TYPES: Final = frozenset({b"", b"application/json"})
_YES_OR_NO: Final = {"true": True, "1": True, "false": False, "0": False}
_NAME: Final = "prediction_id"


@dataclass(frozen=True, slots=True)
class Wishes:
    """JSON both ways, and nothing else, where nothing is said."""

    csv_body: bool = False
    csv_answer: bool = False
    options: Options = PLAIN
    name: str = ""
    """For the prediction, or for all of a batch."""


_NONE: Final = Wishes()


def wishes_of(presented: Presented) -> Wishes:
    """Raises MediaTypeError, InvalidOptionError."""
    plain = presented.content_type in _USUAL_TYPES and not presented.query
    if plain and b"csv" not in presented.accept:
        return _NONE
    query = parse_qs(str(presented.query, "latin-1"), keep_blank_values=True)
    return Wishes(
        _says_csv(str(presented.content_type, "latin-1")),
        _wants_csv(str(presented.accept, "latin-1")),
        options_in(query),
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


def _says_csv(content_type: str) -> bool:
    told = content_type.partition(";")[0].strip().lower()
    if told in _AS_JSON or (told.startswith("application/") and told.endswith("+json")):
        return False
    if told == CSV:
        return True
    raise MediaTypeError(f"Content-Type {shown(told)} is not taken; send {_JSON} or {CSV}.")


def _wants_csv(accept: str) -> bool:
    """JSON for those who name it too."""
    told = [part.partition(";")[0].strip().lower() for part in accept.split(",")]
    return CSV in told and _JSON not in told
