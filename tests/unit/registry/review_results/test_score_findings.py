"""Planted faults are found, and clean data sets are not complained about."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn import datasets
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier, RidgeCV
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tests.unit.registry.review_results.conftest import Make
from tests.unit.registry.review_results.frames import (
    findings_of,
    found_in,
    loud,
    numbers,
    two_classes,
)
from understudy.contracts.reviews import Estimate, Results, TimeSplit
from understudy.contracts.signature import Feature, Signature, Target
from understudy.contracts.vocabulary import (
    BaselineSample,
    FeatureKind,
    FindingCode,
    Severity,
    Task,
)

_NUMBERS = Signature((Feature("f0", FeatureKind.NUMBER),), Target("label", Task.REGRESSION))


def _linear() -> Any:
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=2_000))


@pytest.mark.parametrize("kind", ["linear", "forest"])
@pytest.mark.parametrize("name", ["iris", "wine", "breast_cancer", "digits", "diabetes"])
def test_clean_data_sets_are_not_complained_about(make: Make, name: str, kind: str) -> None:
    bunch = getattr(datasets, f"load_{name}")(as_frame=True)
    frame = bunch.data.loc[:, bunch.data.nunique() > 1].assign(label=bunch.target)
    train, held = train_test_split(frame, test_size=0.3, random_state=0)
    model: Any = _linear() if kind == "linear" else RandomForestClassifier(50, random_state=0)
    if name == "diabetes":
        model = RidgeCV() if kind == "linear" else RandomForestRegressor(50, random_state=0)
    assert loud(findings_of(make(model, train, held))) == []


def test_a_leak_blocks(make: Make) -> None:
    train, held = two_classes(5_000), two_classes(5_000, seed=1)
    for frame in (train, held):
        frame["leak"] = frame["label"] + np.random.default_rng(2).normal(0, 0.1, 5_000)
    found = findings_of(make(LogisticRegression(), train, held))
    assert found[FindingCode.NEAR_PERFECT_SCORE].severity is Severity.BLOCK
    assert FindingCode.SUSPICIOUS_SCORE not in found


def test_a_leak_blocks_without_probabilities_too(make: Make) -> None:
    train, held = two_classes(3_000), two_classes(3_000, seed=1)
    for frame in (train, held):
        frame["leak"] = frame["label"].astype(float)
    found = findings_of(make(RidgeClassifier(), train, held))
    assert found[FindingCode.NEAR_PERFECT_SCORE].severity is Severity.BLOCK


def test_a_leaked_number_blocks(make: Make) -> None:
    train, held = numbers(500), numbers(500, seed=1)
    for frame in (train, held):
        frame["leak"] = frame["label"] * 3.0
    found = findings_of(make(LinearRegression(), train, held))
    assert found[FindingCode.NEAR_PERFECT_SCORE].severity is Severity.BLOCK


def test_a_perfect_score_on_trained_rows_is_only_worth_a_look(make: Make) -> None:
    found = findings_of(make(RandomForestClassifier(30, random_state=0), two_classes(3_000)))
    assert found[FindingCode.SUSPICIOUS_SCORE].severity is Severity.LOOK
    assert "trained on" in found[FindingCode.SUSPICIOUS_SCORE].detail
    assert loud(found) == []


def test_a_perfect_score_of_few_rows_is_only_worth_a_look(make: Make) -> None:
    train, held = two_classes(200), two_classes(200, seed=1)
    for frame in (train, held):
        frame["leak"] = frame["label"].astype(float)
    found = findings_of(make(LogisticRegression(C=1e3), train, held))
    assert found[FindingCode.SUSPICIOUS_SCORE].severity is Severity.LOOK
    assert loud(found) == []


def test_one_class_alone_is_not_called_perfect_nor_useless(make: Make) -> None:
    held = two_classes(2_000, seed=1)
    found = findings_of(
        make(RidgeClassifier(), two_classes(500), held[held["f0"] > 2].assign(label=1))
    )
    assert FindingCode.NEAR_PERFECT_SCORE not in found
    assert FindingCode.NOT_BETTER_THAN_DUMMY not in found


def test_weighted_classes_are_miscalibrated(make: Make) -> None:
    train, held = two_classes(4_000, centre=-2.5), two_classes(2_000, seed=1, centre=-2.5)
    found = findings_of(make(LogisticRegression(class_weight="balanced"), train, held))
    assert found[FindingCode.MISCALIBRATED].severity is Severity.WARN
    assert loud(findings_of(make(LogisticRegression(), train, held))) == []


def test_a_slice_with_flipped_labels_is_weak(make: Make) -> None:
    train, held = two_classes(4_000), two_classes(4_000, seed=1)
    held["label"] = np.where(held["f2"] > 1.0, 1 - held["label"], held["label"])
    found = findings_of(make(LogisticRegression(), train, held))[FindingCode.WEAK_SLICE]
    assert found.severity is Severity.WARN
    assert found.subjects == ("f2",)


def test_a_slice_that_is_hard_for_everybody_is_only_worth_a_look(make: Make) -> None:
    draw = np.random.default_rng(0)
    frames = []
    for _ in range(2):
        frame = two_classes(4_000).assign(f0=draw.normal(size=4_000))
        chance = np.where(frame["f0"] > 0.67, 0.5, np.where(frame["f1"] > 0, 0.95, 0.05))
        frames.append(frame.assign(label=(draw.random(4_000) < chance).astype(int)))
    forest = RandomForestClassifier(100, min_samples_leaf=60, random_state=0)
    found = findings_of(make(forest, *frames))
    assert found[FindingCode.WEAK_SLICE].severity is Severity.LOOK


def test_features_that_say_nothing_are_found(make: Make) -> None:
    train, held = two_classes(3_000), two_classes(3_000, seed=1)
    useless = [frame.drop(columns=["f0", "f1"]) for frame in (train, held)]
    found = findings_of(make(LogisticRegression(), *useless))
    assert found[FindingCode.NOT_BETTER_THAN_DUMMY].severity is Severity.WARN


def test_too_few_rows_to_beat_the_dummy_are_worth_a_look(make: Make) -> None:
    found = findings_of(make(LogisticRegression(), two_classes(100), two_classes(6, seed=1)))
    assert found[FindingCode.NOT_BETTER_THAN_DUMMY].severity is Severity.LOOK


@pytest.mark.parametrize("draw", [two_classes, numbers])
def test_a_worse_candidate_is_found(make: Make, draw: Any) -> None:
    train, held = draw(3_000), draw(3_000, seed=1)
    features = train.drop(columns="label").to_numpy()
    main: Any = LogisticRegression() if draw is two_classes else LinearRegression()
    poor = type(main)()
    poor.fit(np.where(np.arange(features.shape[1]) == 0, features, 0.0), train["label"])
    if draw is numbers:
        poor.coef_ = poor.coef_ * 0.5
    worse = findings_of(make(poor, train, held, main=main))
    assert worse[FindingCode.WORSE_THAN_MAIN].severity is Severity.WARN
    assert loud(findings_of(make(main, train, held, main=poor))) == []


@pytest.mark.parametrize(
    ("deciding", "refitted", "shuffled", "warns"),
    [
        ("roc_auc", Estimate(0.6, 0.57, 0.63), Estimate(0.8, 0.78, 0.82), True),
        ("roc_auc", Estimate(0.77, 0.75, 0.79), Estimate(0.8, 0.78, 0.82), False),
        ("roc_auc", Estimate(0.8, 0.78, 0.82), Estimate(0.6, 0.57, 0.63), False),
        ("rmse", Estimate(2.0, 1.9, 2.1), Estimate(1.0, 0.9, 1.1), True),
        ("rmse", Estimate(1.0, 0.9, 1.1), Estimate(2.0, 1.9, 2.1), False),
        ("rmse", Estimate(2.0), Estimate(1.0), False),
    ],
)
def test_a_drop_in_time_is_found(
    deciding: str, refitted: Estimate, shuffled: Estimate, warns: bool
) -> None:
    split = TimeSplit((), (), (), refitted, shuffled)
    results = Results(BaselineSample.EVALUATION, 100, deciding, (), time_split=split)
    assert (FindingCode.TIME_SPLIT_DROP in found_in(results, _NUMBERS)) is warns
    assert not found_in(replace(results, time_split=None), _NUMBERS)


def test_flipped_numbers_are_a_weak_slice(make: Make) -> None:
    train, held = numbers(3_000), numbers(3_000, seed=1)
    held["label"] = np.where(held["f1"] > 0.7, held["label"] + 8, held["label"])
    found = findings_of(make(LinearRegression(), train, held))[FindingCode.WEAK_SLICE]
    assert (found.severity, found.subjects) == (Severity.WARN, ("f1",))
