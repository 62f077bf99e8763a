"""`understudy keys token`."""

from urllib.parse import parse_qs

from tests.fakes.scripted_http import Script
from tests.fakes.typed_commands import Run

TOKEN = {"access_token": "eyJ.e30.x", "token_type": "Bearer", "expires_in": 60, "scope": "predict"}
PATH = "/v1/oauth/token"


def test_a_token_is_printed_alone(server: Script, run: Run) -> None:
    server.on("POST", PATH, TOKEN)
    secret = ("--client-id", "abcdefgh", "--client-secret", "s")
    result = run("keys", "token", *secret, "--scope", "predict")
    assert result.exit_code == 0, result.output
    assert result.stdout == "eyJ.e30.x\n"
    assert parse_qs(server.sent("POST")[0].body.decode())["scope"] == ["predict"]


def test_a_secret_that_is_not_given_is_asked_for(server: Script, run: Run) -> None:
    server.on("POST", PATH, TOKEN)
    result = run("keys", "token", "--client-id", "abcdefgh", stdin="typed\n")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == "eyJ.e30.x"
    assert "typed" not in result.output


def test_a_refusal_ends_it(server: Script, run: Run) -> None:
    server.on("POST", PATH, {"error": "invalid_client", "error_description": "It is wrong."}, 401)
    result = run("keys", "token", "--client-id", "abcdefgh", "--client-secret", "s")
    assert result.exit_code != 0
    assert "It is wrong" in result.output
