"""Policies from the command line: only what is named changes, and nobody's change is lost."""

import json

import pytest
from pydantic import TypeAdapter

from tests.fakes.registry_bodies import deployment, release, version
from tests.fakes.scripted_http import Script
from tests.fakes.typed_commands import Run
from understudy.contracts.judging import Judging
from understudy.contracts.policy import ConfidenceRule, GuardRule, Guards, Policy
from understudy.contracts.registry import Page, ReleaseView
from understudy.contracts.vocabulary import (
    Durability,
    GuardAction,
    ReleaseKind,
    TypePolicy,
    VersionState,
)

RELEASES = "/v1/deployments/risk/releases"
FLAG = GuardRule(GuardAction.FLAG)
LOW = ConfidenceRule(0.75, GuardRule(GuardAction.OVERRIDE, "bad"))
USUAL = TypeAdapter(Judging).dump_python(Judging(), mode="json", exclude_none=True)
POLICY = Policy(Durability.RELAXED, guards=Guards(FLAG, low_confidence=LOW))


def configured(server: Script, current: ReleaseView) -> None:
    server.on("GET", "/v1/deployments/risk", deployment(current))
    made = release(current.release + 1, 1, kind=ReleaseKind.CONFIGURE, policy=POLICY)
    server.on("POST", RELEASES, made, 201)


def sent(server: Script) -> dict[str, object]:
    body = server.sent("POST")[-1].json
    assert isinstance(body, dict)
    return body


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--durability", "strict"), {"durability": "strict"}),
        (("--types", "best-effort"), {"types": "best_effort"}),
        (("--types", "best_effort"), {"types": "best_effort"}),
        (("--out-of-range", "refuse"), {"out_of_range": {"action": "refuse"}}),
        (
            ("--unseen-category", "override=bad"),
            {"unseen_category": {"action": "override", "answer": "bad"}},
        ),
        (
            ("--low-confidence", "0.6:override=1"),
            {
                "low_confidence": {
                    "below": 0.6,
                    "rule": {"action": "override", "answer": 1},
                }
            },
        ),
        (("--low-confidence", "off"), {"low_confidence": None}),
    ],
)
def test_what_is_not_named_stays(
    run: Run, server: Script, options: tuple[str, str], expected: dict[str, object]
) -> None:
    configured(server, release(7, 1, policy=POLICY))
    result = run("configure", "risk", *options, "--reason", "r")
    assert result.exit_code == 0, result.stderr
    guards: dict[str, object] = {
        "out_of_range": {"action": "flag"},
        "unseen_category": {"action": "refuse"},
        "low_confidence": {"below": 0.75, "rule": {"action": "override", "answer": "bad"}},
    }
    policy: dict[str, object] = {"durability": "relaxed", "types": "strict", "judging": USUAL}
    for name, value in expected.items():
        (policy if name in policy else guards)[name] = value
    guards = {name: value for name, value in guards.items() if value is not None}
    assert sent(server) == {
        "kind": "configure",
        "former_main": "challenger",
        "policy": {**policy, "guards": guards},
        "expected_release": 7,
        "reason": "r",
    }


@pytest.mark.parametrize(
    ("typed", "answer"),
    [("2", 2), ("2.5", 2.5), ("true", True), ('"2"', "2"), ("a=b", "a=b"), ("NaN", "NaN")],
)
def test_an_answer_is_typed_as_json_would(
    run: Run, server: Script, typed: str, answer: object
) -> None:
    configured(server, release(1, 1))
    assert run("configure", "risk", "--out-of-range", f"override={typed}").exit_code == 0
    policy = sent(server)["policy"]
    assert isinstance(policy, dict)
    assert policy["guards"]["out_of_range"]["answer"] == answer


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--out-of-range", "ignore"),
        ("--out-of-range", "override"),
        ("--out-of-range", "flag=x"),
        ("--low-confidence", "0.6"),
        ("--low-confidence", "flag"),
        ("--low-confidence", "2:flag"),
        ("--low-confidence", "nan:flag"),
        ("--types", "lax"),
    ],
)
def test_what_is_no_rule_is_told_before_anything_changes(
    run: Run, server: Script, options: tuple[str, ...]
) -> None:
    configured(server, release(1, 1))
    result = run("configure", "risk", *options)
    assert result.exit_code == 2
    assert server.sent("POST") == []


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--low-confidence", "abc"), "a number above 0 and up to 1 and an action"),
        (("--low-confidence", "x:flag"), "a number above 0 and up to 1 and an action"),
        (("--low-confidence", "0.6:lax"), "after its number"),
        (("--out-of-range", "off"), "refuse is what holds unless stated"),
        (("--unseen-category", "off"), "refuse is what holds unless stated"),
        (("--types", "lax"), "neither strict nor best-effort"),
    ],
)
def test_a_wrong_option_is_told_what_it_takes(
    run: Run, server: Script, options: tuple[str, str], told: str
) -> None:
    configured(server, release(1, 1))
    words = run("configure", "risk", *options).stderr.replace("│", " ").split()
    assert told in " ".join(words)


@pytest.mark.parametrize(
    ("kind", "policy", "told"),
    [
        (ReleaseKind.ROLLBACK, POLICY, "; policy: durability relaxed"),
        (ReleaseKind.ROLLBACK, Policy(), "; policy: the defaults"),
        (ReleaseKind.CONFIGURE, Policy(), "; policy: the defaults"),
        (ReleaseKind.PROMOTE, POLICY, "; policy: durability relaxed"),
        (ReleaseKind.PROMOTE, Policy(), "challengers none\n"),
    ],
)
def test_a_release_tells_a_policy_that_is_unusual_or_may_be_new(
    run: Run, server: Script, kind: ReleaseKind, policy: Policy, told: str
) -> None:
    server.on("GET", "/v1/deployments/risk", deployment(release(2, 1)))
    server.on("POST", RELEASES, release(3, 1, kind=kind, policy=policy), 201)
    assert told in run("rollback", "risk").stdout


def test_expect_says_which_release_was_looked_at(run: Run, server: Script) -> None:
    configured(server, release(7, 1))
    assert run("configure", "risk", "--durability", "relaxed", "--expect", "5").exit_code == 0
    assert sent(server)["expected_release"] == 5


def test_deploy_makes_a_deployment_with_a_policy(run: Run, server: Script) -> None:
    server.on("GET", "/v1/models/risk/versions/1", version(1, VersionState.DEPLOYED))
    server.on("POST", "/v1/deployments", deployment(release(1, 1)), 201)
    options = ("--types", "best-effort", "--low-confidence", "0.9:flag")
    result = run("deploy", "risk", "1", "--name", "risk", *options)
    assert result.exit_code == 0, result.stderr
    policy = sent(server)["policy"]
    assert isinstance(policy, dict)
    assert policy["types"] == "best_effort"
    assert policy["guards"]["low_confidence"]["below"] == 0.9


def test_deploy_configures_what_exists(run: Run, server: Script) -> None:
    configured(server, release(3, 1))
    server.on("GET", "/v1/models/risk/versions/1", version(1, VersionState.DEPLOYED))
    result = run("deploy", "risk", "1", "--name", "risk", "--durability", "relaxed")
    assert result.exit_code == 0, result.stderr
    assert (sent(server)["kind"], sent(server)["expected_release"]) == ("configure", 3)


def test_deploy_without_options_leaves_the_policy(run: Run, server: Script) -> None:
    configured(server, release(3, 1, policy=POLICY))
    server.on("GET", "/v1/models/risk/versions/1", version(1, VersionState.DEPLOYED))
    assert run("deploy", "risk", "1", "--name", "risk").exit_code == 0
    assert server.sent("POST") == []


def test_status_tells_a_policy_that_is_not_the_usual_one(run: Run, server: Script) -> None:
    server.on("GET", "/v1/deployments/risk", deployment(release(2, 1, policy=POLICY)))
    told = 'durability relaxed, out of range: flag, confidence below 0.75: answer "bad"'
    assert told in run("status", "risk").stdout
    whole = json.loads(run("status", "risk", "-o", "json").stdout)["current"]["policy"]
    assert whole["types"] == TypePolicy.STRICT
    assert whole["guards"]["low_confidence"]["rule"] == {"action": "override", "answer": "bad"}


def test_status_keeps_quiet_about_the_usual_policy(run: Run, server: Script) -> None:
    server.on("GET", "/v1/deployments/risk", deployment(release(2, 1)))
    assert "policy" not in run("status", "risk").stdout


def test_releases_tell_their_policies(run: Run, server: Script) -> None:
    server.on("GET", RELEASES, Page(items=(release(2, 1, policy=POLICY), release(1, 1))))
    assert "durability relaxed" in run("releases", "risk").stdout
