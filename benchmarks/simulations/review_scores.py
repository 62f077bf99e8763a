"""How often the rules about scores warn for nothing, and how often they find what they are for.

`python -m benchmarks.simulations.review_scores [--quick] [--only CODE]`. Rows are drawn anew from a
known world. Of slices, probabilities are those of the world or false ones: what is measured is the
rule, not a model's fit. For the future, a logistic regression is fitted anew each time.
"""

import argparse
from collections.abc import Callable
from datetime import UTC, datetime
from statistics import NormalDist
from typing import Final

import numpy as np
from numpy.random import Generator
from sklearn.linear_model import LogisticRegression

from benchmarks.simulations.verdict.tables import Table
from services.registry.adapters.inspection.importances import losses
from services.registry.adapters.reviewing.results_answers import Answers
from services.registry.adapters.reviewing.results_curves import calibration_of, confusion_of
from services.registry.adapters.reviewing.results_intervals import estimates
from services.registry.adapters.reviewing.results_ranking import (
    Area,
    area_estimate,
    area_gain,
    area_of,
)
from services.registry.adapters.reviewing.results_refits import deciding_estimate
from services.registry.adapters.reviewing.slices import slices_from
from services.registry.domain.findings import scores
from services.registry.domain.proportions import Z
from understudy.contracts.reviews import Data, Metric, Results, Review, TimeSplit
from understudy.contracts.signature import Feature, Signature, Target
from understudy.contracts.vocabulary import (
    BaselineSample,
    FeatureKind,
    FindingCode,
    Severity,
    Task,
)
from understudy.inference.rows import Rows
from understudy.inference.scored import Floats, Scored

SEED: Final = 7
SIZES: Final = (300, 1_000, 5_000)
FEATURES: Final = 10
_SIGNATURE: Final = Signature(
    tuple(Feature(f"f{place}", FeatureKind.NUMBER) for place in range(FEATURES)),
    Target("label", Task.CLASSIFICATION, (0, 1)),
)
_LOUD: Final = {Severity.WARN, Severity.BLOCK}

Made = Callable[[Generator, int], Results]


def main() -> None:
    """Print one table for each finding."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", nargs="*", type=FindingCode, default=[*WORLDS])
    options = parser.parse_args()
    runs, sizes = (10, SIZES[:2]) if options.quick else (200, SIZES)
    print(f"seed {SEED}, share of {runs:,} samples of each size with a warning or block\n")
    for code in options.only:
        rows = [
            (said, *(_share(code, world, size, runs) for size in sizes))
            for said, world in WORLDS[code]
        ]
        columns = ("world", *(f"{size:,} rows" for size in sizes))
        print(Table(str(code), columns, rows), flush=True)


def _share(code: FindingCode, world: Made, size: int, runs: int) -> str:
    rng = np.random.default_rng(SEED)
    hits = sum(code in _loud(world(rng, size)) for _ in range(runs))
    return f"{hits / runs:.1%}"


def _loud(results: Results) -> set[FindingCode]:
    review = Review(
        model="credit",
        version=1,
        task=Task.CLASSIFICATION,
        made_at=datetime(2026, 3, 1, tzinfo=UTC),
        seconds=0.0,
        seed=SEED,
        artifact="a" * 64,
        data=Data((), (), ()),
        findings=(),
        results=results,
    )
    return {one.code for one in scores.found(review, _SIGNATURE) if one.severity in _LOUD}


def separated(area: float) -> Made:
    """Scores whose true area under the ROC curve is known: two normal distributions."""
    distance = NormalDist().inv_cdf(area) * 2**0.5

    def world(rng: Generator, rows: int) -> Results:
        labels = (rng.random(rows) < 0.3).astype(np.float64)
        answers = _answers(_expit(rng.normal(size=rows) + distance * labels), labels)
        return _told(
            answers, Metric("roc_auc", higher_is_better=True, model=area_estimate(_area(answers)))
        )

    return world


def against(noise: float) -> Made:
    """A candidate and a main that see the truth through noise, the candidate through more."""

    def world(rng: Generator, rows: int) -> Results:
        truth = rng.normal(-1.0, 1.5, rows)
        labels = (rng.random(rows) < _expit(truth)).astype(np.float64)
        answers = _answers(_expit(truth + rng.normal(0, 1 + noise, rows)), labels)
        ours = _area(answers)
        theirs = _area(_answers(_expit(truth + rng.normal(0, 1, rows)), labels))
        measured = Metric(
            name="roc_auc",
            higher_is_better=True,
            model=area_estimate(ours),
            main=area_estimate(theirs),
            gain=area_gain(ours, theirs, Z),
        )
        return _told(answers, measured)

    return world


def promised(slope: float, shift: float) -> Made:
    """Probabilities of which the logit is wrong by a factor and a sum; 1 and 0 are right."""

    def world(rng: Generator, rows: int) -> Results:
        truth = rng.normal(-1.5, 1.2, rows)
        labels = (rng.random(rows) < _expit(truth)).astype(np.float64)
        answers = _answers(_expit(slope * truth + shift), labels)
        model = estimates(answers, rng)["ece"]
        return _told(answers, Metric("ece", higher_is_better=False, model=model))

    return world


def sliced(share: float, flipped: float) -> Made:
    """Some of the labels are flipped where the third feature is in its upper part."""
    edge = NormalDist().inv_cdf(1 - share)

    def world(rng: Generator, rows: int) -> Results:
        values = rng.normal(size=(rows, FEATURES))
        chance = _expit(2 * values[:, 0] + 2 * values[:, 1] - 1)
        labels = rng.random(rows) < chance
        labels ^= (values[:, 2] > edge) & (rng.random(rows) < flipped)
        answers = _answers(chance, labels.astype(np.float64))
        scored = Scored(answers.values, answers.probabilities)
        loss = losses(scored, answers.labels, _SIGNATURE.target)
        found = slices_from(Rows(values, ()), _SIGNATURE, loss, answers.probabilities)
        return Results(BaselineSample.EVALUATION, rows, "roc_auc", (), slices=found)

    return world


def timed(turn: float) -> Made:
    """What the label follows turns by so many radians from the first row to the last."""

    def world(rng: Generator, rows: int) -> Results:
        values = rng.normal(size=(rows, FEATURES))
        angle = np.linspace(0, turn, rows)
        logit = 1.5 * (np.cos(angle) * values[:, 0] + np.sin(angle) * values[:, 1])
        labels = (rng.random(rows) < _expit(logit)).astype(np.float64)
        cut, places = int(0.7 * rows), np.arange(rows)

        def score(order: np.ndarray[tuple[int], np.dtype[np.intp]]) -> Answers:
            model = LogisticRegression(solver="newton-cholesky")
            model.fit(values[order[:cut]], labels[order[:cut]])
            rest = order[cut:]
            return _answers(model.predict_proba(values[rest])[:, 1], labels[rest])

        split = TimeSplit(
            *((), (), ()),
            refitted=deciding_estimate(score(places), "roc_auc"),
            shuffled=deciding_estimate(score(rng.permutation(rows)), "roc_auc"),
        )
        return Results(BaselineSample.EVALUATION, rows, "roc_auc", (), time_split=split)

    return world


Worlds = tuple[tuple[str, Made], ...]
WORLDS: Final[dict[FindingCode, Worlds]] = {
    FindingCode.NEAR_PERFECT_SCORE: (
        ("honest: true area 0.95", separated(0.95)),
        ("honest: true area 0.99", separated(0.99)),
        ("at the threshold: 0.995", separated(0.995)),
        ("leak: 0.9999", separated(0.9999)),
    ),
    FindingCode.NOT_BETTER_THAN_DUMMY: (
        ("useful: true area 0.6", separated(0.6)),
        ("useful: true area 0.7", separated(0.7)),
        ("useless: 0.5", separated(0.5)),
    ),
    FindingCode.WORSE_THAN_MAIN: (
        ("as good as the main", against(0.0)),
        ("noise 1.5 instead of 1", against(0.5)),
        ("noise 2 instead of 1", against(1.0)),
    ),
    FindingCode.WEAK_SLICE: (
        ("no slice is wrong", sliced(0.1, 0.0)),
        ("half of the labels flipped in 10 %", sliced(0.1, 0.5)),
        ("half of the labels flipped in 25 %", sliced(0.25, 0.5)),
        ("all labels flipped in 10 %", sliced(0.1, 1.0)),
    ),
    FindingCode.TIME_SPLIT_DROP: (
        ("no drift", timed(0.0)),
        ("a quarter turn", timed(np.pi / 2)),
        ("half a turn", timed(np.pi)),
    ),
    FindingCode.MISCALIBRATED: (
        ("calibrated", promised(1.0, 0.0)),
        ("too sure: slope 2", promised(2.0, 0.0)),
        ("classes weighted: shift 1.5", promised(1.0, 1.5)),
    ),
}


def _told(answers: Answers, measured: Metric) -> Results:
    return Results(
        sample=BaselineSample.EVALUATION,
        rows=len(answers),
        deciding="roc_auc",
        metrics=(measured,),
        positive=1,
        main=1,
        calibration=calibration_of(answers),
        confusion=confusion_of(answers),
    )


def _area(answers: Answers) -> Area:
    found = area_of(answers)
    assert found is not None  # noqa: S101 - there are rows of both classes
    return found


def _answers(chances: Floats, labels: Floats) -> Answers:
    both = np.column_stack([1 - chances, chances])
    return Answers(labels, (chances > 0.5).astype(np.float64), both, 2, 1)


def _expit(values: Floats) -> Floats:
    found: Floats = 1 / (1 + np.exp(-values))
    return found


if __name__ == "__main__":
    main()
