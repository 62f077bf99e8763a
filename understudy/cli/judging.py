"""How a deployment's versions are judged, as the command line takes it and tells it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final, TypeVar

import typer

from understudy.cli.durations import duration_text, parse_duration
from understudy.contracts.judging import DEFAULT_JUDGING, Judging
from understudy.contracts.vocabulary import ActionMode, DriftStrata, LossName

Member = TypeVar("Member", bound=StrEnum)

_OFF: Final = "off"


@dataclass(frozen=True, slots=True)
class JudgingOptions:
    """What was typed; None where nothing was."""

    loss: str | None = None
    clip: str | None = None
    margin: str | None = None
    alpha: float | None = None
    label_horizon: str | None = None
    minimum_labels: int | None = None
    promote: ActionMode | None = None
    roll_back: ActionMode | None = None
    cool_down: str | None = None
    minimum_rows: int | None = None
    alert_rollback: tuple[str, ...] | None = None
    max_errors: float | None = None
    slow_seconds: str | None = None
    max_slow: float | None = None
    max_invalid: float | None = None
    protected: str | None = None
    fairness_gap: float | None = None
    risk_tolerance: str | None = None
    drift_tolerance: float | None = None
    drift_strata: str | None = None
    drift_entity: str | None = None


def _as_it_is(_flag: str, typed: Any) -> Any:
    return typed


def _number(flag: str, typed: str) -> float | None:
    if typed == _OFF:
        return None
    try:
        return float(typed)
    except ValueError as error:
        raise typer.BadParameter(f"{flag} takes a number or {_OFF}, not {typed!r}") from error


def _name(_flag: str, typed: str) -> str | None:
    return None if typed == _OFF else typed


def _names(flag: str, typed: tuple[str, ...]) -> tuple[str, ...]:
    if _OFF in typed and len(typed) > 1:
        raise typer.BadParameter(f"{flag} takes names or {_OFF}, not both")
    return () if typed == (_OFF,) else typed


def _loss(flag: str, typed: str) -> LossName | None:
    return None if typed == _OFF else _one_of(LossName, flag, typed)


def _strata(flag: str, typed: str) -> DriftStrata:
    return _one_of(DriftStrata, flag, DriftStrata.NONE if typed == _OFF else typed)


def _one_of(kind: type[Member], flag: str, typed: str) -> Member:
    """Spelled as options are, or as bodies and answers are."""
    try:
        return kind(typed.replace("-", "_"))
    except ValueError as error:
        known = ", ".join(member.value.replace("_", "-") for member in kind)
        raise typer.BadParameter(f"{flag} takes {known}; not {typed!r}") from error


def _seconds(_flag: str, typed: str) -> float:
    return parse_duration(typed).total_seconds()


def _told_as_it_is(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value).replace("_", "-")


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an option's value belongs, how it is read, and how it is told."""

    part: str
    member: str
    read: Callable[[str, Any], Any] = _as_it_is
    tell: Callable[[Any], str] = _told_as_it_is


_PLACES: Final[Mapping[str, _Place]] = {
    "loss": _Place("comparison", "loss", _loss),
    "clip": _Place("comparison", "clip", _number),
    "margin": _Place("comparison", "margin", _number),
    "alpha": _Place("comparison", "alpha"),
    "label_horizon": _Place("comparison", "label_horizon_seconds", _seconds, duration_text),
    "minimum_labels": _Place("comparison", "minimum_labels"),
    "promote": _Place("actions", "promote"),
    "roll_back": _Place("actions", "roll_back"),
    "cool_down": _Place("actions", "cool_down_seconds", _seconds, duration_text),
    "minimum_rows": _Place("actions", "minimum_rows"),
    "alert_rollback": _Place("actions", "alerts", _names, " ".join),
    "max_errors": _Place("rails", "errors"),
    "slow_seconds": _Place("rails", "slow_seconds", _number),
    "max_slow": _Place("rails", "slow"),
    "max_invalid": _Place("rails", "invalid"),
    "protected": _Place("rails", "protected", _name, str),
    "fairness_gap": _Place("rails", "fairness_gap"),
    "risk_tolerance": _Place("rails", "risk_tolerance", _number),
    "drift_tolerance": _Place("drift", "tolerance"),
    "drift_strata": _Place("drift", "strata", _strata),
    "drift_entity": _Place("drift", "entity", _name, str),
}
"""By option, in the order in which they are told."""


def amended_judging(judging: Judging, options: JudgingOptions) -> Judging:
    """What was typed changed, the rest as it was. Raises typer.BadParameter."""
    for option, place in _PLACES.items():
        typed = getattr(options, option)
        if typed is not None:
            value = place.read(_flag(option), typed)
            judging = _changed(judging, option, place, value)
    return judging


def _changed(judging: Judging, option: str, place: _Place, value: object) -> Judging:
    part = getattr(judging, place.part)
    try:
        changes: dict[str, Any] = {place.part: replace(part, **{place.member: value})}
    except ValueError as error:
        raise typer.BadParameter(f"{_flag(option)}: {error}") from error
    return replace(judging, **changes)


def described_judging(judging: Judging) -> Iterator[tuple[str, str]]:
    """What is not as it would be unless stated, in the words of the options: name and value."""
    for option, place in _PLACES.items():
        value = _value(judging, place)
        if value != _value(DEFAULT_JUDGING, place):
            yield option.replace("_", " "), place.tell(value)


def _value(judging: Judging, place: _Place) -> object:
    value: object = getattr(getattr(judging, place.part), place.member)
    return value


def _flag(option: str) -> str:
    return f"--{option.replace('_', '-')}"
