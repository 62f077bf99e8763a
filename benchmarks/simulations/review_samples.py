"""How often a review's findings about samples are wrong, and how often they find what is there.

`python -m benchmarks.simulations.review_samples [--quick]`. Rare classes, and rows of the
evaluation that were copied out of the reference, among fine and coarse data.
"""

import argparse
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.random import Generator

from benchmarks.simulations.verdict.tables import Table
from services.registry.adapters.inspection.sample import rows_in
from services.registry.adapters.reviewing.data_overlap import copied, halves_of, known_of
from services.registry.adapters.reviewing.data_rows import hashed
from services.registry.adapters.reviewing.subject import LeftOutError
from services.registry.domain.findings.classes import imbalance
from services.registry.domain.findings.samples import overlap
from understudy.contracts.reviews import ClassShare, Data, Estimate, Review, SampleFacts
from understudy.contracts.signature import Feature, Signature, Target
from understudy.contracts.vocabulary import BaselineSample, FeatureKind, Severity, Task

SEED: Final = 7
RATES: Final = (0.10, 0.06, 0.05, 0.04, 0.03, 0.02, 0.01)
ROWS: Final = (100, 300, 1_000, 5_000)
SHARES: Final = (0.0, 0.01, 0.02, 0.05, 0.2, 0.7)
REFERENCE: Final = 2_000
EVALUATION: Final = 800
Draw = Callable[[Generator, int], dict[str, Any]]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    runs = 200 if quick else 10_000
    print(f"seed {SEED}, {runs:,} runs (overlap: {runs // 10:,})\n")
    rng = np.random.default_rng(SEED)
    rows = [
        (f"{rate:.0%}", *(f"{_imbalance(rate, rows, runs, rng):.1%}" for rows in ROWS))
        for rate in RATES
    ]
    columns = ("rarer class", *(f"{rows:,} rows" for rows in ROWS))
    print(Table("imbalance warns (threshold 5 %)", columns, rows))
    found = [(name, *_overlaps(draw, runs // 10, rng)) for name, draw in KINDS.items()]
    columns = (
        "rows",
        "equal by coincidence",
        *(f"{share:.0%} copied" for share in SHARES),
        "tripled before the split",
    )
    title = f"overlap warns or blocks (of {EVALUATION} rows; threshold 1 %)"
    print(Table(title, columns, found))


def _imbalance(rate: float, rows: int, runs: int, rng: Generator) -> float:
    hits = rng.binomial(rows, rate, runs)
    return float(np.mean([any(imbalance(_of_classes(int(hit) / rows, rows))) for hit in hits]))


def _of_classes(share: float, rows: int) -> Review:
    classes = (ClassShare("no", 1.0 - share), ClassShare("yes", share))
    facts = SampleFacts(BaselineSample.REFERENCE, "a" * 64, 1, rows, rows, rows, rows, 0)
    return _review(Data((facts,), (), (), classes=classes))


def _review(data: Data) -> Review:
    return Review(
        model="credit",
        version=1,
        task=Task.CLASSIFICATION,
        made_at=datetime(2026, 3, 1, tzinfo=UTC),
        seconds=0.0,
        seed=SEED,
        artifact="a" * 64,
        data=data,
        findings=(),
    )


def _labelled(columns: dict[str, Any], rng: Generator) -> dict[str, Any]:
    first = np.asarray(next(iter(columns.values())), dtype=np.float64)
    return columns | {"y": rng.random(first.size) < 1 / (1 + np.exp(first - first.mean()))}


def _fine(rng: Generator, rows: int) -> dict[str, Any]:
    return {f"x{place}": rng.normal(size=rows) for place in range(6)}


def _rounded(rng: Generator, rows: int) -> dict[str, Any]:
    """Age, amount in hundreds, months, and four yes or no."""
    return {
        "age": rng.integers(18, 80, rows),
        "amount": rng.lognormal(4.0, 0.6, rows).round(),
        "months": rng.choice([12, 24, 36, 48, 60], rows),
        **{f"b{place}": rng.random(rows) < 0.2 for place in range(4)},
    }


def _one_fine(rng: Generator, rows: int) -> dict[str, Any]:
    return {"x": rng.normal(size=rows), **_coarse(rng, rows)}


def _coarse(rng: Generator, rows: int) -> dict[str, Any]:
    return {f"c{place}": rng.integers(0, 4, rows) for place in range(5)}


def _skewed(rng: Generator, rows: int) -> dict[str, Any]:
    return {f"b{place}": rng.random(rows) < 0.08 for place in range(20)}


def _encoded(rng: Generator, rows: int) -> dict[str, Any]:
    """Three categories of 12 values each, one column for each value."""
    found = dict[str, Any]()
    for name in "abc":
        value = np.minimum(rng.geometric(0.25, rows), 12)
        found |= {f"{name}{place}": value == place for place in range(1, 13)}
    return found


KINDS: Final[dict[str, Draw]] = {
    "six fine numbers": _fine,
    "age, rounded amount, months, four booleans": _rounded,
    "one fine number, five of four values": _one_fine,
    "five of four values": _coarse,
    "20 booleans, 8 % true": _skewed,
    "three categories of 12 values, one-hot": _encoded,
}


def _overlaps(draw: Draw, runs: int, rng: Generator) -> list[str]:
    alike, found = list[float](), [list[bool]() for _ in range(len(SHARES) + 1)]
    for _ in range(runs):
        rows = _labelled(draw(rng, REFERENCE + EVALUATION), rng)
        table = pa.table({name: np.asarray(values) for name, values in rows.items()})
        for place, share in enumerate(SHARES):
            many = int(share * EVALUATION)
            copies = rng.permutation(REFERENCE)[:many]
            kept = np.arange(REFERENCE + many, REFERENCE + EVALUATION)
            evaluation = table.take(np.concatenate([copies, kept]))
            warned, equal = _warns(table[:REFERENCE], evaluation)
            found[place].append(warned)
            if not share:
                alike.append(equal)
        tripled = rng.permutation(np.repeat(np.arange((REFERENCE + EVALUATION) // 3), 3))
        parts = table.take(tripled[:REFERENCE]), table.take(tripled[REFERENCE:])
        found[-1].append(_warns(*parts)[0])
    return [f"{np.mean(alike):.1%}", *(f"{np.mean(one):.1%}" for one in found)]


def _warns(reference: Any, evaluation: Any) -> tuple[bool, float]:
    """Whether it does, and the share of equal rows."""
    names = [name for name in reference.column_names if name != "y"]
    features = tuple(Feature(name, FeatureKind.NUMBER) for name in names)
    signature = Signature(features, Target("y", Task.CLASSIFICATION, (False, True)))
    reference, evaluation = reference.combine_chunks(), evaluation.combine_chunks()
    halves = halves_of(rows_in(reference, signature), signature)
    known = known_of([hashed(reference, signature, halves)])
    rows = hashed(evaluation, signature, halves).whole
    equal = float(np.isin(rows, known.values).mean())
    try:
        share: Estimate | None = copied(known, rows)
    except LeftOutError:
        share = None
    warned = overlap(_review(Data((), (), (), overlap=share)))
    return any(one.severity is not Severity.LOOK for one in warned), equal


if __name__ == "__main__":
    main()
