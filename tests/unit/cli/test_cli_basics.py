import json
from pathlib import Path

import pytest
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


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("keys", "create", "k", "--expires", "99999999d"), "too long"),
        (("keys", "create", ""), "name"),
        (("--key", "é", "audit"), "characters that no key has"),
        (("--registry-url", "http://localhost:port", "audit"), "no address"),
        (("releases", "\udce9"), "UTF-8"),
    ],
)
def test_what_was_typed_wrong_is_told_without_a_trace(
    run: Run, server: Script, arguments: tuple[str, ...], said: str
) -> None:
    result = run(*arguments)
    assert result.exit_code == 2, result.exception
    assert said in result.stderr
    assert server.asked == []


def test_another_services_address_is_asked_about(run: Run, server: Script) -> None:
    server.on("GET", "/v1/audit", "<html>nothing here</html>", 404)
    result = run("audit")
    assert result.exit_code == 1
    assert "Is that the registry" in result.stderr


def test_what_others_wrote_cannot_steer_the_terminal(run: Run, server: Script) -> None:
    actor = "a\x1b[2Jb\nc\u202ed\x9b"
    entry = {"sequence": 1, "at": NOW.isoformat(), "actor": actor, "action": "decide"}
    entry |= {"subject": "risk", "reason": "", "details": {}}
    server.on("GET", "/v1/audit", {"items": [entry]})
    assert r"a\u001b[2Jb\u000ac\u202ed\u009b" in run("audit").stdout
    listed = run("audit", "-o", "json").stdout
    assert not {"\u202e", "\x9b"} & set(listed)
    assert json.loads(listed)[0]["actor"] == actor


def test_a_key_is_revoked(run: Run, server: Script) -> None:
    server.on("DELETE", "/v1/keys/abcdefgh", None, 204)
    assert run("keys", "revoke", "abcdefgh").exit_code == 0


def test_version(run: Run) -> None:
    assert run("version").stdout.startswith("understudy ")
