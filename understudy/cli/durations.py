"""Durations as people type them: `90`, `60s`, `5m`, `12h`, `30d`."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

import typer

Days = Annotated[
    int | None,
    typer.Option(min=1, max=366, show_default=False, help="Predictions of so many days back."),
]

_DURATION: Final = re.compile(r"^(\d+(?:\.\d+)?)([smhd]?)$")
_LONGEST: Final = timedelta(days=36_500)
_SECONDS: Final = {"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400}


def parse_duration(text: str) -> timedelta:
    """`5m` → five minutes; a bare number counts seconds."""
    match = _DURATION.match(text.strip())
    if match is None:
        raise typer.BadParameter(f"{text!r} is no duration; write 60s, 5m, 12h or 30d")
    seconds = float(match[1]) * _SECONDS[match[2]]
    if seconds > _LONGEST.total_seconds():
        raise typer.BadParameter(f"{text!r} is too long; at most {_LONGEST.days}d")
    return timedelta(seconds=seconds)


def moment(option: str, text: str | None, now: datetime) -> datetime | None:
    """A time as ISO 8601 has it, here and now unless it names a zone; or a duration ago."""
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    try:
        return now - parse_duration(text)
    except typer.BadParameter as error:
        raise typer.BadParameter(
            f"{option}: {text!r} is neither a time (2026-01-31T12:00) nor a duration ago (24h)"
        ) from error


def looked_back(days: int | None, since: datetime, at: datetime) -> str:
    """Why figures reach less far back than was asked; nothing where they do."""
    if days is None or since <= at - timedelta(days=days - 1):  # today is one of them
        return ""
    return (
        f"of the {days} days that you asked for, no more are read: so many cohorts are the most "
        "that fit into memory with this label horizon"
    )


def duration_text(seconds: float) -> str:
    """Five minutes → `5m`: in the largest unit of which there is a whole number."""
    for unit in ("d", "h", "m"):
        if seconds and seconds % _SECONDS[unit] == 0:
            return f"{seconds / _SECONDS[unit]:g}{unit}"
    return f"{seconds:g}s"
