import hashlib
import json
from pathlib import Path

from tests.fakes.registry_bodies import (
    NOW,
    SIGNATURE_JSON,
    version,
)
from tests.fakes.scripted_http import Script
from tests.fakes.typed_commands import Run
from understudy.contracts.registry import ModelView, Page, ProjectView
from understudy.contracts.vocabulary import VersionState


def test_register_uploads_and_makes_what_is_absent(
    run: Run, server: Script, tmp_path: Path
) -> None:
    for name in ("model.skops", "reference.parquet", "held-out.parquet"):
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
        *("register", "risk", "--project", "lending", "--artifact", "model.skops"),
        *("--reference", "reference.parquet", "--signature", "signature.json"),
        *("--metrics", "metrics.json"),
        *("--evaluation", "held-out.parquet", "--time-column", "seen_at"),
    )
    assert result.exit_code == 0, result.stderr
    assert "risk version 1 is pending" in result.stdout
    assert "Runner: sklearn (no converter for Oracle)" in result.stderr
    assert "Baseline: not measured: no row is legal" in result.stderr
    sent = [asked.body for asked in server.sent("PUT")]
    assert sent == [b"model.skops", b"reference.parquet", b"held-out.parquet"]
    body = server.sent("POST")[-1].json
    assert isinstance(body, dict)
    assert body["metrics"] == {"auc": 0.8}
    assert body["evaluation"] == hashlib.sha256(b"held-out.parquet").hexdigest()
    assert body["time_column"] == "seen_at"


def test_register_without_model_says_how_to_make_it(
    run: Run, server: Script, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "signature.json").write_text(json.dumps(SIGNATURE_JSON))
    result = run(
        *("register", "risk", "--artifact", "file", "--reference", "file"),
        *("--signature", "signature.json"),
    )
    assert result.exit_code == 2
    assert "--project" in result.stderr
    assert server.sent("PUT") == []


def test_a_signature_that_is_none_names_the_member(
    run: Run, server: Script, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "signature.json").write_text('{"features": []}')
    result = run(
        *("register", "risk", "--artifact", "file", "--reference", "file"),
        *("--signature", "signature.json"),
    )
    assert result.exit_code == 2
    assert "target" in result.stderr
    assert server.asked == []


def test_a_check_of_ours_is_told_in_its_own_words(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    features = [{"name": "age", "kind": "number", "minimum": 2, "maximum": 1}]
    signature = SIGNATURE_JSON | {"features": features}
    (tmp_path / "signature.json").write_text(json.dumps(signature))
    result = run(
        *("register", "risk", "--artifact", "file", "--reference", "file"),
        *("--signature", "signature.json"),
    )
    assert result.exit_code == 2
    assert "age: minimum is above maximum" in result.stderr
    assert "Value error" not in result.stderr
