"""The gate: whether a compiled model answers as its original does, on each row of each block.

Both are asked the same rows, the compiled one in one call and row by row. Every label must be
equal, every figure within the tolerance, and what the original refuses must be refused.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from understudy.inference.edges import Block
from understudy.inference.rows import Rows
from understudy.inference.scored import Floats, Runner, Scored

TOLERANCES: Final = {"float64": 1e-6, "float32": 1e-5}
"""By the precision of the inputs; to probabilities, and relative to numbers.

A float32 holds 24 bits: rounding inputs and sums of some hundred terms costs about 1e-6, a wrong
branch or a lost feature 1e-3 and more. 1e-5 lies between both.
"""
UNDECIDED_SHARE: Final = 0.01
"""In how many rows the original may be undecided (see `Difference.undecided`) at most."""
_ONE_BY_ONE: Final = 4_000


@dataclass(frozen=True, slots=True)
class Answers:
    """What a runner made of n rows; figures of refused rows are NaN."""

    refused: NDArray[np.bool_]
    values: Floats
    probabilities: Floats | None

    def __len__(self) -> int:
        return len(self.refused)


@dataclass(frozen=True, slots=True)
class Difference:
    """How two models' answers to the same rows differ."""

    largest: float
    labels: int
    """Rows with another label, of which the original was not undecided."""
    undecided: int
    """Rows with another label to which the original gives both labels the same probability,
    within the tolerance: rounding decides them, there as here."""
    refusals: int
    """Rows that one refuses and the other answers."""
    rows: int

    def objection(self, tolerance: float) -> str | None:
        """Why the answers are not alike; None when they are."""
        if self.refusals:
            return f"{self.refusals} of {self.rows} rows are refused by one alone"
        if self.labels:
            return f"{self.labels} of {self.rows} labels differ"
        if not self.largest <= tolerance:
            return f"answers differ by {self.largest:.1e}, more than {tolerance:.0e}"
        if self.undecided > UNDECIDED_SHARE * self.rows:
            return f"{self.undecided} of {self.rows} labels hang on rounding"
        return None


@dataclass(frozen=True, slots=True)
class Parity:
    """The gate's verdict."""

    objection: str | None
    rows: int
    difference: float


def answers(runner: Runner, rows: Rows) -> Answers:
    """Ask in one call; where that is refused, find out which rows are."""
    values = np.full(len(rows), np.nan)
    probabilities: Floats | None = None
    for start, scored in _asked(runner, rows, 0):
        part = slice(start, start + len(scored.values))
        values[part] = scored.values
        if scored.probabilities is not None:
            if probabilities is None:
                probabilities = np.full((len(rows), scored.probabilities.shape[1]), np.nan)
            probabilities[part] = scored.probabilities
    return Answers(np.isnan(values), values, probabilities)


def one_by_one(runner: Runner, rows: Rows) -> Answers:
    """Ask for each row by itself, as a single request does."""
    return _stacked([answers(runner, rows.part(row, row + 1)) for row in range(len(rows))])


def parity(
    expected: Sequence[Answers], runner: Runner, asked: Sequence[Block], tolerance: float
) -> Parity:
    """Judge a compiled model; `expected` is what the original answers to each block.

    The first block is the reference sample, whose usual answer measures how far numbers differ.
    """
    scale = _usual(expected[0])
    largest, count = 0.0, 0
    for block, original in zip(asked, expected, strict=True):
        for found, own in _both_ways(runner, block.rows, original):
            difference = compared(own, found, tolerance, scale)
            if not block.figures:
                difference = replace(difference, largest=0.0, labels=0, undecided=0)
            objection = difference.objection(tolerance)
            if objection is not None:
                return Parity(f"{objection} ({block.name})", count, difference.largest)
            largest = max(largest, difference.largest)
        count += len(block.rows)
    return Parity(None, count, largest)


def compared(expected: Answers, found: Answers, tolerance: float, scale: float) -> Difference:
    """`scale`: numbers below it differ relative to it instead of to themselves."""
    both = ~expected.refused & ~found.refused
    refusals = int((expected.refused != found.refused).sum())
    mine, theirs = expected.values[both], found.values[both]
    if expected.probabilities is None:
        if scale > 0.0:
            largest = _largest(np.abs(mine - theirs) / np.maximum(np.abs(mine), scale))
            return Difference(largest, 0, 0, refusals, len(expected))
        return Difference(0.0, int((mine != theirs).sum()), 0, refusals, len(expected))
    if found.probabilities is None:
        return Difference(np.inf, 0, 0, refusals, len(expected))
    own = expected.probabilities[both]
    other = mine != theirs
    gap = np.abs(own[other, mine[other].astype(int)] - own[other, theirs[other].astype(int)])
    undecided = int((gap <= tolerance).sum())
    largest = _largest(np.abs(own - found.probabilities[both]))
    return Difference(largest, int(other.sum()) - undecided, undecided, refusals, len(expected))


def _both_ways(runner: Runner, rows: Rows, original: Answers) -> Iterator[tuple[Answers, Answers]]:
    yield answers(runner, rows), original
    few = min(len(rows), _ONE_BY_ONE)
    yield one_by_one(runner, rows.part(0, few)), _first(original, few)


def _asked(runner: Runner, rows: Rows, start: int) -> Iterator[tuple[int, Scored]]:
    """Halve what is refused until single rows are; they are left out."""
    try:
        yield start, runner.score(rows)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - a model refuses in whatever way it likes
        if len(rows) > 1:
            half = len(rows) // 2
            yield from _asked(runner, rows.part(0, half), start)
            yield from _asked(runner, rows.part(half, len(rows)), start + half)


def _usual(expected: Answers) -> float:
    """The usual size of a number that is answered; 0 for classes."""
    if expected.probabilities is not None or np.isnan(expected.values).all():
        return 0.0
    return float(np.nanmedian(np.abs(expected.values)))


def _first(whole: Answers, count: int) -> Answers:
    found = whole.probabilities
    return Answers(
        whole.refused[:count], whole.values[:count], None if found is None else found[:count]
    )


def _stacked(parts: Sequence[Answers]) -> Answers:
    given = [part.probabilities for part in parts]
    width = next((found.shape[1] for found in given if found is not None), None)
    return Answers(
        np.concatenate([part.refused for part in parts]),
        np.concatenate([part.values for part in parts]),
        None
        if width is None
        else np.concatenate([np.full((1, width), np.nan) if p is None else p for p in given]),
    )


def _largest(differences: NDArray[np.float64]) -> float:
    return float(differences.max()) if differences.size else 0.0
