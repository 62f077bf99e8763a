"""Gates on the command line: a file is sent as it is, and shown as it was written."""

import json
from pathlib import Path

from tests.fakes.registry_bodies import NOW
from tests.fakes.scripted_http import Script
from tests.fakes.typed_commands import Run
from understudy.cli.gate_policy import EXAMPLE
from understudy.contracts.gate import GatePolicy
from understudy.contracts.gate_views import GateView
from understudy.contracts.registry import Page

GATE = "/v1/projects/bank/gate"
TEXT = "# as agreed\nsecond_person: true\n"
VIEW = GateView(
    project="bank",
    number=3,
    policy=GatePolicy(second_person=True),
    text=TEXT,
    set_at=NOW,
    set_by="user:ann",
    reason="as agreed",
)


def test_a_policy_is_shown_as_it_was_written(run: Run, server: Script) -> None:
    server.on("GET", GATE, VIEW)
    result = run("gate-policy", "show", "bank")
    assert result.exit_code == 0, result.stderr
    assert result.stdout == TEXT
    assert "bank: policy 3" in result.stderr
    assert json.loads(run("gate-policy", "show", "bank", "-o", "json").stdout)["number"] == 3


def test_a_project_without_one_is_told_so(run: Run, server: Script) -> None:
    server.on("GET", GATE, GateView(project="bank", number=0, policy=GatePolicy(), text=""))
    assert "no policy of its own; the standard policy" in run("gate-policy", "show", "bank").stdout


def test_a_file_is_sent_as_it_is(run: Run, server: Script, empty_folder: Path) -> None:
    server.on("PUT", GATE, VIEW)
    (empty_folder / "gate.yaml").write_text(TEXT)
    result = run(
        *("gate-policy", "set", "bank", "--file", "gate.yaml"),
        *("--reason", "as agreed", "--expect", "2"),
    )
    assert result.exit_code == 0, result.stderr
    assert "bank: policy 3" in result.stdout
    (sent,) = server.sent("PUT")
    assert sent.body.decode() == TEXT
    assert sent.query == {"reason": "as agreed"}
    headers = {name.lower(): value for name, value in sent.headers.items()}
    assert (headers["if-match"], headers["content-type"]) == ('"2"', "application/yaml")


def test_a_mistake_in_the_file_is_told(run: Run, server: Script, empty_folder: Path) -> None:
    (empty_folder / "gate.yaml").write_text("reviews: true")
    server.problem("PUT", GATE, 422, "No policy.", {"/reviews": "did you mean review?"})
    result = run("gate-policy", "set", "bank", "--file", "gate.yaml")
    assert result.exit_code == 1
    assert "/reviews: did you mean review?" in result.stderr


def test_what_was_demanded_before_is_listed(run: Run, server: Script) -> None:
    server.on("GET", f"{GATE}/versions", Page(items=(VIEW,)))
    result = run("gate-policy", "history", "bank")
    assert "user:ann" in result.stdout
    assert "as agreed" in result.stdout


def test_the_example_can_be_sent(run: Run, server: Script, empty_folder: Path) -> None:
    server.on("PUT", GATE, VIEW)
    result = run("gate-policy", "example")
    assert result.stdout == EXAMPLE
    (empty_folder / "gate.yaml").write_text(result.stdout)
    assert run("gate-policy", "set", "bank", "--file", "gate.yaml").exit_code == 0
