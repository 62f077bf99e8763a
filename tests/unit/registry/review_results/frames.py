"""Samples to be reviewed, and what is found of their scores."""

from dataclasses import replace

import numpy as np
import pandas as pd

from services.registry.adapters.reviewing.results import results_of
from services.registry.adapters.reviewing.slices import slices_of
from services.registry.adapters.reviewing.subject import LeftOutError, Subject
from services.registry.domain.findings import scores
from tests.fakes.reviewing import MADE_AT
from understudy.contracts.reviews import Data, Finding, Metric, Results, Review, TimeSplit
from understudy.contracts.signature import Feature, Signature, Target
from understudy.contracts.vocabulary import FeatureKind, FindingCode, Severity, Task


def findings_of(
    subject: Subject, time_split: TimeSplit | None = None
) -> dict[FindingCode, Finding]:
    """What the rules about scores find, by code."""
    try:
        slices = slices_of(subject)
    except LeftOutError:
        slices = ()
    results = replace(results_of(subject), slices=slices, time_split=time_split)
    return found_in(results, subject.signature)


def found_in(results: Results, signature: Signature) -> dict[FindingCode, Finding]:
    """The same, of results alone."""
    review = Review(
        model="credit",
        version=1,
        task=signature.target.task,
        made_at=MADE_AT,
        seconds=0.0,
        seed=7,
        artifact="a" * 64,
        data=Data((), (), ()),
        findings=(),
        results=results,
    )
    return {one.code: one for one in scores.found(review, signature)}


def loud(found: dict[FindingCode, Finding]) -> list[str]:
    """Warnings and blocks, as text."""
    return [f"{code}: {one.detail}" for code, one in found.items() if one.severity != Severity.LOOK]


def metric_of(results: Results, name: str) -> Metric:
    """By its name."""
    return next(one for one in results.metrics if one.name == name)


def signature_of(frame: pd.DataFrame, at: str | None = None) -> Signature:
    """Numbers, and the column `label`: classes unless it holds floats."""
    names = [str(name) for name in frame.columns if name not in {"label", at}]
    features = tuple(Feature(name, FeatureKind.NUMBER, nullable=True) for name in names)
    if frame["label"].dtype.kind == "f":
        return Signature(features, Target("label", Task.REGRESSION))
    classes = tuple(pd.unique(frame["label"].sort_values()).tolist())
    return Signature(features, Target("label", Task.CLASSIFICATION, classes))


def two_classes(rows: int, seed: int = 0, features: int = 4, centre: float = 0.0) -> pd.DataFrame:
    """The chance of a 1 follows the first two features; the others say nothing."""
    draw = np.random.default_rng(seed)
    values = draw.normal(size=(rows, features))
    chance = 1 / (1 + np.exp(-(values[:, 0] + values[:, 1] + centre)))
    frame = pd.DataFrame(values, columns=[f"f{place}" for place in range(features)])
    return frame.assign(label=(draw.random(rows) < chance).astype(int))


def numbers(rows: int, seed: int = 0) -> pd.DataFrame:
    """The label follows the first feature."""
    draw = np.random.default_rng(seed)
    values = draw.normal(size=(rows, 3))
    frame = pd.DataFrame(values, columns=["f0", "f1", "f2"])
    return frame.assign(label=2 * values[:, 0] + draw.normal(size=rows))
