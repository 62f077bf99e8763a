"""A gate's answer is its exit code."""

import json

import pytest

from tests.fakes import monitor_bodies as bodies
from tests.fakes.scripted_http import Script
from tests.fakes.typed_commands import Run

PATH = "/v1/deployments/risk/gate"


def refused(code: str, detail: str) -> dict[str, object]:
    return {"title": "Conflict", "status": 409, "detail": detail, "code": code}


def test_an_open_gate(run: Run, server: Script) -> None:
    server.on("GET", PATH, bodies.promotion())
    result = run("gate", "risk", "--challenger", "3")
    assert (result.exit_code, result.stdout.splitlines()) == (
        0,
        ["risk: promote version 3 – its answers are better"],
    )


@pytest.mark.parametrize(("code", "exits"), [("gate_closed", 1), ("not_decided", 2)])
def test_a_gate_that_is_not_open(run: Run, server: Script, code: str, exits: int) -> None:
    server.on("GET", PATH, refused(code, "Version 3 of risk: worse."), 409)
    result = run("gate", "risk", "--challenger", "3")
    assert (result.exit_code, result.stdout) == (exits, "Version 3 of risk: worse.\n")
    told = json.loads(run("gate", "risk", "--challenger", "3", "-o", "json").stdout)
    assert told["code"] == code


def test_it_waits_for_a_decision(run: Run, server: Script) -> None:
    server.on("GET", PATH, refused("not_decided", "Version 3 of risk: undecided."), 409)
    server.on("GET", PATH, bodies.promotion())
    assert run("gate", "risk", "--challenger", "3", "--timeout", "0.2s").exit_code == 0


def test_a_wait_has_an_end(run: Run, server: Script) -> None:
    server.on("GET", PATH, refused("not_decided", "Version 3 of risk: undecided."), 409)
    assert run("gate", "risk", "--challenger", "3", "--timeout", "0.1s").exit_code == 2
    assert len(server.asked) == 2


def test_as_good_can_be_good_enough(run: Run, server: Script) -> None:
    server.on("GET", PATH, bodies.judgement())
    run("gate", "risk", "--challenger", "3", "--equivalent")
    assert server.asked[0].query == {"challenger": "3", "equivalent": "true"}


def test_what_could_not_be_asked_is_no_pass(run: Run) -> None:
    assert run("gate", "risk", "--challenger", "3").exit_code == 1
