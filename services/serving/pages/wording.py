"""How values and names read to people."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from understudy.contracts.vocabulary import Label

NARROW_SPACE: Final = "\u202f"
_IDENTIFIER: Final = re.compile(r"[a-z][a-z0-9]+([_-][a-z0-9]+)*")


def text_of(value: Label | None) -> str:
    """A value as it stands in a field."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)


def grouped(value: float) -> str:
    """A number for reading: thousands are set apart by a narrow space, which may be typed, too."""
    return f"{value:,.15g}".replace(",", NARROW_SPACE)


def rounded(value: float) -> float:
    """To two decimals, or to six digits where those say more."""
    return round(value, 2) if abs(value) >= 1e4 else float(f"{value:.6g}")


def percent(probability: float) -> str:
    """`0.924` → "92.4 %"; never "0 %" or "100 %" for what is neither."""
    shown = f"{probability * 100:.1f}"
    if shown == "100.0" and probability < 1:
        shown = ">99.9"
    if shown == "0.0" and probability > 0:
        shown = "<0.1"
    return f"{shown.removesuffix('.0')}{NARROW_SPACE}%"


def sentence(message: str) -> str:
    """A message as it stands by itself."""
    return message[:1].upper() + message[1:]


def readable(name: str) -> str:
    """`debt_consolidation` → "Debt consolidation"; what people wrote themselves stays as it is."""
    if not _IDENTIFIER.fullmatch(name):
        return name
    return name.replace("_", " ").replace("-", " ").capitalize()


def readable_apart(names: Sequence[str]) -> Mapping[str, str]:
    """Each name made readable; none of them when that would make two look alike."""
    found = {name: readable(name) for name in names}
    return found if len(set(found.values())) == len(names) else {name: name for name in names}
