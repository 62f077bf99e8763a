"""Whole reviews by the real child: honest models raise no alarm, planted faults are all found."""

from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_digits,
    load_iris,
    load_wine,
)
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from examples.candidates import Candidate
from examples.credit import faulty, train
from services.registry.adapters.reviewing.reviewer import ReviewLimits
from understudy.contracts.reviews import Review
from understudy.contracts.signature import Feature, Signature, Target
from understudy.contracts.vocabulary import FeatureKind, FindingCode, Task

from .child_reviews import found, loud, missing, review_of

pytestmark = pytest.mark.slow

LARGE_ROWS: Final = 2_000_000


@pytest.mark.parametrize(
    ("load", "model"),
    [
        (load_iris, RandomForestClassifier(50, random_state=0)),
        (load_wine, RandomForestClassifier(50, random_state=0)),
        (load_breast_cancer, make_pipeline(StandardScaler(), LogisticRegression())),
        (load_digits, RandomForestClassifier(30, random_state=0)),
        (load_diabetes, Ridge()),
    ],
    ids=["iris", "wine", "breast cancer", "digits", "diabetes"],
)
def test_the_bundled_data_sets_raise_no_alarm(load: Any, model: Any, tmp_path: Path) -> None:
    frame = load(as_frame=True).frame
    # Pixels that are white in every picture are a finding, and a right one.
    frame = frame.loc[:, (frame != frame.iloc[0]).any()]
    names = [name for name in frame.columns if name != "target"]
    regression = frame["target"].dtype.kind == "f"
    classes = () if regression else tuple(sorted(frame["target"].unique().tolist()))
    signature = Signature(
        tuple(Feature(name, FeatureKind.NUMBER) for name in names),
        Target("target", Task.REGRESSION if regression else Task.CLASSIFICATION, classes),
    )
    learnt, held = train_test_split(frame, test_size=0.3, random_state=0)
    model.fit(learnt[names].to_numpy(dtype=float), learnt["target"])
    review = review_of(tmp_path, model, signature, learnt, held)
    assert loud(review) == []
    # Slices need a hundred rows.
    left = {"slices", "without values", "fairness", "proxies", "time split", "shap"}
    assert {*missing(review)} <= left


@pytest.mark.parametrize(
    "trained", [train.train_logistic_regression, train.train_gradient_boosting]
)
def test_the_credit_example_raises_no_alarm(trained: Any, tmp_path: Path) -> None:
    assert loud(_reviewed(trained(), tmp_path)) == []


def test_what_is_planted_after_the_fact_is_found(tmp_path: Path) -> None:
    review = _reviewed(faulty.after_the_fact(), tmp_path)
    assert found(review) >= {
        FindingCode.SINGLE_FEATURE,
        FindingCode.IMBALANCE,
        FindingCode.UNFAIR,
        FindingCode.PROXY,
        FindingCode.OVERLAP,
        FindingCode.CONSTANT_FEATURE,
        FindingCode.IRRELEVANT_FEATURE,
    }
    named = {one.code: one.subjects for one in review.findings}
    assert named[FindingCode.SINGLE_FEATURE] == ("collection_fee",)
    assert named[FindingCode.PROXY] == ("sex", "part_time")
    assert "branch" in named[FindingCode.CONSTANT_FEATURE]
    assert "shoe_size" in named[FindingCode.IRRELEVANT_FEATURE]


def test_what_is_planted_by_account_number_is_found(tmp_path: Path) -> None:
    review = _reviewed(faulty.by_account_number(), tmp_path)
    assert found(review) >= {
        FindingCode.IDENTIFIER_ON_TOP,
        FindingCode.UNFAIR,
        FindingCode.PROXY,
        FindingCode.TIME_SPLIT_DROP,
        FindingCode.MISCALIBRATED,
    }
    named = {one.code: one.subjects for one in review.findings}
    assert named[FindingCode.IDENTIFIER_ON_TOP] == ("account_number",)


def test_two_million_rows_are_sampled_and_it_is_said(tmp_path: Path) -> None:
    draw = np.random.default_rng(1)
    age = draw.normal(size=LARGE_ROWS)
    frame = pd.DataFrame(
        {
            "age": age,
            "owner": draw.random(LARGE_ROWS) < 0.5,
            "price": 3 * age + draw.normal(size=LARGE_ROWS),
        }
    )
    signature = Signature(
        (Feature("age", FeatureKind.NUMBER), Feature("owner", FeatureKind.BOOLEAN)),
        Target("price", Task.REGRESSION),
    )
    few = frame.head(5_000)
    model = LinearRegression().fit(few[["age", "owner"]].to_numpy(dtype=float), few["price"])
    # What the libraries map is most of it: a review of a hundred rows needs as much.
    limits = ReviewLimits(seconds=120.0, memory_bytes=2 << 30, shap=False)
    review = review_of(tmp_path, model, signature, frame, frame.head(2_000), limits=limits)
    told = {sample.sample: (sample.rows, sample.read) for sample in review.data.samples}
    assert sorted(told.values()) == [(2_000, 2_000), (LARGE_ROWS, 50_000)]
    assert review.results is not None


def _reviewed(candidate: Candidate, folder: Path) -> Review:
    return review_of(
        folder,
        candidate.model,
        candidate.signature,
        candidate.reference,
        candidate.evaluation,
        time_column=candidate.time_column,
        protected=train.PROTECTED,
    )
