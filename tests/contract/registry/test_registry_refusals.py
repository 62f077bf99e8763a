"""Each bad request has a status, a code and a text that names the field and the fix."""

import pytest

from .conftest import Registry

pytestmark = pytest.mark.anyio

VERSION = {
    "artifact": "a" * 64,
    "reference": "b" * 64,
    "signature": {
        "features": [{"name": "age", "kind": "integer"}],
        "target": {"name": "y", "task": "regression"},
    },
}
RELEASES = "/v1/deployments/credit/releases"


def version(**members: object) -> dict[str, object]:
    return {**VERSION, **members}


def feature(**members: object) -> dict[str, object]:
    target = {"name": "y", "task": "regression"}
    return version(signature={"features": [{"name": "age", **members}], "target": target})


@pytest.mark.parametrize(
    ("path", "body", "status", "code", "pointer", "words"),
    [
        ("/v1/projects", {"name": "Bank"}, 422, "invalid", "/name", "pattern"),
        ("/v1/projects", {}, 422, "invalid", "/name", "required"),
        ("/v1/projects", {"name": "x", "y": 1}, 422, "invalid", "/y", "not permitted"),
        ("/v1/projects", {"name": "bank"}, 409, "name_taken", None, "'bank' already"),
        ("/v1/projects", [], 422, "invalid", "", "dictionary"),
        ("/v1/models", {"name": "m", "project": "no"}, 422, "unknown_reference", "/project", "no"),
        (
            "/v1/models/credit/versions",
            feature(kind="colour"),
            422,
            "invalid",
            "/signature/features/0/kind",
            "number",
        ),
        (
            "/v1/models/credit/versions",
            feature(kind="number", minimum=3, maximum=2),
            422,
            "invalid",
            "/signature/features/0",
            "minimum is above maximum",
        ),
        (
            "/v1/models/credit/versions",
            version(artifact="f" * 64),
            422,
            "unknown_reference",
            "/artifact",
            "PUT /v1/artifacts/ffff",
        ),
        (
            "/v1/models/credit/versions",
            version(reference="f" * 64),
            422,
            "unknown_reference",
            "/reference",
            "PUT",
        ),
        ("/v1/models/none/versions", VERSION, 404, "not_found", None, "'none'"),
        (
            "/v1/models/credit/versions/1/decision",
            {"decision": "ignore"},
            409,
            "already_decided",
            None,
            "final",
        ),
        (
            "/v1/models/credit/versions/4/decision",
            {"decision": "keep"},
            422,
            "invalid",
            "/decision",
            "persist",
        ),
        (
            "/v1/models/credit/versions/9/decision",
            {"decision": "deploy"},
            404,
            "not_found",
            None,
            "credit/9",
        ),
        (
            "/v1/deployments",
            {"name": "credit", "model": "credit", "main": 1},
            409,
            "name_taken",
            None,
            "already",
        ),
        (
            "/v1/deployments",
            {"name": "d", "model": "none", "main": 1},
            422,
            "unknown_reference",
            "/model",
            "'none'",
        ),
        (
            "/v1/deployments",
            {"name": "d", "model": "credit", "main": 9},
            422,
            "unknown_reference",
            "/main",
            "no version 9",
        ),
        (
            "/v1/deployments",
            {"name": "d", "model": "credit", "main": 4},
            409,
            "version_not_usable",
            "/main",
            "is pending",
        ),
        (
            "/v1/deployments",
            {"name": "d", "model": "credit", "main": 1, "challengers": [2, 5]},
            409,
            "version_not_usable",
            "/challengers/1",
            "is ignored",
        ),
        (
            "/v1/deployments",
            {"name": "d", "model": "credit", "main": 1, "challengers": [1]},
            422,
            "invalid_command",
            "/challengers",
            "at once",
        ),
        ("/v1/deployments/none/releases", {"kind": "swap"}, 404, "not_found", None, "'none'"),
        (
            RELEASES,
            {"kind": "promote", "version": 5},
            409,
            "version_not_usable",
            "/version",
            "is ignored",
        ),
        (
            RELEASES,
            {"kind": "promote", "version": 4},
            409,
            "version_not_usable",
            "/version",
            "is pending",
        ),
        (
            RELEASES,
            {"kind": "promote", "version": 2},
            409,
            "not_a_challenger",
            "/version",
            "no challenger",
        ),
        (
            RELEASES,
            {"kind": "challenge", "version": 9},
            422,
            "unknown_reference",
            "/version",
            "no version 9",
        ),
        (RELEASES, {"kind": "promote"}, 422, "invalid_command", "/version", "Name the version"),
        (RELEASES, {"kind": "rollback"}, 409, "nothing_to_roll_back", None, "no earlier setting"),
        (RELEASES, {"kind": "swap"}, 409, "not_a_challenger", None, "no challenger"),
        (
            RELEASES,
            {"kind": "deploy", "version": 2, "expected_release": 7},
            409,
            "stale_release",
            "/expected_release",
            "current release is 1",
        ),
        ("/v1/keys", {"name": "k", "scopes": []}, 422, "invalid", "/scopes", "at least 1"),
        ("/v1/keys", {"name": "k", "scopes": ["root"]}, 422, "invalid", "/scopes/0", "predict"),
        (
            "/v1/keys",
            {"name": "k", "scopes": ["read"], "deployment": "none"},
            422,
            "unknown_reference",
            "/deployment",
            "'none'",
        ),
        (
            "/v1/keys",
            {"name": "k", "scopes": ["read"], "deployment": "credit", "project": "shop"},
            422,
            "invalid_key_request",
            "/project",
            "another project",
        ),
        (
            "/v1/keys",
            {"name": "k", "scopes": ["follow"], "project": "bank"},
            422,
            "invalid_key_request",
            "/scopes",
            "whole installation",
        ),
        (
            "/v1/keys",
            {"name": "k", "scopes": ["read"], "expires_at": "2020-01-01T00:00:00Z"},
            422,
            "invalid_key_request",
            "/expires_at",
            "expired already",
        ),
    ],
)
async def test_a_bad_request_is_told_what_is_wrong(
    *,
    registry: Registry,
    path: str,
    body: object,
    status: int,
    code: str,
    pointer: str | None,
    words: str,
) -> None:
    before = registry.memory.sequence
    answer = await registry.http.post(path, json=body)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (status, code)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert words in problem["detail"]
    assert [error["pointer"] for error in problem.get("errors", ())][:1] == (
        [] if pointer is None else [pointer]
    )
    assert registry.memory.sequence == before


@pytest.mark.parametrize(
    ("content", "media", "status", "code"),
    [
        (b'{"name": ', "application/json", 400, "malformed_request"),
        (b"", "application/json", 422, "invalid"),
        (b'{"name": "x"}', "text/plain", 415, "media_type"),
        (b'{"name": "x"}', None, 415, "media_type"),
        (b"[" * 90_000, "application/json", 400, "malformed_request"),
        (b"\xff", "application/json", 400, "malformed_request"),
        (b'{"name": "x", "description": "%s"}' % (b"x" * 5000), "application/json", 422, "invalid"),
        (b'{"name": "%s"}' % (b"x" * 200_000), "application/json", 413, "too_large"),
    ],
)
async def test_a_body_that_cannot_be_read(
    registry: Registry, content: bytes, media: str | None, status: int, code: str
) -> None:
    headers = {"Content-Type": media} if media else {}
    answer = await registry.http.post("/v1/projects", content=content, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
async def test_numbers_are_finite(registry: Registry, number: str) -> None:
    content = f'{{"metrics": {{"auc": {number}}}}}'
    answer = await registry.http.post(
        "/v1/models/credit/versions", content=content, headers={"Content-Type": "application/json"}
    )
    pointers = [error["pointer"] for error in answer.json()["errors"]]
    assert (answer.status_code, "/metrics/auc" in pointers) == (422, True)


@pytest.mark.parametrize(
    ("path", "pointer"),
    [
        ("/v1/audit?limit=0", "/query/limit"),
        ("/v1/audit?limit=x", "/query/limit"),
        ("/v1/audit?cursor=x", "/query/cursor"),
        ("/v1/snapshot?wait=-1", "/query/wait"),
        ("/v1/snapshot?wait=nan", "/query/wait"),
        ("/v1/models/Credit", "/path/model"),
        ("/v1/models/credit/versions/0", "/path/version"),
        ("/v1/models/credit/versions/99999999999", "/path/version"),
        ("/v1/artifacts/abc", "/path/sha256"),
    ],
)
async def test_a_bad_address_is_told_what_is_wrong(
    registry: Registry, path: str, pointer: str
) -> None:
    answer = await registry.http.get(path)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == pointer


async def test_a_wrong_method_is_told(registry: Registry) -> None:
    answer = await registry.http.put("/v1/projects", json={})
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")


async def test_keys_of_the_installation_are_not_revoked(registry: Registry) -> None:
    answer = await registry.http.delete("/v1/keys/admin0001")
    assert (answer.status_code, answer.json()["code"]) == (409, "installation_key")
    assert (await registry.http.delete("/v1/keys/absent01")).status_code == 404


async def test_other_bytes_are_not_stored(registry: Registry) -> None:
    answer = await registry.http.put(f"/v1/artifacts/{'c' * 64}", content=b"x")
    assert (answer.status_code, answer.json()["code"]) == (422, "digest_mismatch")
    assert (await registry.http.head(f"/v1/artifacts/{'c' * 64}")).status_code == 404
