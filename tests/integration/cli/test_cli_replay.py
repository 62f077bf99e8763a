"""Replay from the command line, against real services: a candidate compared, the main audited."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from skops.io import dump
from typer.testing import CliRunner, Result

from tests.cluster import LaptopCluster, laptop_cluster
from understudy.cli.root import app
from understudy.contracts.judging import ComparisonTerms, Judging
from understudy.contracts.policy import Policy
from understudy.contracts.replays import ReplayAudit, ReplayView
from understudy.contracts.serving import LabelRequest
from understudy.contracts.vocabulary import Verdict

pytestmark = pytest.mark.slow

ROWS = 1_500
SIGNATURE = {
    "features": [{"name": "age", "kind": "number"}, {"name": "income", "kind": "number"}],
    "target": {"name": "good", "task": "classification", "classes": ["no", "yes"]},
}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LaptopCluster]:
    settings = {"MONITOR_ARCHIVE_SECONDS": "1"}
    folder = tmp_path_factory.mktemp("cluster")
    with laptop_cluster(folder, serving_workers=1, settings=settings) as running:
        yield running


def understudy(cluster: LaptopCluster, *arguments: str, expect: int = 0) -> Result:
    env = {**cluster.environment, "UNDERSTUDY_KEY": cluster.key("admin")}
    done = CliRunner().invoke(app, list(arguments), env=env)
    assert done.exit_code == expect, done.stderr
    return done


def register(cluster: LaptopCluster, folder: Path, sample: pd.DataFrame, strength: float) -> None:
    model = LogisticRegression(C=strength, max_iter=500)
    model.fit(sample[["age", "income"]].to_numpy(), sample["good"].to_numpy(str))
    dump(model, folder / "model.skops")
    sample.to_parquet(folder / "reference.parquet")
    (folder / "signature.json").write_text(json.dumps(SIGNATURE))
    arguments = ["register", "tiny", "--project", "trial", "--artifact", f"{folder}/model.skops"]
    arguments += ["--reference", f"{folder}/reference.parquet"]
    understudy(cluster, *arguments, "--signature", f"{folder}/signature.json")


def serve_history(cluster: LaptopCluster, sample: pd.DataFrame) -> None:
    """The main answers rows, and most of them are labelled."""
    rows = [{"age": row.age, "income": row.income} for row in sample.itertuples()]
    labels = sample["good"].tolist()
    for first in range(0, ROWS, 500):
        answers = cluster.serving.predict_many("tiny", rows[first : first + 500])
        told = [
            LabelRequest(prediction_id=answer.prediction_id, label=label)
            for answer, label in zip(answers, labels[first : first + 500], strict=True)
        ]
        cluster.serving.label("tiny", told)


def until_archived(cluster: LaptopCluster, deadline_seconds: float = 60.0) -> None:
    deadline = time.monotonic() + deadline_seconds
    path = "/v1/deployments/tiny/archive"
    while time.monotonic() < deadline:
        items = cluster.monitor.ask("GET", path, params={"limit": 1_000}).json()["items"]
        if sum(item["rows"] for item in items) >= ROWS:
            return
        time.sleep(0.5)
    raise AssertionError("history was not archived")


def replay_matured(cluster: LaptopCluster, deadline_seconds: float = 60.0) -> ReplayView:
    """Again until every label was joined and its cohort of ten seconds is over."""
    deadline = time.monotonic() + deadline_seconds
    asked = ("replay", "tiny", "--challenger", "2", "--since", "1h", "-o", "json")
    while time.monotonic() < deadline:
        view = ReplayView.model_validate_json(understudy(cluster, *asked).stdout)
        if view.young == view.unlabelled == 0:
            return view
        time.sleep(1.0)
    raise AssertionError("labels did not mature")


@pytest.mark.timeout(400)
def test_a_candidate_is_compared_on_history_and_the_main_audited(
    cluster: LaptopCluster, tmp_path: Path
) -> None:
    draw = np.random.default_rng(1)
    sample = pd.DataFrame({"age": draw.normal(0, 1, ROWS), "income": draw.normal(0, 1, ROWS)})
    score = 3 * sample["age"] + 3 * sample["income"] + draw.logistic(size=ROWS)
    sample["good"] = np.where(score > 0, "yes", "no")
    register(cluster, tmp_path, sample, strength=1e-4)
    understudy(cluster, "deploy", "tiny", "1", "--name", "tiny")
    terms = ComparisonTerms(label_horizon_seconds=0.0)
    cluster.registry.configure("tiny", Policy(judging=Judging(comparison=terms)))
    serve_history(cluster, sample)
    register(cluster, tmp_path, sample, strength=1.0)
    until_archived(cluster)

    view = replay_matured(cluster)
    assert (view.rows, view.unknown) == (ROWS, 0)
    assert view.judgement is not None
    assert (view.judgement.verdict, view.judgement.replay) == (Verdict.PROMOTE, True)
    shown = understudy(cluster, "replay", "tiny", "--challenger", "2", "--sample", "300")
    assert "archived rows of 1" in shown.stderr

    audited = understudy(cluster, "replay", "tiny", "--main", "--since", "1h", "-o", "json")
    found = ReplayAudit.model_validate_json(audited.stdout)
    assert (found.rows, found.mismatches) == (ROWS, 0)
    refused = understudy(cluster, "replay", "tiny", expect=2)
    assert "--challenger VERSION or --main" in refused.stderr
