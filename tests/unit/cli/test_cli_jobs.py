"""Long work and limits of keys, as people see them."""

import json

import pytest

from tests.fakes.registry_bodies import NOW
from tests.fakes.scripted_http import Script
from tests.fakes.typed_commands import Run
from understudy.contracts.limits import Limits
from understudy.contracts.registry import JobView, KeyIssued, KeyView, Page
from understudy.contracts.vocabulary import JobState, Scope

JOB = JobView(
    id="0" * 12 + "-" + "1" * 16,
    kind="version.register",
    project="lending",
    owner="user:ann",
    state=JobState.FAILED,
    step="inspecting, measuring and compiling it",
    progress=0.1,
    problem={"code": "artifact_not_skops", "status": 422, "detail": "That is no skops file."},
    created_at=NOW,
    ended_at=NOW,
)
LIMITS = Limits(requests_per_second=2.5, predictions_per_day=100_000)


def test_jobs_are_listed(run: Run, server: Script) -> None:
    server.on("GET", "/v1/jobs", Page(items=(JOB,)))
    shown = run("jobs").stdout
    assert all(word in shown for word in (JOB.id, "lending", "failed", "10%"))
    assert json.loads(run("jobs", "-o", "json").stdout)[0]["id"] == JOB.id


def test_a_job_tells_why_it_failed(run: Run, server: Script) -> None:
    server.on("GET", f"/v1/jobs/{JOB.id}", JOB)
    assert "That is no skops file." in run("jobs", JOB.id).stdout


def test_a_key_is_issued_with_limits(run: Run, server: Script) -> None:
    issued = KeyIssued(
        name="web",
        scopes=(Scope.PREDICT,),
        id="abcdefgh",
        created_at=NOW,
        key="us_x",
        limits=LIMITS,
    )
    server.on("POST", "/v1/keys", issued, 201)
    result = run("keys", "create", "web", "--rate", "2.5", "--per-day", "100000")
    assert result.exit_code == 0
    (asked,) = server.sent("POST")
    sent = asked.json
    assert isinstance(sent, dict)
    assert sent["limits"] == {"requests_per_second": 2.5, "predictions_per_day": 100_000}


def test_keys_are_listed_with_limits_and_their_last_use(run: Run, server: Script) -> None:
    key = KeyView(
        name="web",
        scopes=(Scope.PREDICT,),
        id="abcdefgh",
        created_at=NOW,
        last_used_at=NOW,
        limits=LIMITS,
    )
    server.on("GET", "/v1/keys", Page(items=(key,)))
    shown = run("keys", "list").stdout
    assert "2.5/s, 3 at once; 100,000 rows a day" in " ".join(shown.split())


@pytest.mark.parametrize(
    ("options", "words"),
    [(["--burst", "3"], "--burst needs --rate"), (["--rate", "0"], "0.001")],
)
def test_limits_that_make_no_sense_are_refused(run: Run, options: list[str], words: str) -> None:
    result = run("keys", "create", "web", *options)
    assert result.exit_code == 2
    assert words in result.stderr
