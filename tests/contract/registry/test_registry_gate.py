"""Nobody deploys a version that was not reviewed as its project demands; who did, can be shown."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import httpx
import pytest

from services.registry.domain.access import Reach
from services.registry.domain.reviews import Attempt, Made
from tests.fakes.gate_facts import AUC, DULL, LEAK
from tests.fakes.registry import NOON
from tests.fakes.reviews_store import REVIEW
from understudy.contracts.reviews import Data, Finding, Metric, Results, Review
from understudy.contracts.vocabulary import (
    BaselineSample,
    MemberRole,
    Scope,
    Task,
    VersionState,
)

from .conftest import Registry
from .people import settle, sign_in
from .test_registry_doors import bearer, give

pytestmark = pytest.mark.anyio

GATE = "/v1/projects/bank/gate"
VERSION = "/v1/models/credit/versions/4"
DEPLOY = {"decision": "deploy"}
OVERRIDE = {"decision": "deploy", "override": True, "reason": "The regulator wants it today."}


async def demand(registry: Registry, **members: object) -> None:
    assert (await registry.http.put(GATE, json=members)).is_success


def reviewed(
    registry: Registry, *findings: Finding, metrics: Sequence[Metric] = (), main: int | None = None
) -> str:
    """The pending version has a review, one more than it had; the file's digest."""
    sample = BaselineSample.EVALUATION
    review = Review(
        model="credit",
        version=4,
        task=Task.CLASSIFICATION,
        made_at=NOON,
        seconds=1.0,
        seed=1,
        artifact="a" * 64,
        data=Data((), (), ()),
        findings=findings,
        results=Results(sample, 100, "roc_auc", tuple(metrics)) if metrics else None,
    )
    content = REVIEW.dump_json(review)
    digest = hashlib.sha256(content).hexdigest()
    registry.artifacts.files[digest] = content
    held = registry.memory.reviews.setdefault(("credit", 4), [])
    made = Made(digest, NOON, findings, main)
    held.append(Attempt("credit", 4, len(held) + 1, "job", NOON, "admin0001", made))
    return digest


def state(registry: Registry) -> VersionState:
    return registry.memory.versions["credit", 4].state


def codes(answer: httpx.Response) -> list[str]:
    return [each["code"] for each in answer.json()["obstacles"]]


async def decided(registry: Registry) -> dict[str, Any]:
    entry = (await registry.http.get("/v1/audit")).json()["items"][0]
    assert entry["action"] == "version.decide"
    details: dict[str, Any] = entry["details"]
    return details


async def test_nothing_unreviewed_is_deployed(registry: Registry) -> None:
    await demand(registry)
    before = registry.memory.sequence
    for decision in ("deploy", "persist"):
        answer = await registry.http.post(f"{VERSION}/decision", json={"decision": decision})
        assert (answer.status_code, answer.json()["code"]) == (409, "gate_closed")
        (error,) = answer.json()["errors"]
        assert error["pointer"] == "/decision"
        assert "understudy review credit 4 --again" in error["message"]
    assert (registry.memory.sequence, state(registry)) == (before, VersionState.PENDING)


async def test_who_opens_the_review_may_deploy(registry: Registry) -> None:
    await demand(registry)
    digest = reviewed(registry, DULL)
    refused = await registry.http.post(f"{VERSION}/decision", json=DEPLOY)
    assert "Open the review first" in refused.json()["detail"]
    assert codes(await registry.http.get(f"{VERSION}/gate")) == ["not_opened"]
    await registry.http.get(f"{VERSION}/review")
    assert (await registry.http.get(f"{VERSION}/gate")).json()["open"]
    deployed = await registry.http.post(f"{VERSION}/decision", json=DEPLOY)
    assert (deployed.status_code, deployed.json()["state"]) == (200, "deployed")
    details = await decided(registry)
    assert (details["policy"], details["review"], details["review_number"]) == (1, digest, 1)
    assert details["demands"]["review"] is True
    assert details["opened_at"] is not None
    assert "overridden" not in details


async def test_another_review_must_be_opened_again(registry: Registry) -> None:
    await demand(registry)
    reviewed(registry)
    await registry.http.get(f"{VERSION}/review")
    reviewed(registry, LEAK)
    found = await registry.http.get(f"{VERSION}/gate")
    assert codes(found) == ["not_opened", "finding"]


async def test_a_person_opens_with_one_key_and_decides_with_another(registry: Registry) -> None:
    await demand(registry)
    reviewed(registry)
    settle(registry, "ann", MemberRole.APPROVER)
    settle(registry, "bob", MemberRole.APPROVER)
    key = give(registry.memory, Scope.READ, reach=Reach(project="bank"))
    place = next(reversed(registry.memory.keys))
    registry.memory.keys[place] = replace(registry.memory.keys[place], issued_by="user:ann")
    assert (await registry.http.get(f"{VERSION}/review", headers=bearer(key))).is_success
    bob = await sign_in(registry, "bob")
    assert (await bob.post(f"{VERSION}/decision", json=DEPLOY)).status_code == 409
    ann = await sign_in(registry, "ann")
    assert (await ann.post(f"{VERSION}/decision", json=DEPLOY)).status_code == 200


async def test_a_second_person_is_another_person_and_not_another_key(registry: Registry) -> None:
    await demand(registry, review=False, second_person=True)
    settle(registry, "ann", MemberRole.APPROVER)
    settle(registry, "bob", MemberRole.APPROVER)
    give(registry.memory, Scope.REGISTER)
    place = next(reversed(registry.memory.keys))
    registry.memory.keys[place] = replace(registry.memory.keys[place], issued_by="user:ann")
    held = registry.memory.versions["credit", 4]
    registry.memory.versions["credit", 4] = replace(
        held, draft=replace(held.draft, created_by=place)
    )
    ann = await sign_in(registry, "ann")
    refused = await ann.post(f"{VERSION}/decision", json=DEPLOY)
    assert refused.status_code == 409
    assert "(ann) must not decide about it: ask another person" in refused.json()["detail"]
    bob = await sign_in(registry, "bob")
    assert (await bob.post(f"{VERSION}/decision", json=DEPLOY)).status_code == 200


async def test_an_override_needs_its_role_and_a_reason_and_is_marked(registry: Registry) -> None:
    await demand(registry)
    reviewed(registry, LEAK)
    settle(registry, "ann", MemberRole.APPROVER)
    settle(registry, "bob", MemberRole.ADMIN)
    ann, bob = await sign_in(registry, "ann"), await sign_in(registry, "bob")
    refused = await ann.post(f"{VERSION}/decision", json=OVERRIDE)
    assert (refused.status_code, refused.json()["code"]) == (403, "override_refused")
    assert "only the role admin" in refused.json()["detail"]
    assert not (await ann.get(f"{VERSION}/gate")).json()["may_override"]
    assert (await bob.get(f"{VERSION}/gate")).json()["may_override"]
    short = await bob.post(f"{VERSION}/decision", json={**OVERRIDE, "reason": "because"})
    assert (short.status_code, short.json()["errors"][0]["pointer"]) == (422, "/reason")
    assert state(registry) is VersionState.PENDING
    done = await bob.post(f"{VERSION}/decision", json=OVERRIDE)
    assert done.json()["overridden"] == ["not_opened:review 1", "finding:near_perfect_score"]
    details = await decided(registry)
    assert [each["code"] for each in details["overridden"]] == ["not_opened", "finding"]
    assert (await registry.http.get(VERSION)).json()["overridden"] == done.json()["overridden"]
    text = (await registry.http.get("/metrics")).text
    assert 'understudy_registry_overrides_total{obstacle="finding"} 1.0' in text
    assert 'understudy_registry_overrides_total{obstacle="metric"} 0.0' in text


async def test_who_overrides_an_open_gate_overrides_nothing(registry: Registry) -> None:
    done = await registry.http.post(f"{VERSION}/decision", json=OVERRIDE)
    assert (done.status_code, done.json()["overridden"]) == (200, [])


async def test_figures_of_the_review_are_held_against_the_policy(registry: Registry) -> None:
    await demand(
        registry,
        metrics={
            "roc_auc": {"at_least": 0.8, "worse_than_main_by_at_most": 0.005},
            "brier": {"at_most": 0.2},
        },
    )
    reviewed(registry, metrics=[AUC], main=2)
    await registry.http.get(f"{VERSION}/review")
    found = (await registry.http.get(f"{VERSION}/gate")).json()["obstacles"]
    assert [(each["code"], each["subject"]) for each in found] == [
        ("metric", "roc_auc"),
        ("metric", "brier"),
    ]
    assert "gains -0.01 over version 2, the main" in found[0]["detail"]
    assert "brier was not measured" in found[1]["detail"]


async def test_answers_open_what_they_were_asked_for(registry: Registry) -> None:
    await demand(registry, review=False, questions=["objective"])
    assert codes(await registry.http.get(f"{VERSION}/gate")) == ["question"]
    answers = {"answers": {"objective": "Fewer losses."}}
    assert (await registry.http.put(f"{VERSION}/questionnaire", json=answers)).is_success
    assert codes(await registry.http.get(f"{VERSION}/gate")) == []


async def test_a_signature_that_nobody_knows_counts_for_nothing(registry: Registry) -> None:
    await demand(registry, review=False, signed=True)
    assert codes(await registry.http.get(f"{VERSION}/gate")) == ["unsigned"]


async def test_ignoring_needs_the_review_to_be_opened_and_is_final(registry: Registry) -> None:
    await demand(registry, training_days=1)
    reviewed(registry, LEAK)
    ignore = {"decision": "ignore", "reason": "it leaks"}
    refused = await registry.http.post(f"{VERSION}/decision", json=ignore)
    assert [each["message"] for each in refused.json()["errors"]] == [
        "Open the review first: understudy review credit 4, or its page."
    ]
    await registry.http.get(f"{VERSION}/review")
    assert (await registry.http.post(f"{VERSION}/decision", json=ignore)).status_code == 200
    again = await registry.http.post(f"{VERSION}/decision", json=OVERRIDE)
    assert (again.status_code, again.json()["code"]) == (409, "already_decided")
    assert state(registry) is VersionState.IGNORED


async def test_without_a_review_a_version_is_ignored_at_once(registry: Registry) -> None:
    await demand(registry)
    ignored = await registry.http.post(f"{VERSION}/decision", json={"decision": "ignore"})
    assert ignored.json()["state"] == "ignored"


async def test_a_damaged_review_is_told_and_opens_nothing(registry: Registry) -> None:
    await demand(registry, metrics={"roc_auc": {"at_least": 0.5}})
    digest = reviewed(registry, metrics=[AUC])
    held = registry.artifacts.files[digest]
    registry.artifacts.files[digest] = held.replace(b"roc_auc", b"roc_auk")
    answer = await registry.http.get(f"{VERSION}/review")
    assert (answer.status_code, answer.json()["code"]) == (500, "artifact_damaged")
    assert digest in answer.json()["detail"]
    del registry.artifacts.files[digest]
    answer = await registry.http.get(f"{VERSION}/review")
    assert (answer.status_code, answer.json()["code"]) == (404, "no_review")
    assert not registry.memory.openings
    assert codes(await registry.http.get(f"{VERSION}/gate")) == ["not_opened", "metric"]


async def test_the_page_of_a_damaged_review_offers_another_one(registry: Registry) -> None:
    registry.artifacts.files[reviewed(registry)] = b"{}"
    settle(registry, "ann", MemberRole.SCIENTIST)
    ann = await sign_in(registry, "ann")
    page = await ann.get("/models/credit/versions/4")
    assert page.status_code == 500
    assert "is damaged" in page.text
    assert "Make it again" in page.text


async def test_what_was_decided_on_is_shown_when_a_newer_review_is_there(
    registry: Registry,
) -> None:
    await demand(registry, findings={LEAK.code.value: "look"})
    first = reviewed(registry, LEAK)
    settle(registry, "ann", MemberRole.APPROVER)
    ann = await sign_in(registry, "ann")
    assert (await ann.get(f"{VERSION}/review")).is_success
    assert (await ann.post(f"{VERSION}/decision", json=DEPLOY)).is_success
    second = reviewed(registry)
    await demand(registry, second_person=True)
    card = (await ann.get(f"{VERSION}/card")).json()
    assert (card["review"]["file"], card["review"]["number"]) == (first, 1)
    assert (card["newer_review"], card["policy"]) == (2, 1)
    assert [each["severity"] for each in card["review"]["findings"]] == ["look"]
    place = "/models/credit/versions/4"
    page = (await ann.get(place)).text
    assert LEAK.title in page
    assert f"{place}?review=2" in page
    newer = (await ann.get(f"{place}?review=2")).text
    assert LEAK.title not in newer
    assert "The version was decided on" in newer
    assert f"{place}?review=2" in (await ann.get(f"{place}/card")).text
    told = [(await ann.get(f"{VERSION}/review", params=which)) for which in ({}, {"review": 1})]
    assert [each.headers["ETag"] for each in told] == [f'"{second}"', f'"{first}"']
    assert (await ann.get(f"{VERSION}/review?review=3")).json()["code"] == "no_review"


async def test_a_card_has_the_severities_of_the_policy(registry: Registry) -> None:
    await demand(registry, findings={LEAK.code.value: "warn"})
    reviewed(registry, LEAK)
    card = (await registry.http.get(f"{VERSION}/card")).json()
    assert [each["severity"] for each in card["review"]["findings"]] == ["warn"]
    assert (card["policy"], card["newer_review"]) == (1, None)
