"""How often a review's rules about features are wrong, and how often they find what is planted.

`python -m benchmarks.simulations.review_features [--quick] [--runs N]`. Worlds of two classes are
drawn anew, a logistic regression is fitted on as many rows as are held out, and the rules look at
what reviews measure. Noise is to be found by `irrelevant_feature`; of each run it is counted
whether the planted feature is named, and in honest worlds whether any is.
"""

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.random import Generator
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.simulations.verdict.tables import Table
from services.registry.adapters.reviewing.explaining import alone_of, importances_of, without_of
from services.registry.adapters.reviewing.messages import ModelFile, ReviewTask, SampleFile
from services.registry.adapters.reviewing.subject import Sampled, Subject
from services.registry.domain.findings.features import found
from understudy.contracts.reviews import ColumnFacts, Data, Explanations, Review, SampleFacts
from understudy.contracts.signature import Feature, Signature, Target
from understudy.contracts.vocabulary import (
    ArtifactFormat,
    BaselineSample,
    FeatureKind,
    FindingCode,
    Severity,
    Task,
)
from understudy.inference.estimators import SklearnRunner
from understudy.inference.rows import Rows

SEED: Final = 13
SIZES: Final = (200, 1_000, 5_000)
TARGET: Final = Target("label", Task.CLASSIFICATION, (0, 1))
_NUMBERS: Final = 5
_INTEGERS: Final = frozenset({"cents", "account"})

Told = set[tuple[FindingCode, Severity, str]]


@dataclass(frozen=True, slots=True)
class World:
    """How rows come about, what is to be told of which feature, and how missing values break it."""

    draw: Callable[[Generator, int], pd.DataFrame]
    code: FindingCode
    severity: Severity
    feature: str | None
    """None for any."""
    fill: float | None = None
    """What the model takes missing values for; None for the median."""


def honest(rng: Generator, rows: int) -> pd.DataFrame:
    """Numbers that tell the label, one of them an amount in cents, and one that does not."""
    numbers = rng.normal(size=(rows, _NUMBERS))
    weights = np.array([1.5, -1.0, 0.8, 0.6, 0.5])
    frame = pd.DataFrame(numbers, columns=[f"x{place}" for place in range(_NUMBERS)])
    frame["cents"] = np.round(np.exp(9 + numbers[:, 0] + rng.normal(size=rows) / 2) * 100)
    frame["noise"] = rng.normal(size=rows)
    label = numbers @ weights + rng.logistic(size=rows) > 0
    return frame.assign(label=label.astype(int))


def _score(apart: float) -> Callable[[Generator, int], pd.DataFrame]:
    """One more feature, of two normal distributions that are so many deviations apart."""

    def draw(rng: Generator, rows: int) -> pd.DataFrame:
        frame = honest(rng, rows)
        return frame.assign(score=apart * frame["label"] + rng.normal(size=rows))

    return draw


def _null(rng: Generator, rows: int) -> pd.DataFrame:
    frame = honest(rng, rows)
    hidden = (frame["label"] == 1) & (rng.random(rows) < 0.999)
    return frame.assign(score=np.where(hidden, np.nan, rng.normal(size=rows)))


def _accounts(rng: Generator, rows: int) -> pd.DataFrame:
    frame = honest(rng, rows)
    account = np.arange(rows) * 3 + rng.integers(0, 3, rows) + 10_000
    later = np.linspace(2, -2, rows)
    label = frame["x0"] + 1.5 * later + rng.logistic(size=rows) > 0
    return frame.assign(account=account.astype(float), label=label.astype(int))


def _shuffled(rng: Generator, rows: int) -> pd.DataFrame:
    return _accounts(rng, rows).sample(frac=1.0, random_state=int(rng.integers(1 << 31)))


WARN, BLOCK, LOOK = Severity.WARN, Severity.BLOCK, Severity.LOOK
SINGLE, NAMED = FindingCode.SINGLE_FEATURE, FindingCode.IDENTIFIER_ON_TOP
USELESS, FRAGILE = FindingCode.IRRELEVANT_FEATURE, FindingCode.FRAGILE_TO_MISSING
FALSE_ALARMS: Final[Mapping[str, World]] = {
    "honest: a feature blocks": World(honest, SINGLE, BLOCK, None),
    "honest: one feature warns": World(honest, SINGLE, WARN, None),
    "a feature of AUC 0.985 blocks": World(_score(3.07), SINGLE, BLOCK, None),
    "a feature of AUC 0.99 blocks": World(_score(3.29), SINGLE, BLOCK, None),
    "honest: cents are an identifier": World(honest, NAMED, WARN, None),
    "honest: the weakest feature is useless": World(honest, USELESS, LOOK, "x4"),
    "honest: falls apart at missing values": World(honest, FRAGILE, WARN, None),
}
PLANTED: Final[Mapping[str, World]] = {
    "a feature of AUC 0.995": World(_score(3.64), SINGLE, BLOCK, "score"),
    "a feature of AUC 0.999": World(_score(4.37), SINGLE, BLOCK, "score"),
    "null for one class": World(_null, SINGLE, BLOCK, "score"),
    "account numbers, rows in order": World(_accounts, NAMED, WARN, "account"),
    "account numbers, rows shuffled": World(_shuffled, NAMED, WARN, "account"),
    "noise": World(honest, USELESS, LOOK, "noise"),
    "missing values taken for -30": World(honest, FRAGILE, WARN, None, fill=-30.0),
}


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--runs", type=int, default=200)
    options = parser.parse_args()
    runs = 4 if options.quick else options.runs
    print(f"seed {SEED}, {runs} runs of each size; rows are those held out")
    columns = ("world", *(f"{size:,} rows" for size in SIZES))
    for title, worlds in (("False alarms", FALSE_ALARMS), ("Found", PLANTED)):
        cells = [(name, *_shares(world, runs)) for name, world in worlds.items()]
        print(Table(title, columns, cells), flush=True)


def _shares(world: World, runs: int) -> list[str]:
    rng, cells = np.random.default_rng(SEED), list[str]()
    for size in SIZES:
        hits = sum(_hit(world, _told(world, rng, size)) for _ in range(runs))
        cells.append(f"{hits / runs:.1%}")
    return cells


def _hit(world: World, told: Told) -> bool:
    return any(
        code is world.code and severity is world.severity and world.feature in {None, feature}
        for code, severity, feature in told
    )


def _told(world: World, rng: Generator, size: int) -> Told:
    frame = world.draw(rng, 2 * size)
    # Every other row, so that an order stays one.
    train, held = frame.iloc[::2], frame.iloc[1::2]
    subject = _subject(_model(train, world.fill), train, held, rng)
    without = without_of(subject, ()) if world.code is FRAGILE else ()
    explained = Explanations(
        importances=importances_of(subject), alone=alone_of(subject), without=without
    )
    review = Review(
        model="simulated",
        version=1,
        task=Task.CLASSIFICATION,
        made_at=datetime(2026, 1, 1, tzinfo=UTC),
        seconds=0.0,
        seed=0,
        artifact="",
        data=_facts(train),
        findings=(),
        explanations=explained,
    )
    return {
        (one.code, one.severity, name)
        for one in found(review, subject.signature)
        for name in one.subjects or ("",)
    }


def _model(train: pd.DataFrame, fill: float | None) -> Any:
    names = [name for name in train.columns if name != TARGET.name]
    if fill is None:
        imputer = SimpleImputer(add_indicator=True)
    else:
        imputer = SimpleImputer(strategy="constant", fill_value=fill)
    model = make_pipeline(imputer, StandardScaler(), LogisticRegression(max_iter=1_000))
    return model.fit(train[names].to_numpy(), train[TARGET.name])


def _subject(model: Any, train: pd.DataFrame, held: pd.DataFrame, rng: Generator) -> Subject:
    names = [name for name in train.columns if name != TARGET.name]
    signature = Signature(
        tuple(
            Feature(
                name,
                FeatureKind.INTEGER if name in _INTEGERS else FeatureKind.NUMBER,
                nullable=True,
            )
            for name in names
        ),
        TARGET,
    )
    file = SampleFile(path="", digest="")
    task = ReviewTask(
        name="simulated",
        subject=ModelFile(path="", format=ArtifactFormat.SKOPS, number=1),
        artifact="",
        reference=file,
        signature=signature,
        made_at=datetime(2026, 1, 1, tzinfo=UTC),
        seed=int(rng.integers(1 << 31)),
        seconds=600.0,
        memory_bytes=1 << 40,
        shap=False,
        output="",
    )
    reference = _sampled(train, names, BaselineSample.REFERENCE, file)
    evaluation = _sampled(held, names, BaselineSample.EVALUATION, file)
    runner = SklearnRunner(model, signature, reference.rows.part(0, 100))
    return Subject(task, runner, model, reference, evaluation, None)


def _sampled(
    frame: pd.DataFrame, names: list[str], sample: BaselineSample, file: SampleFile
) -> Sampled:
    return Sampled(
        sample=sample,
        file=file,
        size_bytes=0,
        total=len(frame),
        table=None,
        rows=Rows(np.ascontiguousarray(frame[names].to_numpy(dtype=float)), ()),
        labels=frame[TARGET.name].to_numpy(dtype=float),
        at=None,
        legal=np.ones(len(frame), dtype=bool),
        protected={},
    )


def _facts(train: pd.DataFrame) -> Data:
    columns = []
    for name in train.columns:
        column = train[name]
        first, middle, third = column.quantile([0.25, 0.5, 0.75]).tolist()
        columns.append(
            ColumnFacts(
                name=name,
                part="target" if name == TARGET.name else "feature",
                kind=FeatureKind.INTEGER if name in _INTEGERS else FeatureKind.NUMBER,
                stored_as="double",
                missing=float(column.isna().mean()),
                distinct=int(column.nunique()),
                outside=0.0,
                minimum=float(column.min()),
                quartiles=(first, middle, third),
                maximum=float(column.max()),
            )
        )
    rows = len(train)
    facts = SampleFacts(BaselineSample.REFERENCE, "", 0, rows, rows, rows, rows, 0)
    return Data((facts,), tuple(columns), ())


if __name__ == "__main__":
    main()
