from pathlib import Path

from typer.testing import CliRunner

from tests.conftest import free_port
from tests.fakes.registry_bodies import NOW
from tests.fakes.scripted_http import Script
from tests.fakes.typed_commands import Run
from understudy.cli.root import app, hoisted
from understudy.contracts.registry import KeyIssued
from understudy.contracts.vocabulary import Scope


def test_shared_options_may_stand_anywhere() -> None:
    assert hoisted(["status", "risk", "-o", "json"]) == ["-o", "json", "status", "risk"]
    assert hoisted(["--key=k", "keys", "list"]) == ["--key=k", "keys", "list"]
    assert hoisted(["predict", "d", "--", "-o"]) == ["predict", "d", "--", "-o"]
    assert hoisted(["status", "-o"]) == ["-o", "status"]


def test_a_refusal_goes_to_standard_error_with_its_fields(run: Run, server: Script) -> None:
    path = "/v1/deployments/risk/predict"
    server.problem("POST", path, 422, "One value is wrong.", {"/age": "is below 18"})
    result = run("predict", "risk", '{"age": 1}')
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


def test_a_new_key_is_alone_on_standard_output(run: Run, server: Script) -> None:
    issued = KeyIssued(
        id="abcdefgh", name="web", scopes=(Scope.PREDICT,), created_at=NOW, key="us_secret"
    )
    server.on("POST", "/v1/keys", issued, 201)
    result = run("keys", "create", "web", "--scope", "predict", "--expires", "30d")
    assert result.stdout == "us_secret\n"
    assert "not shown again" in result.stderr


def test_a_key_is_revoked(run: Run, server: Script) -> None:
    server.on("DELETE", "/v1/keys/abcdefgh", None, 204)
    assert run("keys", "revoke", "abcdefgh").exit_code == 0


def test_version(run: Run) -> None:
    assert run("version").stdout.startswith("understudy ")
