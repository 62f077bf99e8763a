"""`understudy import bentoml`, of a model store that the real BentoML wrote."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
from typer.testing import CliRunner, Result

from tests.integration.registry.conftest import (
    ADMIN,
    RegistryProcess,
)
from understudy.cli.root import app

pytestmark = pytest.mark.slow  # BentoML is loaded

RUNNER = CliRunner()
SAVING: Final = """
import sys, bentoml, numpy as np, pandas as pd, onnx
from skl2onnx import to_onnx
from sklearn.linear_model import LogisticRegression
draw = np.random.default_rng(1)
rows = pd.DataFrame({"age": draw.integers(18, 99, 300), "income": draw.gamma(2, 2e4, 300)})
rows["city"] = "Bern"
inputs = rows[["age", "income"]].astype(float)
answers = np.where(rows["income"] + draw.normal(0, 1e4, 300) < 3e4, 1, 0)
model = LogisticRegression().fit(inputs, answers)
bentoml.sklearn.save_model("trees", model, labels={"team": "risk"}, metadata={"auc": 0.9})
made = to_onnx(model, inputs.to_numpy(np.float32)[:1], options={"zipmap": False})
bentoml.onnx.save_model("graph", made)
inputs.assign(defaults=answers).to_parquet(sys.argv[1])
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bentoml")
    variables = {"BENTOML_HOME": str(folder), "BENTOML_DO_NOT_TRACK": "1"}
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SAVING, str(folder / "train.parquet")],
        env={**os.environ, **variables},
        check=True,
        timeout=100,
    )
    return folder


def test_a_pickle_of_the_store_is_read_once_somebody_says_so(
    home: Path, registry_process: RegistryProcess
) -> None:
    refused = imported(registry_process, home, "trees", "defaults")
    assert refused.exit_code == 2
    assert "--load-pickle" in refused.stderr
    done = imported(registry_process, home, "trees:latest", "defaults", "--load-pickle")
    assert done.exit_code == 0, done.output
    made = json.loads(done.stdout)
    assert (made["model"], made["version"], made["format"]) == ("trees", 1, "skops")
    assert made["metrics"] == {"auc": 0.9}
    assert "team: risk" in made["description"]
    assert "BentoML model: trees:" in made["description"]
    assert made["lineage"]["libraries"]["bentoml"]


def test_an_onnx_model_of_the_store_is_sent_as_it_is(
    home: Path, registry_process: RegistryProcess, tmp_path: Path
) -> None:
    done = imported(registry_process, home, "graph", "defaults")
    assert done.exit_code == 0, done.output
    made = json.loads(done.stdout)
    assert (made["format"], made["lineage"]["libraries"]["onnx"][:2]) == ("onnx", "1.")
    stated = tmp_path / "signature.json"
    stated.write_text(json.dumps(made["signature"]))
    again = imported(registry_process, home, "graph", "defaults", "--signature", str(stated))
    assert again.exit_code == 0, again.output
    assert json.loads(again.stdout)["signature"] == made["signature"]


@pytest.mark.parametrize(
    ("tag", "target", "said"),
    [
        ("none", "defaults", "there is no model 'none'"),
        ("graph:other", "defaults", "there is no model 'graph:other'"),
        ("../graph", "defaults", "is no tag"),
        ("graph", "answer", "has no column 'answer'"),
    ],
)
def test_what_is_wrong_is_said(
    home: Path, registry_process: RegistryProcess, tag: str, target: str, said: str
) -> None:
    refused = imported(registry_process, home, tag, target)
    assert refused.exit_code == 2
    assert said in " ".join(refused.stderr.replace("│", " ").split())


def imported(registry: RegistryProcess, home: Path, tag: str, target: str, *options: str) -> Result:
    return RUNNER.invoke(
        app,
        [
            *("import", "bentoml", tag, tag.partition(":")[0].strip("./"), "--project", "bank"),
            *("--reference", str(home / "train.parquet"), "--target", target, "--no-review"),
            *("--home", str(home), "-o", "json", *options),
            *("--registry-url", registry.url, "--key", ADMIN),
        ],
        env={"COLUMNS": "300"},
    )
