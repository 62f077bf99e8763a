"""What the dashboards look like: one vocabulary of colours, units, words and limits."""

from enum import StrEnum
from typing import Final

from grafana_foundation_sdk.models import dashboard


class Colour(StrEnum):
    """A role, a state or a kind has the same colour in every panel of every dashboard."""

    MAIN = "#5794F2"
    CHALLENGER = "#FF9830"
    GOOD = "#73BF69"
    LOOK = "#FADE2A"
    BAD = "#F2495C"
    OTHER = "#B877D9"
    QUIET = "#8E8E9C"


class Unit(StrEnum):
    """Grafana's own names of units."""

    SHARE = "percentunit"
    SECONDS = "s"
    BYTES = "bytes"
    REQUESTS = "reqps"
    ROWS = "rowsps"
    PER_SECOND = "cps"
    CORES = "suffix: cores"
    NATS = "suffix: nats"
    TIMES = "suffix: ×"
    COUNT = "short"
    NONE = "none"


VERDICTS: Final = ("no_data", "wait", "keep", "equivalent", "promote", "roll_back")
"""By number: what a verdict is drawn as, its place in here."""

VERDICT_COLOURS: Final = {
    "no_data": Colour.QUIET,
    "wait": Colour.MAIN,
    "keep": Colour.GOOD,
    "equivalent": Colour.OTHER,
    "promote": Colour.CHALLENGER,
    "roll_back": Colour.BAD,
}

Steps = tuple[tuple[float | None, Colour], ...]

CALM: Final[Steps] = ((None, Colour.MAIN),)
ERRORS: Final[Steps] = ((None, Colour.GOOD), (0.001, Colour.LOOK), (0.0144, Colour.BAD))
"""The objective is 0.1 %; 14.4 times that is what a page is sent for."""
LATENCY: Final[Steps] = ((None, Colour.GOOD), (0.05, Colour.LOOK), (0.1, Colour.BAD))
"""The objective: 99 % of the answers within 0.1 s."""
NONE_IS_GOOD: Final[Steps] = ((None, Colour.GOOD), (1, Colour.BAD))
SOME_IS_GOOD: Final[Steps] = ((None, Colour.BAD), (1, Colour.GOOD))
ALARM: Final[Steps] = ((None, Colour.GOOD), (0.5, Colour.LOOK), (1, Colour.BAD))
"""Of evidence over its threshold: at 1 it is an alarm."""
PSI: Final[Steps] = ((None, Colour.GOOD), (0.1, Colour.LOOK), (0.25, Colour.BAD))
"""The customary reading of the population stability index."""
RARE: Final[Steps] = ((None, Colour.GOOD), (0.01, Colour.LOOK), (0.05, Colour.BAD))
LAG: Final[Steps] = ((None, Colour.GOOD), (30, Colour.LOOK), (120, Colour.BAD))
COVERAGE: Final[Steps] = ((None, Colour.BAD), (0.05, Colour.LOOK), (0.2, Colour.GOOD))
SPOOLED: Final[Steps] = ((None, Colour.GOOD), (1, Colour.LOOK), (100_000, Colour.BAD))


def words(texts: dict[str, tuple[str, Colour]]) -> dashboard.ValueMap:
    """Values that are shown as a word in a colour."""
    return dashboard.ValueMap(
        {
            value: dashboard.ValueMappingResult(text=text, color=colour, index=place)
            for place, (value, (text, colour)) in enumerate(texts.items())
        }
    )


VERDICT_WORDS: Final = words(
    {str(n): (each.replace("_", " "), VERDICT_COLOURS[each]) for n, each in enumerate(VERDICTS)}
)
ALARM_WORDS: Final = words({"0": ("calm", Colour.GOOD), "1": ("DRIFT", Colour.BAD)})
RUNNING_WORDS: Final = words({"0": ("not served", Colour.BAD), "1": ("served", Colour.GOOD)})
UP_WORDS: Final = words({"0": ("DOWN", Colour.BAD), "1": ("up", Colour.GOOD)})
PERSISTENCE_WORDS: Final = words({"0": ("NOT WRITTEN", Colour.BAD), "1": ("ok", Colour.GOOD)})
