"""`understudy.register`, against a real registry that makes the review."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder

import understudy
from tests.integration.registry.conftest import ADMIN, RegistryProcess
from understudy.client import ProblemError, RegistryClient
from understudy.contracts.registry import DeploymentRequest
from understudy.contracts.vocabulary import Decision, ReviewState, VersionState
from understudy.importing.errors import ImportingError

pytestmark = pytest.mark.slow  # reviews are made


def people(rows: int, seed: int) -> tuple[pd.DataFrame, "pd.Series[Any]"]:
    draw = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "age": draw.integers(18, 90, rows),
            "income": draw.gamma(2.0, 2e4, rows),
            "home": pd.Series(draw.choice(["rent", "own"], rows), dtype=object),
            "married": draw.integers(0, 2, rows).astype(bool),
            "sex": pd.Series(draw.choice(["f", "m"], rows), dtype=object),
        }
    )
    frame.loc[draw.random(rows) < 0.05, "income"] = np.nan
    risk = 1 / (1 + np.exp(frame["income"].fillna(4e4) / 2e4 - 2 + (frame["home"] == "own")))
    return frame, pd.Series(np.where(draw.random(rows) < risk, "bad", "good"), name="outcome")


def fitted(frame: pd.DataFrame, labels: "pd.Series[Any]") -> Pipeline:
    columns = ColumnTransformer(
        [
            ("numbers", SimpleImputer(), ["age", "income", "married"]),
            ("words", OneHotEncoder(handle_unknown="ignore"), ["home"]),
        ]
    )
    chosen = frame.drop(columns="sex").astype({"age": float, "married": float})
    return make_pipeline(columns, LogisticRegression(max_iter=2_000)).fit(chosen, labels)


def test_a_pipeline_becomes_a_reviewed_version_with_one_call(registry: RegistryClient) -> None:
    frame, labels = people(600, 1)
    held_out = people(300, 2)
    made = understudy.register(
        fitted(frame, labels),
        frame,
        labels,
        *held_out,
        model="loans",
        project="bank",
        registry=registry,
        protected=["sex"],
        progress=False,
    )
    assert (made.model, made.version, made.state) == ("loans", 1, VersionState.PENDING)
    assert made.review is not None
    assert made.review.state is ReviewState.MADE, made.review.failure
    assert made.view.protected == ("sex",)
    assert made.view.baseline is not None
    assert made.view.baseline.sample == "evaluation"
    assert "loans version 1 is pending" in str(made)
    assert [*made.signature.target.classes] == ["bad", "good"]
    assert registry.review_status("loans", 1).opened_by == ()  # to be told of it is not to see it


def test_the_next_version_fits_the_release_of_the_one_before(registry: RegistryClient) -> None:
    for number, seed in enumerate((3, 4), start=1):
        frame, labels = people(500 if number == 1 else 60, seed)
        made = understudy.register(
            fitted(frame, labels),
            frame,
            labels,
            model="again",
            project="bank",
            registry=registry,
            protected=["sex"],
            review=False,
            progress=False,
        )
        registry.decide("again", made.version, Decision.DEPLOY, "as a test asks for it")
    registry.create_deployment(
        DeploymentRequest(name="again", model="again", main=1, challengers=(2,))
    )


def test_arrays_and_the_environment_do_as_well(
    reviewing: RegistryProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNDERSTUDY_REGISTRY_URL", reviewing.url)
    monkeypatch.setenv("UNDERSTUDY_KEY", ADMIN)
    inputs = np.random.default_rng(5).normal(size=(200, 3))
    target = inputs @ [1.0, 2.0, 3.0]
    made = understudy.register(
        LinearRegression().fit(inputs, target),
        inputs,
        target,
        model="lines",
        project="bank",
        ranges={"x0": (-10, 10)},
        review=False,
    )
    assert made.signature.names == ("x0", "x1", "x2")
    assert (made.signature.features[0].minimum, made.signature.features[0].maximum) == (-10, 10)
    assert made.view.lineage.libraries["scikit-learn"]


def test_types_that_are_not_trusted_are_asked_for(registry: RegistryClient) -> None:
    frame, labels = people(200, 6)
    inputs = frame[["age", "married"]].astype(float)
    forest = RandomForestClassifier(5, n_jobs=2, random_state=0).fit(inputs, labels)
    with pytest.raises(ProblemError, match=r"sklearn\.tree\._tree\.Tree.*understudy trust allow"):
        understudy.register(
            forest, inputs, labels, model="woods", project="bank", registry=registry, progress=False
        )
    assert "sklearn.tree._tree.Tree" in {one.type for one in registry.trusted_types()}
    assert forest.n_jobs == 2  # nobody's estimator is changed


def test_a_function_of_ones_own_is_refused_for_good(registry: RegistryClient) -> None:
    frame, labels = people(200, 7)
    inputs = frame[["age", "married"]].astype(float)
    model = make_pipeline(FunctionTransformer(_halved), LogisticRegression()).fit(inputs, labels)
    with pytest.raises((ProblemError, ImportingError), match="function"):
        understudy.register(
            model, inputs, labels, model="halves", project="bank", registry=registry, progress=False
        )


def _halved(frame: pd.DataFrame) -> pd.DataFrame:
    return frame / 2
