"""The commands against a scripted server: what they send, print, and how they fail."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.conftest import free_port
from tests.fakes.scripted_http import Script, scripted_server
from understudy.cli.root import app, hoisted
from understudy.contracts.registry import (
    DeploymentView,
    KeyIssued,
    ModelView,
    Page,
    ProjectView,
    ReleaseView,
    VersionView,
)
from understudy.contracts.serving import (
    LabelResult,
    LabelResults,
    LabelStatus,
    ModelRef,
    Prediction,
    Predictions,
)
from understudy.contracts.signature import Feature, Signature, Target
from understudy.contracts.vocabulary import (
    AccessLevel,
    FeatureKind,
    ReleaseKind,
    Scope,
    Task,
    VersionState,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SIGNATURE = Signature(
    (Feature("age", FeatureKind.INTEGER),), Target("risk", Task.CLASSIFICATION, ("bad", "good"))
)
SIGNATURE_JSON = {
    "features": [{"name": "age", "kind": "integer"}],
    "target": {"name": "risk", "task": "classification", "classes": ["bad", "good"]},
}
RELEASES = "/v1/deployments/risk/releases"


def version(number: int, state: VersionState) -> VersionView:
    return VersionView(
        artifact="a" * 64,
        reference="b" * 64,
        signature=SIGNATURE,
        model="risk",
        version=number,
        state=state,
        created_at=NOW,
        created_by="admin",
    )


def release(
    number: int, main: int, *challengers: int, kind: ReleaseKind = ReleaseKind.DEPLOY
) -> ReleaseView:
    return ReleaseView(
        deployment="risk",
        release=number,
        kind=kind,
        main=main,
        challengers=challengers,
        released_at=NOW,
        released_by="admin",
        reason="",
    )


def deployment(current: ReleaseView, *, deployed: bool = True) -> DeploymentView:
    return DeploymentView(
        name="risk",
        project="lending",
        model="risk",
        access=AccessLevel.PROJECT,
        description="",
        created_at=NOW,
        current=current,
        deployed=deployed,
        running=True,
    )


def prediction(number: int = 1) -> Prediction:
    return Prediction(
        prediction_id=f"p{number}",
        prediction="good",
        probabilities={"bad": 0.1, "good": 0.9},
        model=ModelRef(name="risk", version=1),
    )


@pytest.fixture
def server() -> Iterator[Script]:
    with scripted_server() as script:
        yield script


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("KEY", "REGISTRY_URL", "SERVING_URL", "MONITOR_URL"):
        monkeypatch.delenv(f"UNDERSTUDY_{name}", raising=False)
    return tmp_path


def run(server: Script, *arguments: str, stdin: str | None = None) -> Result:
    env = {f"UNDERSTUDY_{name}_URL": server.url for name in ("REGISTRY", "SERVING", "MONITOR")} | {
        "UNDERSTUDY_KEY": "us_key",
        "COLUMNS": "200",
    }
    return CliRunner().invoke(app, list(arguments), env=env, input=stdin)


def test_shared_options_may_stand_anywhere() -> None:
    assert hoisted(["status", "risk", "-o", "json"]) == ["-o", "json", "status", "risk"]
    assert hoisted(["--key=k", "keys", "list"]) == ["--key=k", "keys", "list"]
    assert hoisted(["predict", "d", "--", "-o"]) == ["predict", "d", "--", "-o"]
    assert hoisted(["status", "-o"]) == ["-o", "status"]


def test_one_row_from_the_command_line(server: Script) -> None:
    server.on("POST", "/v1/deployments/risk/predict", prediction())
    result = run(server, "predict", "risk", '{"age": 40}')
    assert result.exit_code == 0
    assert "good 90.0%" in result.stdout
    assert server.asked[0].json == {"age": 40}
    assert server.asked[0].headers["Authorization"] == "Bearer us_key"


def test_many_rows_from_a_file_as_json(server: Script, tmp_path: Path) -> None:
    (tmp_path / "rows.json").write_text('{"rows": [{"age": 40}, {"age": 50}]}')
    answer = Predictions(predictions=(prediction(1), prediction(2)))
    server.on("POST", "/v1/deployments/risk/predict", answer)
    result = run(server, "predict", "risk", "@rows.json", "-o", "json")
    assert [item["prediction_id"] for item in json.loads(result.stdout)] == ["p1", "p2"]
    assert server.asked[0].json == {"rows": [{"age": 40}, {"age": 50}]}


def test_rows_from_standard_input(server: Script) -> None:
    server.on("POST", "/v1/deployments/risk/predict", prediction())
    assert run(server, "predict", "risk", "-", stdin='{"age": 40}').exit_code == 0


@pytest.mark.parametrize("data", ["{", "[]", "3", "[1]", "@nothing.json"])
def test_data_that_is_no_row_is_told_before_anything_is_sent(server: Script, data: str) -> None:
    result = run(server, "predict", "risk", data)
    assert result.exit_code == 2
    assert "DATA" in result.stderr
    assert server.asked == []


def test_a_refusal_goes_to_standard_error_with_its_fields(server: Script) -> None:
    path = "/v1/deployments/risk/predict"
    server.problem("POST", path, 422, "One value is wrong.", {"/age": "is below 18"})
    result = run(server, "predict", "risk", '{"age": 1}')
    assert (result.exit_code, result.stdout) == (1, "")
    assert "Error: One value is wrong.\n  /age: is below 18" in result.stderr


def test_silence_says_what_to_do() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    result = CliRunner().invoke(app, ["--serving-url", url, "predict", "risk", "{}"])
    assert result.exit_code == 1
    assert url in result.stderr
    assert "understudy up" in result.stderr


def test_no_key_is_told(server: Script) -> None:
    result = CliRunner().invoke(app, ["--registry-url", server.url, "audit"])
    assert result.exit_code == 2
    assert "UNDERSTUDY_KEY" in result.stderr


def test_the_laptops_key_is_found(server: Script, tmp_path: Path) -> None:
    (tmp_path / "var" / "secrets").mkdir(parents=True)
    (tmp_path / "var" / "secrets" / "admin.key").write_text("us_laptop\n")
    server.on("GET", "/v1/audit", {"items": []})
    result = CliRunner().invoke(app, ["audit", "--registry-url", server.url])
    assert result.exit_code == 0
    assert server.asked[0].headers["Authorization"] == "Bearer us_laptop"


@pytest.mark.parametrize(
    ("typed", "sent"), [("good", "good"), ("1", 1), ("true", True), ("2.5", 2.5), ("null", "null")]
)
def test_labels_are_typed_as_json_would(server: Script, typed: str, sent: object) -> None:
    accepted = LabelResult(prediction_id="p1", status=LabelStatus.ACCEPTED)
    server.on("POST", "/v1/deployments/risk/labels", LabelResults(results=(accepted,)), 202)
    assert run(server, "label", "risk", "p1", typed).exit_code == 0
    assert server.asked[0].json == [{"prediction_id": "p1", "label": sent}]


def test_a_refused_label_fails(server: Script) -> None:
    refused = LabelResult(prediction_id="p1", status=LabelStatus.REFUSED, message="no such class")
    server.on("POST", "/v1/deployments/risk/labels", LabelResults(results=(refused,)), 202)
    result = run(server, "label", "risk", "p1", "purple")
    assert result.exit_code == 1
    assert "no such class" in result.stdout


def test_deploy_decides_and_makes_the_deployment(server: Script) -> None:
    decided = version(1, VersionState.PERSISTED)
    server.on("GET", "/v1/models/risk/versions/1", version(1, VersionState.PENDING))
    server.on("GET", "/v1/models/risk/versions/2", version(2, VersionState.DEPLOYED))
    server.on("POST", "/v1/models/risk/versions/1/decision", decided)
    server.on("POST", "/v1/deployments", deployment(release(1, 1, 2)), 201)
    result = run(
        server,
        *("deploy", "risk", "1", "--name", "risk", "--challenger", "2", "--persist"),
        *("--access", "public", "--reason", "first"),
    )
    assert result.exit_code == 0, result.stderr
    assert "risk release 1: main 1, challengers 2" in result.stdout
    decision, made = server.sent("POST")
    assert decision.json == {"decision": "persist", "reason": "first"}
    assert isinstance(made.json, dict)
    assert made.json["challengers"] == [2]
    assert made.json["access"] == "public"


def test_deploy_releases_what_exists(server: Script) -> None:
    server.on("GET", "/v1/deployments/risk", deployment(release(3, 1)))
    for number in (2, 4):
        server.on(
            "GET", f"/v1/models/risk/versions/{number}", version(number, VersionState.DEPLOYED)
        )
    server.on("POST", RELEASES, release(4, 2), 201)
    server.on("POST", RELEASES, release(5, 2, 4, kind=ReleaseKind.CHALLENGE), 201)
    result = run(server, "deploy", "risk", "2", "--name", "risk", "--challenger", "4", "-o", "json")
    assert json.loads(result.stdout)["release"] == 5
    kinds = [asked.json["kind"] for asked in server.sent("POST") if isinstance(asked.json, dict)]
    assert kinds == ["deploy", "challenge"]


def test_deploy_does_not_mix_models(server: Script) -> None:
    server.on("GET", "/v1/deployments/risk", deployment(release(3, 1)))
    result = run(server, "deploy", "other", "1", "--name", "risk")
    assert result.exit_code == 2
    assert "serves the model 'risk'" in result.stderr
    assert server.sent("POST") == []


def test_promote_finds_the_only_challenger(server: Script) -> None:
    server.on("GET", "/v1/deployments/risk", deployment(release(1, 1, 2)))
    server.on("POST", RELEASES, release(2, 2, 1, kind=ReleaseKind.PROMOTE), 201)
    result = run(server, "promote", "risk", "--retire", "--expect", "1")
    assert result.exit_code == 0
    assert server.sent("POST")[0].json == {
        "kind": "promote",
        "version": 2,
        "former_main": "retired",
        "expected_release": 1,
        "reason": "",
    }


@pytest.mark.parametrize(
    ("challengers", "said"), [((), "no challenger"), ((2, 3), "challengers 2, 3")]
)
def test_promote_asks_where_it_is_not_plain(
    server: Script, challengers: tuple[int, ...], said: str
) -> None:
    server.on("GET", "/v1/deployments/risk", deployment(release(1, 1, *challengers)))
    result = run(server, "promote", "risk")
    assert result.exit_code == 2
    assert said in result.stderr


@pytest.mark.parametrize(
    ("arguments", "body"),
    [
        (("swap", "risk"), {"kind": "swap"}),
        (("rollback", "risk", "--to", "3"), {"kind": "rollback", "release": 3}),
        (("withdraw", "risk", "2"), {"kind": "withdraw", "version": 2}),
    ],
)
def test_each_verb_is_a_release(
    server: Script, arguments: tuple[str, ...], body: dict[str, object]
) -> None:
    server.on("POST", RELEASES, release(2, 1), 201)
    assert run(server, *arguments, "--reason", "r").exit_code == 0
    shared = {"former_main": "challenger", "reason": "r"}
    assert server.sent("POST")[0].json == body | shared


def test_register_uploads_and_makes_what_is_absent(server: Script, tmp_path: Path) -> None:
    for name in ("model.skops", "reference.parquet"):
        (tmp_path / name).write_bytes(name.encode())
    (tmp_path / "signature.json").write_text(json.dumps(SIGNATURE_JSON))
    (tmp_path / "metrics.json").write_text('{"auc": 0.8}')
    server.on("GET", "/v1/projects", Page[ProjectView](items=()))
    server.on("POST", "/v1/projects", ProjectView(name="lending", created_at=NOW), 201)
    model = ModelView(name="risk", project="lending", created_at=NOW, versions=0)
    server.on("POST", "/v1/models", model, 201)
    server.on_any("PUT", 201)
    server.on("POST", "/v1/models/risk/versions", version(1, VersionState.PENDING), 201)
    result = run(
        server,
        *("register", "risk", "--project", "lending", "--artifact", "model.skops"),
        *("--reference", "reference.parquet", "--signature", "signature.json"),
        *("--metrics", "metrics.json"),
    )
    assert result.exit_code == 0, result.stderr
    assert "risk version 1 is pending" in result.stdout
    assert [asked.body for asked in server.sent("PUT")] == [b"model.skops", b"reference.parquet"]
    body = server.sent("POST")[-1].json
    assert isinstance(body, dict)
    assert body["metrics"] == {"auc": 0.8}


def test_register_without_model_says_how_to_make_it(server: Script, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "signature.json").write_text(json.dumps(SIGNATURE_JSON))
    result = run(
        server,
        *("register", "risk", "--artifact", "file", "--reference", "file"),
        *("--signature", "signature.json"),
    )
    assert result.exit_code == 2
    assert "--project" in result.stderr
    assert server.sent("PUT") == []


def test_a_signature_that_is_none_names_the_member(server: Script, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "signature.json").write_text('{"features": []}')
    result = run(
        server,
        *("register", "risk", "--artifact", "file", "--reference", "file"),
        *("--signature", "signature.json"),
    )
    assert result.exit_code == 2
    assert "target" in result.stderr
    assert server.asked == []


def test_status_waits_for_the_release_and_fails_when_it_does_not_come(server: Script) -> None:
    server.on("GET", "/v1/deployments/risk", deployment(release(2, 1), deployed=False))
    result = run(server, "status", "risk", "--timeout", "0.1s")
    assert result.exit_code == 1
    assert "not served by all within 0.1s" in result.stderr


def test_status_tells_without_a_monitor(server: Script) -> None:
    server.on("GET", "/v1/deployments/risk", deployment(release(2, 1), deployed=False))
    server.on("GET", "/v1/deployments/risk", deployment(release(2, 1)))
    result = run(server, "status", "risk", "--timeout", "5s")
    assert result.exit_code == 0, result.stderr
    assert "served by all" in result.stdout
    assert "no readings" in result.stdout


def test_status_of_all(server: Script) -> None:
    server.on("GET", "/v1/deployments", Page(items=(deployment(release(2, 1, 3)),)))
    result = run(server, "status")
    assert "risk" in result.stdout
    assert "served by all" in result.stdout


def test_a_new_key_is_alone_on_standard_output(server: Script) -> None:
    issued = KeyIssued(
        id="abcdefgh", name="web", scopes=(Scope.PREDICT,), created_at=NOW, key="us_secret"
    )
    server.on("POST", "/v1/keys", issued, 201)
    result = run(server, "keys", "create", "web", "--scope", "predict", "--expires", "30d")
    assert result.stdout == "us_secret\n"
    assert "not shown again" in result.stderr


def test_a_key_is_revoked(server: Script) -> None:
    server.on("DELETE", "/v1/keys/abcdefgh", None, 204)
    assert run(server, "keys", "revoke", "abcdefgh").exit_code == 0


def test_version(server: Script) -> None:
    assert run(server, "version").stdout.startswith("understudy ")
