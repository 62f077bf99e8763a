"""Reviews in a terminal: findings first, what stands in the way, and how to answer questions."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from tests.fakes.registry_bodies import NOW, deployer, deployment, release, version
from tests.fakes.reviews import hostile_review, sample_review
from tests.fakes.scripted_http import Script
from tests.fakes.typed_commands import Run
from understudy.contracts.gate import Assessment, Obstacle
from understudy.contracts.registry import JobView, QuestionnaireView, ReviewStanding
from understudy.contracts.reviews import Review
from understudy.contracts.vocabulary import (
    JobState,
    ObstacleCode,
    Question,
    ReviewState,
    VersionState,
)

PLACE = "/v1/models/risk/versions/4"
MADE = ReviewStanding(state=ReviewState.MADE, review=2, made_at=NOW, job="job-2")
RUNNING = ReviewStanding(state=ReviewState.RUNNING, job="job-2", step="results", progress=0.4)
REVIEW = sample_review("risk", 4)
CLOSED = Assessment(
    policy=3,
    open=False,
    obstacles=(Obstacle(ObstacleCode.TRAINING_STALE, "trained_at", "Train it anew."),),
    findings=REVIEW.findings,
    may_override=True,
)
OPEN = Assessment(3, open=True, obstacles=(), findings=REVIEW.findings, may_override=False)


def job(state: JobState, progress: float = 1.0) -> JobView:
    return JobView.model_validate(
        {
            "id": "job-2",
            "kind": "version.review",
            "owner": "admin",
            "project": "bank",
            "state": state,
            "step": "results",
            "progress": progress,
            "created_at": NOW,
            "ended_at": NOW if state is JobState.SUCCEEDED else None,
        }
    )


def text_of(value: object) -> str:
    return TypeAdapter(type(value)).dump_json(value).decode()


def scripted(server: Script, *standings: ReviewStanding, assessment: Assessment = OPEN) -> None:
    for standing in standings:
        server.on("GET", f"{PLACE}/review/status", standing)
    server.on("GET", f"{PLACE}/review", text_of(REVIEW))
    server.on("GET", PLACE, version(4, VersionState.PENDING))
    server.on("GET", f"{PLACE}/gate", text_of(assessment))


def test_findings_come_first_then_what_stands_in_the_way(run: Run, server: Script) -> None:
    scripted(server, MADE, assessment=CLOSED)
    result = run("review", "risk", "4")
    assert result.exit_code == 0, result.stderr
    order = [result.stdout.index(part) for part in ("Findings", "Gate (policy 3)", "Results on")]
    assert order == sorted(order)
    assert all(each.title in result.stdout for each in REVIEW.findings)
    assert "training_stale Train it anew." in result.stdout
    assert "--override" in result.stdout
    assert REVIEW.results is not None
    assert all(metric.name in result.stdout for metric in REVIEW.results.metrics)
    assert f"{server.url}/models/risk/versions/4" in result.stderr
    assert "Next:" not in result.stderr


def test_an_open_gate_leads_on(run: Run, server: Script) -> None:
    scripted(server, MADE)
    result = run("review", "risk", "4")
    assert "Open: you may deploy this version." in result.stdout
    assert "Next: understudy deploy risk 4" in result.stderr


def test_as_json_it_is_whole(run: Run, server: Script) -> None:
    scripted(server, MADE)
    result = run("review", "risk", "4", "-o", "json")
    assert TypeAdapter(Review).validate_json(result.stdout) == REVIEW
    assert json.loads(result.stdout)["model"] == "risk"


def test_what_was_decided_long_ago_has_no_gate(run: Run, server: Script) -> None:
    server.on("GET", f"{PLACE}/review/status", MADE)
    server.on("GET", f"{PLACE}/review", text_of(REVIEW))
    server.on("GET", PLACE, version(4, VersionState.DEPLOYED))
    result = run("review", "risk", "4")
    assert result.exit_code == 0
    assert "Gate" not in result.stdout


def test_it_is_made_anew_and_waited_for(run: Run, server: Script) -> None:
    server.on("POST", f"{PLACE}/review", job(JobState.RUNNING, 0.1), 202)
    server.on("GET", "/v1/jobs/job-2", job(JobState.RUNNING, 0.4))
    server.on("GET", "/v1/jobs/job-2", job(JobState.SUCCEEDED))
    scripted(server, RUNNING, MADE)
    result = run("review", "risk", "4", "--again")
    assert result.exit_code == 0, result.stderr
    assert "risk version 4, reviewed" in result.stdout


@pytest.mark.parametrize(
    ("standing", "said"),
    [
        (RUNNING, "being made (40%, results): understudy review risk 4 --wait"),
        (ReviewStanding(state=ReviewState.MISSING), "There is no review yet"),
        (ReviewStanding(state=ReviewState.FAILED, failure="Out of time."), "Out of time. Make it"),
    ],
)
def test_without_a_review_the_next_step_is_told(
    run: Run, server: Script, standing: ReviewStanding, said: str
) -> None:
    server.on("GET", f"{PLACE}/review/status", standing)
    result = run("review", "risk", "4")
    assert result.exit_code == 1
    assert said in result.stderr
    assert all(asked.path != f"{PLACE}/review" for asked in server.asked)


def test_an_older_review_is_shown_while_another_is_made(run: Run, server: Script) -> None:
    scripted(server, RUNNING.model_copy(update={"review": 1}))
    result = run("review", "risk", "4")
    assert result.exit_code == 0
    assert "Another review is being made (40%)" in result.stderr


def test_a_failed_new_one_is_not_hidden_by_the_old_one(run: Run, server: Script) -> None:
    server.on("POST", f"{PLACE}/review", job(JobState.RUNNING), 202)
    failed = ReviewStanding(state=ReviewState.FAILED, review=1, failure="Out of memory.")
    server.on("GET", f"{PLACE}/review/status", failed)
    result = run("review", "risk", "4", "--again")
    assert result.exit_code == 1
    assert "Out of memory." in result.stderr


def test_names_of_other_people_command_no_terminal(run: Run, server: Script) -> None:
    server.on("GET", f"{PLACE}/review/status", MADE)
    server.on("GET", f"{PLACE}/review", text_of(hostile_review("\x1b[31m[bold]\u202e😀")))
    server.on("GET", PLACE, version(4, VersionState.DEPLOYED))
    for format_ in ("table", "json"):
        result = run("review", "risk", "4", "-o", format_)
        assert result.exit_code == 0, result.output
        assert "\x1b" not in result.stdout
        assert "\u202e" not in result.stdout


def test_deploying_says_what_stands_in_the_way_and_deploys_nothing(
    run: Run, server: Script
) -> None:
    deployer(server)
    server.on("GET", PLACE, version(4, VersionState.PENDING))
    errors = {"/decision": "Open the review first: understudy review risk 4, or its page."}
    server.problem("POST", f"{PLACE}/decision", 409, "The gate is closed for risk/4.", errors)
    result = run("deploy", "risk", "4", "--name", "risk")
    assert result.exit_code == 1
    assert "The gate is closed for risk/4." in result.stderr
    assert "Open the review first: understudy review risk 4" in result.stderr
    assert [asked.path for asked in server.sent("POST")] == [f"{PLACE}/decision"]


def test_of_several_versions_none_is_decided_when_one_gate_is_closed(
    run: Run, server: Script
) -> None:
    deployer(server)
    for number, assessment in ((4, OPEN), (5, CLOSED)):
        place = f"/v1/models/risk/versions/{number}"
        server.on("GET", place, version(number, VersionState.PENDING))
        server.on("GET", f"{place}/gate", text_of(assessment))
    result = run("deploy", "risk", "4", "--name", "risk", "--challenger", "5")
    assert result.exit_code == 1
    assert "The gate is closed for risk/5: Train it anew." in result.stderr
    assert server.sent("POST") == []


@pytest.mark.parametrize(
    "grant",
    [
        {"scopes": ("read", "review"), "project": "bank"},
        {"scopes": ("admin",), "project": "shop"},
        {"scopes": ("deploy",), "deployment": "other"},
    ],
)
def test_who_may_not_deploy_decides_nothing_by_it(
    run: Run, server: Script, grant: dict[str, Any]
) -> None:
    deployer(server, **grant)
    server.on("GET", PLACE, version(4, VersionState.PENDING))
    result = run("deploy", "risk", "4", "--name", "risk")
    assert result.exit_code == 1
    assert "Nothing was decided" in result.stderr
    assert "understudy approve risk" in result.stderr
    assert server.sent("POST") == []


@pytest.mark.parametrize(("options", "decision"), [((), "deploy"), (("--persist",), "persist")])
def test_who_may_not_deploy_approves(
    run: Run, server: Script, options: tuple[str, ...], decision: str
) -> None:
    server.on("POST", f"{PLACE}/decision", version(4, VersionState.DEPLOYED))
    result = run("approve", "risk", "4", *options, "--reason", "good enough")
    assert result.exit_code == 0, result.stderr
    (asked,) = server.sent("POST")
    assert asked.json == {"decision": decision, "reason": "good enough", "override": False}
    assert "risk version 4 is deployed" in result.stdout


@pytest.mark.parametrize("verb", ["deploy", "ignore"])
def test_an_override_is_sent_with_its_reason_and_told(run: Run, server: Script, verb: str) -> None:
    deployer(server)
    decided = version(4, VersionState.DEPLOYED).model_copy(
        update={"overridden": ("finding:unfair",)}
    )
    server.on("GET", PLACE, version(4, VersionState.PENDING))
    server.on("POST", f"{PLACE}/decision", decided)
    server.on("POST", "/v1/deployments", deployment(release(1, 4)), 201)
    name = ("--name", "risk") if verb == "deploy" else ()
    result = run(verb, "risk", "4", *name, "--override", "--reason", "as the board decided")
    assert result.exit_code == 0, result.stderr
    assert server.sent("POST")[0].json == {
        "decision": verb,
        "reason": "as the board decided",
        "override": True,
    }
    if verb == "deploy":
        assert "against what stood in the way: finding:unfair" in result.stderr


def test_questions_are_answered_from_a_file(run: Run, server: Script, empty_folder: Path) -> None:
    answers = {Question.OBJECTIVE: "Fewer losses."}
    held = QuestionnaireView(answers=answers, answered_at=NOW, answered_by="user:ann")
    server.on("PUT", f"{PLACE}/questionnaire", held)
    (empty_folder / "answers.yaml").write_text("objective: Fewer losses.\nconstraints:\n")
    result = run("answer", "risk", "4", "--file", "answers.yaml")
    assert result.exit_code == 0, result.stderr
    assert server.sent("PUT")[0].json == {
        "answers": {"objective": "Fewer losses.", "constraints": ""}
    }
    assert "objective      Fewer losses." in result.stdout


def test_a_template_asks_every_question_and_can_be_sent_back(
    run: Run, server: Script, empty_folder: Path
) -> None:
    said = "Fewer losses.\nAnd: no more refusals than 'today' – 😀"
    held = QuestionnaireView(answers={Question.OBJECTIVE: said})
    server.on("GET", f"{PLACE}/questionnaire", held)
    server.on("PUT", f"{PLACE}/questionnaire", held)
    result = run("answer", "risk", "4", "--template")
    assert result.exit_code == 0, result.stderr
    assert all(f"\n{question.value}:" in f"\n{result.stdout}" for question in Question)
    (empty_folder / "answers.yaml").write_text(result.stdout, encoding="utf-8")
    assert run("answer", "risk", "4", "--file", "answers.yaml").exit_code == 0
    (sent,) = server.sent("PUT")
    assert isinstance(sent.json, dict)
    assert sent.json["answers"]["objective"] == said


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("aim: more", "there is no question 'aim'"),
        ("- objective", "write answers by question"),
        ("objective: [", "answers.yaml"),
        ("objective: 3", "objective"),
    ],
)
def test_a_file_that_answers_nothing_is_told(
    run: Run, server: Script, empty_folder: Path, content: str, said: str
) -> None:
    (empty_folder / "answers.yaml").write_text(content)
    result = run("answer", "risk", "4", "--file", "answers.yaml")
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split())
    assert server.asked == []
