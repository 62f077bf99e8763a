"""Knowing a digest opens nothing: a version names files that its maker sent, or may read."""

import hashlib
import json
from typing import Any

import pytest

from services.registry.adapters.table_store import kept_tables
from services.registry.domain.access import Reach
from services.registry.domain.catalogue import Model
from tests.fakes.registry import NOON
from understudy.contracts.vocabulary import Scope

from .conftest import Registry
from .test_registry_doors import give

pytestmark = pytest.mark.anyio

MODEL, SAMPLE = b"a model of the shop", b"a sample of the shop"
SIGNATURE = {
    "features": [{"name": "age", "kind": "integer", "minimum": 18, "maximum": 99}],
    "target": {"name": "buys", "task": "classification", "classes": ["no", "yes"]},
}
BANKS = "a" * 64
"""Of a version of the project `bank`."""


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def shop(registry: Registry) -> dict[str, str]:
    """The headers of a scientist's key of the project `shop`, which has a model."""
    registry.memory.models["basket"] = Model("basket", "shop", "", NOON)
    key = give(registry.memory, Scope.REGISTER, Scope.READ, reach=Reach(project="shop"))
    return {"Authorization": f"Bearer {key}"}


async def send(registry: Registry, headers: dict[str, str], content: bytes) -> str:
    path = f"/v1/artifacts/{sha256(content)}"
    assert (await registry.http.put(path, content=content, headers=headers)).status_code == 201
    return sha256(content)


async def register(registry: Registry, headers: dict[str, str], **files: str) -> Any:
    body = {"signature": SIGNATURE, **files}
    return await registry.http.post("/v1/models/basket/versions", json=body, headers=headers)


@pytest.mark.parametrize("stolen", ["artifact", "reference", "evaluation"])
async def test_a_digest_of_another_project_names_no_file(
    registry: Registry, shop: dict[str, str], stolen: str
) -> None:
    own = {
        "artifact": await send(registry, shop, MODEL),
        "reference": await send(registry, shop, SAMPLE),
    }
    refused = await register(registry, shop, **{**own, stolen: BANKS})
    missing = await register(registry, shop, **{**own, stolen: "9" * 64})
    assert (refused.status_code, refused.json()["code"]) == (422, "unknown_reference")
    assert refused.json()["errors"][0]["pointer"] == f"/{stolen}"
    assert refused.json()["detail"].replace(BANKS, "9" * 64) == missing.json()["detail"]
    got = await registry.http.get(f"/v1/artifacts/{BANKS}", headers=shop)
    assert got.status_code == 404
    assert registry.inspector.inspected == []


async def test_an_mlflow_source_names_no_file_of_another_project(
    registry: Registry, shop: dict[str, str]
) -> None:
    model, sample = await send(registry, shop, MODEL), await send(registry, shop, SAMPLE)
    tags = {"understudy.reference": sample, "understudy.signature": json.dumps(SIGNATURE)}
    for artifact, stolen in (
        (BANKS, tags),
        (model, tags | {"understudy.reference": BANKS}),
        (model, tags | {"understudy.evaluation": BANKS}),
        (model, tags | {"understudy.signature": BANKS}),
    ):
        answer = await registry.http.post(
            "/api/2.0/mlflow/model-versions/create",
            json={
                "name": "basket",
                "source": f"understudy:/artifacts/{artifact}",
                "tags": [{"key": key, "value": value} for key, value in stolen.items()],
            },
            headers=shop,
        )
        assert (answer.status_code, answer.json()["code"]) == (422, "unknown_reference")
    assert registry.inspector.inspected == []


async def test_no_signature_is_inferred_from_a_file_of_another_project(
    registry: Registry, shop: dict[str, str]
) -> None:
    for name in ("model.skops", "MLmodel"):
        path = f"/api/2.0/mlflow-artifacts/artifacts/run/{name}"
        assert (await registry.http.put(path, content=b"x", headers=shop)).status_code == 200
    answer = await registry.http.post(
        "/api/2.0/mlflow/model-versions/create",
        json={
            "name": "basket",
            "source": "mlflow-artifacts:/run",
            "tags": [{"key": "understudy.reference", "value": BANKS}],
        },
        headers=shop,
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_reference")


async def test_who_sends_a_file_may_name_it_though_it_was_there(
    registry: Registry, shop: dict[str, str]
) -> None:
    registry.artifacts.files |= {sha256(MODEL): MODEL, sha256(SAMPLE): SAMPLE}
    for content in (MODEL, SAMPLE):
        path = f"/v1/artifacts/{sha256(content)}"
        assert (await registry.http.head(path, headers=shop)).status_code == 404
        await send(registry, shop, content)
        assert (await registry.http.head(path, headers=shop)).status_code == 200
    made = await register(registry, shop, artifact=sha256(MODEL), reference=sha256(SAMPLE))
    assert made.status_code == 201
    other = give(registry.memory, Scope.REGISTER, Scope.READ, reach=Reach(project="shop"))
    headers = {"Authorization": f"Bearer {other}"}
    again = await register(registry, headers, artifact=sha256(MODEL), reference=sha256(SAMPLE))
    assert again.status_code == 201


async def test_what_another_caller_sent_is_not_there_until_a_version_names_it(
    registry: Registry, shop: dict[str, str]
) -> None:
    await send(registry, shop, MODEL)
    bank = give(registry.memory, Scope.REGISTER, Scope.READ, reach=Reach(project="bank"))
    headers = {"Authorization": f"Bearer {bank}"}
    path = f"/v1/artifacts/{sha256(MODEL)}"
    assert (await registry.http.head(path, headers=headers)).status_code == 404
    assert (await registry.http.get(path, headers=headers)).status_code == 404
    assert (await registry.http.get(path)).status_code == 200


async def test_an_instance_wide_key_names_whatever_is_there(registry: Registry) -> None:
    registry.memory.models["basket"] = Model("basket", "shop", "", NOON)
    key = give(registry.memory, Scope.REGISTER)
    headers = {"Authorization": f"Bearer {key}"}
    made = await register(registry, headers, artifact=BANKS, reference="b" * 64)
    assert made.status_code == 201


def test_who_sent_what_is_in_no_backup() -> None:
    assert "uploads" not in {table.name for table in kept_tables()}
