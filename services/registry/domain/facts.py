"""Holding what stands in the tables against what the trail tells about it.

A merge of two streams in the same order, so memory does not grow with either. Rows whose entries
don't hold what is needed, because an earlier release wrote them, are counted and not judged.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from services.registry.domain.audit import Action, Entry

Place = tuple[str, int]
"""The subject of an entry, and the number where a subject has many."""
Values = Mapping[str, object]
"""As JSON has them."""
_SHOWN: Final = 60


@dataclass(frozen=True, slots=True)
class Standing:
    """A row of a table."""

    place: Place | None
    """None: what names it can't be read."""
    values: Values


@dataclass(frozen=True, slots=True)
class Told:
    """What an entry says of a row."""

    sequence: int
    place: Place
    values: Values | None
    """None: too little to compare."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """The rows of one kind and the entries about them, both in the order of their places."""

    name: Callable[[Place], str]
    standing: Iterator[Standing]
    told: Iterator[Told]


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A row says another thing than its entry."""

    sequence: int
    """Of the entry; 0 when there is none."""
    detail: str


@dataclass(frozen=True, slots=True)
class Incomparable:
    """A row or an entry that could not be held against the other."""


Found = Contradiction | Incomparable


def contradictions(compared: Comparison) -> Iterator[Found]:
    """Everything that does not agree, and what can't be compared."""
    standing, told = compared.standing, compared.told
    row, entry = next(standing, None), next(told, None)
    while row is not None or entry is not None:
        if row is not None and _comes_first(row, entry):
            name = (
                "A row whose name can't be read" if row.place is None else compared.name(row.place)
            )
            yield Contradiction(0, f"{name} has no entry in the trail.")
            row = next(standing, None)
        elif entry is not None:
            name = compared.name(entry.place)
            if row is not None and row.place == entry.place:
                yield from _held_against(name, row.values, entry)
                row = next(standing, None)
            else:
                yield _without_row(name, entry)
            entry = next(told, None)


def _comes_first(row: Standing, entry: Told | None) -> bool:
    return entry is None or row.place is None or row.place < entry.place


def _without_row(name: str, entry: Told) -> Found:
    if entry.values is None:
        return Incomparable()
    return Contradiction(entry.sequence, f"{name} is not there, or not so; its entry tells of it.")


def _held_against(name: str, stands: Values, entry: Told) -> Iterator[Found]:
    if entry.values is None:
        yield Incomparable()
        return
    other = [each for each in entry.values if _other(entry.values[each], stands.get(each))]
    if other:
        told = "; ".join(
            f"{each} is {_shown(stands.get(each))}, and was {_shown(entry.values[each])}"
            for each in other
        )
        yield Contradiction(entry.sequence, f"{name} is not as its entry says: {told}.")


def _other(one: object, another: object) -> bool:
    """As JSON, where 1 is neither true nor 1.0."""
    return _written(one) != _written(another)


def _shown(value: object) -> str:
    text = _written(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def _written(value: object) -> str:
    try:
        return json.dumps(value, sort_keys=True)
    except (ValueError, TypeError, RecursionError):
        return "what can't be read"


def version_told(entry: Entry, former: int) -> tuple[int, Values | None]:
    """The one decision that a version can have."""
    state = entry.details.get("state")
    said = {
        "state": state,
        "decided_at": entry.at.isoformat(),
        "decided_by": entry.actor,
        "decision_reason": entry.reason,
    }
    return former + 1, said if isinstance(state, str) else None


def gate_told(entry: Entry, former: int) -> tuple[int, Values | None]:
    """A policy, by its number."""
    number, details = entry.details.get("number"), entry.details
    if not isinstance(number, int) or "policy" not in details:
        return former + 1, None
    said = {"policy": details["policy"], "at": entry.at.isoformat()}
    return number, {**said, "by": entry.actor, "reason": entry.reason}


def release_told(entry: Entry, former: int) -> tuple[int, Values | None]:
    """A release by its number; the first of a deployment goes on where the name has ended."""
    details = entry.details
    number = former + 1 if entry.action is Action.MAKE_DEPLOYMENT else details.get("release")
    if not isinstance(number, int) or not {"main", "challengers"} <= details.keys():
        return former + 1, None
    said = {name: details[name] for name in ("main", "challengers", "kind") if name in details}
    return number, {**said, "released_by": entry.actor, "reason": entry.reason}
