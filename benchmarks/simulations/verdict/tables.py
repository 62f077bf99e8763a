"""What a question found, as Markdown."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.random import Generator

from understudy.profiles.arrays import Floats

_AT_ONCE: Final = 100


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is simulated."""

    runs: int
    labels: int

    def fewer(self, times: int) -> "Scale":
        """For questions that cost more."""
        return Scale(max(self.runs // times, 20), self.labels)

    @property
    def pieces(self) -> list[int]:
        """Runs that are drawn at once: bounds the memory."""
        whole, rest = divmod(self.runs, _AT_ONCE)
        return [_AT_ONCE] * whole + ([rest] if rest else [])


@dataclass(frozen=True, slots=True)
class Table:
    """One answer."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    def __str__(self) -> str:
        head = [self.columns, ["---"] * len(self.columns)]
        lines = ["| " + " | ".join(row) + " |" for row in (*head, *self.rows)]
        return f"### {self.title}\n" + "\n".join(lines) + "\n"


def share(of: Floats) -> str:
    """Of runs in which something ever happened (is finite), with its sampling error's double."""
    found = float(np.mean(np.isfinite(of)))
    spread = 2.0 * (found * (1.0 - found) / of.size) ** 0.5
    return f"{found:.1%}" if spread < 5e-4 else f"{found:.1%} ± {spread:.1%}"


def median(of: Floats, labels: int) -> str:
    """Over all runs, the undecided ones included."""
    found = float(np.median(of))
    return f"{found:,.0f}" if np.isfinite(found) else f"> {labels:,}"


def streams(seed: int, questions: int) -> list[Generator]:
    """Independent randomness for each question, whichever of them are asked."""
    return [np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(questions)]
