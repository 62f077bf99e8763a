"""MLflow's own client against a real registry: models, versions, tags, aliases, downloads."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.foreign.environments import ask
from tests.integration.registry.conftest import ADMIN, RegistryProcess

INVALID, STATE = "INVALID_PARAMETER_VALUE", "INVALID_STATE"


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryProcess]:
    running = RegistryProcess(tmp_path_factory.mktemp("registry"))
    running.start()
    try:
        with running.client() as client:
            assert client.post("/v1/projects", json={"name": "bank"}).status_code == 201
        yield running
    finally:
        running.end()


def issued(client: httpx.Client, *scopes: str) -> str:
    body = {"name": "person", "scopes": scopes, "project": "bank"}
    answer = client.post("/v1/keys", json=body)
    assert answer.status_code == 201, answer.text
    key: str = answer.json()["key"]
    return key


def told(registry: RegistryProcess, step: str, folder: Path, **keys: str) -> Any:
    asked = {"url": registry.url, "step": step, "folder": str(folder), **keys}
    return ask("mlflow", "mlflow_registry.py", asked, MLFLOW_ALLOW_PICKLE_DESERIALIZATION="true")


def actions(client: httpx.Client) -> list[tuple[str, str]]:
    items = client.get("/v1/audit").json()["items"]
    return [(item["action"], item["subject"]) for item in reversed(items)]


@pytest.fixture(scope="module")
def registered(registry: RegistryProcess, tmp_path_factory: pytest.TempPathFactory) -> Any:
    with registry.client() as client:
        key = issued(client, "read", "register", "deploy")
    return told(registry, "register", tmp_path_factory.mktemp("made"), key=key)


@pytest.fixture(scope="module")
def released(
    registry: RegistryProcess, registered: Any, tmp_path_factory: pytest.TempPathFactory
) -> Any:
    assert registered
    with registry.client() as client:
        for number in (1, 2):
            place = f"/v1/models/credit/versions/{number}/decision"
            assert client.post(place, json={"decision": "deploy"}).status_code == 200
        body = {"name": "credit", "model": "credit", "main": 1}
        assert client.post("/v1/deployments", json=body).status_code == 201
        keys = {"key": issued(client, "read", "deploy"), "viewer": issued(client, "read")}
    return told(registry, "release", tmp_path_factory.mktemp("released"), **keys)


def test_models_and_versions_are_made_and_found(registered: Any) -> None:
    assert registered["model"] == [
        "credit",
        "who defaults",
        {"team": "a", "understudy.project": "bank"},
    ]
    assert {"MLmodel", "model.skops", "reference.parquet"} <= {*registered["listed"]}
    state = {"understudy.state": "pending"}
    assert registered["first"] == [1, "READY", "abc", "first", {"k": "v", **state}]
    assert registered["second"] == 2
    assert registered["latest"] == [2]
    assert registered["pages"] == [[2], [1], ""]
    assert registered["found"] == {
        "models": ["credit"],
        "none": [],
        "tagged": [1],
        "of a run": [1],
        "ordered": [1, 2],
    }


def test_tags_and_descriptions_change(registered: Any) -> None:
    assert registered["tags"] == {"owner": "me", "understudy.project": "bank"}
    tags = {"k": "v", "stage": "x", "understudy.state": "pending"}
    assert registered["version"] == [tags, "better said", "None"]


def test_refusals_are_exceptions_with_a_code(registered: Any) -> None:
    assert registered["refusals"] == {
        "again": ["RESOURCE_ALREADY_EXISTS", "name_taken", True],
        "pickled": [INVALID, "pickled_model", True],
        "elsewhere": [INVALID, "invalid_source", True],
        "missing": ["RESOURCE_DOES_NOT_EXIST", "not_found", True],
        "renamed": [STATE, "immutable", True],
        "deleted": [STATE, "immutable", True],
        "version deleted": [STATE, "immutable", True],
        "staged": [STATE, "stages_not_supported", True],
        "filtered": [INVALID, "invalid_filter", True],
        "alias": [INVALID, "alias_not_known", True],
        "pending": [STATE, "no_deployment", True],
        "run": ["NOT_IMPLEMENTED", "not_a_tracking_server", True],
    }


def test_the_signature_is_inferred(registry: RegistryProcess, registered: Any) -> None:
    with registry.client() as client:
        found = client.get("/v1/models/credit/versions/1").json()
    assert found["artifact"] == registered["sha256"]
    features = found["signature"]["features"]
    assert [(one["name"], one["kind"]) for one in features] == [
        ("age", "integer"),
        ("income", "number"),
    ]
    assert found["signature"]["target"]["classes"] == ["no", "yes"]
    assert found["state"] == "pending"


def test_aliases_change_what_the_deployment_answers_with(
    registry: RegistryProcess, released: Any
) -> None:
    assert released["aliases"] == [
        {"champion": 1},
        {"champion": 1, "challenger": 2},
        {"champion": 2, "challenger": 1},
    ]
    assert released["by alias"] == [2, ["champion"]]
    assert released["kept"] == [STATE, "alias_stays", True]
    with registry.client() as client:
        current = client.get("/v1/deployments/credit").json()["current"]
        releases = client.get("/v1/deployments/credit/releases").json()["items"]
        assert actions(client)[-3:] == [("deployment.release", "credit")] * 3
    assert (current["main"], current["challengers"]) == (2, [])
    kinds = [release["kind"] for release in reversed(releases)]
    assert kinds == ["deploy", "challenge", "promote", "withdraw"]
    assert {release["released_by"] for release in releases[:3]} != {ADMIN.split("_")[1]}


def test_what_is_downloaded_is_what_was_uploaded(registered: Any, released: Any) -> None:
    assert released["sha256"] == registered["sha256"]
    assert released["loaded"]
    assert released["flavoured"]


def test_who_may_only_read_changes_nothing(released: Any) -> None:
    denied = ["PERMISSION_DENIED", "forbidden", True]
    assert released["viewer"] == {
        "sees": "credit",
        "downloads": [
            "MLmodel",
            "model.skops",
            "reference.parquet",
            "registered_model_meta",
            "signature.json",
        ],
        "tags": denied,
        "alias": denied,
        "makes": denied,
    }
    assert released["stranger"] == ["UNAUTHENTICATED", "unauthenticated", True]
