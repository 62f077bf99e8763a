"""A challenger that is addressed by its version answers what it would, by way of the log."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
import redis

from tests.conftest import free_port
from tests.fakes.serving import artifact_of, deployment, entries, flower_model, served
from tests.serving_process import ROOT, ServingProcess
from understudy.contracts.events import decode_predictions, predictions_key

INFER = "/v2/models/flowers/versions/2/infer"
ROWS = np.random.default_rng(3).uniform(0.0, 10.0, (50, 2))


@pytest.fixture
def running(tmp_path: Path, redis_url: str) -> Iterator[ServingProcess]:
    running = ServingProcess(tmp_path, redis_url, 1)
    models = [flower_model(), flower_model(1, 2.0)]
    versions = [
        served(number, running.registry.store(artifact_of(model)))
        for number, model in enumerate(models, 1)
    ]
    running.registry.publish(deployment(versions, challengers=(2,)))
    running.registry.start()
    port = {"UNDERSTUDY_CHALLENGER_PORT": str(free_port())}
    with (tmp_path / "challenger.log").open("ab") as log:
        challenger = subprocess.Popen(
            [sys.executable, "-m", "services.serving.challenger"],
            cwd=ROOT,
            env={**running.environment, **port, "UNDERSTUDY_STATE_DIR": str(tmp_path / "other")},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        running.start()
        yield running
    finally:
        running.stop()
        challenger.terminate()
        challenger.wait(20.0)
        running.registry.stop()


def test_its_answers_are_those_of_its_model(running: ServingProcess, redis_url: str) -> None:
    told = {"name": "x", "shape": ROWS.shape, "datatype": "FP64", "data": ROWS.tolist()}
    key = {"X-API-Key": running.registry.admin.plaintext}
    url = f"{running.url}{INFER}"
    body = {"id": "batch", "inputs": [told]}
    assert httpx.post(url, json=body).status_code == 404
    # The challenger's process may still be at its start.
    waiting = (httpx.post(url, json=body, headers=key, timeout=20.0) for _ in range(10))
    found = next(answer for answer in waiting if answer.status_code != 504)
    assert found.status_code == 200, found.text
    prediction, probabilities = found.json()["outputs"]
    model, main = flower_model(1, 2.0), flower_model()
    assert prediction["data"] == model.predict(ROWS).tolist() != main.predict(ROWS).tolist()
    likely = model.predict_proba(ROWS).ravel()
    np.testing.assert_allclose(probabilities["data"], likely, rtol=1e-9)
    assert found.json()["model_version"] == found.headers["X-Model-Version"] == "2"
    for path, version in (
        ("/v1/models/flowers/versions/2:predict", {}),
        ("/endpoints/flowers/invocations", {"X-Amzn-SageMaker-Target-Variant": "2"}),
    ):
        others = httpx.post(
            f"{running.url}{path}",
            json={"instances": ROWS.tolist()},
            headers={**key, **version},
            timeout=20.0,
        ).json()["predictions"]
        labels = [one["prediction"] if isinstance(one, dict) else one for one in others]
        assert labels == prediction["data"]
    with redis.Redis.from_url(redis_url) as client:
        logged = [
            decode_predictions(fields) for fields in entries(client, predictions_key("flowers"))
        ]
    assert {entry.main for entry in logged} == {1}
    assert logged[0].ids[0] == "batch.0"
