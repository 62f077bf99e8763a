"""Which models compile, how closely they answer alike, and how much faster they are.

Trains one model of every kind, compiles it as the registry does, and asks both runners for 1, 32
and 256 rows in alternating rounds, side by side in one process and one thread. Prints the table
and writes it into docs/runners.md. `python -m benchmarks.runners`, from the root.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import statistics
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from examples.candidates import Example
from examples.credit.train import EXAMPLE as CREDIT
from examples.credit.train import past_loans
from examples.iris import EXAMPLE as IRIS
from examples.iris import blossoms
from tests.contract.inference.zoo import CASES, Fitted, fitted, rows_of
from understudy.inference.compiled import open_compiled
from understudy.inference.compiling import CompiledModel, NotCompiled, compile_model
from understudy.inference.estimators import SklearnRunner
from understudy.inference.rows import Rows, joined
from understudy.inference.scored import Runner

SIZES: Final = (1, 32, 256)
TRAINED_WITH: Final = 2_000
ROUNDS: Final = 11
ROUND_SECONDS: Final = 0.004
PAGE: Final = Path("docs/runners.md")
BEGIN: Final = "<!-- begin: written by benchmarks/runners.py -->"
END: Final = "<!-- end -->"
HEAD: Final = (
    "| model | compiles to | largest difference | 1 row: sklearn → compiled, µs | 32 rows | "
    "256 rows | times faster: 1 / 32 / 256 |\n| --- | --- | --- | --- | --- | --- | --- |"
)


@dataclass(frozen=True, slots=True)
class Spent:
    """Medians of a call."""

    sklearn: float
    compiled: float

    @property
    def ratio(self) -> float:
        """How many times faster the compiled one is."""
        return self.sklearn / self.compiled

    def __str__(self) -> str:
        return f"{_micro(self.sklearn)} → {_micro(self.compiled)}"


def models() -> Iterator[tuple[str, Fitted]]:
    """Every kind, then the examples' own."""
    for name, case in CASES.items():
        yield name, fitted(case, TRAINED_WITH)
    for example, sample in ((IRIS, blossoms()), (CREDIT, past_loans(TRAINED_WITH, seed=5))):
        yield from _candidates(example, sample)


def _candidates(example: Example, sample: pd.DataFrame) -> Iterator[tuple[str, Fitted]]:
    for recipe in example.recipes:
        made = recipe.train()
        rows = rows_of(sample, made.signature.features)
        yield (
            f"example {example.name}: {recipe.description}",
            Fitted(made.model, made.signature, rows, None),
        )


def row_of_table(name: str, found: Fitted) -> str:
    """One line."""
    made = compile_model(found.model, found.signature, found.rows)
    if isinstance(made, NotCompiled):
        return f"| {name} | no: {made.reason} | | | | | |"
    original = SklearnRunner(found.model, found.signature, found.rows)
    compiled = open_compiled(made.content, made.kind, found.signature)
    spent = [compare(original, compiled, _repeated(found.rows, size)) for size in SIZES]
    ratios = " / ".join(f"{pair.ratio:.3g}" for pair in spent)
    return (
        f"| {name} | {_kind(made)} | {made.difference:.0e} | "
        f"{' | '.join(map(str, spent))} | {ratios} |"
    )


def compare(original: Runner, compiled: Runner, rows: Rows) -> Spent:
    """Alternating rounds."""
    calls = {runner: _calls(runner, rows) for runner in (original, compiled)}
    rounds: dict[Runner, list[float]] = {original: [], compiled: []}
    for _ in range(ROUNDS):
        for runner, times in calls.items():
            rounds[runner].append(_seconds(runner, rows, times))
    return Spent(statistics.median(rounds[original]), statistics.median(rounds[compiled]))


def _calls(runner: Runner, rows: Rows) -> int:
    once = min(_seconds(runner, rows, 1) for _ in range(3))
    return max(1, int(ROUND_SECONDS / once))


def _seconds(runner: Runner, rows: Rows, times: int) -> float:
    began = time.perf_counter()
    for _ in range(times):
        runner.score(rows)
    return (time.perf_counter() - began) / times


def _repeated(rows: Rows, size: int) -> Rows:
    return joined([rows] * (-(-size // len(rows)))).part(0, size)


def _kind(made: CompiledModel) -> str:
    return f"{made.kind.value}, {made.precision}"


def _micro(seconds: float) -> str:
    return f"{seconds * 1e6:.1f}" if seconds < 1e-4 else f"{seconds * 1e6:,.0f}"


def write(lines: list[str]) -> None:
    """Replace the table in the page."""
    before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
    after = rest.split(END)[1]
    table = "\n".join([BEGIN, HEAD, *lines, END])
    PAGE.write_text(before + table + after, encoding="utf-8")


def main() -> None:
    """Print each line when it is there; write the table at the end."""
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    lines = []
    for name, found in models():
        lines.append(row_of_table(name, found))
        print(lines[-1], flush=True)
    write(lines)


if __name__ == "__main__":
    main()
