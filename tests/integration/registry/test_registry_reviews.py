"""Reviews by the real child, and by a registry process: strange samples, limits, and the way."""

import os
import signal
import time
from pathlib import Path
from typing import Any, Final

import httpx
import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from services.registry.adapters.reviewing.reviewer import ReviewLimits
from services.registry.domain.reviews import ReviewFailedError
from understudy.contracts.signature import Feature, Signature, Target
from understudy.contracts.vocabulary import FeatureKind, Task

from .child_reviews import missing, review_of, reviewer_of
from .conftest import Files, RegistryProcess, make_model, register

STRANGE: Final = ("a\0b", "👩🏽‍🌾", "\u202eright to left", "", "plain")
NAME: Final = "größe 👠"


def strange(rows: int) -> pd.DataFrame:
    """Two categories of strange values under strange names, a flag as the label."""
    draw = np.random.default_rng(rows)
    chosen = draw.choice(len(STRANGE), rows)
    found = pd.DataFrame({NAME: [STRANGE[place] for place in chosen]}, dtype=object)
    return found.assign(home=[STRANGE[place] for place in chosen[::-1]], kind=chosen % 3)


def strange_signature(classes: tuple[Any, ...] = (0, 1, 2)) -> Signature:
    return Signature(
        (
            Feature(NAME, FeatureKind.CATEGORY, choices=STRANGE),
            Feature("home", FeatureKind.CATEGORY, choices=STRANGE),
        ),
        Target("kind", Task.CLASSIFICATION, classes),
    )


def encoded(classifier: Any) -> Any:
    return make_pipeline(OneHotEncoder(handle_unknown="ignore"), classifier)


def numbers_signature(classes: tuple[Any, ...] = (False, True)) -> Signature:
    return Signature(
        (Feature("age", FeatureKind.NUMBER), Feature("gone", FeatureKind.NUMBER, nullable=True)),
        Target("paid", Task.CLASSIFICATION, classes),
    )


def test_strange_names_and_values_and_classes_that_are_numbers(tmp_path: Path) -> None:
    train, held = strange(400), strange(200)
    model = encoded(LogisticRegression()).fit(train[[NAME, "home"]].to_numpy(), train["kind"])
    review = review_of(
        tmp_path, model, strange_signature(), train, held, protected=("home",), main=model
    )
    assert review.results is not None
    assert review.results.main == 1
    assert review.explanations is not None
    assert NAME in {one.feature for one in review.explanations.importances}
    assert review.fairness is not None
    assert "cost" not in missing(review)


def test_one_row_of_one_class_with_a_column_of_nothing(tmp_path: Path) -> None:
    frame = pd.DataFrame({"age": [41.0], "gone": [np.nan], "paid": [True]})
    model = DummyClassifier(strategy="prior").fit([[41.0, 0.0], [1.0, 0.0]], [True, False])
    review = review_of(tmp_path, model, numbers_signature(), frame)
    assert [sample.rows for sample in review.data.samples] == [1]
    assert review.results is not None
    assert review.results.rows == 1
    assert not [reason for reason in missing(review).values() if "failed" in reason]


@pytest.fixture
def few() -> pd.DataFrame:
    draw = np.random.default_rng(3)
    age = draw.normal(50.0, 9.0, 300)
    return pd.DataFrame(
        {"age": age, "gone": np.full(300, np.nan), "paid": age + draw.normal(0, 9, 300) > 50}
    )


def test_a_review_that_takes_too_much_memory_fails_and_says_so(
    tmp_path: Path, few: pd.DataFrame
) -> None:
    limits = ReviewLimits(seconds=60.0, memory_bytes=200 << 20, shap=False)
    with pytest.raises(ReviewFailedError, match=r"memory|209715200 bytes"):
        review_of(tmp_path, DummyClassifier(), numbers_signature(), few, limits=limits)


def test_a_review_that_is_over_time_leaves_parts_out_or_says_so(
    tmp_path: Path, few: pd.DataFrame
) -> None:
    model = DummyClassifier(strategy="prior").fit(few[["age", "gone"]].to_numpy(), few["paid"])
    # Loading the libraries alone takes as long.
    limits = ReviewLimits(seconds=1.5, memory_bytes=4 << 30, shap=False)
    try:
        review = review_of(tmp_path, model, numbers_signature(), few, limits=limits)
    except ReviewFailedError as failure:
        # On a very busy machine it is not even loaded by its deadline.
        assert "1.5 s" in failure.detail  # noqa: PT017 - either end is right
        return
    assert any("no time left" in reason for reason in missing(review).values())


def test_a_child_that_is_killed_leaves_no_review(tmp_path: Path, few: pd.DataFrame) -> None:
    model = DummyClassifier(strategy="prior").fit(few[["age", "gone"]].to_numpy(), few["paid"])
    reviewer, subject = reviewer_of(tmp_path, model, numbers_signature(), few)
    steps, before = list[str](), _children()

    def kill(step: str, _progress: float) -> None:
        steps.append(step)
        if step == "reviewing it: data":
            (child,) = _children() - before
            os.kill(child, signal.SIGKILL)

    with pytest.raises(ReviewFailedError, match="broke down"):
        reviewer.review(subject, kill)
    assert steps[-1].startswith("reviewing it")
    assert not _children() - before


def test_a_registered_version_is_reviewed(tmp_path: Path, files: Files) -> None:
    registry = reviewing(tmp_path)
    with registry.client() as client:
        make_model(client)
        assert register(client, files.model, files.sample).status_code == 201
        standing = waited(client, "made")
        assert standing["failure"] == ""
        review = client.get(f"{PLACE}/review").json()
        assert review["results"]["rows"] == 200
        assert {one["part"] for one in review["left_out"]} >= {"fairness", "shap"}
        assert client.get(f"{PLACE}/review/status").json()["opened_by"]
    registry.end()


@pytest.mark.slow
def test_a_review_that_was_cut_off_is_told_so_and_made_anew(tmp_path: Path, files: Files) -> None:
    registry = reviewing(tmp_path)
    with registry.client() as client:
        make_model(client)
        assert register(client, files.model, files.sample).status_code == 201
        waited(client, "running", step="reviewing it")
    registry.end(signal.SIGKILL)
    registry.start()
    with registry.client() as client:
        # Nobody can tell at once whether another process goes on with it.
        standing = waited(client, "failed")
        assert "gone" in standing["failure"]
        assert (standing["review"], standing["file"]) == (None, None)
        assert client.get(f"{PLACE}/review").is_client_error
        assert client.post(f"{PLACE}/review").status_code == 202
        assert waited(client, "made")["review"] is not None
        assert client.get(f"{PLACE}/review").status_code == 200
    registry.end()


PLACE: Final = "/v1/models/credit/versions/1"


def reviewing(folder: Path) -> RegistryProcess:
    settings = {"UNDERSTUDY_REGISTRY_REVIEW": "true", "UNDERSTUDY_REGISTRY_COMPILE": "false"}
    registry = RegistryProcess(folder, settings=settings)
    registry.start()
    return registry


def waited(client: httpx.Client, state: str, step: str = "") -> dict[str, Any]:
    """The standing once it is that."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        standing: dict[str, Any] = client.get(f"{PLACE}/review/status").json()
        if standing["state"] == state and standing["step"].startswith(step):
            return standing
        time.sleep(0.02)
    raise TimeoutError(standing)


def _children() -> set[int]:
    """Of this process, whichever thread began them."""
    tasks = Path("/proc/self/task").iterdir()
    return {int(found) for task in tasks for found in (task / "children").read_text().split()}
