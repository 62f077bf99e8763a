"""How a feature's live rows lie beside the reference's, in a dozen bins that people can read.

Bins are the reference's own, merged: a number's until nine are left, always the two neighbours that
hold the fewest of its rows together, so that they stay about equally full; of a category's the most
frequent keep their names. Categories of fewer than `FEWEST_ROWS` reference rows are never named,
since they may be persons. What is below, above, unseen or missing has bins of its own, so that
shares of a sample add up to 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.monitor.domain.drifting.telling import DriftAlarm, DriftReading
from understudy.contracts.vocabulary import DriftKind, FeatureKind
from understudy.profiles.arrays import Counts, Floats
from understudy.profiles.bins import ABOVE, BELOW, FIRST_BIN, MISSING, UNSEEN, NumberBins
from understudy.profiles.reference import FeatureProfile, Reference

MOST_BINS: Final = 12
FEWEST_ROWS: Final = 10
_MOST_NUMBERS: Final = MOST_BINS - 3
"""Beside those below, above and missing."""
_MOST_NAMES: Final = MOST_BINS - 2
"""Beside unseen and missing; one less where the rest are counted as others."""
_LONGEST_NAME: Final = 40
_MASSES: Final = 20
"""Parts of the reference in which masses are told apart: what is alike is merged by width."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """Of one feature; shares in the order of the bins, none of a sample without rows."""

    feature: str
    bins: tuple[str, ...]
    live: tuple[float, ...]
    reference: tuple[float, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Ruler:
    """What a feature's tallies are read with; made once for a reference."""

    feature: str
    bins: tuple[str, ...]
    """Their names; sorted as text they are in order."""
    places: NDArray[np.intp]
    """Of each place in a tally, which bin it belongs to."""
    usual: tuple[float, ...]

    def read(self, counts: Counts) -> Distribution:
        """Of a live tally."""
        live = _shares(self.places, counts, len(self.bins))
        return Distribution(self.feature, self.bins, live, self.usual)


def ruler_of(profile: FeatureProfile) -> Ruler:
    """For the tallies of one feature."""
    named = _numbers(profile) if isinstance(profile.bins, NumberBins) else _categories(profile)
    names, places = named
    bins = tuple(f"{number:02d} {name}" for number, name in enumerate(names, start=1))
    usual = _shares(places, profile.counts, len(bins))
    return Ruler(profile.name, bins, places, usual)


def worth_a_look(reference: Reference, drift: DriftReading | None, most: int) -> list[int]:
    """Which features: those that drift, the farthest first, then the most important ones.

    Where nothing drifts they are the same from scrape to scrape.
    """
    watched = () if drift is None else drift.watched
    features = [one for one in watched if one.version is None]
    shapes = {one.subject: one for one in features if one.kind is DriftKind.SHAPE}
    drifting = {one.subject for one in features if one.crossed}

    def rank(place: int) -> tuple[bool, float, float, int]:
        name = reference.features[place].name
        return (name not in drifting, *_rank(shapes.get(name), drifts=name in drifting), place)

    return sorted(range(len(reference.features)), key=rank)[:most]


def _rank(shape: DriftAlarm | None, *, drifts: bool) -> tuple[float, float]:
    if shape is None:
        return 0.0, 0.0
    return (-(shape.js or 0.0) if drifts else 0.0), -(shape.importance or 0.0)


def _shares(places: NDArray[np.intp], counts: Counts, bins: int) -> tuple[float, ...]:
    rows = float(counts.sum())
    if not rows:
        return ()
    return tuple((np.bincount(places, counts, minlength=bins) / rows).tolist())


def _numbers(profile: FeatureProfile) -> tuple[list[str], NDArray[np.intp]]:
    assert isinstance(profile.bins, NumberBins)  # noqa: S101 - the caller asked
    edges, counts = profile.bins.edges, profile.counts[FIRST_BIN:]
    starts = _merged(counts, edges)
    values = _values_of(edges)
    names = _value_names(values, starts, profile.kind) if values else _ranges(edges, starts)
    texts = _texts(edges[[*starts, -1]])
    outside = [f"below {texts[0]}", *names, f"above {texts[-1]}", "missing"]
    places = np.empty(FIRST_BIN + counts.size, dtype=np.intp)
    places[[MISSING, BELOW, ABOVE]] = len(names) + 2, 0, len(names) + 1
    places[FIRST_BIN:] = np.searchsorted(starts, np.arange(counts.size), side="right")
    return outside, places


def _merged(counts: Counts, edges: Floats) -> list[int]:
    """Where each of the merged bins begins."""
    starts, rows = [*range(counts.size)], max(1, int(counts.sum()))
    while len(starts) > _MOST_NUMBERS:
        ends = [*starts[1:], counts.size]
        pairs = [
            (round(_MASSES * counts[begin:end].sum() / rows), edges[end] - edges[begin], begin)
            for begin, end in zip(starts, ends[1:], strict=False)
        ]
        _, _, first = min(pairs)
        del starts[starts.index(first) + 1]
    return starts


def _ranges(edges: Floats, starts: Sequence[int]) -> list[str]:
    """As intervals; the last holds its upper edge."""
    texts = _texts(edges[[*starts, -1]])
    pairs = [*pairwise(texts)]
    return [
        f"[{low}, {high}{']' if number == len(pairs) else ')'}"
        for number, (low, high) in enumerate(pairs, start=1)
    ]


def _values_of(edges: Floats) -> list[float]:
    """The values that edges lie half-way between; empty where bins are no single values."""
    values = [float(edges[0])]
    for edge in edges[1:-1]:
        values.append(2 * float(edge) - values[-1])
    between = zip(values, edges[1:-1].tolist(), values[1:], strict=False)
    ascending = all(low < edge < high for low, edge, high in between)
    near = 1e-9 * max(1.0, *np.abs(edges).tolist())
    return values if ascending and abs(values[-1] - float(edges[-1])) <= near else []


def _value_names(values: Sequence[float], starts: Sequence[int], kind: FeatureKind) -> list[str]:
    if kind is FeatureKind.BOOLEAN and {*values} <= {0.0, 1.0}:
        return ["true" if value else "false" for value in values]
    texts = _texts(np.array(values))
    ends = [*starts[1:], len(texts)]
    return [
        texts[begin] if end == begin + 1 else f"{texts[begin]} to {texts[end - 1]}"
        for begin, end in zip(starts, ends, strict=True)
    ]


def _texts(numbers: Floats) -> list[str]:
    """With as few digits as tell them apart, three at least."""
    distinct = np.unique(numbers).size
    for digits in range(3, 17):
        rounded = [float(f"{number:.{digits}g}") + 0.0 for number in numbers]
        if len({*rounded}) == distinct:
            break
    return [f"{number:.16g}" for number in rounded]


def _categories(profile: FeatureProfile) -> tuple[list[str], NDArray[np.intp]]:
    categories = [str(name) for name in profile.bins.names]
    rare = bool(getattr(profile.bins, "rare", None))
    counts = profile.counts[FIRST_BIN:]
    single = counts.size - rare
    known = int((counts[:single] >= FEWEST_ROWS).sum())  # the most frequent come first
    named = known if known == counts.size and known <= _MOST_NAMES else min(known, _MOST_NAMES - 1)
    others = ["other"] if named < counts.size else []
    names = [*map(_short, categories[:named]), *others]
    places = np.empty(FIRST_BIN + counts.size, dtype=np.intp)
    places[[MISSING, UNSEEN, ABOVE]] = len(names) + 1, len(names), len(names)
    places[FIRST_BIN:] = np.minimum(np.arange(counts.size), len(names) - 1)
    return [*names, "unseen", "missing"], places


def _short(name: str) -> str:
    text = " ".join(name.split()) or "(empty)"
    return text if len(text) <= _LONGEST_NAME else f"{text[: _LONGEST_NAME - 1]}…"
