"""An ONNX model beside a skops one, from registration to replay, in a real cluster."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import redis
import skops.io
from onnx import TensorProto, helper
from pydantic import TypeAdapter
from skops.io import get_untrusted_types
from typer.testing import CliRunner, Result

from examples.credit.signature import SIGNATURE
from tests.cluster import LaptopCluster, laptop_cluster
from tests.fakes.onnx_credit import credit
from tests.fakes.onnx_files import copying, written
from tests.fakes.serving import entries
from understudy.cli.root import app
from understudy.contracts.events import decode_pairs, pairs_key
from understudy.contracts.replays import ReplayAudit
from understudy.contracts.signature import Signature
from understudy.contracts.vocabulary import Outcome, ReviewState

pytestmark = pytest.mark.slow

ROWS = 600
Row = dict[str, Any]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same model twice, and a hostile one."""
    folder, found = tmp_path_factory.mktemp("model"), credit()
    skops.io.dump(found.model, folder / "model.skops")
    (folder / "model.onnx").write_bytes(found.content)
    tensor = helper.make_tensor("w", TensorProto.FLOAT, [2], [1.0, 2.0])
    tensor.ClearField("float_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../../etc/passwd")
    (folder / "hostile.onnx").write_bytes(written(copying(initializers=[tensor])))
    (folder / "narrow.onnx").write_bytes(written(copying()))
    found.reference.to_parquet(folder / "reference.parquet")
    found.evaluation.to_parquet(folder / "evaluation.parquet")
    (folder / "signature.json").write_bytes(TypeAdapter(Signature).dump_json(SIGNATURE))
    return folder


@pytest.fixture(scope="module")
def cluster(files: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LaptopCluster]:
    trusted = ",".join(get_untrusted_types(file=files / "model.skops"))
    settings = {"MONITOR_ARCHIVE_SECONDS": "1", "TRUSTED_TYPES": trusted}
    folder = tmp_path_factory.mktemp("cluster")
    with laptop_cluster(folder, serving_workers=1, settings=settings) as running:
        yield running


def understudy(cluster: LaptopCluster, *arguments: str, expect: int = 0) -> Result:
    env = {**cluster.environment, "UNDERSTUDY_KEY": cluster.key("admin")}
    done = CliRunner().invoke(app, list(arguments), env=env)
    assert done.exit_code == expect, done.stderr
    return done


def register(cluster: LaptopCluster, files: Path, artifact: str, expect: int = 0) -> Result:
    arguments = ["register", "loans", "--project", "trial", "--artifact", f"{files}/{artifact}"]
    arguments += ["--reference", f"{files}/reference.parquet"]
    arguments += ["--evaluation", f"{files}/evaluation.parquet"]
    arguments += ["--signature", f"{files}/signature.json"]
    return understudy(cluster, *arguments, expect=expect)


def applicants() -> list[Row]:
    """As JSON knows them."""
    frame = credit().evaluation[[*SIGNATURE.names]].head(ROWS)
    kinds = {feature.name: feature.kind for feature in SIGNATURE.features}
    read: dict[str, Any] = {"number": float, "integer": int, "boolean": bool, "category": str}
    return [
        {
            name: None if pd.isna(value) else read[kinds[name]](value)
            for name, value in zip(SIGNATURE.names, values, strict=True)
        }
        for values in frame.itertuples(index=False)
    ]


def predicted(cluster: LaptopCluster, version: int) -> pd.DataFrame:
    """All applicants, answered by this main."""
    found = []
    rows = applicants()
    for first in range(0, ROWS, 200):
        for answer in cluster.serving.predict_many("loans", rows[first : first + 200]):
            assert answer.model.version == version
            found.append({"label": answer.prediction, **dict(answer.probabilities or {})})
    return pd.DataFrame(found)


def until(done: Any, what: str, deadline_seconds: float = 90.0) -> None:
    deadline = time.monotonic() + deadline_seconds
    while not done():
        assert time.monotonic() < deadline, what
        time.sleep(0.5)


def archived(cluster: LaptopCluster) -> int:
    path = "/v1/deployments/loans/archive"
    items = cluster.monitor.ask("GET", path, params={"limit": 1_000}).json()["items"]
    return sum(item["rows"] for item in items)


def paired(cluster: LaptopCluster, challenger: int) -> int:
    """Rows that this challenger has answered too."""
    log = redis.Redis.from_url(cluster.redis_url)
    found = [decode_pairs(fields) for fields in entries(log, pairs_key("loans"))]
    log.close()
    outcomes = [one for pairs in found if pairs.challenger == challenger for one in pairs.outcomes]
    assert {*outcomes} <= {Outcome.OK}
    return len(outcomes)


@pytest.mark.timeout(400)
def test_the_working_life_of_an_onnx_model(cluster: LaptopCluster, files: Path) -> None:
    register(cluster, files, "model.skops")
    register(cluster, files, "model.onnx")
    told = json.loads(understudy(cluster, "versions", "loans", "2", "-o", "json").stdout)
    assert (told["format"], told["compiled"]) == ("onnx", None)
    assert told["not_compiled"] == "the artifact is ONNX already"
    assert told["baseline"]["sample"] == "evaluation"

    understudy(cluster, "deploy", "loans", "1", "--name", "loans", "--challenger", "2")
    understudy(cluster, "status", "loans", "--timeout", "60s")
    by_skops = predicted(cluster, 1)
    until(lambda: paired(cluster, 2) == ROWS, "the ONNX challenger did not answer")
    understudy(cluster, "promote", "loans", "--reason", "trial")
    understudy(cluster, "status", "loans", "--timeout", "60s")
    by_onnx = predicted(cluster, 2)
    until(lambda: paired(cluster, 1) == ROWS, "the skops challenger did not answer")
    assert by_onnx["label"].tolist() == by_skops["label"].tolist()
    chances = [*SIGNATURE.target.classes]
    assert np.abs(by_onnx[chances].to_numpy() - by_skops[chances].to_numpy()).max() < 1e-5

    until(lambda: archived(cluster) >= 2 * ROWS, "history was not archived")
    audited = understudy(cluster, "replay", "loans", "--main", "--since", "1h", "-o", "json")
    found = ReplayAudit.model_validate_json(audited.stdout)
    assert (found.rows, found.mismatches) == (ROWS, 0)
    understudy(cluster, "rollback", "loans")


@pytest.mark.timeout(200)
@pytest.mark.parametrize(
    ("artifact", "words"),
    [("hostile.onnx", "another file"), ("narrow.onnx", "export the model with one input")],
)
def test_an_onnx_model_that_must_not_or_cannot_be_served(
    cluster: LaptopCluster, files: Path, artifact: str, words: str
) -> None:
    refused = register(cluster, files, artifact, expect=1)
    assert words in " ".join(refused.stderr.split())


@pytest.mark.timeout(200)
def test_an_onnx_version_is_reviewed(cluster: LaptopCluster, files: Path) -> None:
    register(cluster, files, "model.onnx")
    newest = json.loads(understudy(cluster, "versions", "loans", "-o", "json").stdout)
    number = max(version["version"] for version in newest)
    cluster.registry.make_review("loans", number)
    assert cluster.registry.await_review("loans", number).state is ReviewState.MADE
    review = cluster.registry.review("loans", number)
    assert review.results is not None
    assert [cost.runner for cost in review.cost] == ["onnx"]
    reasons = {left.part: left.reason for left in review.left_out}
    assert "no recipe that could be fitted anew" in reasons["learning curve"]
