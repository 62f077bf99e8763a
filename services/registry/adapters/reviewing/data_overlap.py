"""How many rows of the evaluation were copied from the reference, coincidences apart."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pyarrow import parquet

from services.registry.adapters.reviewing.data_rows import HashedRows, Hashes, hashed
from services.registry.adapters.reviewing.subject import LeftOutError, Sampled, Subject
from services.registry.domain.proportions import Z, wilson
from understudy.contracts.reviews import Estimate
from understudy.contracts.signature import Signature
from understudy.inference.rows import Rows

_MOST_ROWS: Final = 10_000_000
_CERTAIN: Final = 0.999


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """The whole reference, sorted."""

    values: Hashes
    counts: NDArray[np.intp]
    rows: int
    alike: float
    """Share of different rows that agree with another one in a half of their columns."""


def overlap(subject: Subject) -> Estimate:
    """Share of the evaluation's labelled rows that were copied out of the reference file.

    s is the share whose features and label are in the reference, all rows of its file. Where
    features take few values, independent samples share rows as well: a share e of new rows would
    be there by coincidence. Then s = o + (1 - o)·e, and the answer is o = (s - e) / (1 - e).

    e is the smaller of two figures that are both at least the share of coincidences:

    - Good and Turing's coverage (Good 1953; variance by Esty 1983), 1 - singletons / rows, what a
      sample tells of the chance that the next row was seen before. Exact for independent rows; too
      large when rows were multiplied before they were split, which is a leak itself.
    - The share of *different* rows of the reference that agree with another one in half of their
      columns. Copies leave it as it is. Columns are dealt to the halves by turns, those with the
      most values first; the larger share of the two halves counts. Rows of two or more fine
      columns hardly ever agree in half of them.

    The interval joins Wilson's of s with that of e, each at its far end.
    Raises LeftOutError without an evaluation, and when nearly all rows may coincide.
    """
    held = subject.evaluation
    if held is None:
        raise LeftOutError("there is no evaluation sample")
    places = np.flatnonzero(np.isfinite(held.labels))
    if not places.size:
        raise LeftOutError("no row of the evaluation sample has a label")
    halves = halves_of(subject.reference.rows, subject.signature)
    known = known_of(_parts(subject.reference, subject.signature, halves))
    return copied(known, hashed(held.table, subject.signature, halves).whole[places])


def copied(known: Known, rows: Hashes) -> Estimate:
    """Share of these rows; see `overlap`. Raises LeftOutError."""
    at = np.minimum(np.searchsorted(known.values, rows), known.values.size - 1)
    found = wilson(int((known.values[at] == rows).sum()), rows.size)
    assert found is not None  # noqa: S101 - there are rows
    return without_coincidences(found, _coincidences(known))


def without_coincidences(found: Estimate, chance: Estimate) -> Estimate:
    """What is left of the share `found`; see `overlap`. Raises LeftOutError when nothing is."""
    if chance.high is None or chance.low is None or chance.high > _CERTAIN:
        raise LeftOutError(
            "rows take so few values that copies can't be told from rows that happen to be equal"
        )

    def left(share: float, chance: float) -> float:
        return min(1.0, max(0.0, (share - chance) / (1.0 - chance)))

    return Estimate(
        left(found.value, chance.value),
        left(found.low or 0.0, chance.high),
        left(1.0 if found.high is None else found.high, chance.low),
    )


def _coincidences(known: Known) -> Estimate:
    once, twice = int((known.counts == 1).sum()), int((known.counts == 2).sum())
    rows = known.rows
    coverage = 1.0 - once / rows
    spread = Z * sqrt(once * (1.0 - once / rows) + 2.0 * twice) / rows
    # One more row that is the only one of its kind can always come.
    high = min(1.0, coverage + max(spread, 3.0 / rows))
    seen = Estimate(coverage, max(0.0, coverage - spread), high)
    alike = wilson(known.alike * known.values.size, known.values.size)
    assert alike is not None  # noqa: S101 - a reference has rows
    # A handful of kinds of rows, each many times: whether they agree in halves says nothing.
    few = known.values.size * 20 < rows
    return seen if few or seen.value <= alike.value else alike


def known_of(parts: Iterable[HashedRows]) -> Known:
    """The rows of all parts of a file."""
    held = [*parts]
    one = np.concatenate([part.one for part in held])
    other = np.concatenate([part.other for part in held])
    whole = HashedRows(one, other).whole
    values, first, counts = np.unique(whole, return_index=True, return_counts=True)
    return Known(values, counts, whole.size, max(_repeated(one[first]), _repeated(other[first])))


def _parts(
    sample: Sampled, signature: Signature, halves: NDArray[np.bool_]
) -> Iterator[HashedRows]:
    if sample.total > _MOST_ROWS:
        raise LeftOutError(f"the reference sample has more than {_MOST_ROWS:,} rows")
    with parquet.ParquetFile(sample.file.path) as file:
        for batch in file.iter_batches(columns=[*signature.names, signature.target.name]):
            yield hashed(batch, signature, halves)


def _repeated(values: Hashes) -> float:
    _, counts = np.unique(values, return_counts=True)
    return float(1.0 - (counts == 1).sum() / values.size)


def halves_of(rows: Rows, signature: Signature) -> NDArray[np.bool_]:
    """Of each feature, whether it is in the first half: by turns, those with most values first."""
    numbers, texts = iter(rows.numbers.T), iter(rows.texts)
    distinct = [
        np.unique(next(numbers)).size if feature.numeric else len(set(next(texts)))
        for feature in signature.features
    ]
    order = np.argsort(-np.array(distinct), kind="stable")
    halves = np.zeros(len(distinct), dtype=bool)
    halves[order[::2]] = True
    return halves
