"""Objects of JSON that name a member twice: readers would differ in which of both they take.

RFC 8259 leaves it open, and every decoder here takes the last without a word.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

from understudy.contracts.refusals import FieldError, json_pointer

_LONGEST_NAME: Final = 100
"""Of a name that is told: it may be as long as a body."""
_NAMED: Final = re.compile(rb'"[ \t\r\n]*:')
"""How every member begins once its name has; in texts of values it is rare."""

_HOLDING: Final = frozenset({dict, list})


@dataclass(frozen=True, slots=True, eq=False)
class _Place:
    """A step on the way to a value; those of one way share what comes before."""

    before: "_Place | None"
    step: str | int

    def path(self) -> Sequence[str | int]:
        """From the top."""
        steps: list[str | int] = []
        place: _Place | None = self
        while place is not None:
            step = place.step
            steps.append(step[:_LONGEST_NAME] if isinstance(step, str) else step)
            place = place.before
        return steps[::-1]


@dataclass(frozen=True, slots=True, eq=False)
class _Repeating:
    """An object that names a member twice, with all of its members."""

    members: Sequence[tuple[str, Any]]


def counts_as(content: bytes, members: int) -> bool:
    """Whether JSON can't hold more members than that.

    Where so many were decoded, none was dropped: no name stands twice in an object. False says
    nothing, for texts may look like members.
    """
    return content.count(b":") == members or len(_NAMED.findall(content)) == members


def at_most_once(content: bytes, decoded: object) -> bool:
    """Whether what was decoded shows that no object names a member twice; False says nothing."""
    colons = content.count(b":")
    members = 0
    level: list[Any] = [decoded] if type(decoded) in _HOLDING else []
    while level:
        objects = [value for value in level if type(value) is dict]
        members += sum(map(len, objects))
        if members == colons:
            return True
        within = chain.from_iterable(
            value.values() if type(value) is dict else value for value in level
        )
        level = [value for value in within if type(value) in _HOLDING]
    return len(_NAMED.findall(content)) == members


def repeated_member(content: bytes) -> FieldError | None:
    """The first member that its object names twice; None too when the content is no JSON."""
    found = False

    def object_of(members: Sequence[tuple[str, Any]]) -> Mapping[str, Any] | _Repeating:
        nonlocal found
        by_name = dict(members)
        if len(by_name) == len(members):
            return by_name
        found = True
        return _Repeating(members)

    try:
        # Numbers stay texts: Python refuses to read very long ones.
        whole = json.loads(
            content, object_pairs_hook=object_of, parse_int=str, parse_float=str, parse_constant=str
        )
    except (ValueError, RecursionError):
        return None
    return _first(whole) if found else None


def _first(whole: object) -> FieldError | None:
    """In the order of the text. Without recursion: it is nested as deeply as the decoder goes."""
    ahead: list[tuple[_Place | None, object]] = [(None, whole)]
    while ahead:
        place, value = ahead.pop()
        if isinstance(value, _Repeating):
            path = _Place(place, _twice(value.members)).path()
            return FieldError(
                json_pointer(*path), "stands more than once in its object; send it once"
            )
        ahead += [(_Place(place, step), within) for step, within in _within(value)][::-1]
    return None


def _within(value: object) -> Iterator[tuple[str | int, object]]:
    match value:
        case dict():
            yield from value.items()
        case list():
            yield from enumerate(value)


def _twice(members: Sequence[tuple[str, Any]]) -> str:
    seen = set[str]()
    for name, _ in members:
        if name in seen:
            return name
        seen.add(name)
    raise AssertionError("unreachable: some member stands twice")
