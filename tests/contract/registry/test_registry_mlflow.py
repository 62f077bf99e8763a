"""MLflow's registry protocol over fakes: what its client would read off the wire."""

import json
from typing import Any

import anyio
import pytest

from services.registry.domain.access import Reach
from services.registry.domain.catalogue import Model
from services.registry.operations import mlflow_catalogue
from tests.fakes.registry import NOON, SIGNATURE, deployment, draft
from understudy.contracts.vocabulary import Scope

from .conftest import Registry
from .test_registry_doors import bearer, give

pytestmark = pytest.mark.anyio

API = "/api/2.0/mlflow"
FILES = "/api/2.0/mlflow-artifacts/artifacts"


async def ask(
    registry: Registry, method: str, path: str, by: str | None = None, **sent: Any
) -> Any:
    """As the client sends: members of GET in the query, of everything else in the body."""
    headers = {} if by is None else bearer(by)
    what: dict[str, Any] = {"params": sent} if method == "GET" else {"json": sent}
    answer = await registry.http.request(method, f"{API}/{path}", headers=headers, **what)
    return {"status": answer.status_code, **answer.json()}


async def put(registry: Registry, path: str, content: bytes, key: str | None = None) -> int:
    headers = {} if key is None else bearer(key)
    answer = await registry.http.put(f"{FILES}/{path}", content=content, headers=headers)
    return answer.status_code


async def put_model(registry: Registry, folder: str = "run/model") -> None:
    for name in ("model.skops", "reference.parquet", "MLmodel"):
        assert await put(registry, f"{folder}/{name}", name.encode()) == 200


async def version(registry: Registry, number: int) -> Any:
    found = await ask(registry, "GET", "model-versions/get", name="credit", version=str(number))
    return found["model_version"]


def actions(registry: Registry) -> list[str]:
    return [recorded.entry.action.value for recorded in registry.memory.trail]


async def test_a_model_is_made_in_the_project_that_its_tag_names(registry: Registry) -> None:
    tags = [{"key": "understudy.project", "value": "shop"}, {"key": "team", "value": "a"}]
    made = await ask(
        registry, "POST", "registered-models/create", name="basket", tags=tags, description="d"
    )
    model = made["registered_model"]
    assert (model["name"], model["description"], model["aliases"]) == ("basket", "d", [])
    assert model["tags"] == [
        {"key": "team", "value": "a"},
        {"key": "understudy.project", "value": "shop"},
    ]
    assert registry.memory.models["basket"].project == "shop"
    assert actions(registry)[-1] == "model.make"
    again = await ask(registry, "POST", "registered-models/create", name="basket", tags=tags)
    assert (again["status"], again["error_code"]) == (409, "RESOURCE_ALREADY_EXISTS")


async def test_without_a_tag_the_only_project_within_reach_is_meant(registry: Registry) -> None:
    key = give(registry.memory, Scope.REGISTER, reach=Reach(project="shop"))
    made = await ask(registry, "POST", "registered-models/create", key, name="basket")
    assert made["status"] == 200
    assert registry.memory.models["basket"].project == "shop"
    several = await ask(registry, "POST", "registered-models/create", name="other")
    assert (several["status"], several["code"]) == (422, "project_not_stated")
    assert several["error_code"] == "INVALID_PARAMETER_VALUE"
    assert "understudy.project" in several["message"]


@pytest.mark.parametrize("name", ["Credit Model", "credit_model", "", "x" * 64])
async def test_names_are_ours(registry: Registry, name: str) -> None:
    refused = await ask(registry, "POST", "registered-models/create", name=name)
    assert (refused["status"], refused["error_code"]) == (422, "INVALID_PARAMETER_VALUE")
    assert "lower-case" in refused["message"]


async def test_a_version_shows_where_it_stands(registry: Registry) -> None:
    first = await version(registry, 1)
    assert (first["version"], first["status"], first["current_stage"]) == ("1", "READY", "None")
    assert first["aliases"] == ["champion"]
    assert first["tags"] == [{"key": "understudy.state", "value": "deployed"}]
    assert first["creation_timestamp"] == int(NOON.timestamp() * 1000)
    assert (await version(registry, 4))["tags"][0]["value"] == "pending"
    model = await ask(registry, "GET", "registered-models/get", name="credit")
    assert model["registered_model"]["aliases"] == [{"alias": "champion", "version": "1"}]
    assert model["registered_model"]["latest_versions"][0]["version"] == "6"


async def test_what_is_not_there_is_told_as_mlflow_tells_it(registry: Registry) -> None:
    for path, sent in (
        ("registered-models/get", {"name": "absent"}),
        ("model-versions/get", {"name": "credit", "version": "99"}),
        ("registered-models/alias", {"name": "credit", "alias": "challenger"}),
    ):
        missing = await ask(registry, "GET", path, **sent)
        assert (missing["status"], missing["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")
        assert missing["message"]
        assert missing["request_id"]


async def test_tags_are_set_and_deleted_and_audited(registry: Registry) -> None:
    place = {"name": "credit", "version": "2"}
    set_tag = await ask(
        registry, "POST", "model-versions/set-tag", **place, key="a b", value="1\n2"
    )
    assert set_tag == {"status": 200}
    assert {"key": "a b", "value": "1\n2"} in (await version(registry, 2))["tags"]
    assert (registry.memory.trail[-1].entry.subject, actions(registry)[-1]) == (
        "credit/2",
        "tag.set",
    )
    await ask(registry, "DELETE", "model-versions/delete-tag", **place, key="a b")
    assert len((await version(registry, 2))["tags"]) == 1
    before = len(registry.memory.trail)
    again = await ask(registry, "DELETE", "model-versions/delete-tag", **place, key="a b")
    assert (again["status"], len(registry.memory.trail)) == (200, before)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("understudy.mlflow.source", "x"),
        ("understudy.state", "deployed"),
        ("understudy.project", "shop"),
        ("", "x"),
        ("a\nb", "x"),
        ("x" * 251, "x"),
        ("x", "y" * 5_001),
        ("x", "\x00"),
    ],
)
async def test_tags_that_are_not_taken(registry: Registry, key: str, value: str) -> None:
    path = "registered-models/set-tag"
    refused = await ask(registry, "POST", path, name="credit", key=key, value=value)
    assert (refused["status"], refused["code"]) == (422, "invalid_tag")


async def test_tags_are_bounded_in_number(registry: Registry) -> None:
    registry.memory.tags["credit", 0] = {f"t{number}": "" for number in range(200)}
    path = "registered-models/set-tag"
    refused = await ask(registry, "POST", path, name="credit", key="one", value="more")
    assert (refused["status"], refused["error_code"]) == (409, "INVALID_STATE")
    assert (await ask(registry, "POST", path, name="credit", key="t1", value="x"))["status"] == 200


async def test_descriptions_change_without_the_version(registry: Registry) -> None:
    told = await ask(
        registry, "PATCH", "model-versions/update", name="credit", version="1", description="new"
    )
    assert told["model_version"]["description"] == "new"
    assert registry.memory.versions["credit", 1].draft.description == ""
    told = await ask(registry, "PATCH", "registered-models/update", name="credit", description="m")
    assert told["registered_model"]["description"] == "m"


async def set_alias(registry: Registry, alias: str, number: int, key: str | None = None) -> Any:
    path = "registered-models/alias"
    return await ask(registry, "POST", path, key, name="credit", alias=alias, version=str(number))


async def test_aliases_are_releases(registry: Registry) -> None:
    assert (await set_alias(registry, "challenger", 2))["status"] == 200
    held = registry.memory.deployments["credit"].current
    assert (held.kind, held.setting.challengers) == ("challenge", (2,))
    assert (await set_alias(registry, "champion", 2))["status"] == 200
    held = registry.memory.deployments["credit"].current
    assert (held.kind, held.setting.main, held.setting.challengers) == ("promote", 2, (1,))
    assert (await set_alias(registry, "champion", 3))["status"] == 200
    assert registry.memory.deployments["credit"].current.kind == "deploy"
    assert actions(registry)[-3:] == ["deployment.release"] * 3
    found = await ask(registry, "GET", "registered-models/alias", name="credit", alias="challenger")
    assert found["model_version"]["version"] == "1"
    removed = await ask(
        registry, "DELETE", "registered-models/alias", name="credit", alias="challenger"
    )
    assert removed == {"status": 200}
    assert registry.memory.deployments["credit"].current.kind == "withdraw"


@pytest.mark.parametrize(("alias", "number"), [("champion", 1), ("challenger", 2)])
async def test_an_alias_that_stands_is_set_again_without_a_release(
    registry: Registry, alias: str, number: int
) -> None:
    await set_alias(registry, "challenger", 2)
    before = registry.memory.deployments["credit"].current
    assert (await set_alias(registry, alias, number))["status"] == 200
    assert registry.memory.deployments["credit"].current == before


@pytest.mark.parametrize(
    ("alias", "number", "status", "error_code", "code"),
    [
        ("production", 1, 422, "INVALID_PARAMETER_VALUE", "alias_not_known"),
        ("champion", 4, 409, "INVALID_STATE", "version_not_usable"),
        ("champion", 5, 409, "INVALID_STATE", "version_not_usable"),
        ("champion", 99, 422, "RESOURCE_DOES_NOT_EXIST", "unknown_reference"),
        ("challenger", 1, 409, "INVALID_STATE", "already_in_release"),
    ],
)
async def test_aliases_that_are_refused(
    *, registry: Registry, alias: str, number: int, status: int, error_code: str, code: str
) -> None:
    refused = await set_alias(registry, alias, number)
    assert (refused["status"], refused["error_code"], refused["code"]) == (status, error_code, code)


async def test_the_champion_stays(registry: Registry) -> None:
    path = "registered-models/alias"
    refused = await ask(registry, "DELETE", path, name="credit", alias="champion")
    assert (refused["status"], refused["code"]) == (409, "alias_stays")
    refused = await ask(registry, "DELETE", path, name="credit", alias="challenger")
    assert (refused["status"], refused["code"]) == (404, "alias_unset")


async def test_a_tag_says_which_deployment_aliases_speak_of(registry: Registry) -> None:
    body = {"name": "second", "model": "credit", "main": 3}
    assert (await registry.http.post("/v1/deployments", json=body)).status_code == 201
    tag = {"name": "credit", "key": "understudy.deployment", "value": "second"}
    await ask(registry, "POST", "registered-models/set-tag", **tag)
    assert (await version(registry, 3))["aliases"] == ["champion"]
    await set_alias(registry, "champion", 2)
    assert registry.memory.deployments["second"].current.setting.main == 2
    assert registry.memory.deployments["credit"].current.setting.main == 1
    await registry.http.delete("/v1/deployments/second")
    refused = await set_alias(registry, "champion", 1)
    assert (refused["status"], refused["code"]) == (409, "no_deployment")


@pytest.mark.parametrize(
    ("scope", "reach", "status"),
    [
        (Scope.REGISTER, Reach(), 403),
        (Scope.REGISTER, Reach(project="bank"), 403),
        (Scope.DEPLOY, Reach(project="bank"), 200),
        (Scope.DEPLOY, Reach(project="shop"), 404),
    ],
)
async def test_the_tag_that_aliases_go_by_needs_the_rights_of_releases(
    registry: Registry, scope: Scope, reach: Reach, status: int
) -> None:
    key = give(registry.memory, scope, reach=reach)
    tag = {"name": "credit", "key": "understudy.deployment"}
    path = "registered-models/set-tag"
    assert (await ask(registry, "POST", path, key, **tag, value="credit"))["status"] == status
    path = "registered-models/delete-tag"
    registry.memory.tags["credit", 0] = {"understudy.deployment": "credit"}
    assert (await ask(registry, "DELETE", path, key, **tag))["status"] == status
    assert bool(registry.memory.tags["credit", 0]) is (status != 200)


async def test_all_other_tags_are_for_who_registers(registry: Registry) -> None:
    key = give(registry.memory, Scope.DEPLOY)
    tag = {"name": "credit", "key": "team", "value": "a"}
    assert (await ask(registry, "POST", "registered-models/set-tag", key, **tag))["status"] == 403
    mine = {"key": "understudy.deployment", "value": "credit"}
    key = give(registry.memory, Scope.REGISTER)
    put_on = {"name": "credit", "version": "1", **mine}
    assert (await ask(registry, "POST", "model-versions/set-tag", key, **put_on))["status"] == 200


async def test_the_tag_that_aliases_go_by_names_a_deployment_of_the_model(
    registry: Registry,
) -> None:
    other = deployment("basket", project="shop", model="basket")
    registry.memory.deployments["basket"] = other
    registry.memory.histories["basket"] = [other.current]
    registry.memory.versions["basket", 1] = registry.memory.versions["credit", 1]
    key = give(registry.memory, Scope.DEPLOY, reach=Reach(project="bank"))
    tag = {"name": "credit", "key": "understudy.deployment"}
    for value in ("absent", "basket", ""):
        sent = {**tag, "value": value}
        refused = await ask(registry, "POST", "registered-models/set-tag", key, **sent)
        assert (refused["status"], refused["error_code"]) == (422, "INVALID_PARAMETER_VALUE")
    tags = [{"key": "understudy.deployment", "value": "credit"}]
    tags.append({"key": "understudy.project", "value": "bank"})
    made = await ask(registry, "POST", "registered-models/create", name="new", tags=tags)
    assert (made["status"], made["code"]) == (422, "invalid_tag")


@pytest.mark.parametrize(
    ("scope", "reach", "status"),
    [
        (Scope.READ, Reach(), 403),
        (Scope.REGISTER, Reach(), 403),
        (Scope.RELEASE, Reach(), 403),
        (Scope.DEPLOY, Reach(), 200),
        (Scope.DEPLOY, Reach(project="bank"), 200),
        (Scope.DEPLOY, Reach(deployment="credit"), 200),
        (Scope.DEPLOY, Reach(project="shop"), 409),
    ],
)
async def test_aliases_need_the_rights_of_releases(
    registry: Registry, scope: Scope, reach: Reach, status: int
) -> None:
    key = give(registry.memory, scope, reach=reach)
    assert (await set_alias(registry, "champion", 3, key))["status"] == status


async def test_who_may_only_choose_promotes_the_challenger(registry: Registry) -> None:
    await set_alias(registry, "challenger", 2)
    key = give(registry.memory, Scope.RELEASE, reach=Reach(deployment="credit"))
    assert (await set_alias(registry, "champion", 2, key))["status"] == 200


async def test_a_version_is_made_of_a_folder(registry: Registry) -> None:
    await put_model(registry)
    made = await ask(
        registry,
        "POST",
        "model-versions/create",
        name="credit",
        source="mlflow-artifacts:/run/model",
        run_id="abc",
        tags=[{"key": "k", "value": "v"}],
        description="d",
    )
    found = made["model_version"]
    assert (found["version"], found["run_id"], found["description"]) == ("7", "abc", "d")
    assert found["source"] == "mlflow-artifacts:/run/model"
    assert found["tags"] == [
        {"key": "k", "value": "v"},
        {"key": "understudy.state", "value": "pending"},
    ]
    kept = registry.memory.versions["credit", 7].draft
    assert registry.artifacts.files[kept.artifact] == b"model.skops"
    assert registry.artifacts.files[kept.reference] == b"reference.parquet"
    assert (kept.evaluation, kept.signature) == (None, SIGNATURE)
    assert actions(registry)[-1] == "version.register"


async def test_a_signature_beside_the_model_is_taken(registry: Registry) -> None:
    await put_model(registry)
    signature = {
        "features": [{"name": "age", "kind": "number"}],
        "target": {"name": "y", "task": "regression"},
    }
    await put(registry, "run/model/signature.json", json.dumps(signature).encode())
    await put(registry, "run/model/evaluation.parquet", b"evaluation")
    source = {"name": "credit", "source": "mlflow-artifacts://host:1/run/model"}
    made = await ask(registry, "POST", "model-versions/create", **source)
    assert made["status"] == 200
    kept = registry.memory.versions["credit", 7].draft
    assert kept.signature.target.name == "y"
    assert registry.artifacts.files[str(kept.evaluation)] == b"evaluation"
    await put(registry, "run/model/signature.json", b'{"features": []}')
    refused = await ask(registry, "POST", "model-versions/create", **source)
    assert (refused["status"], refused["code"]) == (422, "signature_unreadable")
    assert "signature.json" in refused["message"]


@pytest.mark.parametrize(
    ("files", "code"),
    [
        (["model.pkl", "reference.parquet", "MLmodel"], "pickled_model"),
        (["model.skops", "MLmodel"], "invalid_source"),
        (["model.skops", "reference.parquet"], "signature_unreadable"),
        (["MLmodel"], "invalid_source"),
        ([], "invalid_source"),
    ],
)
async def test_folders_that_make_no_version(
    registry: Registry, files: list[str], code: str
) -> None:
    for name in files:
        await put(registry, f"f/{name}", b"x")
    refused = await ask(
        registry, "POST", "model-versions/create", name="credit", source="mlflow-artifacts:/f"
    )
    assert (refused["status"], refused["code"]) == (422, code)
    assert len(registry.memory.versions) == 6


@pytest.mark.parametrize(
    "source",
    [
        "s3://bucket/model",
        "runs:/abc/model",
        "understudy:/artifacts/x",
        "mlflow-artifacts:/../x",
        "",
    ],
)
async def test_sources_that_lead_nowhere(registry: Registry, source: str) -> None:
    refused = await ask(registry, "POST", "model-versions/create", name="credit", source=source)
    assert refused["status"] == 422
    assert refused["error_code"] == "INVALID_PARAMETER_VALUE"


async def test_a_version_is_made_of_artifacts(registry: Registry) -> None:
    signature = {
        "features": [{"name": "age", "kind": "number"}],
        "target": {"name": "y", "task": "regression"},
    }
    tags = [
        {"key": "understudy.reference", "value": "b" * 64},
        {"key": "understudy.signature", "value": json.dumps(signature)},
    ]
    source = {"name": "credit", "source": f"understudy:/artifacts/{'a' * 64}"}
    made = await ask(registry, "POST", "model-versions/create", **source, tags=tags)
    assert made["status"] == 200
    without = await ask(registry, "POST", "model-versions/create", **source, tags=tags[1:])
    assert (without["status"], without["code"]) == (422, "invalid_source")


@pytest.mark.parametrize("member", ["run_id", "run_link", "model_id"])
async def test_where_it_comes_from_holds_no_control_character(
    registry: Registry, member: str
) -> None:
    await put_model(registry)
    sent = {"name": "credit", "source": "mlflow-artifacts:/run/model", member: "a\x00b"}
    refused = await ask(registry, "POST", "model-versions/create", **sent)
    assert (refused["status"], refused["code"]) == (422, "invalid_tag")


async def test_a_version_is_copied_for_who_may_read_it(registry: Registry) -> None:
    registry.memory.models["other"] = Model("other", "shop", "", NOON)
    source = {"name": "other", "source": "models:/credit/2"}
    made = await ask(registry, "POST", "model-versions/create", **source)
    assert made["model_version"]["version"] == "1"
    assert registry.memory.versions["other", 1].draft.artifact == draft().artifact
    key = give(registry.memory, Scope.REGISTER, Scope.READ, reach=Reach(project="shop"))
    refused = await ask(registry, "POST", "model-versions/create", key, **source)
    assert refused["status"] == 404


@pytest.mark.parametrize(
    "path", ["understudy/credit/1/x", "a/%2e%2e/b", "a//b", "%2e%2e/x", "a%00b"]
)
async def test_paths_that_nothing_is_put_at(registry: Registry, path: str) -> None:
    answer = await registry.http.put(f"{FILES}/{path}", content=b"x")
    assert answer.status_code == 422
    assert (await registry.http.get(FILES)).json() == {"files": []}


async def test_files_that_wait_are_their_owners(registry: Registry) -> None:
    mine = give(registry.memory, Scope.REGISTER)
    theirs = give(registry.memory, Scope.REGISTER, Scope.READ)
    assert await put(registry, "a/b/c", b"123", mine) == 200
    listed = await registry.http.get(FILES, params={"path": "a"}, headers=bearer(mine))
    assert listed.json() == {"files": [{"path": "b", "is_dir": True}]}
    listed = await registry.http.get(FILES, params={"path": "a/b"}, headers=bearer(mine))
    assert listed.json() == {"files": [{"path": "c", "is_dir": False, "file_size": 3}]}
    assert (await registry.http.get(f"{FILES}/a/b/c", headers=bearer(mine))).content == b"123"
    assert (await registry.http.get(f"{FILES}/a/b/c", headers=bearer(theirs))).status_code == 404
    assert (await registry.http.get(FILES, headers=bearer(theirs))).json() == {"files": []}
    await registry.http.delete(f"{FILES}/a", headers=bearer(theirs))
    await registry.http.delete(f"{FILES}/a", headers=bearer(mine))
    assert (await registry.http.get(FILES, headers=bearer(mine))).json() == {"files": []}


async def test_a_versions_files_are_read_by_who_may(registry: Registry) -> None:
    told = await ask(registry, "GET", "model-versions/get-download-uri", name="credit", version="1")
    assert told["artifact_uri"] == "mlflow-artifacts:/understudy/credit/1"
    folder = "understudy/credit/1"
    listed = (await registry.http.get(FILES, params={"path": folder})).json()["files"]
    names = [file["path"] for file in listed]
    assert names == ["MLmodel", "model.skops", "reference.parquet", "signature.json"]
    assert (await registry.http.get(f"{FILES}/{folder}/model.skops")).content == b"model"
    answer = await registry.http.get(f"{FILES}/{folder}/signature.json")
    assert answer.headers["Cache-Control"] == "private, no-store"
    signature = answer.json()
    assert signature["target"]["name"] == "defaults"
    mlmodel = (await registry.http.get(f"{FILES}/{folder}/MLmodel")).json()
    assert json.loads(mlmodel["signature"]["inputs"])[0]["name"] == "age"
    for scope, reach in ((Scope.READ, Reach(project="shop")), (Scope.REGISTER, Reach())):
        key = give(registry.memory, scope, reach=reach)
        answer = await registry.http.get(f"{FILES}/{folder}/model.skops", headers=bearer(key))
        assert answer.status_code in {403, 404}


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("", [6, 5, 4, 3, 2, 1]),
        ("name='credit'", [6, 5, 4, 3, 2, 1]),
        ("name = 'absent'", []),
        ("name = 'a\x00b'", []),
        ("name LIKE 'cr%' AND version_number > 4", [6, 5]),
        ("name ILIKE 'CRED_T'", [6, 5, 4, 3, 2, 1]),
        ("tags.`understudy.state` = 'pending'", [4]),
        ("tag.stage = 'x'", [2]),
        ("tag.stage != 'x'", []),
        ("run_id IN ('r1', 'r2')", [3]),
        ("tag.`mlflow.prompt.is_prompt` != 'true' AND version_number <= 2", [2, 1]),
    ],
)
async def test_versions_are_searched(registry: Registry, text: str, numbers: list[int]) -> None:
    registry.memory.tags["credit", 2] = {"stage": "x"}
    registry.memory.tags["credit", 3] = {"understudy.mlflow.run_id": "r1"}
    found = await ask(registry, "GET", "model-versions/search", filter=text, max_results=10_000)
    assert [int(one["version"]) for one in found.get("model_versions", [])] == numbers


@pytest.mark.parametrize(
    "text",
    [
        "name",
        "name ~ 'x'",
        "price = 1",
        "name = 'a' OR name = 'b'",
        "version_number = 'x'",
        "'",
        "a.b='c'",
    ],
)
async def test_filters_that_are_not_understood(registry: Registry, text: str) -> None:
    refused = await ask(registry, "GET", "model-versions/search", filter=text)
    assert (refused["status"], refused["error_code"]) == (422, "INVALID_PARAMETER_VALUE")


async def test_searches_come_in_pages(registry: Registry) -> None:
    seen: list[str] = []
    token = ""
    for _ in range(3):
        found = await ask(
            registry,
            "GET",
            "model-versions/search",
            max_results=2,
            order_by=["version_number ASC"],
            page_token=token,
        )
        seen += [one["version"] for one in found["model_versions"]]
        token = found.get("next_page_token", "")
    assert (seen, token) == (["1", "2", "3", "4", "5", "6"], "")
    refused = await ask(registry, "GET", "model-versions/search", page_token="nowhere")
    assert (refused["status"], refused["code"]) == (422, "invalid_cursor")
    refused = await ask(registry, "GET", "registered-models/search", order_by=["price"])
    assert (refused["status"], refused["code"]) == (422, "invalid_filter")


async def test_searches_find_what_is_within_reach(registry: Registry) -> None:
    path = "registered-models/search"
    clause = "tag.`mlflow.prompt.is_prompt` != 'true'"
    found = await ask(registry, "GET", path, filter=clause)
    assert [one["name"] for one in found["registered_models"]] == ["credit"]
    key = give(registry.memory, Scope.READ, reach=Reach(project="shop"))
    for text in (clause, "name = 'credit'"):
        assert (await ask(registry, "GET", path, key, filter=text))["registered_models"] == []


async def test_the_newest_version_is_in_no_stage(registry: Registry) -> None:
    path = "registered-models/get-latest-versions"
    found = await ask(registry, "POST", path, name="credit")
    assert [one["version"] for one in found["model_versions"]] == ["6"]
    refused = await ask(registry, "POST", path, name="credit", stages=["Production"])
    assert (refused["status"], refused["code"]) == (409, "stages_not_supported")


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("POST", "registered-models/rename", "immutable"),
        ("DELETE", "registered-models/delete", "immutable"),
        ("DELETE", "model-versions/delete", "immutable"),
        ("POST", "model-versions/transition-stage", "stages_not_supported"),
    ],
)
async def test_what_stays_as_it_is(registry: Registry, method: str, path: str, code: str) -> None:
    refused = await ask(registry, method, path, name="credit", version="1", stage="Production")
    assert (refused["status"], refused["error_code"]) == (409, "INVALID_STATE")
    assert refused["code"] == code


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/2.0/mlflow/experiments/create"),
        ("GET", "/api/2.0/mlflow/runs/get"),
        ("POST", "/api/3.0/mlflow/traces"),
        ("POST", "/api/2.0/mlflow-artifacts/mpu/create/x"),
    ],
)
async def test_it_is_no_tracking_server(registry: Registry, method: str, path: str) -> None:
    answer = await registry.http.request(method, path, json={} if method == "POST" else None)
    refused = answer.json()
    assert (answer.status_code, refused["error_code"]) == (501, "NOT_IMPLEMENTED")
    assert "not a tracking server" in refused["message"]


async def test_another_method_than_a_path_takes(registry: Registry) -> None:
    answer = await registry.http.put("/api/2.0/mlflow/registered-models/search")
    assert answer.status_code == 405
    assert answer.json()["error_code"] == "ENDPOINT_NOT_FOUND"


async def test_clients_are_told_what_the_server_can_do(registry: Registry) -> None:
    told = (await registry.http.get("/api/3.0/mlflow/server-info")).json()
    assert told["workspaces_enabled"] is False
    assert told["multipart_uploads_enabled"] is False


async def test_a_version_that_is_asked_for_again_is_made_once(registry: Registry) -> None:
    """The client gives up waiting after two minutes, and sends the same once more."""
    await put_model(registry)
    asked = {"name": "credit", "source": "mlflow-artifacts:/run/model", "run_id": "r1"}
    made = [await ask(registry, "POST", "model-versions/create", **asked) for _ in range(2)]
    assert [one["model_version"]["version"] for one in made] == ["7", "7"]
    assert actions(registry).count("version.register") == 1
    other = await ask(registry, "POST", "model-versions/create", **{**asked, "run_id": "r2"})
    assert other["model_version"]["version"] == "8"
    assert await put(registry, "run/model/model.skops", b"trained again") == 200
    anew = await ask(registry, "POST", "model-versions/create", **asked)
    assert anew["model_version"]["version"] == "9"


async def test_a_version_that_is_asked_for_twice_at_once_is_made_once(registry: Registry) -> None:
    await put_model(registry)
    asked = {"name": "credit", "source": "mlflow-artifacts:/run/model"}
    made: list[str] = []

    async def create() -> None:
        answer = await ask(registry, "POST", "model-versions/create", **asked)
        made.append(answer["model_version"]["version"])

    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(create)
    assert made == ["7", "7", "7"]


async def test_a_search_looks_at_so_much_and_no_more(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mlflow_catalogue, "_MOST", 3)
    first = await ask(registry, "GET", "model-versions/search", max_results=2)
    assert [one["version"] for one in first["model_versions"]] == ["6", "5"]
    for sent in ({"order_by": ["version_number ASC"]}, {"filter": "tags.team = 'a'"}):
        refused = await ask(registry, "GET", "model-versions/search", **sent)
        assert (refused["status"], refused["code"]) == (422, "search_too_wide")
        assert refused["error_code"] == "INVALID_PARAMETER_VALUE"
    narrow = await ask(registry, "GET", "model-versions/search", filter="name LIKE 'basket%'")
    assert narrow["model_versions"] == []
