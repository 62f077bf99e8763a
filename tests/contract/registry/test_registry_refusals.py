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
JSON = "application/json"
RELEASES = "/v1/deployments/credit/releases"


def configure(**guards: object) -> dict[str, object]:
    return {"kind": "configure", "policy": {"guards": guards}}


def low(below: object) -> dict[str, object]:
    return configure(low_confidence={"below": below, "rule": {"action": "flag"}})


def version(**members: object) -> dict[str, object]:
    return {**VERSION, **members}


def feature(**members: object) -> dict[str, object]:
    target = {"name": "y", "task": "regression"}
    return version(signature={"features": [{"name": "age", **members}], "target": target})


@pytest.mark.parametrize(
    ("path", "body", "status", "code", "pointer", "words"),
    [
        ("/v1/projects", {"name": "Bank"}, 422, "invalid", "/name", "beginning and ending"),
        ("/v1/projects", {}, 422, "invalid", "/name", "required"),
        ("/v1/projects", {"name": "x", "y": 1}, 422, "invalid", "/y", "not known here"),
        (
            "/v1/projects",
            {"name": "x", "description": "a\x1b[2J"},
            422,
            "invalid",
            "/description",
            "control character U+001B at 1",
        ),
        ("/v1/keys", {"name": "a\nb", "scopes": ["read"]}, 422, "invalid", "/name", "U+000A"),
        (
            "/v1/deployments",
            {"name": "d", "model": "credit", "main": True},
            422,
            "invalid",
            "/main",
            "whole number",
        ),
        (
            "/v1/deployments",
            {"name": "d", "model": "credit", "main": 1, "challengers": [2**31]},
            422,
            "invalid",
            "/challengers/0",
            "at most 2147483647",
        ),
        (RELEASES, {"kind": "rollback", "release": 2**70}, 422, "invalid", "/release", "at most"),
        (
            RELEASES,
            {"kind": "swap", "expected_release": "1"},
            422,
            "invalid",
            "/expected_release",
            "whole number",
        ),
        (
            "/v1/followers",
            {"instance": "w", "component": "serving", "releases": {"credit": -1}},
            422,
            "invalid",
            "/releases/credit",
            "at least 0",
        ),
        (
            "/v1/followers",
            {"instance": "w", "component": "serving", "releases": {"credit": 2**31}},
            422,
            "invalid",
            "/releases/credit",
            "at most",
        ),
        ("/v1/projects", {"name": "bank"}, 409, "name_taken", None, "'bank' already"),
        ("/v1/projects", [], 422, "invalid", "", "the body must be a JSON object"),
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
        (RELEASES, {"kind": "configure"}, 422, "invalid_command", "/policy", "whole"),
        (
            RELEASES,
            {"kind": "swap", "policy": {}},
            422,
            "invalid_command",
            "/policy",
            "Only 'configure'",
        ),
        (RELEASES, configure(), 409, "nothing_changes", None, "policy already"),
        (RELEASES, configure(odd={}), 422, "invalid", "/policy/guards/odd", "not known here"),
        (
            RELEASES,
            configure(out_of_range={"action": "flag", "answer": "no"}),
            422,
            "invalid",
            "/policy/guards/out_of_range",
            "an override has an answer",
        ),
        (
            RELEASES,
            configure(out_of_range={"action": "override", "answer": "maybe"}),
            422,
            "invalid_policy",
            "/policy/guards/out_of_range/answer",
            "must be one of the signature's classes: 'no', 'yes'",
        ),
        (
            RELEASES,
            configure(unseen_category={"action": "flag"}),
            422,
            "invalid_policy",
            "/policy/guards/unseen_category",
            "can never apply",
        ),
        (RELEASES, low(1.5), 422, "invalid", "/policy/guards/low_confidence", "up to 1"),
        (RELEASES, low("x"), 422, "invalid", "/policy/guards/low_confidence/below", "a number"),
        (
            "/v1/deployments",
            {"name": "d", "model": "credit", "main": 1, "policy": low(0.4)["policy"]},
            422,
            "invalid_policy",
            "/policy/guards/low_confidence/below",
            "never below 0.5",
        ),
        ("/v1/keys", {"name": "k", "scopes": []}, 422, "invalid", "/scopes", "hold at least one"),
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
    ("content", "media", "status", "code", "words"),
    [
        (b'{"name": ', JSON, 400, "malformed_request", "The body is not JSON"),
        (b"", JSON, 422, "invalid", "the body is empty; send a JSON object"),
        (b'{"name": "x"}', "text/plain", 415, "media_type", "Send JSON"),
        (b'{"name": "x"}', None, 415, "media_type", "Send JSON"),
        (b"[" * 90_000, JSON, 400, "malformed_request", "The body is not JSON"),
        (b"\xff", JSON, 400, "malformed_request", "The body is not JSON"),
        (b'{"name": "x", "name": "y"}', JSON, 400, "malformed_request", "/name stands more than"),
        (b'{"a": [{"b": 1, "b": 1}]}', JSON, 400, "malformed_request", "/a/0/b stands more than"),
        (b'{"description": "%s"}' % (b"x" * 5000), JSON, 422, "invalid", "at most 4000 characters"),
        (b'{"name": "%s"}' % (b"x" * 200_000), JSON, 413, "too_large", "at most"),
    ],
)
async def test_a_body_that_cannot_be_read(
    *, registry: Registry, content: bytes, media: str | None, status: int, code: str, words: str
) -> None:
    headers = {"Content-Type": media} if media else {}
    answer = await registry.http.post("/v1/projects", content=content, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert words in answer.json()["detail"]


@pytest.mark.parametrize("path", ["/livez", "/v1/projects", "/v1/nothing", "/v1/audit?limit=0"])
async def test_every_answer_has_the_headers(registry: Registry, path: str) -> None:
    answer = await registry.http.get(path, headers={"X-Request-ID": "mine"})
    assert answer.headers["x-request-id"] == "mine"
    assert answer.headers["server-timing"].startswith("app;dur=")


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
    assert answer.headers["Allow"] == "GET, POST"
    unlisted = await registry.http.put("/v1/openapi.json")
    assert (unlisted.status_code, unlisted.headers["Allow"]) == (405, "GET")
    known = await registry.http.put("/api/2.0/mlflow/model-versions/get")
    assert (known.status_code, known.headers["Allow"]) == (405, "GET")


async def test_lines_and_tabs_are_texts(registry: Registry) -> None:
    body = {"name": "notes", "description": "a\n\tb"}
    answer = await registry.http.post("/v1/projects", json=body)
    assert (answer.status_code, answer.json()["description"]) == (201, "a\n\tb")


async def test_a_slash_too_many_leads_nowhere(registry: Registry) -> None:
    assert (await registry.http.get("/v1/projects/")).status_code == 404


async def test_keys_of_the_installation_are_not_revoked(registry: Registry) -> None:
    answer = await registry.http.delete("/v1/keys/admin0001")
    assert (answer.status_code, answer.json()["code"]) == (409, "installation_key")
    assert (await registry.http.delete("/v1/keys/absent01")).status_code == 404


async def test_other_bytes_are_not_stored(registry: Registry) -> None:
    answer = await registry.http.put(f"/v1/artifacts/{'c' * 64}", content=b"x")
    assert (answer.status_code, answer.json()["code"]) == (422, "digest_mismatch")
    assert (await registry.http.head(f"/v1/artifacts/{'c' * 64}")).status_code == 404
