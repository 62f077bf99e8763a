"""Under which terms a row is taken up: those of the release in which it was answered.

A monitor that reads late finds rows of former releases. What a release's terms were is written down
while it is the present one; of a release that never was, the terms of the nearest earlier one of
the same main hold, else the present ones.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from services.monitor.domain.deciding.terms import Terms
from services.monitor.domain.outcomes.facts import Incoming


@dataclass(frozen=True, slots=True)
class Tenure:
    """One main in one release, and the terms for it."""

    release: int
    main: int
    terms: Terms
    stated: bool
    """Whether the terms are the release's own; otherwise they were guessed."""


def tenure(known: Iterable[Tenure], incoming: Incoming, release: int, main: int) -> Tenure:
    """What holds for rows of a release, whether it is among the known ones or not."""
    stated = [held for held in known if held.stated and held.main == main]
    own = next((held for held in stated if held.release == release), None)
    if own is not None:
        return own
    if release == incoming.release:
        return Tenure(release, main, incoming.terms_of(main), stated=True)
    earlier = [held for held in stated if held.release < release]
    nearest = max(earlier, key=lambda held: held.release, default=None)
    terms = incoming.terms_of(main) if nearest is None else nearest.terms
    return Tenure(release, main, terms, stated=False)
