"""What the classifier that looks for changed interactions knows of a deployment, and says of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from services.monitor.domain.rows import Indices, PredictionRows
from services.monitor.domain.statistics.association import Pair
from services.monitor.domain.statistics.coding import FeatureCoding, Table, table_of
from services.monitor.domain.statistics.interaction import LOG_THRESHOLD, Wealth
from understudy.profiles.firsts import entity_hashes

ASSUMES: Final = (
    "Rows are exchangeable: no clusters of alike rows and no seasons that the reference sample "
    "lacks. Changes are seen in pairs of features; what each feature does by itself is not judged."
)
_TOLD_PAIRS: Final = 3

FeaturePair = tuple[str, str]


@dataclass(frozen=True, slots=True, eq=False)
class Probe:
    """All that is kept between two looks; small. What taught the classifiers is not kept."""

    reference: str
    """Digest of the sample that the evidence is about."""
    position: str = "0-0"
    """The last entry of the prediction stream that was looked at: none is bet on twice."""
    wealth: Wealth = field(default_factory=Wealth)
    pairs: tuple[FeaturePair, ...] = ()
    """Of the last look: what goes together otherwise than in the reference, strongest first."""
    window_at: float = 0.0
    """When the rows of the last look began to be answered, in seconds since the epoch."""
    looked_at: float | None = None

    @property
    def alarm(self) -> bool:
        """Whether the evidence is beyond its threshold."""
        return self.wealth.log_evidence >= LOG_THRESHOLD


@dataclass(frozen=True, slots=True, eq=False)
class FreshRows:
    """Rows that came after a position, the newest of them."""

    position: str
    """Of the newest entry."""
    entries: Sequence[PredictionRows]
    """Oldest first."""

    @property
    def rows(self) -> int:
        """How many there are."""
        return sum(len(entry.ids) for entry in self.entries)


def window_table(
    codings: Sequence[FeatureCoding], entries: Sequence[PredictionRows], entity: str | None
) -> Table:
    """All entries' rows; of rows of one entity the first alone."""
    table = Table(
        np.concatenate([table_of(codings, e.columns, len(e.ids)).values for e in entries])
    )
    return table if entity is None else table.take(_first_of_each(entries, entity))


def told_pairs(codings: Sequence[FeatureCoding], pairs: Sequence[Pair]) -> tuple[FeaturePair, ...]:
    """By name, the strongest three."""
    return tuple(
        (codings[pair.first].name, codings[pair.second].name) for pair in pairs[:_TOLD_PAIRS]
    )


def _first_of_each(entries: Sequence[PredictionRows], entity: str) -> Indices:
    """Rows that name no entity are of one, as everywhere."""
    hashes = [
        entity_hashes(entry.columns.get(entity, [None] * len(entry.ids))) for entry in entries
    ]
    return np.sort(np.unique(np.concatenate(hashes), return_index=True)[1])
