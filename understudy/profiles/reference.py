"""The profile of a reference sample: the bins that live rows are counted into, and its own counts.

The reference is counted by the same code as live rows. A profile's fingerprint names its layout:
only what was counted on the same layout may be added.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from understudy.contracts.signature import Feature, Signature, Target
from understudy.contracts.vocabulary import FeatureKind, Label, Task, class_name
from understudy.profiles.arrays import Counts, Floats, zeros
from understudy.profiles.bins import (
    Bins,
    CategoryBins,
    NumberBins,
    category_bins,
    number_bins,
    places_in,
)
from understudy.profiles.columns import Column
from understudy.profiles.errors import UnusableReferenceError
from understudy.profiles.moments import no_sums, shifted_sums
from understudy.profiles.rarity import TIMES, rare_rows, times_seen
from understudy.profiles.timing import Timing, read_timing

SCORE_EDGES: Final = np.linspace(0.0, 1.0, 21)
"""A probability is counted into 20 equal bins."""


@dataclass(frozen=True, slots=True, eq=False)
class FeatureProfile:
    """One feature of the reference sample."""

    name: str
    kind: FeatureKind
    bins: Bins
    counts: Counts
    """The reference's own tally."""
    sums: Floats
    centre: float
    """What live values are shifted by: the reference's mean; 0 for categories."""
    rare: Counts = field(default_factory=lambda: zeros(TIMES))
    """Rows whose category occurs once in the sample, and rows whose category occurs twice."""


@dataclass(frozen=True, slots=True, eq=False)
class OutputProfile:
    """What answers are counted into, and how the reference's *target* is distributed.

    The comparison of live answers with it is therefore against the training labels, not against
    the model's answers to them: a calibrated regression or a cautious threshold differs from its
    labels without any drift, so watch how this figure changes rather than its level.
    """

    edges: Floats | None
    """Of a probability, or from the target's quantiles; None where the target is not there."""
    centre: float
    classes: Mapping[str, int]
    counts: Counts | None
    """Regression: the target on `edges`."""
    deviation: float | None = None
    """Regression: the target's standard deviation; what losses are scaled by."""


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """All that is known of the rows that live rows are compared with."""

    fingerprint: str
    rows: int
    features: tuple[FeatureProfile, ...]
    output: OutputProfile
    timing: Timing | None = None
    """How the sample's rows lie in time; None where nobody knows."""
    entity: str | None = None
    """The feature that tells rows of one entity: the first of each minute counts apart."""

    @property
    def offsets(self) -> tuple[int, ...]:
        """Where each feature's tally begins in a cell's flat vector; the last is its length."""
        widths = [feature.bins.width for feature in self.features]
        return tuple(int(at) for at in np.cumsum([0, *widths]))


def build_reference(
    signature: Signature,
    columns: Mapping[str, Column],
    target: Sequence[Label | None] | None,
    at: Floats | None = None,
    entity: str | None = None,
) -> Reference:
    """Profile a sample. A feature without any value in it gets no profile, hence no figures.

    `at` is when each row came, in seconds since the epoch, ascending. Raises UnusableReferenceError
    when the sample has no column of the signature at all.
    """
    known = [
        (feature, columns[feature.name])
        for feature in signature.features
        if feature.name in columns
    ]
    if not known:
        raise UnusableReferenceError("the reference sample has none of the signature's features")
    found = (_profile(feature, column) for feature, column in known)
    features = tuple(profile for profile in found if profile is not None)
    output = _output(signature.target, target)
    return Reference(
        fingerprint=_fingerprint(features, output, entity),
        rows=max(len(column) for _, column in known),
        features=features,
        output=output,
        timing=None if at is None else _timing(features, columns, at),
        entity=entity,
    )


def _timing(
    features: Sequence[FeatureProfile], columns: Mapping[str, Column], at: Floats
) -> Timing:
    held = [columns[feature.name] for feature in features]
    places = [places_in(one.bins, column) for one, column in zip(features, held, strict=True)]
    times = [times_seen(column) for column in held]
    return read_timing(places, times, [feature.bins.width for feature in features], at)


def _profile(feature: Feature, column: Column) -> FeatureProfile | None:
    if isinstance(column, np.ndarray):
        numbers = number_bins(column)
        if numbers is None or not feature.numeric:
            return None
        centre = float(column[np.isfinite(column)].mean())
        sums, counts = shifted_sums(column, centre), numbers.tally(column)
        return FeatureProfile(feature.name, feature.kind, numbers, counts, sums, centre)
    categories = category_bins(column)
    if categories is None or feature.numeric:
        return None
    counts, rare = categories.tally(column), rare_rows(times_seen(column))
    return FeatureProfile(feature.name, feature.kind, categories, counts, no_sums(), 0.0, rare)


def _output(target: Target, values: Sequence[Label | None] | None) -> OutputProfile:
    present = [value for value in values or () if value is not None]
    if target.task is Task.CLASSIFICATION:
        return OutputProfile(SCORE_EDGES, 0.0, _class_counts(target, present), None)
    numbers = np.array([float(value) for value in present])
    bins = number_bins(numbers)
    if bins is None:
        return OutputProfile(None, 0.0, {}, None)
    centre = float(numbers[np.isfinite(numbers)].mean())
    deviation = float(numbers[np.isfinite(numbers)].std())
    return OutputProfile(bins.edges, centre, {}, open_counts(bins.edges, numbers), deviation)


def open_counts(edges: Floats, values: Floats) -> Counts:
    """Count the finite values into bins whose outer ones are open-ended."""
    finite = values[np.isfinite(values)]
    at = np.searchsorted(edges[1:-1], finite, side="right")
    return np.bincount(at, minlength=edges.size - 1)


def _class_counts(target: Target, values: Sequence[Label]) -> dict[str, int]:
    """How often each class is in the target's column; classes are matched by value, then name."""
    names = {label: class_name(label) for label in target.classes}
    by_name = set(names.values())
    called = Counter(names.get(value, class_name(value)) for value in values)
    return {name: rows for name, rows in called.items() if name in by_name}


def _fingerprint(
    features: Sequence[FeatureProfile], output: OutputProfile, entity: str | None
) -> str:
    digest = hashlib.sha256(b"" if entity is None else repr(entity).encode())
    for feature in features:
        digest.update(repr((feature.name, str(feature.kind), feature.centre)).encode())
        digest.update(_layout(feature.bins))
    edges = b"" if output.edges is None else output.edges.tobytes()
    digest.update(repr(output.centre).encode() + edges)
    return digest.hexdigest()[:16]


def _layout(bins: Bins) -> bytes:
    if isinstance(bins, NumberBins):
        return bins.edges.tobytes()
    assert isinstance(bins, CategoryBins)  # noqa: S101 - the other of two
    return repr((bins.categories, sorted(bins.rare))).encode()
