"""Which models are let go when together they take more memory than there is for them."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Held:
    """A version in memory."""

    key: Hashable
    size_bytes: int
    used_at: float
    """When it was last called, by any clock that goes forward."""
    answers: bool
    """Whether it is a deployment's main version, or kept in order to go back without a wait."""


def surplus(held: Sequence[Held], limit_bytes: int, spared: Hashable = None) -> list[Held]:
    """What to let go so that the rest fits: former mains first, then what is unused for longest.

    `spared` stays whatever its size: it was loaded because somebody waits for it.
    """
    over = sum(found.size_bytes for found in held) - limit_bytes
    chosen: list[Held] = []
    for found in sorted(held, key=lambda each: (each.answers, each.used_at)):
        if over <= 0:
            break
        if found.key != spared:
            chosen.append(found)
            over -= found.size_bytes
    return chosen
