import json
from dataclasses import replace

import pytest

from tests.fakes.registry_bodies import (
    deployer,
    deployment,
    release,
    version,
)
from tests.fakes.scripted_http import Script
from tests.fakes.typed_commands import Run
from understudy.contracts.judging import Actions, Judging
from understudy.contracts.policy import Policy
from understudy.contracts.vocabulary import ActionMode, Durability, ReleaseKind, VersionState

RELEASES = "/v1/deployments/risk/releases"


def test_deploy_decides_and_makes_the_deployment(run: Run, server: Script) -> None:
    decided = version(1, VersionState.PERSISTED)
    deployer(server)
    server.on("GET", "/v1/models/risk/versions/1", version(1, VersionState.PENDING))
    server.on("GET", "/v1/models/risk/versions/2", version(2, VersionState.DEPLOYED))
    server.on("POST", "/v1/models/risk/versions/1/decision", decided)
    server.on("POST", "/v1/deployments", deployment(release(1, 1, 2)), 201)
    result = run(
        *("deploy", "risk", "1", "--name", "risk", "--challenger", "2", "--persist"),
        *("--access", "public", "--reason", "first"),
    )
    assert result.exit_code == 0, result.stderr
    assert "risk release 1: main 1, challengers 2" in result.stdout
    decision, made = server.sent("POST")
    assert decision.json == {"decision": "persist", "reason": "first", "override": False}
    assert isinstance(made.json, dict)
    assert made.json["challengers"] == [2]
    assert made.json["access"] == "public"


def test_deploy_releases_what_exists(run: Run, server: Script) -> None:
    server.on("GET", "/v1/deployments/risk", deployment(release(3, 1)))
    for number in (2, 4):
        server.on(
            "GET", f"/v1/models/risk/versions/{number}", version(number, VersionState.DEPLOYED)
        )
    server.on("POST", RELEASES, release(4, 2), 201)
    server.on("POST", RELEASES, release(5, 2, 4, kind=ReleaseKind.CHALLENGE), 201)
    result = run("deploy", "risk", "2", "--name", "risk", "--challenger", "4", "-o", "json")
    assert json.loads(result.stdout)["release"] == 5
    kinds = [asked.json["kind"] for asked in server.sent("POST") if isinstance(asked.json, dict)]
    assert kinds == ["deploy", "challenge"]


def test_deploy_does_not_mix_models(run: Run, server: Script) -> None:
    server.on("GET", "/v1/deployments/risk", deployment(release(3, 1)))
    result = run("deploy", "other", "1", "--name", "risk")
    assert result.exit_code == 2
    assert "serves the model 'risk'" in result.stderr
    assert server.sent("POST") == []


def test_promote_finds_the_only_challenger(run: Run, server: Script) -> None:
    server.on("GET", "/v1/deployments/risk", deployment(release(1, 1, 2)))
    server.on("POST", RELEASES, release(2, 2, 1, kind=ReleaseKind.PROMOTE), 201)
    result = run("promote", "risk", "--retire", "--expect", "1")
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
    run: Run, server: Script, challengers: tuple[int, ...], said: str
) -> None:
    server.on("GET", "/v1/deployments/risk", deployment(release(1, 1, *challengers)))
    result = run("promote", "risk")
    assert result.exit_code == 2
    assert said in result.stderr


def test_promote_says_how_a_version_becomes_a_challenger(run: Run, server: Script) -> None:
    server.on("GET", "/v1/deployments/risk", deployment(release(1, 1, 2)))
    result = run("promote", "risk", "3")
    assert result.exit_code == 2
    assert "first: understudy challenge risk 3" in result.stderr
    assert server.sent("POST") == []


def test_promote_names_a_challenger(run: Run, server: Script) -> None:
    server.on("GET", "/v1/deployments/risk", deployment(release(1, 1, 2, 3)))
    server.on("POST", RELEASES, release(2, 3, 2, 1, kind=ReleaseKind.PROMOTE), 201)
    assert run("promote", "risk", "3").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "body"),
    [
        (("swap", "risk"), {"kind": "swap"}),
        (("rollback", "risk", "--to", "3"), {"kind": "rollback", "release": 3}),
        (("withdraw", "risk", "2"), {"kind": "withdraw", "version": 2}),
    ],
)
def test_each_verb_is_a_release(
    run: Run, server: Script, arguments: tuple[str, ...], body: dict[str, object]
) -> None:
    server.on("GET", "/v1/deployments/risk", deployment(release(1, 1)))
    server.on("POST", RELEASES, release(2, 1), 201)
    assert run(*arguments, "--reason", "r").exit_code == 0
    shared = {"former_main": "challenger", "reason": "r"}
    assert server.sent("POST")[0].json == body | shared


def test_a_rollback_tells_the_policy_that_it_brings_back(run: Run, server: Script) -> None:
    former = replace(
        Policy(Durability.RELAXED), judging=Judging(actions=Actions(promote=ActionMode.AUTOMATIC))
    )
    server.on("GET", "/v1/deployments/risk", deployment(release(4, 2)))
    made = release(5, 1, kind=ReleaseKind.ROLLBACK, policy=former)
    server.on("POST", RELEASES, made, 201)
    told = run("rollback", "risk", "--to", "3").stderr
    assert "durability as usual → relaxed; promote as usual → automatic." in told
    assert "ATTENTION: the monitor promotes BY ITSELF from now on" in told
    assert "understudy configure risk --promote recommend" in told


def test_a_rollback_to_the_same_policy_says_nothing_of_it(run: Run, server: Script) -> None:
    server.on("GET", "/v1/deployments/risk", deployment(release(4, 2)))
    server.on("POST", RELEASES, release(5, 1, kind=ReleaseKind.ROLLBACK), 201)
    assert "changed with it" not in run("rollback", "risk").stderr
