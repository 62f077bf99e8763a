"""A gate's answer is its exit code."""

import json

import pytest

from tests.fakes import monitor_bodies as bodies
from tests.fakes.registry_bodies import deployment, release
from tests.fakes.scripted_http import Script
from tests.fakes.typed_commands import Run
from understudy.contracts.vocabulary import RuleName, Verdict

PATH = "/v1/deployments/risk/gate"
WORSE = bodies.gate(Verdict.KEEP, RuleName.WORSE)
UNDECIDED = bodies.gate(Verdict.WAIT, RuleName.UNDECIDED)
EQUIVALENT = bodies.gate(Verdict.EQUIVALENT, RuleName.EQUIVALENT)


def test_an_open_gate(run: Run, server: Script) -> None:
    server.on("GET", PATH, bodies.gate())
    result = run("gate", "risk", "--challenger", "3")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[0] == "risk, version 3: open – its answers are better"


def test_a_closed_gate(run: Run, server: Script) -> None:
    server.on("GET", PATH, WORSE, 409)
    result = run("gate", "risk", "--challenger", "3")
    assert result.exit_code == 1
    assert "risk, version 3: closed – its answers are worse" in result.stdout


def test_a_gate_that_is_not_decided(run: Run, server: Script) -> None:
    server.on("GET", PATH, UNDECIDED, 425)
    result = run("gate", "risk", "--challenger", "3")
    assert result.exit_code == 2
    assert "not decided yet" in result.stdout
    assert "about 2,300 more labels for a decision" in result.stdout


def test_programs_get_the_body_and_the_exit_code(run: Run, server: Script) -> None:
    server.on("GET", PATH, WORSE, 409)
    result = run("gate", "risk", "--challenger", "3", "-o", "json")
    assert (json.loads(result.stdout), result.exit_code) == (WORSE.model_dump(mode="json"), 1)


def test_it_waits_for_a_decision(run: Run, server: Script) -> None:
    server.on("GET", PATH, UNDECIDED, 425)
    server.on("GET", PATH, bodies.gate())
    assert run("gate", "risk", "--challenger", "3", "--timeout", "0.2s").exit_code == 0


def test_a_wait_has_an_end(run: Run, server: Script) -> None:
    server.on("GET", PATH, UNDECIDED, 425)
    assert run("gate", "risk", "--challenger", "3", "--timeout", "0.1s").exit_code == 2
    assert len(server.asked) == 2


@pytest.mark.parametrize(("options", "exits"), [((), 1), (("--equivalent",), 0)])
def test_as_good_can_be_good_enough(
    run: Run, server: Script, options: tuple[str, ...], exits: int
) -> None:
    server.on("GET", PATH, EQUIVALENT, 409)
    assert run("gate", "risk", "--challenger", "3", *options).exit_code == exits


def test_what_could_not_be_asked_is_no_pass(run: Run) -> None:
    assert run("gate", "risk", "--challenger", "3").exit_code == 1


def test_the_main_passes(run: Run, server: Script) -> None:
    server.problem("GET", PATH, 404, "Version 3 is no challenger of risk.", None)
    server.on("GET", "/v1/deployments/risk", deployment(release(4, 3, 1)))
    result = run("gate", "risk", "--challenger", "3")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "risk, version 3: open",
        "  version 3 is the main already (release 4)",
    ]


def test_a_version_that_is_no_challenger_is_told_apart(run: Run, server: Script) -> None:
    server.problem("GET", PATH, 404, "Version 9 is no challenger of risk.", None)
    server.on("GET", "/v1/deployments/risk", deployment(release(4, 3, 1)))
    result = run("gate", "risk", "--challenger", "9")
    assert result.exit_code == 2
    assert "version 9 is no challenger of risk" in result.stderr
    assert "main 3, challengers 1" in result.stderr
