"""The form that makes a key: what it offers, and how what was entered is read."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from services.registry.domain.access import Reach
from services.registry.operations.keys import Wish
from services.registry.pages.people import InvalidFormError
from services.registry.pages.visits import Form
from understudy.contracts.limits import Limits
from understudy.contracts.refusals import FieldError
from understudy.contracts.vocabulary import Scope

_LONGEST_NAME: Final = 200
_SCOPES: Final = (
    (Scope.PREDICT, "predict", "ask for predictions"),
    (Scope.LABEL, "label", "tell what came of them"),
    (Scope.READ, "read", "see how it is doing"),
)


@dataclass(frozen=True, slots=True)
class Choice:
    """A scope that the reader may hand out."""

    value: str
    words: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class KeyForm:
    """What was entered, or what a new form begins with."""

    name: str = ""
    scopes: tuple[str, ...] = (Scope.PREDICT.value, Scope.LABEL.value)
    expires: str = ""
    requests_per_second: str = ""
    burst: str = ""
    predictions_per_day: str = ""

    @property
    def limited(self) -> bool:
        """Whether the limits are to be shown at once."""
        return any((self.requests_per_second, self.burst, self.predictions_per_day))


def entered(form: Form) -> KeyForm:
    """As it was sent."""
    return KeyForm(
        name=form.text("name").strip()[:_LONGEST_NAME],
        scopes=tuple(form.every("scope")),
        expires=form.text("expires").strip()[:20],
        requests_per_second=form.text("requests_per_second").strip()[:20],
        burst=form.text("burst").strip()[:20],
        predictions_per_day=form.text("predictions_per_day").strip()[:20],
    )


def choices(form: KeyForm, held: frozenset[Scope]) -> Sequence[Choice]:
    """Nobody hands out more than they have."""
    return [
        Choice(scope.value, words, scope.value in form.scopes)
        for scope, _, words in _SCOPES
        if held & {scope, Scope.ADMIN}
    ]


def wish(form: KeyForm, deployment: str) -> Wish:
    """The key that is asked for. Raises InvalidFormError, which names the field."""
    if not form.name or not form.name.isprintable():
        raise _invalid("name", "Name the key, so that it is known later what it is for.")
    scopes = tuple(scope for scope, name, _ in _SCOPES if name in form.scopes)
    if not scopes or len(scopes) != len(set(form.scopes)):
        raise _invalid("scope", "Choose what the key is for: at least one of the scopes.")
    reach = Reach(deployment=deployment)
    return Wish(form.name, scopes, reach, _end(form.expires), _limits(form))


def _end(text: str) -> datetime | None:
    """The end of the day that was entered."""
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
        return datetime.combine(day, time(), UTC) + timedelta(days=1)
    except (ValueError, OverflowError) as error:
        raise _invalid("expires", "Write the last day as 2030-12-31, or leave it empty.") from error


def _limits(form: KeyForm) -> Limits | None:
    if not form.limited:
        return None
    rate = _number("requests_per_second", "Requests per second", form.requests_per_second)
    burst = _whole("burst", "Requests at once", form.burst)
    a_day = _whole("predictions_per_day", "Predictions per day", form.predictions_per_day)
    if burst is not None and rate is None:
        raise _invalid("requests_per_second", "Requests at once need requests per second, too.")
    try:
        return Limits(rate, burst, a_day)
    except ValueError as error:
        raise _invalid("requests_per_second", f"The limits do not fit: {error}.") from error


def _number(field: str, title: str, text: str) -> float | None:
    try:
        return float(text) if text else None
    except ValueError as error:
        raise _invalid(field, f"{title} is a number above 0, such as 5 or 0.5.") from error


def _whole(field: str, title: str, text: str) -> int | None:
    if text and not (text.isascii() and text.isdecimal() and int(text) > 0):
        raise _invalid(field, f"{title} is a whole number above 0.")
    return int(text) if text else None


def _invalid(field: str, detail: str) -> InvalidFormError:
    return InvalidFormError(detail, FieldError(f"/{field}", detail))
