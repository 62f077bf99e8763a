import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.conftest import free_port
from tests.fakes.registry_bodies import SIGNATURE, version
from tests.fakes.scripted_http import Script, scripted_server
from understudy.client import ProblemError, RegistryClient, UnreachableError
from understudy.client.errors import JobUnfinishedError, UnexpectedAnswerError
from understudy.contracts.registry import (
    JobView,
    Page,
    ProjectView,
    ReleaseRequest,
    ReleaseView,
    VersionRequest,
)
from understudy.contracts.vocabulary import JobState, ReleaseKind, VersionState

NOW = datetime(2026, 1, 1, tzinfo=UTC)
EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def project(name: str) -> ProjectView:
    return ProjectView(name=name, created_at=NOW)


@pytest.fixture
def server() -> Iterator[Script]:
    with scripted_server() as script:
        yield script


@pytest.fixture
def registry(server: Script) -> Iterator[RegistryClient]:
    with RegistryClient(server.url, "us_key") as client:
        yield client


def test_the_key_travels_as_bearer(server: Script, registry: RegistryClient) -> None:
    server.on("POST", "/v1/projects", project("lending"), 201)
    assert registry.create_project("lending").name == "lending"
    assert server.asked[0].headers["Authorization"] == "Bearer us_key"
    assert server.asked[0].json == {"name": "lending", "description": ""}


def test_lists_run_over_all_pages(server: Script, registry: RegistryClient) -> None:
    server.on("GET", "/v1/projects", Page(items=(project("a"), project("b")), next_cursor="2"))
    server.on("GET", "/v1/projects", Page(items=(project("c"),)))
    assert [found.name for found in registry.projects()] == ["a", "b", "c"]
    assert [asked.query.get("cursor") for asked in server.asked] == [None, "2"]


def test_what_a_newer_registry_says_beside_is_passed_over(
    server: Script, registry: RegistryClient
) -> None:
    told = {**project("lending").model_dump(mode="json"), "mood": "calm"}
    server.on("POST", "/v1/projects", told, 201)
    assert registry.create_project("lending") == project("lending")


def test_the_trail_stops_at_its_limit(server: Script, registry: RegistryClient) -> None:
    server.on("GET", "/v1/audit", {"items": [], "next_cursor": None})
    assert registry.audit(limit=7) == ()
    assert server.asked[0].query["limit"] == "7"


def test_an_artifact_is_streamed_once(
    server: Script, registry: RegistryClient, tmp_path: Path
) -> None:
    file = tmp_path / "model.skops"
    file.write_bytes(b"x" * 600_000)
    server.on("HEAD", "/v1/artifacts/" + _digest(file), status=404)
    server.on("PUT", "/v1/artifacts/" + _digest(file), status=201)
    seen: list[int] = []
    digest = registry.upload_artifact(file, lambda sent, _total: seen.append(sent))
    assert digest == _digest(file)
    assert server.sent("PUT")[0].body == file.read_bytes()
    assert seen == [262_144, 524_288, 600_000]


def test_an_artifact_that_is_there_is_not_sent(
    server: Script, registry: RegistryClient, tmp_path: Path
) -> None:
    file = tmp_path / "empty"
    file.touch()
    server.on("HEAD", "/v1/artifacts/" + EMPTY_SHA256)
    assert registry.upload_artifact(file) == EMPTY_SHA256
    assert server.sent("PUT") == []


def test_a_refusal_names_its_fields(server: Script, registry: RegistryClient) -> None:
    server.problem("POST", "/v1/projects", 422, "One field is wrong.", {"/name": "too long"})
    with pytest.raises(ProblemError, match=r"One field is wrong\.\n  /name: too long") as caught:
        registry.create_project("lending")
    assert (caught.value.status, caught.value.code) == (422, "refused")


def test_a_failure_without_problem_body_tells_its_status(
    server: Script, registry: RegistryClient
) -> None:
    server.on("GET", "/v1/models/risk", "<html>bad gateway</html>", 502)
    with pytest.raises(ProblemError, match="502 Bad Gateway"):
        registry.model("risk")


def test_another_programs_answer_is_told_apart(server: Script, registry: RegistryClient) -> None:
    server.on("GET", "/v1/models/risk", "<html>hello</html>")
    with pytest.raises(UnexpectedAnswerError, match="not that of the registry"):
        registry.model("risk")


@pytest.mark.parametrize(
    "content",
    [
        "<html>nothing here</html>",
        {"title": "Not found", "status": 404, "detail": "Not Found", "code": "not_found"},
    ],
)
def test_another_services_refusal_is_told_apart(
    server: Script, registry: RegistryClient, content: str | dict[str, object]
) -> None:
    server.on("GET", "/v1/models/risk", content, 404)
    with pytest.raises(UnexpectedAnswerError, match=r"Is that the registry.*--registry-url"):
        registry.model("risk")


def test_a_read_is_tried_again_when_the_connection_breaks(
    server: Script, registry: RegistryClient
) -> None:
    server.hang_up("GET", "/v1/projects")
    server.on("GET", "/v1/projects", Page(items=(project("a"),)))
    assert [found.name for found in registry.projects()] == ["a"]


def test_a_write_is_tried_again_under_the_same_idempotency_key(
    server: Script, registry: RegistryClient
) -> None:
    server.hang_up("POST", "/v1/projects")
    server.on("POST", "/v1/projects", project("a"), 201)
    assert registry.create_project("a").name == "a"
    first, second = (asked.headers["Idempotency-Key"] for asked in server.asked)
    assert first == second
    server.on("POST", "/v1/projects", project("b"), 201)
    registry.create_project("b")
    assert server.asked[-1].headers["Idempotency-Key"] != first


def test_there_is_an_end_to_trying(server: Script, registry: RegistryClient) -> None:
    server.hang_up("POST", "/v1/deployments/risk/releases")
    with pytest.raises(UnreachableError):
        registry.release("risk", ReleaseRequest(kind=ReleaseKind.SWAP))
    assert len(server.asked) == 3


def test_a_write_without_such_a_key_is_never_tried_again(
    server: Script, registry: RegistryClient
) -> None:
    server.hang_up("DELETE", "/v1/keys/abcdefgh")
    with pytest.raises(UnreachableError):
        registry.revoke_key("abcdefgh")
    assert len(server.asked) == 1


REQUEST = VersionRequest(artifact="a" * 64, reference="b" * 64, signature=SIGNATURE)


def job(**changes: object) -> JobView:
    told = {"state": JobState.RUNNING, "step": "looking", "progress": 0.5, **changes}
    return JobView.model_validate(
        {
            "id": "0" * 12 + "-" + "1" * 16,
            "kind": "version.register",
            "project": "bank",
            "owner": "ann",
            "created_at": NOW,
            **told,
        }
    )


def test_a_version_is_registered_by_a_job(server: Script, registry: RegistryClient) -> None:
    place, told = "/v1/models/risk/versions", list[str]()
    done = {"state": JobState.SUCCEEDED, "ended_at": NOW, "result": {"location": f"{place}/1"}}
    server.on("POST", place, job(), 202)
    server.on("GET", f"/v1/jobs/{job().id}", job(step="compiling"))
    server.on("GET", f"/v1/jobs/{job().id}", job(**done))
    server.on("GET", f"{place}/1", version(1, VersionState.PENDING))
    made = registry.register("risk", REQUEST, lambda held: told.append(held.step))
    assert made.version == 1
    assert told == ["looking", "compiling"]
    assert server.asked[0].headers["Prefer"] == "respond-async"


def test_a_job_that_failed_is_a_refusal(server: Script, registry: RegistryClient) -> None:
    problem = {"code": "artifact_not_skops", "status": 422, "detail": "No skops.", "errors": []}
    failed = job(state=JobState.FAILED, ended_at=NOW, problem=problem)
    server.on("POST", "/v1/models/risk/versions", failed, 202)
    with pytest.raises(ProblemError, match="No skops") as refused:
        registry.register("risk", REQUEST)
    assert (refused.value.status, refused.value.code) == (422, "artifact_not_skops")


def test_a_job_may_take_too_long(server: Script, registry: RegistryClient) -> None:
    server.on("GET", f"/v1/jobs/{job().id}", job())
    with pytest.raises(JobUnfinishedError, match="understudy jobs"):
        registry.await_job(job(), 0.0)


def test_a_release_is_read_back(server: Script, registry: RegistryClient) -> None:
    release = ReleaseView(
        deployment="risk",
        release=2,
        kind=ReleaseKind.PROMOTE,
        main=2,
        challengers=(1,),
        released_at=NOW,
        released_by="admin",
        reason="",
    )
    server.on("POST", "/v1/deployments/risk/releases", release, 201)
    change = ReleaseRequest(kind=ReleaseKind.PROMOTE, version=2, expected_release=1)
    assert registry.release("risk", change) == release


def test_silence_names_the_address_and_what_to_do() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with RegistryClient(url, "us_key") as client, pytest.raises(UnreachableError) as caught:
        client.keys()
    assert url in str(caught.value)
    assert "understudy up" in str(caught.value)
    assert "UNDERSTUDY_REGISTRY_URL" in str(caught.value)


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
