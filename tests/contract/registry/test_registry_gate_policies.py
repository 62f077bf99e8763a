"""Policies of gates: set as YAML or JSON, kept in versions, each change told in the trail."""

from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import TypeAdapter

from services.registry.app import assemble
from services.registry.domain.gate_texts import InvalidGateError
from services.registry.ports.staging import Sourcing
from services.registry.settings import RegistrySettings
from tests.fakes.people import PlainPasswords
from tests.fakes.registry import SIGNATURE, MemoryArtifacts, TrustingInspector, memory_store
from tests.fakes.reviews_store import PleasedReviewer
from tests.fakes.staging import KnowingReader, MemoryStaged
from understudy.cli.gate_policy import EXAMPLE
from understudy.contracts.signature import Signature
from understudy.contracts.vocabulary import MemberRole

from .conftest import Registry
from .people import settle, sign_in
from .test_registry_refusals import VERSION

pytestmark = pytest.mark.anyio

GATE = "/v1/projects/bank/gate"
YAML = {"Content-Type": "application/yaml"}


async def put(registry: Registry, text: str, **headers: str) -> httpx.Response:
    return await registry.http.put(GATE, content=text, headers={**YAML, **headers})


async def test_without_one_of_its_own_a_project_has_the_installations(registry: Registry) -> None:
    answer = await registry.http.get(GATE)
    found = answer.json()
    assert (found["number"], found["text"], answer.headers["ETag"]) == (0, "review: false\n", '"0"')
    assert (found["policy"]["review"], found["set_by"]) == (False, None)
    versions = await registry.http.get(f"{GATE}/versions")
    assert versions.json()["items"] == []


async def test_a_policy_holds_as_it_was_written(registry: Registry) -> None:
    made = await registry.http.put(
        GATE, content=EXAMPLE, headers=YAML, params={"reason": "as agreed with risk"}
    )
    assert (made.status_code, made.headers["ETag"]) == (200, '"1"')
    found = (await registry.http.get(GATE)).json()
    assert found == made.json()
    assert (found["text"], found["reason"]) == (EXAMPLE, "as agreed with risk")
    assert found["policy"]["metrics"]["roc_auc"]["certain"] is True
    entry = (await registry.http.get("/v1/audit")).json()["items"][0]
    assert (entry["action"], entry["subject"]) == ("project.set_gate", "bank")
    assert entry["reason"] == "as agreed with risk"
    assert entry["details"]["policy"]["second_person"] is True
    assert entry["details"]["former_policy"]["review"] is False


async def test_policies_are_numbered_and_kept(registry: Registry) -> None:
    for days in (7, 14, 21):
        assert (await put(registry, f"review_days: {days}")).is_success
    first = (await registry.http.get(f"{GATE}/versions", params={"limit": 2})).json()
    assert [each["number"] for each in first["items"]] == [3, 2]
    rest = await registry.http.get(f"{GATE}/versions", params={"cursor": first["next_cursor"]})
    assert [each["policy"]["review_days"] for each in rest.json()["items"]] == [7]


async def test_the_same_text_again_changes_nothing(registry: Registry) -> None:
    await put(registry, "signed: true")
    before = registry.memory.sequence
    again = await put(registry, "signed: true")
    assert (again.json()["number"], registry.memory.sequence) == (1, before)


async def test_who_saw_another_policy_changes_nothing(registry: Registry) -> None:
    made = await put(registry, "signed: true", **{"If-Match": '"0"'})
    assert made.status_code == 200
    late = await put(registry, "signed: false", **{"If-Match": '"0"'})
    assert (late.status_code, late.json()["code"]) == (412, "precondition_failed")
    assert "number 1 now" in late.json()["detail"]
    assert (await put(registry, "signed: false", **{"If-Match": '"1"'})).json()["number"] == 2


async def test_mistakes_are_told_where_they_stand(registry: Registry) -> None:
    answer = await put(registry, "findings:\n  proxi: block\nreview_days: soon\n")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_gate")
    told = {each["pointer"]: each["message"] for each in answer.json()["errors"]}
    assert told["/findings/proxi"] == "'proxi' is not known here; did you mean proxy?"
    assert "whole number of days" in told["/review_days"]
    bomb = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]"
    assert "anchors and aliases" in (await put(registry, bomb)).json()["detail"]
    assert registry.memory.gates == {}


@pytest.mark.parametrize(
    ("kind", "content", "status"),
    [
        ("text/yaml; charset=utf-8", b"\xef\xbb\xbfsigned: true", 200),
        ("application/json", b'{"signed": true}', 200),
        ("application/json", b'{"signed": true, "signed": false}', 400),
        ("application/yaml", b"signed: \xff", 422),
        ("application/x-www-form-urlencoded", b"signed: true", 415),
        ("application/yaml", b"", 422),
    ],
)
async def test_yaml_and_json_are_taken(
    registry: Registry, kind: str, content: bytes, status: int
) -> None:
    answer = await registry.http.put(GATE, content=content, headers={"Content-Type": kind})
    assert answer.status_code == status
    if status == 200:
        assert answer.json()["policy"]["signed"] is True


async def test_pickles_are_taken_by_leave_of_the_installation_alone(registry: Registry) -> None:
    settle(registry, "ann", MemberRole.ADMIN)
    ann = await sign_in(registry, "ann")
    refused = await ann.put(GATE, content="pickle: true", headers=YAML)
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert (await put(registry, "pickle: true")).is_success
    kept = await ann.put(GATE, content="pickle: true\nsigned: true", headers=YAML)
    assert kept.is_success
    assert (await ann.put(GATE, content="pickle: false", headers=YAML)).is_success
    assert (await ann.put(GATE, content="pickle: true", headers=YAML)).status_code == 403


async def test_a_project_without_that_leave_has_no_pickle_read(registry: Registry) -> None:
    body = {**VERSION, "signature": TypeAdapter(Signature).dump_python(SIGNATURE, mode="json")}
    for text, read in (("pickle: false", False), ("pickle: true", True), ("{}", False)):
        await put(registry, text)
        made = await registry.http.post("/v1/models/credit/versions", json=body)
        assert made.status_code == 201, made.text
        assert registry.inspector.inspected[-1].pickle is read


async def test_what_is_not_there_has_no_gate(registry: Registry) -> None:
    for path in ("/v1/projects/none/gate", "/v1/projects/none/gate/versions"):
        assert (await registry.http.get(path)).status_code == 404
    absent = await registry.http.put("/v1/projects/none/gate", content="{}", headers=YAML)
    assert absent.status_code == 404


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "UNDERSTUDY_GATE_POLICY: .* can't be read"),
        (b"\xff", "can't be read"),
        (b"reviews: true", "did you mean review"),
    ],
)
def test_a_policy_of_the_installation_that_can_not_be_read_stops_the_start(
    tmp_path: Path, content: bytes | None, said: str
) -> None:
    file = tmp_path / "gate.yaml"
    if content is not None:
        file.write_bytes(content)
    artifacts = MemoryArtifacts()
    parts: dict[str, Any] = {
        "store": memory_store(),
        "files": artifacts,
        "inspector": TrustingInspector(),
        "reviewer": PleasedReviewer(artifacts.files),
        "passwords": PlainPasswords(),
        "sourcing": Sourcing(MemoryStaged(artifacts), KnowingReader()),
        "on_change": lambda _listener: None,
        "end": lambda: None,
        "close": lambda: None,
    }
    with pytest.raises(InvalidGateError, match=said):
        assemble(settings=RegistrySettings(gate_policy=file), **parts)
