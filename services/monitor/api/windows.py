"""Which predictions a report is asked on, read off the query. Errors name the parameter."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Final

from pydantic import AwareDatetime, Field

from services.monitor.domain.errors import InvalidWindowError
from services.monitor.domain.reports import Ask, Span
from understudy.contracts.registry import Body

_KNOWN: Final = ("from", "to", "day", "version")
_EXAMPLE: Final = "2026-01-31T09:30:00Z"
_EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)


class WindowQuery(Body):
    """`from` and `to`, or a `day` alone; what lies ahead is refused."""

    begins: Annotated[AwareDatetime | None, Field(alias="from")] = None
    ends: Annotated[AwareDatetime | None, Field(alias="to")] = None
    day: date | None = None
    version: Annotated[int | None, Field(ge=1, lt=2**31)] = None


def ask_of(query: Mapping[str, str], now: float, usual_seconds: float) -> Ask:
    """`from` and `to` are times, `day` a whole day (UTC), `version` a main's number.

    `from` without `to` reaches until now; `to` without `from` as far back as usual.
    """
    unknown = sorted(set(query) - set(_KNOWN))
    if unknown:
        raise InvalidWindowError(f"`{unknown[0]}` is not known; there are {', '.join(_KNOWN)}.")
    return Ask(_span(query, now, usual_seconds), _version(query.get("version")))


def _span(query: Mapping[str, str], now: float, usual_seconds: float) -> Span | None:
    if "day" in query:
        if "from" in query or "to" in query:
            raise InvalidWindowError("`day` stands alone: leave out `from` and `to`.")
        return _day(query["day"], now)
    if "from" not in query and "to" not in query:
        return None
    ends = _time("to", query["to"]) if "to" in query else now
    begins = _time("from", query["from"]) if "from" in query else ends - usual_seconds
    if begins >= ends:
        raise InvalidWindowError(
            f"`from` ({_told(begins)}) is not before {'`to`' if 'to' in query else 'now'} "
            f"({_told(ends)})."
        )
    return Span(begins, ends)


def _day(text: str, now: float) -> Span:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise InvalidWindowError("`day` is no date; write it like 2026-01-31.") from None
    begins = datetime(day.year, day.month, day.day, tzinfo=UTC)
    if not _EARLIEST <= begins <= datetime.fromtimestamp(now, UTC):
        raise InvalidWindowError("`day` is a day between 2000-01-01 and today (UTC).")
    return Span(begins.timestamp(), (begins + timedelta(days=1)).timestamp())


def _time(name: str, text: str) -> float:
    # A plus that was not encoded arrives as a space.
    try:
        found = datetime.fromisoformat(text.strip().replace(" ", "+"))
    except ValueError:
        raise InvalidWindowError(f"`{name}` is no time; write it like {_EXAMPLE}.") from None
    if found.tzinfo is None:
        raise InvalidWindowError(f"`{name}` has no time zone; write it like {_EXAMPLE}.")
    try:
        found = found.astimezone(UTC)
    except OverflowError:
        found = datetime.min.replace(tzinfo=UTC)
    if found < _EARLIEST or found.year > 9_000:
        raise InvalidWindowError(f"`{name}` is a time from 2000-01-01 on.")
    return found.timestamp()


def _version(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:10]) < 2**31):
        raise InvalidWindowError("`version` is a version's number, like 3.")
    return int(text)


def _told(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"
