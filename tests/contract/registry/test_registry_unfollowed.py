"""What no follower need know of has no follower fetch anything."""

import pytest

from .conftest import SERVICE, Registry
from .test_registry_doors import bearer
from .test_registry_gate import VERSION, reviewed

pytestmark = pytest.mark.anyio


async def test_who_reads_a_review_moves_no_snapshot(registry: Registry) -> None:
    """Nor does who answers its questions; whoever releases does."""
    reviewed(registry)
    following = bearer(SERVICE)
    first = await registry.http.get("/v1/snapshot", headers=following)
    known = following | {"If-None-Match": first.headers["ETag"]}
    entries = len(registry.memory.trail)
    assert (await registry.http.get(f"{VERSION}/review")).is_success
    answers = {"answers": {"objective": "Loans."}}
    answer = await registry.http.put(f"{VERSION}/questionnaire", json=answers)
    assert answer.is_success, answer.text
    assert len(registry.memory.trail) == entries + 2
    assert (await registry.http.get("/v1/snapshot", headers=known)).status_code == 304
    body = {"kind": "deploy", "version": 2, "reason": "r"}
    answer = await registry.http.post("/v1/deployments/credit/releases", json=body)
    assert answer.status_code == 201, answer.text
    newer = await registry.http.get("/v1/snapshot", headers=known)
    assert newer.json()["sequence"] == registry.memory.trail[-1].sequence
