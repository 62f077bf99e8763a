"""Verifying the trail, which version was main when, and the report of a period."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from tests.fakes.registry_bodies import NOW
from tests.fakes.scripted_http import Script
from tests.fakes.typed_commands import Run
from understudy.contracts.history import (
    Admission,
    AuditReport,
    ChainBreak,
    ChainHead,
    KeyChange,
    MainAt,
    Reign,
    ReleaseMade,
    Verification,
)
from understudy.contracts.vocabulary import BreakKind, ReleaseKind, VersionState

HEAD = ChainHead(sequence=12, hash="a" * 64)
WHOLE = Verification(whole=True, entries=12, first=1, head=HEAD)
BROKEN = Verification(
    whole=False,
    entries=11,
    first=1,
    head=HEAD,
    breaks=(ChainBreak(kind=BreakKind.MISSING, first=4, last=6, detail="3 entries are missing."),),
    more=7,
)
MADE = ReleaseMade(
    model="credit",
    release=3,
    kind=ReleaseKind.PROMOTE,
    main=2,
    challengers=(1,),
    at=NOW,
    by="monitor01",
    reason="better",
    evidence={"verdict": "promote"},
    entry=HEAD,
)
ADMITTED = Admission(
    model="credit",
    version=2,
    state=VersionState.DEPLOYED,
    decided_at=NOW,
    decided_by="ann",
    reason="good",
    overridden=("finding:leak",),
    review="b" * 64,
    entry=HEAD,
)
REIGN = Reign(project="bank", model="credit", version=2, release=3, since=NOW)
MAIN = MainAt(
    **REIGN.model_dump(),
    deployment="risk",
    at=NOW,
    release_then=4,
    decision=MADE,
    admission=ADMITTED,
)
KEY = KeyChange(key="k1", name="website", action="key.issue", at=NOW, by="ann", entry=HEAD)


MAIN_PATH = "/v1/deployments/risk/main"
REPORT_PATH = "/v1/deployments/risk/audit-report"


def queried(server: Script, path: str) -> Mapping[str, str]:
    """What was asked last at the path."""
    return [asked.query for asked in server.asked if asked.path == path][-1]


def report(verification: Verification) -> AuditReport:
    return AuditReport(
        deployment="risk",
        project="bank",
        model="credit",
        since=None,
        until=NOW,
        made_at=NOW,
        mains=(REIGN,),
        releases=(MADE,),
        decisions=(ADMITTED,),
        overrides=(ADMITTED,),
        keys=(KEY,),
        verification=verification,
    )


def test_a_whole_chain_is_told_with_its_head(run: Run, server: Script) -> None:
    server.on("GET", "/v1/audit/verification", WHOLE)
    told = run("audit", "verify", "--expect", f"12:{'a' * 64}")
    assert told.exit_code == 0
    assert "whole" in told.stdout
    assert f"12:{'a' * 64}" in told.stdout
    assert queried(server, "/v1/audit/verification")["expect"] == f"12:{'a' * 64}"


def test_a_broken_chain_is_an_exit_code(run: Run, server: Script) -> None:
    server.on("GET", "/v1/audit/verification", BROKEN)
    told = run("audit", "verify")
    assert told.exit_code == 1
    assert "BROKEN" in told.stdout
    assert "4 to 6" in told.stdout
    assert "and 7 more" in told.stdout
    told = run("audit", "verify", "-o", "json")
    assert (told.exit_code, json.loads(told.stdout)["breaks"][0]["kind"]) == (1, "missing")


def test_the_main_of_then_is_told(run: Run, server: Script) -> None:
    server.on("GET", MAIN_PATH, MAIN)
    told = run("main", "risk", "--at", "2026-01-31T12:00:00+02:00").stdout
    for part in (
        "version 2 of credit",
        "better",
        "promote (see -o json)",
        "finding:leak",
        "b" * 64,
    ):
        assert part in told
    asked = datetime.fromisoformat(queried(server, MAIN_PATH)["at"])
    assert asked == datetime(2026, 1, 31, 10, tzinfo=UTC)
    run("main", "risk", "--at", "24h")
    ago = datetime.now(UTC) - datetime.fromisoformat(queried(server, MAIN_PATH)["at"])
    assert ago >= timedelta(hours=24)
    run("main", "risk")
    assert "at" not in queried(server, MAIN_PATH)


def test_what_is_no_time_is_refused(run: Run, server: Script) -> None:
    server.on("GET", MAIN_PATH, MAIN)
    told = run("main", "risk", "--at", "yesterday")
    assert told.exit_code == 2
    assert "neither a time" in told.stderr


@pytest.mark.parametrize(
    ("verification", "code"), [(WHOLE, 0), (BROKEN, 1)], ids=["whole", "broken"]
)
def test_a_report_is_a_table_or_json(
    run: Run, server: Script, verification: Verification, code: int
) -> None:
    server.on("GET", REPORT_PATH, report(verification))
    told = run("audit", "report", "risk", "--since", "30d")
    assert told.exit_code == code
    for part in ("credit", "promote", "better", "finding:leak", "website"):
        assert part in told.stdout
    assert "since" in queried(server, REPORT_PATH)
    whole = run("audit", "report", "risk", "-o", "json")
    assert AuditReport.model_validate_json(whole.stdout) == report(verification)
