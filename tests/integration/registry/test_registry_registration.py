"""Files as people send them, good and bad, to a real registry over real HTTP."""

from pathlib import Path

import pytest
import skops.io

from .conftest import Files, RegistryProcess, digest_of, make_model, register, upload


def stored(registry: RegistryProcess) -> set[str]:
    folder: Path = registry.folder / "var" / "registry" / "artifacts"
    return {held.name for held in folder.rglob("*") if held.is_file()}


def test_a_skops_model_is_registered_and_its_file_comes_back(
    registry_process: RegistryProcess, files: Files
) -> None:
    with registry_process.client() as client:
        make_model(client, "good")
        answer = register(client, files.model, files.sample, "good")
        assert answer.status_code == 201, answer.text
        assert answer.json()["state"] == "pending"
        assert answer.json()["version"] == 1
        digest = digest_of(files.model)
        assert client.get(f"/v1/artifacts/{digest}").content == files.model


@pytest.mark.parametrize(
    ("artifact", "sample", "code", "words"),
    [
        ("pickled", "sample", "artifact_is_pickle", "to read it is to run"),
        ("joblib_like", "sample", "artifact_is_pickle", "skops.io.dump"),
        ("foreign_zip", "sample", "artifact_not_skops", "no schema.json"),
        ("broken_schema", "sample", "artifact_archive_unsafe", "schema is no JSON"),
        ("bomb", "sample", "artifact_archive_unsafe", "schema has more than"),
        ("custom", "sample", "artifact_types_not_trusted", "not trusted"),
        ("model", "sample_without_age", "reference_invalid", "column 'age' is missing"),
        ("model", "sample_of_words", "reference_invalid", "'age' is"),
        ("model", "empty_sample", "reference_invalid", "no rows"),
        ("model", "model", "reference_invalid", "can't be read as Parquet"),
    ],
)
def test_what_no_version_may_be_made_of(
    *,
    small_registry: RegistryProcess,
    files: Files,
    artifact: str,
    sample: str,
    code: str,
    words: str,
) -> None:
    with small_registry.client() as client:
        answer = register(client, getattr(files, artifact), getattr(files, sample))
        problem = answer.json()
        assert (answer.status_code, problem["code"]) == (422, code)
        assert words in problem["detail"]
        assert client.get("/v1/models/credit").json()["versions"] == 0


@pytest.fixture(scope="module")
def small_registry(tmp_path_factory: pytest.TempPathFactory) -> object:
    settings = {
        "UNDERSTUDY_INSPECTION_MEMORY_BYTES": "1000000000",
        "UNDERSTUDY_ARTIFACT_LIMIT_BYTES": "2000000",
    }
    registry = RegistryProcess(tmp_path_factory.mktemp("small"), settings=settings)
    registry.start()
    with registry.client() as client:
        make_model(client)
    yield registry
    registry.end()


def test_tampered_bytes_are_refused_and_leave_nothing(
    registry_process: RegistryProcess, files: Files
) -> None:
    tampered = bytearray(files.custom)
    tampered[100] ^= 1
    digest, before = digest_of(files.custom), stored(registry_process)
    with registry_process.client() as client:
        answer = client.put(f"/v1/artifacts/{digest}", content=bytes(tampered))
        assert (answer.status_code, answer.json()["code"]) == (422, "digest_mismatch")
        assert client.head(f"/v1/artifacts/{digest}").status_code == 404
    assert stored(registry_process) == before


def test_an_upload_that_breaks_off_leaves_nothing(registry_process: RegistryProcess) -> None:
    def half() -> object:
        yield b"x" * 3_000_000
        raise ConnectionAbortedError

    before = stored(registry_process)
    with registry_process.client() as client, pytest.raises(ConnectionAbortedError):
        client.put(f"/v1/artifacts/{'a' * 64}", content=half())  # type: ignore[arg-type]
    with registry_process.client() as client:
        assert client.get("/v1/projects").status_code == 200
    assert stored(registry_process) == before


def test_a_file_that_is_too_large_is_refused(small_registry: RegistryProcess) -> None:
    content = b"x" * 2_000_001
    with small_registry.client() as client:
        answer = client.put(f"/v1/artifacts/{digest_of(content)}", content=content)
        assert (answer.status_code, answer.json()["code"]) == (413, "artifact_too_large")
        upload(client, content[:-1])
    assert digest_of(content) not in stored(small_registry)


def test_types_on_the_trust_list_are_taken(tmp_path: Path, files: Files) -> None:
    named = skops.io.get_untrusted_types(data=files.custom)
    registry = RegistryProcess(tmp_path, settings={"UNDERSTUDY_TRUSTED_TYPES": ", ".join(named)})
    registry.start()
    with registry.client() as client:
        make_model(client)
        assert register(client, files.custom, files.sample).status_code == 201
        assert client.get("/v1/snapshot").json()["trusted_types"] == named
    registry.end()
