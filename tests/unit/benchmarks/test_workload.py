import json
import struct
from pathlib import Path

import numpy as np
import pytest

from benchmarks.peers.models import ModelName, train
from benchmarks.peers.servers import SERVERS
from benchmarks.peers.servers.mlserver import MLSERVER
from benchmarks.peers.workload import post, questions, write_requests


def test_requests_are_whole_and_behind_their_lengths(tmp_path: Path) -> None:
    request = post("/predict", b"{}", {"Authorization": "Bearer key"})
    write_requests(tmp_path / "requests", [request, request])
    assert (tmp_path / "requests").read_bytes() == 2 * (struct.pack("<I", len(request)) + request)
    head, _, body = request.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /predict HTTP/1.1\r\n")
    assert b"Content-Length: 2" in head
    assert head.endswith(b"Authorization: Bearer key")
    assert body == b"{}"


@pytest.mark.parametrize("name", ["linear-3", "boosting"])
def test_questions_differ_and_carry_what_their_model_says(tmp_path: Path, name: str) -> None:
    model = train(ModelName.parse(name), tmp_path)
    asked = questions(model, 32)
    assert len({question.rows.tobytes() for question in asked}) == len(asked)
    assert str(model.name) == name
    for question in asked[:3]:
        assert question.rows.shape == (32, model.name.features)
        right = model.estimator.predict_proba(question.rows)[:, 1]
        np.testing.assert_allclose(question.right, right, atol=1e-12)


def test_training_again_gives_the_same_model(tmp_path: Path) -> None:
    name = ModelName.parse("linear")
    first, second = train(name, tmp_path / "a"), train(name, tmp_path / "b")
    rows = first.draw(10, seed=1)
    np.testing.assert_array_equal(first.probabilities(rows), second.probabilities(rows))


@pytest.mark.parametrize("text", ["tree", "linear-few", ""])
def test_other_names_are_no_models(text: str) -> None:
    with pytest.raises(ValueError, match=r"tree|few|valid"):
        ModelName.parse(text)


def test_every_server_has_a_name_of_its_own_and_says_how_it_is_set_up() -> None:
    for name, server in SERVERS.items():
        assert server.name == name
        assert server.setup
        assert all("==" in pin for pin in server.requirements)


def test_an_open_inference_tensor_is_flat() -> None:
    tensor = json.loads(MLSERVER.body(np.array([[1.0, 2.0], [3.0, 4.0]])))["inputs"][0]
    assert (tensor["shape"], tensor["data"]) == ([2, 2], [1.0, 2.0, 3.0, 4.0])
    answer = {"outputs": [{"data": [0.9, 0.1, 0.2, 0.8]}]}
    assert MLSERVER.read(json.dumps(answer).encode()) == [0.1, 0.8]
