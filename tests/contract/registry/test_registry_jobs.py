"""`Prefer: respond-async`: 202, a place, and what became of it."""

import threading
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import anyio
import pytest

from services.registry.domain.errors import NotFoundError
from services.registry.domain.jobs import SILENT_AFTER, Step, TooManyJobsError
from services.registry.operations.jobs import Jobs
from tests.contract.registry.conftest import Registry
from tests.contract.registry.test_registry_doors import bearer, give
from tests.fakes.registry import NOON, Memory, MemoryJobs
from understudy.contracts.vocabulary import JobState, Scope
from understudy.runtime.keys import Caller, Grant

pytestmark = pytest.mark.anyio

VERSIONS = "/v1/models/credit/versions"
BODY = {
    "artifact": "a" * 64,
    "reference": "b" * 64,
    "signature": {
        "features": [{"name": "age", "kind": "integer", "minimum": 18, "maximum": 99}],
        "target": {"name": "defaults", "task": "classification", "classes": ["no", "yes"]},
    },
}
LATER = {"Prefer": "respond-async"}
ANN = Caller("ann", (Grant(frozenset({Scope.REGISTER}), project="bank"),))


async def ended(registry: Registry, place: str, **headers: str) -> Mapping[str, Any]:
    with anyio.fail_after(10):
        while True:
            answer = await registry.http.get(place, headers=headers)
            job: dict[str, Any] = answer.json()
            if job["ended_at"] is not None:
                return job
            assert answer.headers["Retry-After"] == "1"
            await anyio.sleep(0.01)


async def test_a_version_is_registered_meanwhile(registry: Registry) -> None:
    begun = await registry.http.post(VERSIONS, json=BODY, headers=LATER)
    assert begun.status_code == 202
    assert begun.headers["Preference-Applied"] == "respond-async"
    assert begun.json()["state"] == "queued"
    job = await ended(registry, begun.headers["Location"])
    assert (job["state"], job["progress"], job["problem"]) == ("succeeded", 1.0, None)
    assert job["result"] == {"location": f"{VERSIONS}/7", "version": 7}
    made = await registry.http.get(job["result"]["location"])
    assert made.json()["state"] == "pending"
    assert made.json()["created_by"] == job["owner"] == "admin0001"


async def test_who_does_not_ask_for_it_waits(registry: Registry) -> None:
    made = await registry.http.post(VERSIONS, json=BODY, headers={"Prefer": "return=minimal"})
    assert made.status_code == 201
    assert made.headers["Location"] == f"{VERSIONS}/7"


async def test_a_refusal_is_the_jobs(registry: Registry) -> None:
    body = {**BODY, "artifact": "c" * 64}
    begun = await registry.http.post(VERSIONS, json=body, headers=LATER)
    job = await ended(registry, begun.headers["Location"])
    assert job["state"] == "failed"
    assert job["problem"]["code"] == "unknown_reference"
    assert (job["problem"]["status"], "fault" in job["problem"]) == (422, False)
    assert job["problem"]["errors"][0]["pointer"] == "/artifact"


async def test_what_can_be_refused_at_once_is(registry: Registry) -> None:
    answer = await registry.http.post("/v1/models/none/versions", json=BODY, headers=LATER)
    assert answer.status_code == 404
    assert not registry.memory.jobs


async def test_jobs_are_seen_by_their_owner_and_within_reach(registry: Registry) -> None:
    begun = await registry.http.post(VERSIONS, json=BODY, headers=LATER)
    place = begun.headers["Location"]
    await ended(registry, place)
    here = bearer(give(registry.memory, Scope.READ))
    assert (await registry.http.get(place, headers=here)).status_code == 200
    assert [job["id"] for job in (await registry.http.get("/v1/jobs")).json()["items"]] == [
        begun.json()["id"]
    ]
    unknown = "/v1/jobs/000000000000-0000000000000000"
    assert (await registry.http.get(unknown)).status_code == 404


def test_a_failure_that_nobody_foresaw_is_told_without_its_reason() -> None:
    memory, done = Memory(), threading.Event()
    jobs = Jobs(MemoryJobs(memory), lambda: NOON, at_once=1)

    def work(step: Step) -> Mapping[str, object]:
        step("trying", 0.5)
        done.set()
        raise ValueError("secret")

    begun = jobs.begin(ANN, "test", "bank", work)
    assert done.wait(10)
    jobs.join(10)
    found = jobs.find(ANN, begun.id)
    assert (found.state, found.step, found.progress) == (JobState.FAILED, "trying", 0.5)
    assert found.problem is not None
    assert found.problem["code"] == "internal"
    assert "secret" not in str(found.problem)


def test_who_is_silent_was_cut_off() -> None:
    memory, now, held = Memory(), [NOON], threading.Event()
    jobs = Jobs(MemoryJobs(memory), lambda: now[0], at_once=1)

    def work(_step: Step) -> Mapping[str, object]:
        held.wait(10)
        return {}

    begun = jobs.begin(ANN, "test", "bank", work)
    now[0] += SILENT_AFTER
    jobs.beat()
    now[0] += SILENT_AFTER
    assert jobs.find(ANN, begun.id).state in {JobState.QUEUED, JobState.RUNNING}
    now[0] += timedelta(seconds=1)
    cut = jobs.find(ANN, begun.id)
    assert cut.state is JobState.FAILED
    assert cut.problem is not None
    assert cut.problem["code"] == "cut_off"
    held.set()
    jobs.join(10)


def test_there_is_an_end_to_waiting_jobs() -> None:
    held = threading.Event()
    jobs = Jobs(MemoryJobs(Memory()), lambda: NOON, at_once=1)

    def work(_step: Step) -> Mapping[str, object]:
        held.wait(10)
        return {}

    for number in range(32):
        jobs.begin(replace(ANN, actor=f"ann-{number // 8}"), "test", "bank", work)
    with pytest.raises(TooManyJobsError):
        jobs.begin(ANN, "test", "bank", work)
    held.set()
    jobs.join(10)


def test_one_caller_leaves_room_for_others() -> None:
    held = threading.Event()
    jobs = Jobs(MemoryJobs(Memory()), lambda: NOON, at_once=1)

    def work(_step: Step) -> Mapping[str, object]:
        held.wait(10)
        return {}

    for _ in range(8):
        jobs.begin(ANN, "test", "bank", work)
    with pytest.raises(TooManyJobsError, match="8 jobs of yours"):
        jobs.begin(ANN, "test", "bank", work)
    jobs.begin(replace(ANN, actor="eve"), "test", "bank", work)
    held.set()
    jobs.join(10)


def test_one_line_fills_without_the_other() -> None:
    stop, store = threading.Event(), MemoryJobs(Memory())
    long = Jobs(store, lambda: NOON, at_once=1, most_waiting=3, most_of_one=2)
    short = Jobs(store, lambda: NOON, at_once=1)

    def wait(_step: Step) -> Mapping[str, object]:
        stop.wait(timeout=30)
        return {}

    for _ in range(2):
        long.begin(ANN, "test", "bank", wait)
    with pytest.raises(TooManyJobsError, match="2 jobs of yours"):
        long.begin(ANN, "test", "bank", wait)
    bob = replace(ANN, actor="bob")
    long.begin(bob, "test", "bank", wait)
    with pytest.raises(TooManyJobsError, match="Too many jobs are waiting"):
        long.begin(bob, "test", "bank", wait)
    found = short.begin(ANN, "test", "bank", wait)
    assert long.find(ANN, found.id).id == found.id
    stop.set()
    for line in (long, short):
        line.join(30)


def test_what_is_worked_on_when_it_stops_was_cut_off_at_once() -> None:
    memory, working, held = Memory(), threading.Event(), threading.Event()
    jobs = Jobs(MemoryJobs(memory), lambda: NOON, at_once=1)
    done: list[str] = []

    def work(step: Step) -> Mapping[str, object]:
        working.set()
        held.wait(10)
        step("keeping it", 0.9)
        done.append("kept")
        return {}

    begun, waiting = (jobs.begin(ANN, "test", "bank", work) for _ in range(2))
    assert working.wait(10)
    jobs.stop()
    for job in (begun, waiting):
        found = jobs.find(ANN, job.id)
        assert (found.state, found.ended_at) == (JobState.FAILED, NOON)
        assert found.problem is not None
        assert found.problem["code"] == "cut_off"
    with pytest.raises(TooManyJobsError):
        jobs.begin(ANN, "test", "bank", work)
    held.set()
    jobs.join(10)
    assert jobs.find(ANN, begun.id).state is JobState.FAILED
    assert done == []


def test_strangers_find_nothing() -> None:
    memory = Memory()
    jobs = Jobs(MemoryJobs(memory), lambda: NOON, at_once=1)
    begun = jobs.begin(ANN, "test", "bank", lambda _step: {})
    jobs.join(10)
    eve = replace(ANN, actor="eve", grants=(Grant(frozenset({Scope.READ}), project="shop"),))
    with pytest.raises(NotFoundError):
        jobs.find(eve.wanting(Scope.READ), begun.id)
