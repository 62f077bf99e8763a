"""Values as messages show them: as JSON would write them, shortened."""

from collections.abc import Sequence
from typing import Final

SHOWN_CHOICES: Final = 12
_SHOWN_CHARACTERS: Final = 60


def shown(value: object) -> str:
    """What came."""
    match value:
        case None | True | False:
            return {None: "null", True: "true", False: "false"}[value]
        case list():
            return "a list"
        case dict():
            return "an object"
        case int() if value.bit_length() > 256:
            return "a number with too many digits"
    if isinstance(value, float):
        return written(value)
    # Cut before it is written out: a text may be as long as a body.
    text = repr(value[: _SHOWN_CHARACTERS + 1] if isinstance(value, str) else value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"


def written(number: float) -> str:
    """A number without an exponent or a point where people would write none."""
    return repr(int(number)) if abs(number) < 1e15 and number == int(number) else repr(number)


def listed(choices: Sequence[str]) -> str:
    """The first of some choices."""
    text = ", ".join(repr(choice) for choice in choices[:SHOWN_CHOICES])
    return text if len(choices) <= SHOWN_CHOICES else f"{text}, …"
