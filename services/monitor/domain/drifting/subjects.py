"""What can drift: a feature's shape, its missing, unseen and outlying values, answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.monitor.domain.cells import Speaker
from services.monitor.domain.drifting.baselines import OutputBaseline
from services.monitor.domain.drifting.columns import Columns
from understudy.contracts.vocabulary import DriftKind, FeatureKind
from understudy.profiles.arrays import Floats
from understudy.profiles.bins import ABOVE, BELOW, FIRST_BIN, MISSING, UNSEEN, CategoryBins
from understudy.profiles.reference import FeatureProfile, Reference

OUTPUT: Final = "output"
"""A version's predicted numbers, or the last class's probabilities."""
CLASSES: Final = "classes"
"""The classes that a version answered."""


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """One row of evidence."""

    name: str
    kind: DriftKind
    places: NDArray[np.intp]
    """Of a block's vector: the bins of a table, or the bad rows of a share."""
    whole: NDArray[np.intp] | None
    """Of a share: what its rows are the sum of."""
    weight: float
    """Of the average run length; before they are scaled to add up to 1."""
    effect: float = 1.0
    version: int | None = None
    feature: int | None = None
    """Which one, of the reference's."""
    importance: float | None = None
    joined: int | None = None
    """What counts into a table's last bin as well: unseen categories are rare ones."""

    def counts(self, vectors: Floats) -> Floats:
        """Shape (…, columns) → (…, bins); a share has two bins, bad and good."""
        found = vectors[..., self.places]
        if self.joined is not None:
            found[..., -1] += vectors[..., self.joined]
        if self.whole is None:
            return found
        bad = found.sum(axis=-1, keepdims=True)
        rows = vectors[..., self.whole].sum(axis=-1, keepdims=True)
        return np.concatenate([bad, rows - bad], axis=-1)


def features_of(
    reference: Reference, effects: Floats | None, importances: Mapping[str, float]
) -> list[Subject]:
    """Of each feature its shape and two shares of rows."""
    found = list[Subject]()
    for number, profile in enumerate(reference.features):
        effect = 1.0 if effects is None else float(effects[number])
        begin, end = reference.offsets[number : number + 2]
        found += _of_feature(
            profile, number, np.arange(begin, end), effect, importances.get(profile.name)
        )
    return found


def _of_feature(
    profile: FeatureProfile,
    number: int,
    tally: NDArray[np.intp],
    effect: float,
    importance: float | None,
) -> list[Subject]:
    category = profile.kind is FeatureKind.CATEGORY
    other = DriftKind.UNSEEN if category else DriftKind.OUT_OF_RANGE
    present = tally[BELOW:]
    rare = isinstance(profile.bins, CategoryBins) and bool(profile.bins.rare)
    parts = [
        (DriftKind.SHAPE, tally[FIRST_BIN:], None, 1 / 2),
        (DriftKind.MISSING, tally[[MISSING]], tally, 1 / 4),
        (other, tally[[BELOW, ABOVE]], present, 1 / 4),
    ]
    return [
        Subject(
            name=profile.name,
            kind=kind,
            places=places,
            whole=whole,
            weight=weight,
            effect=effect,
            feature=number,
            importance=importance,
            joined=int(tally[UNSEEN]) if rare and kind is DriftKind.SHAPE else None,
        )
        for kind, places, whole, weight in parts
    ]


def outputs_of(columns: Columns, baselines: Mapping[Speaker, OutputBaseline]) -> Sequence[Subject]:
    """Scores and classes of each speaker that has some in its baseline."""
    found = list[Subject]()
    for number, speaker in enumerate(columns.speakers):
        baseline, begin = baselines[speaker], columns.answers(number)
        middle, end = begin + columns.scores, columns.answers(number + 1)
        if columns.scores > 1 and baseline.scores.sum():
            found.append(_answers(OUTPUT, speaker, begin, middle, baseline.scores_effect))
        if end - middle > 1 and baseline.classes.sum():
            found.append(_answers(CLASSES, speaker, middle, end, baseline.classes_effect))
    return found


def _answers(name: str, speaker: Speaker, begin: int, end: int, effect: float) -> Subject:
    return Subject(
        name=name,
        kind=DriftKind.SHAPE,
        places=np.arange(begin, end),
        whole=None,
        weight=1.0,
        effect=effect,
        version=speaker[1],
    )
