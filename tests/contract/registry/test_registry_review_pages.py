"""The pages of models and reviews: who sees which part, their forms, and that nothing breaks."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from services.registry.domain.catalogue import Model
from services.registry.domain.gate import Written
from services.registry.domain.jobs import Job
from services.registry.domain.reviews import Attempt
from services.registry.domain.versions import Version
from tests.fakes.html_pages import Element, read_page
from tests.fakes.registry import NOON, draft
from tests.fakes.reviews import (
    NASTY,
    bare_review,
    hostile_review,
    keep_review,
    regression_review,
    sample_review,
    wide_review,
)
from understudy.contracts.gate import GatePolicy
from understudy.contracts.reviews import Review
from understudy.contracts.signature import Feature, Signature
from understudy.contracts.vocabulary import FeatureKind, JobState, MemberRole, Question

from .conftest import Registry
from .people import browser, settle, sign_in

pytestmark = pytest.mark.anyio

HTML = {"Accept": "text/html"}
PAGE = "/models/credit/versions/4"
LONG = "The desk needs it before the quarter ends."
clean = replace(sample_review(), findings=sample_review().findings[1:])
"""Without what blocks."""


def reviewed(registry: Registry, review: Review) -> Attempt:
    registry.memory.gates["bank"] = [Written("bank", 1, GatePolicy(), "")]
    return keep_review(registry.memory, registry.artifacts.files, review)


async def seen(client: httpx.AsyncClient, path: str = PAGE, status: int = 200) -> Element:
    answer = await client.get(path, headers=HTML)
    assert answer.status_code == status, answer.text
    return read_page(answer.text)


async def send(client: httpx.AsyncClient, path: str = PAGE, **fields: str) -> httpx.Response:
    token = client.headers.pop("X-CSRF-Token")
    answer = await client.post(path, data={"csrf_token": token, **fields})
    client.headers["X-CSRF-Token"] = token
    return answer


async def person(registry: Registry, *roles: MemberRole, name: str = "ann") -> httpx.AsyncClient:
    settle(registry, name, *roles)
    return await sign_in(registry, name)


async def test_models_are_listed_with_their_newest_version(registry: Registry) -> None:
    registry.memory.models["fraud"] = Model("fraud", "shop", "", NOON)
    page = await seen(await person(registry, MemberRole.VIEWER), "/models")
    (row,) = page.one("tbody").all("tr")
    assert "credit" in row.text
    assert "Persisted" in row.text
    assert "fraud" not in page.text
    assert page.one("a", aria_current="page").text == "Models"


async def test_who_reaches_no_model_is_told(registry: Registry) -> None:
    settle(registry, "ann", MemberRole.VIEWER, project="shop")
    assert "You reach no model" in (await seen(await sign_in(registry), "/models")).text


async def test_a_models_versions_tell_state_review_and_where_they_run(registry: Registry) -> None:
    reviewed(registry, sample_review())
    page = await seen(await person(registry, MemberRole.VIEWER), "/models/credit")
    rows = {row.one("a", class_="strong").text: row.text for row in page.one("tbody").all("tr")}
    assert [*rows] == [f"Version {number}" for number in (6, 5, 4, 3, 2, 1)]
    assert "Pending" in rows["Version 4"]
    assert "1 blocks" in rows["Version 4"]
    assert "3 warnings" in rows["Version 4"]
    assert "creditmain" in rows["Version 1"].replace(" ", "")
    choices = page.one("select", id="left").all("option")
    assert [one["value"] for one in choices] == ["6", "5", "4", "3", "2", "1"]


@pytest.mark.parametrize(
    "path",
    [
        "/models/credit",
        PAGE,
        f"{PAGE}/card",
        "/models/credit/compare?left=1&right=4",
        "/models/nothing",
        "/models/credit/versions/99",
        "/models/credit/versions/0",
        "/models/credit/versions/x",
        "/models/credit/versions/99999999999999999999",
        "/models/credit/versions/%C2%B2",
        "/models/Not%20a%20name/versions/1",
        "/deployments/credit/audit-report",
    ],
)
async def test_to_strangers_it_looks_as_if_it_were_not_there(registry: Registry, path: str) -> None:
    reviewed(registry, sample_review())
    settle(registry, "ann", MemberRole.ADMIN, project="shop")
    client = await sign_in(registry)
    words = (await seen(client, path, 404)).one("main").text
    assert words.startswith("Not foundThere is no")
    assert registry.memory.openings == {}


@pytest.mark.parametrize(
    "query", ["", "?left=1", "?left=a&right=2", "?left=1&right=-2", "?left=1&right=77"]
)
async def test_versions_to_compare_must_be_there(registry: Registry, query: str) -> None:
    client = await person(registry, MemberRole.VIEWER)
    await seen(client, f"/models/credit/compare{query}", 404)


async def test_whoever_is_shown_the_review_has_opened_it(registry: Registry) -> None:
    attempt = reviewed(registry, sample_review())
    client = await person(registry, MemberRole.APPROVER)
    page = await seen(client)
    (opening,) = registry.memory.openings["credit", 4]
    assert (opening.number, opening.actor) == (attempt.number, "user:ann")
    assert "Opened byann" in page.text.replace("Opened by ann", "Opened byann")
    await seen(client)
    assert len(registry.memory.openings["credit", 4]) == 1


@pytest.mark.parametrize("path", ["/models/credit", f"{PAGE}/card", "/models"])
async def test_other_pages_open_no_review(registry: Registry, path: str) -> None:
    reviewed(registry, sample_review())
    await seen(await person(registry, MemberRole.APPROVER), path)
    assert registry.memory.openings == {}


async def test_data_come_before_results_and_the_decision_last(registry: Registry) -> None:
    reviewed(registry, sample_review())
    page = await seen(await person(registry, MemberRole.VIEWER))
    order = [str(one["id"]) for one in page.all("h2")]
    assert order == [
        "findings",
        "data",
        "results",
        "explanations",
        "fairness",
        "cost",
        "monitor",
        "left-out",
        "provenance",
        "questionnaire",
        "decision",
    ]
    targets = {one["id"] for one in page.inside if "id" in one}
    for link in page.all("a"):
        if str(link["href"]).startswith("#"):
            assert str(link["href"])[1:] in targets


@pytest.mark.parametrize(
    "make", [sample_review, regression_review, bare_review, wide_review, hostile_review]
)
async def test_every_review_has_a_page_a_card_and_a_comparison(
    registry: Registry, make: Callable[[], Review]
) -> None:
    reviewed(registry, replace(make(), model="credit", version=4))
    reviewed(registry, replace(sample_review(), version=3))
    client = await person(registry, MemberRole.ADMIN)
    compare = "/models/credit/compare?left=3&right=4"
    for path in (PAGE, f"{PAGE}/card", compare, "/models/credit"):
        answer = await client.get(path, headers=HTML)
        assert answer.status_code == 200, path
        assert "unsafe" not in answer.headers["content-security-policy"]
        page = read_page(answer.text)
        assert not page.all("script")
        assert not [one for one in page.inside if "style" in one or one.tag == "style"]
        assert not [one for one in page.inside if any(n.startswith("on") for n in one.attributes)]
        assert NASTY not in answer.text
        assert "\x00" not in answer.text
        assert "\u202e" not in answer.text
        labelled = {one["for"] for one in page.all("label") if "for" in one}
        for field in [*page.all("textarea"), *page.all("select")]:
            assert field["id"] in labelled


async def test_what_people_wrote_is_escaped_everywhere(registry: Registry) -> None:
    reviewed(registry, hostile_review())
    found, said = registry.memory.versions["credit", 4], '"><script>alert(1)</script>\x00'
    features = (Feature("<i>age", FeatureKind.CATEGORY, said, choices=(said, "b")),)
    signature = Signature(features, found.draft.signature.target)
    changed = replace(draft(signature=signature), description=said, protected=(said,))
    registry.memory.versions["credit", 4] = Version(4, changed)
    client = await person(registry, MemberRole.SCIENTIST)
    await send(client, do="answer", **{"answer-objective": "<b>bold</b>"})
    for path in (PAGE, f"{PAGE}/card", "/models/credit", "/models/credit/compare?left=3&right=4"):
        answer = await client.get(path, headers=HTML)
        assert answer.status_code == 200
        assert "<script>alert" not in answer.text
        assert "<b>bold" not in answer.text
        assert "<i>age" not in answer.text


async def test_an_approver_deploys_what_the_gate_lets_through(registry: Registry) -> None:
    reviewed(registry, clean)
    client = await person(registry, MemberRole.APPROVER)
    page = await seen(client)
    assert "The gate is open" in page.text
    buttons = [one["value"] for one in page.all("button", name="decision")]
    assert buttons == ["deploy", "persist", "ignore"]
    answer = await send(client, do="decide", decision="deploy", reason=LONG)
    assert answer.headers["location"] == f"{PAGE}?done=decided#decision"
    page = await seen(client, f"{PAGE}?done=decided")
    assert "Deployed" in page.one("div", class_="panel ruling").text
    assert LONG in page.one("div", class_="panel ruling").text
    assert not page.all("button", name="decision")
    assert registry.memory.versions["credit", 4].state.value == "deployed"


async def test_a_finding_that_blocks_shuts_the_gate_for_an_approver(registry: Registry) -> None:
    reviewed(registry, sample_review())
    client = await person(registry, MemberRole.APPROVER)
    page = await seen(client)
    words = page.one("section", aria_labelledby="decision").text
    assert "The gate is shut" in words
    held = {one["value"]: "disabled" in one for one in page.all("button", name="decision")}
    assert held == {"deploy": True, "persist": True, "ignore": False}
    assert not page.all("input", name="override")
    answer = await send(client, do="decide", decision="deploy", reason=LONG, override="yes")
    assert answer.status_code in {403, 409}
    page = read_page(answer.text)
    assert page.one(role="alert").text
    assert LONG in page.one("textarea", id="reason").text
    assert registry.memory.versions["credit", 4].ruling is None


async def test_who_may_override_says_so_and_it_stays_visible(registry: Registry) -> None:
    reviewed(registry, sample_review())
    client = await person(registry, MemberRole.ADMIN)
    assert (await seen(client)).one("input", name="override")["type"] == "checkbox"
    shut = await send(client, do="decide", decision="deploy", reason=LONG)
    assert shut.status_code == 409
    short = await send(client, do="decide", decision="deploy", reason="ok", override="yes")
    assert short.status_code == 422
    assert "checked" in read_page(short.text).one("input", name="override")
    await send(client, do="decide", decision="deploy", reason=LONG, override="yes")
    assert "Overridden" in (await seen(client)).one("div", class_="panel ruling").text
    assert "Overridden" in (await seen(client, "/models/credit")).text
    assert "finding:overlap" in (await seen(client, f"{PAGE}/card")).text


@pytest.mark.parametrize("role", [MemberRole.VIEWER, MemberRole.SCIENTIST, MemberRole.OPERATOR])
async def test_others_read_and_do_not_decide(registry: Registry, role: MemberRole) -> None:
    reviewed(registry, clean)
    client = await person(registry, role)
    page = await seen(client)
    assert not page.all("button", name="decision")
    assert "decided by who may end reviews in bank" in page.text
    answer = await send(client, do="decide", decision="ignore", reason=LONG)
    assert answer.status_code == 403
    assert registry.memory.versions["credit", 4].ruling is None


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"do": "burn"},
        {"do": "decide"},
        {"do": "decide", "decision": "delete"},
        {"do": "decide", "decision": "ignore", "reason": "x" * 4_001},
        {"do": "decide", "decision": "ignore", "reason": "a\x00b"},
        {"do": "answer", "answer-objective": "x" * 4_001},
        {"do": "answer", "answer-objective": "a\x1bb"},
    ],
)
async def test_what_does_not_fit_changes_nothing(
    registry: Registry, fields: dict[str, str]
) -> None:
    reviewed(registry, clean)
    client = await person(registry, MemberRole.ADMIN)
    answer = await send(client, **fields)
    assert answer.status_code == 422
    assert read_page(answer.text).one(role="alert").text
    assert registry.memory.versions["credit", 4].ruling is None
    assert registry.memory.answers == {}


async def test_a_form_without_the_token_changes_nothing(registry: Registry) -> None:
    reviewed(registry, clean)
    client = await person(registry, MemberRole.ADMIN)
    del client.headers["X-CSRF-Token"]
    answer = await client.post(PAGE, data={"do": "decide", "decision": "ignore"})
    assert answer.status_code == 403
    assert registry.memory.versions["credit", 4].ruling is None


async def test_a_scientist_answers_and_the_card_tells_it(registry: Registry) -> None:
    reviewed(registry, clean)
    client = await person(registry, MemberRole.SCIENTIST)
    page = await seen(client)
    fields = [str(one["name"]) for one in page.all("textarea")]
    assert fields == [f"answer-{question.value}" for question in Question]
    said = {"answer-objective": "Helps the desk.\r\nThe clerk decides.", "answer-retraining": " "}
    answer = await send(client, do="answer", **said)
    assert answer.headers["location"] == f"{PAGE}?done=answered#questionnaire"
    held = registry.memory.answers["credit", 4]
    assert held.answers == {Question.OBJECTIVE: "Helps the desk.\nThe clerk decides."}
    card = await seen(client, f"{PAGE}/card")
    assert "Helps the desk. The clerk decides." in card.text
    told = (await client.get(f"/v1{PAGE}/card")).json()
    assert told["statements"]["answered_by"] == "user:ann"


async def test_an_operator_reads_answers_and_writes_none(registry: Registry) -> None:
    reviewed(registry, clean)
    client = await person(registry, MemberRole.OPERATOR)
    assert (await seen(client)).all("textarea") == []
    answer = await send(client, do="answer", **{"answer-objective": "Mine."})
    assert answer.status_code == 403
    assert registry.memory.answers == {}


async def test_an_approver_answers_and_has_the_review_made_anew(registry: Registry) -> None:
    reviewed(registry, clean)
    client = await person(registry, MemberRole.APPROVER)
    assert "Make it again" in (await seen(client)).text
    assert (await send(client, do="answer", **{"answer-objective": "Ours."})).status_code == 303
    assert registry.memory.answers["credit", 4].answers[Question.OBJECTIVE] == "Ours."
    assert (await send(client, do="review")).status_code == 303
    assert len(registry.memory.reviews["credit", 4]) == 2


async def test_questions_that_the_policy_demands_are_marked(registry: Registry) -> None:
    reviewed(registry, clean)
    policy = GatePolicy(questions=(Question.OBJECTIVE,), second_person=True, review_days=30)
    registry.memory.gates["bank"] = [Written("bank", 1, policy, "")]
    page = await seen(await person(registry, MemberRole.ADMIN))
    (label,) = (one for one in page.all("label") if "demanded" in one.text)
    assert label["for"] == "answer-objective"
    assert "at most 30 days old" in page.text
    assert "A question is not answered" in page.text


def underway(registry: Registry, **changes: object) -> None:
    attempt = Attempt("credit", 4, 1, "job-4", NOON, "user:ann")
    registry.memory.reviews["credit", 4] = [replace(attempt, **changes)]  # type: ignore[arg-type]


async def test_a_review_that_is_made_shows_progress_and_looks_again(registry: Registry) -> None:
    underway(registry)
    later = NOON + timedelta(days=40_000)
    registry.memory.jobs["job-4"] = Job(
        "job-4", "version.review", "user:ann", "bank", later, later, JobState.RUNNING, "data", 0.4
    )
    client = await person(registry, MemberRole.ADMIN)
    page = await seen(client)
    assert page.one("meta", http_equiv="refresh")["content"] == "5"
    assert page.one("progress")["value"] == "0.4"
    assert not page.all("textarea")
    assert "Being made" in (await seen(client, "/models/credit")).text
    reviewed(registry, clean)
    registry.memory.reviews["credit", 4].reverse()
    page = await seen(client)
    assert not page.all("meta", http_equiv="refresh"), "it would take away what is being typed"
    assert "Another review is being made" in page.text


async def test_a_review_that_failed_says_why_and_is_made_again(registry: Registry) -> None:
    underway(registry, failure="Column 'income' holds <b>text</b>.")
    client = await person(registry, MemberRole.SCIENTIST)
    page = await seen(client)
    assert "Column 'income' holds <b>text</b>." in page.text
    assert "Make the review again" in page.text
    answer = await send(client, do="review")
    assert answer.headers["location"] == f"{PAGE}?done=begun"
    assert len(registry.memory.reviews["credit", 4]) == 2


async def test_who_may_not_prepare_begins_no_review(registry: Registry) -> None:
    underway(registry, failure="It did not work.")
    client = await person(registry, MemberRole.OPERATOR)
    assert "Make the review" not in (await seen(client)).text
    assert (await send(client, do="review")).status_code == 403
    assert len(registry.memory.reviews["credit", 4]) == 1


async def test_an_unreadable_review_leaves_a_page(registry: Registry) -> None:
    attempt = reviewed(registry, clean)
    assert attempt.made is not None
    content = b'{"format": 99}'
    digest = hashlib.sha256(content).hexdigest()
    registry.artifacts.files[digest] = content
    registry.memory.reviews["credit", 4] = [
        replace(attempt, made=replace(attempt.made, file=digest))
    ]
    client = await person(registry, MemberRole.ADMIN)
    page = await seen(client, PAGE, 404)
    assert "another release" in page.one(role="alert").text
    assert page.one("textarea", id="reason")
    assert (
        "no review that can be read"
        in (await seen(client, "/models/credit/compare?left=3&right=4")).text
    )


async def test_a_comparison_says_what_is_better_and_what_is_new(registry: Registry) -> None:
    reviewed(registry, replace(clean, version=3))
    reviewed(registry, sample_review())
    older = replace(registry.memory.versions["credit", 3].draft.signature.features[0], maximum=70)
    found = registry.memory.versions["credit", 3]
    signature = replace(found.draft.signature, features=(older,))
    changed = replace(found, draft=replace(found.draft, signature=signature))
    registry.memory.versions["credit", 3] = changed
    client = await person(registry, MemberRole.VIEWER)
    page = await seen(client, "/models/credit/compare?left=3&right=4")
    assert "The evaluation sample holds training rows" in page.text
    (new,) = (row for row in page.all("tr") if "new" in row.text)
    assert "evaluation sample" in new.text
    assert "integer, from 18, to 70" in page.text
    assert registry.memory.openings == {}


async def test_the_card_as_json_is_whole(registry: Registry) -> None:
    attempt = reviewed(registry, sample_review())
    assert attempt.made is not None
    answer = await registry.http.get(f"/v1{PAGE}/card")
    card = answer.json()
    assert answer.status_code == 200
    assert (card["model"], card["version"], card["project"]) == ("credit", 4, "bank")
    assert card["review"]["file"] == attempt.made.file
    assert card["review"]["results"]["deciding"] == "roc_auc"
    assert [one["severity"] for one in card["review"]["findings"]][:1] == ["block"]
    assert card["decision"] is None
    assert (await registry.http.get("/v1/models/credit/versions/1/card")).json()["review"] is None
    assert (await registry.http.get("/v1/models/credit/versions/77/card")).status_code == 404


async def test_an_audit_report_of_days(registry: Registry) -> None:
    client = await person(registry, MemberRole.VIEWER)
    page = await seen(client, "/deployments/credit/audit-report")
    assert "What was main" in page.text
    assert "From the beginning" in page.text
    page = await seen(client, "/deployments/credit/audit-report?since=2026-03-01&until=2026-03-01")
    assert page.one("input", id="until")["value"] == "2026-03-01"
    assert "to 2026-03-02 00:00 UTC" in page.text
    assert len(page.one("section", aria_labelledby="releases").one("tbody").all("tr")) == 1
    page = await seen(client, "/deployments/credit/audit-report?since=2026-03-02")
    assert "None in this period" in page.one("section", aria_labelledby="releases").text


@pytest.mark.parametrize(
    "query", ["since=tomorrow", "until=2026-13-01", "since=<script>", "until=9999-12-31"]
)
async def test_days_that_are_none_are_told(registry: Registry, query: str) -> None:
    client = await person(registry, MemberRole.VIEWER)
    page = await seen(client, f"/deployments/credit/audit-report?{query}", 422)
    assert "2026-03-01" in page.one(role="alert").text


async def test_nobody_reads_without_signing_in(registry: Registry) -> None:
    for path in ("/models", "/models/credit", PAGE, f"{PAGE}/card"):
        answer = await browser(registry).get(path, headers=HTML)
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/signin")
