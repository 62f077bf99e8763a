import json
from pathlib import Path

import pytest

from tests.fakes.registry_bodies import (
    prediction,
)
from tests.fakes.scripted_http import Script
from tests.fakes.typed_commands import Run
from understudy.contracts.serving import LabelResult, LabelResults, LabelStatus, Predictions


def test_one_row_from_the_command_line(run: Run, server: Script) -> None:
    server.on("POST", "/v1/deployments/risk/predict", prediction())
    result = run("predict", "risk", '{"age": 40}')
    assert result.exit_code == 0
    assert "good 90.0%" in result.stdout
    assert server.asked[0].json == {"age": 40}
    assert server.asked[0].headers["Authorization"] == "Bearer us_key"


@pytest.mark.parametrize("options", [(), ("-o", "json")])
def test_a_deployment_is_described(run: Run, server: Script, options: tuple[str, ...]) -> None:
    document = {"openapi": "3.1.0", "info": {"title": "Größe"}, "paths": {}}
    server.on("GET", "/v1/deployments/risk/openapi.json", document)
    result = run("describe", "risk", *options)
    assert result.exit_code == 0
    assert json.loads(result.stdout) == document


def test_many_rows_from_a_file_as_json(run: Run, server: Script, tmp_path: Path) -> None:
    (tmp_path / "rows.json").write_text('{"rows": [{"age": 40}, {"age": 50}]}')
    answer = Predictions(predictions=(prediction(1), prediction(2)))
    server.on("POST", "/v1/deployments/risk/predict", answer)
    result = run("predict", "risk", "@rows.json", "-o", "json")
    assert [item["prediction_id"] for item in json.loads(result.stdout)] == ["p1", "p2"]
    assert server.asked[0].json == {"rows": [{"age": 40}, {"age": 50}]}


def test_rows_from_standard_input(run: Run, server: Script) -> None:
    server.on("POST", "/v1/deployments/risk/predict", prediction())
    assert run("predict", "risk", "-", stdin='{"age": 40}').exit_code == 0


@pytest.mark.parametrize("rows", ['{"age": 40}', '[{"age": 40}]'])
def test_the_id_is_servings_to_judge(run: Run, server: Script, rows: str) -> None:
    path = "/v1/deployments/risk/predict"
    server.problem("POST", path, 422, "A prediction id is wrong.", {"/prediction_id": "no spaces"})
    result = run("predict", "risk", rows, "--id", "my row")
    assert server.asked[0].query == {"prediction_id": "my row"}
    assert result.exit_code == 1
    assert "/prediction_id: no spaces" in result.stderr


def test_an_empty_id_is_none(run: Run, server: Script) -> None:
    assert run("predict", "risk", '{"age": 40}', "--id", "").exit_code == 2
    assert server.asked == []


def test_a_file_that_is_not_there_is_named(run: Run) -> None:
    assert "there is no file nothing.json" in run("predict", "risk", "@nothing.json").stderr


@pytest.mark.parametrize("data", ["{", "[]", "3", "[1]", "@nothing.json", "@.", "[" * 5_000])
def test_data_that_is_no_row_is_told_before_anything_is_sent(
    run: Run, server: Script, data: str
) -> None:
    result = run("predict", "risk", data)
    assert result.exit_code == 2
    assert "DATA" in result.stderr
    assert server.asked == []


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        *(("good", "good"), ("1", 1), ("true", True), ("2.5", 2.5), ("null", "null")),
        *(("-5", -5), ("-2.5e3", -2500.0), ("NaN", "NaN"), ("[" * 5_000, "[" * 5_000)),
    ],
)
def test_labels_are_typed_as_json_would(run: Run, server: Script, typed: str, sent: object) -> None:
    accepted = LabelResult(prediction_id="p1", status=LabelStatus.ACCEPTED)
    server.on("POST", "/v1/deployments/risk/labels", LabelResults(results=(accepted,)), 202)
    assert run("label", "risk", "p1", typed).exit_code == 0
    assert server.asked[0].json == [{"prediction_id": "p1", "label": sent}]


def test_an_unknown_option_is_no_label(run: Run, server: Script) -> None:
    result = run("label", "risk", "p1", "--txet")
    assert result.exit_code == 2
    assert "no option --txet" in result.stderr
    assert server.asked == []


def test_a_refused_label_fails(run: Run, server: Script) -> None:
    refused = LabelResult(prediction_id="p1", status=LabelStatus.REFUSED, message="no such class")
    server.on("POST", "/v1/deployments/risk/labels", LabelResults(results=(refused,)), 202)
    result = run("label", "risk", "p1", "purple")
    assert result.exit_code == 1
    assert "no such class" in result.stdout
