"""Protected attributes and predictions made elsewhere, told from the command line."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet
from pydantic import TypeAdapter

from tests.fakes.registry_bodies import prediction
from tests.fakes.scripted_http import Script
from tests.fakes.typed_commands import Run
from understudy.contracts.elsewhere import ToldResult, ToldResults
from understudy.contracts.serving import (
    LabelResult,
    LabelStatus,
    Predictions,
    ProtectedResult,
    ProtectedResults,
)
from understudy.contracts.signature import Feature, Signature, Target
from understudy.contracts.vocabulary import FeatureKind, Task

RISK = Signature(
    (
        Feature("age", FeatureKind.INTEGER, nullable=True),
        Feature("income", FeatureKind.NUMBER),
        Feature("job", FeatureKind.CATEGORY, open_choices=True),
        Feature("owner", FeatureKind.BOOLEAN),
        Feature("prediction", FeatureKind.NUMBER, nullable=True),
    ),
    Target("default", Task.CLASSIFICATION, (0, 1)),
)
ROW = {"age": 40, "income": 1.5, "job": "cook", "owner": True, "prediction": 0.5}
HEAD = "age,income,job,owner,row.prediction"
PATH = "/v1/deployments/risk/predictions"
ACCEPTED, REFUSED = LabelStatus.ACCEPTED, LabelStatus.REFUSED


def answers(*messages: str | None) -> ToldResults:
    return ToldResults(
        results=tuple(
            ToldResult(prediction_id="p", status=REFUSED if why else ACCEPTED, message=why)
            for why in messages
        )
    )


@pytest.fixture
def risk(server: Script) -> Script:
    text = TypeAdapter(Signature).dump_json(RISK).decode()
    server.on("GET", "/v1/deployments/risk/signature", text)
    return server


def told(server: Script) -> list[dict[str, Any]]:
    """What was told, without what was left empty."""
    sent = [body for one in server.asked if one.path == PATH for body in json.loads(one.body)]
    return [_full(body) for body in sent]


def _full(body: Any) -> Any:
    if isinstance(body, list):
        return [_full(one) for one in body]
    if not isinstance(body, dict):
        return body
    kept = {"prediction"}
    return {name: _full(v) for name, v in body.items() if v is not None or name in kept}


def test_a_table_of_the_mains_answers(run: Run, risk: Script, tmp_path: Path) -> None:
    risk.on("POST", PATH, answers(None, None), 202)
    (tmp_path / "told.csv").write_text(
        f"{HEAD},extra,prediction,probability.0,probability.1,at,prediction_id,seconds,version\n"
        "40,1.5,cook,true,0.5,x,1,0.25,0.75,2026-11-01T08:00:00Z,a,0.002,3\n"
        ",1.5,cook,1,,x,,,,,,,\n"
    )
    result = run("log-predictions", "risk", "told.csv", "-o", "json")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout) == {"accepted": 2, "refused": []}
    first, second = told(risk)
    assert first == {
        "prediction_id": "a",
        "at": "2026-11-01T08:00:00Z",
        "row": ROW,
        "main": {
            "prediction": 1,
            "probabilities": {"0": 0.25, "1": 0.75},
            "seconds": 0.002,
            "version": 3,
        },
    }
    assert second["main"] == {"prediction": None}
    assert second["prediction_id"].endswith(".3")
    assert len(second["prediction_id"]) == len("0123456789abcdef.3")


def test_a_challengers_answers_beside_the_mains(run: Run, risk: Script, tmp_path: Path) -> None:
    risk.on("POST", PATH, answers(None), 202)
    table = pa.table(
        {
            "prediction_id": ["a"],
            "prediction": [0.0],
            "main.prediction": [1],
            "main.probability.0": [0.1],
            "main.probability.1": [0.9],
        }
    )
    parquet.write_table(table, tmp_path / "told.parquet")
    command = ("log-predictions", "risk", "told.parquet", "--as", "challenger", "--version", "7")
    assert run(*command).exit_code == 0
    assert told(risk) == [
        {
            "prediction_id": "a",
            "main": {"prediction": 1, "probabilities": {"0": 0.1, "1": 0.9}},
            "challengers": [{"prediction": 0, "version": 7}],
        }
    ]


def test_lines_of_json_go_as_they_are(run: Run, risk: Script, tmp_path: Path) -> None:
    risk.on("POST", PATH, answers(None), 202)
    body = {"prediction_id": "a", "row": ROW, "main": {"prediction": 1}}
    lines = [json.dumps(body), "", "{", '{"row": {}}', '{"main": {"prediction": 1, "x": 1}}', "5"]
    (tmp_path / "told.jsonl").write_text("\n".join(lines))
    result = run("log-predictions", "risk", "told.jsonl", "-o", "json")
    assert result.exit_code == 1
    logged = json.loads(result.stdout)
    assert logged["accepted"] == 1
    assert [row["line"] for row in logged["refused"]] == [3, 4, 5, 6]
    assert told(risk) == [body]


def test_refusals_are_told_row_by_row(run: Run, risk: Script, tmp_path: Path) -> None:
    risk.on("POST", PATH, answers(None, "row/age: must be at least 18"), 202)
    (tmp_path / "told.csv").write_text(
        f"{HEAD},prediction\n40,1,cook,yes,,1\n40,1,cook,true,,1\n4,1,cook,true,,1\n"
        "4.5,1,cook,true,,1\n40,much,cook,true,,1\n40,inf,cook,true,,1\n"
    )
    result = run("log-predictions", "risk", "told.csv")
    assert result.exit_code == 1
    assert "1 rows logged, 5 refused" in result.stderr
    for words in ("owner: must be true or false", "row/age: must be at least 18"):
        assert words in result.stdout
    for words in ("age: must be a whole number", "income: must be a number", "must be finite"):
        assert words in result.stdout


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("told.csv", "age,income\n1,2\n", "no columns job, owner"),
        ("told.csv", "", "no columns"),
        ("told.txt", "", "must end in"),
        ("told.csv", f"{HEAD}\n", "no columns prediction"),
        ("junk.parquet", "junk", "it is no Parquet file, or a damaged one"),
    ],
)
def test_a_file_without_its_columns_is_refused_unsent(
    run: Run, risk: Script, name: str, text: str, words: str
) -> None:
    Path(name).write_text(text)
    result = run("log-predictions", "risk", name)
    assert result.exit_code == 2
    assert words in " ".join(result.stderr.split())
    assert told(risk) == []


def test_whose_answers_they_are_is_asked_once(run: Run, risk: Script) -> None:
    Path("told.csv").write_text("prediction_id,prediction,main.prediction\na,0,1\nb,1,1\n")
    result = run("log-predictions", "risk", "told.csv", "--as", "challenger")
    assert result.exit_code == 2
    assert "give --version" in result.stderr
    assert told(risk) == []


def test_nothing_refused_is_no_table(run: Run, risk: Script) -> None:
    risk.on("POST", PATH, answers(None), 202)
    Path("told.csv").write_text("prediction_id,prediction,main.prediction\na,0,1\n")
    command = ("log-predictions", "risk", "told.csv", "--as", "challenger", "--version", "7")
    assert "REFUSED" not in run(*command).stdout


def test_many_rows_are_many_requests(run: Run, risk: Script, tmp_path: Path) -> None:
    risk.on("POST", PATH, answers(*[None] * 500), 202)
    risk.on("POST", PATH, answers(*[None] * 100), 202)
    row = json.dumps({"row": ROW, "main": {"prediction": 1}})
    (tmp_path / "told.jsonl").write_text("\n".join([row] * 600))
    result = run("log-predictions", "risk", "told.jsonl")
    assert "600 rows logged, 0 refused" in result.stderr
    ids = [one["prediction_id"] for one in told(risk)]
    assert len(set(ids)) == 600


def test_protected_attributes_are_told(run: Run, server: Script) -> None:
    accepted = ProtectedResult(prediction_id="p1", status=ACCEPTED)
    server.on("POST", "/v1/deployments/risk/protected", ProtectedResults(results=(accepted,)), 202)
    assert run("protect", "risk", "p1", "sex=f", "age band=30=39").exit_code == 0
    expected = {"prediction_id": "p1", "attributes": {"sex": "f", "age band": "30=39"}}
    assert server.asked[0].json == [expected]


@pytest.mark.parametrize("attributes", [["sex"], ["=f"], ["sex="], ["sex=f", "sex=m"], []])
def test_attributes_have_a_name_and_a_value(
    run: Run, server: Script, attributes: list[str]
) -> None:
    assert run("protect", "risk", "p1", *attributes).exit_code == 2
    assert server.asked == []


def test_refused_attributes_fail(run: Run, server: Script) -> None:
    refused = ProtectedResult(prediction_id="p1", status=REFUSED, message="age is a feature")
    server.on("POST", "/v1/deployments/risk/protected", ProtectedResults(results=(refused,)), 202)
    result = run("protect", "risk", "p1", "age=3")
    assert result.exit_code == 1
    assert "age is a feature" in result.stdout


@pytest.mark.parametrize("row", ['{"age": 40}', '[{"age": 40}]'])
def test_attributes_go_beside_rows(run: Run, server: Script, row: str) -> None:
    answer = Predictions(predictions=(prediction(),))
    server.on("POST", "/v1/deployments/risk/predict", answer)
    groups = '{"sex": "f"}' if row.startswith("{") else '[{"sex": "f"}]'
    assert run("predict", "risk", row, "--protected", groups).exit_code == 0
    assert server.asked[0].json == {"rows": [{"age": 40}], "protected": [{"sex": "f"}]}


@pytest.mark.parametrize("groups", ["{", "5", "[]", "[5]", "[{}, {}]"])
def test_attributes_that_fit_no_rows_are_refused(run: Run, server: Script, groups: str) -> None:
    result = run("predict", "risk", '[{"age": 40}]', "--protected", groups)
    assert result.exit_code == 2
    assert "--protected" in result.stderr
    assert server.asked == []


def test_a_label_is_corrected(run: Run, server: Script) -> None:
    accepted = LabelResult(prediction_id="p1", status=ACCEPTED)
    server.on("PUT", "/v1/deployments/risk/labels/p1", accepted, 202)
    assert run("label", "risk", "p1", "1", "--correct", "--source", "branch").exit_code == 0
    assert server.asked[0].json == {"label": 1, "source": "branch"}
