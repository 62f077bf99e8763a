"""The audit trail: policies and evidence by a few words, all of it as JSON."""

import json
from dataclasses import asdict
from pathlib import Path

from tests.fakes.registry_bodies import NOW
from tests.fakes.scripted_http import Script
from tests.fakes.typed_commands import Run
from understudy.contracts.policy import Policy
from understudy.contracts.registry import AuditView, Page
from understudy.contracts.vocabulary import Durability

EVIDENCE = {"verdict": "promote", "comparisons": [{"challenger": 2, "pairs": 4_000}]}


def entry(**details: object) -> AuditView:
    return AuditView(
        sequence=1,
        at=NOW,
        actor="monitor01",
        action="deployment.release",
        subject="risk",
        reason="better",
        details=details,
    )


def told(run: Run, server: Script, **details: object) -> str:
    server.on("GET", "/v1/audit", Page(items=(entry(**details),)))
    return run("audit").stdout


def test_evidence_is_mentioned_and_whole_as_json(run: Run, server: Script) -> None:
    line = told(run, server, kind="promote", evidence=EVIDENCE)
    assert "kind promote, evidence for promote (see -o json)" in line
    (found,) = json.loads(run("audit", "-o", "json").stdout)
    assert found["details"]["evidence"] == EVIDENCE


def test_evidence_of_any_form_is_mentioned(run: Run, server: Script) -> None:
    assert "evidence (see -o json)" in told(run, server, evidence={"n": 1})


def test_policies_are_told_as_elsewhere(run: Run, server: Script) -> None:
    relaxed, usual = asdict(Policy(Durability.RELAXED)), asdict(Policy())
    line = told(run, server, policy=relaxed, former_policy=usual)
    assert "policy: durability as usual → relaxed" in line
    assert "former" not in line


def test_a_policy_that_stayed_is_not_repeated(run: Run, server: Script) -> None:
    relaxed = asdict(Policy(Durability.RELAXED))
    assert "relaxed" not in told(run, server, kind="swap", policy=relaxed, former_policy=relaxed)


def test_keys_are_told_by_their_names(run: Run, server: Script, empty_folder: Path) -> None:
    secrets = empty_folder / "var" / "secrets"
    secrets.mkdir(parents=True)
    (secrets / "monitor.key").write_text("us_monitor01_secret")
    assert "monitor (monitor01)" in told(run, server)


def test_a_policy_of_another_version_is_not_guessed_at(run: Run, server: Script) -> None:
    assert "policy (see -o json)" in told(run, server, policy={"durability": "none"})
