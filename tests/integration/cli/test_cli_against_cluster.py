"""The whole working life of a model from the command line, against real services."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from skops.io import dump
from typer.testing import CliRunner, Result

from tests.cluster import LaptopCluster
from understudy.cli.root import app

SIGNATURE = {
    "features": [
        {"name": "age", "kind": "number", "minimum": 0, "maximum": 120},
        {"name": "income", "kind": "number"},
    ],
    "target": {"name": "good", "task": "classification", "classes": ["no", "yes"]},
}


def understudy(cluster: LaptopCluster, *arguments: str, expect: int = 0) -> Result:
    env = {**cluster.environment, "UNDERSTUDY_KEY": cluster.key("admin")}
    done = CliRunner().invoke(app, list(arguments), env=env)
    assert done.exit_code == expect, done.stderr
    return done


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    draw = np.random.default_rng(1)
    sample = pd.DataFrame({"age": draw.uniform(18, 80, 400), "income": draw.normal(3, 1, 400)})
    sample["good"] = np.where(sample["age"] / 40 + sample["income"] > 4, "yes", "no")
    for number, strength in enumerate((1.0, 0.01), start=1):
        model = LogisticRegression(C=strength, max_iter=500)
        model.fit(sample[["age", "income"]].to_numpy(), sample["good"].to_numpy(str))
        dump(model, folder / f"model{number}.skops")
    sample.to_parquet(folder / "reference.parquet")
    (folder / "signature.json").write_text(json.dumps(SIGNATURE))
    return folder


def register(cluster: LaptopCluster, files: Path, number: int) -> None:
    arguments = ["register", "tiny", "--project", "trial"]
    arguments += ["--artifact", str(files / f"model{number}.skops")]
    arguments += ["--reference", str(files / "reference.parquet")]
    done = understudy(cluster, *arguments, "--signature", str(files / "signature.json"))
    assert f"tiny version {number} is pending" in done.stdout


@pytest.mark.timeout(180)
def test_the_working_life_of_a_model(cluster: LaptopCluster, files: Path) -> None:
    register(cluster, files, 1)
    register(cluster, files, 2)
    made = understudy(cluster, "deploy", "tiny", "1", "--name", "tiny", "--challenger", "2")
    assert "tiny release 1: main 1, challengers 2" in made.stdout
    waited = understudy(cluster, "status", "tiny", "--timeout", "60s")
    assert "served by all" in waited.stdout

    row = '{"age": 70, "income": 5}'
    answer = json.loads(understudy(cluster, "predict", "tiny", row, "-o", "json").stdout)
    assert (answer["prediction"], answer["model"]["version"]) == ("yes", 1)
    understudy(cluster, "label", "tiny", answer["prediction_id"], "yes")

    refused = understudy(cluster, "predict", "tiny", '{"age": 700, "income": 5}', expect=1)
    assert "/age" in refused.stderr

    understudy(cluster, "promote", "tiny", "--reason", "trial")
    understudy(cluster, "status", "tiny", "--timeout", "60s")
    answer = json.loads(understudy(cluster, "predict", "tiny", row, "-o", "json").stdout)
    assert answer["model"]["version"] == 2
    understudy(cluster, "rollback", "tiny")
    history = json.loads(understudy(cluster, "releases", "tiny", "-o", "json").stdout)
    kinds = {release["release"]: release["kind"] for release in history}
    assert kinds == {1: "deploy", 2: "promote", 3: "rollback"}

    key = understudy(cluster, "keys", "create", "app", "--scope", "predict").stdout.strip()
    understudy(cluster, "--key", key, "predict", "tiny", row)
    understudy(cluster, "--key", key, "audit", expect=1)
    assert "promote" in understudy(cluster, "audit").stdout
