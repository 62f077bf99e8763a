"""A registry process and files that are made to do harm: each is refused, and none gets to run."""

import functools
import io
import json
import operator
import os
import pickle
import socket
import sqlite3
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import joblib
import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from tests.integration.registry.conftest import (
    Files,
    RegistryProcess,
    digest_of,
    make_model,
    register,
    upload,
)

pytestmark = pytest.mark.slow

TREE = "sklearn.tree._tree.Tree"
LIMIT = 4_000_000
FEATURES = ["age", "income"]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryProcess]:
    settings = {"UNDERSTUDY_ARTIFACT_LIMIT_BYTES": str(LIMIT), "UNDERSTUDY_REGISTRY_REVIEW": "0"}
    registry = RegistryProcess(tmp_path_factory.mktemp("guarded"), settings=settings)
    registry.start()
    with registry.client() as client:
        make_model(client)
        client.post("/v1/projects", json={"name": "lab"})
        client.post("/v1/models", json={"name": "trial", "project": "lab"})
        answer = client.put(
            "/v1/projects/lab/gate",
            content=b"pickle: true\n",
            headers={"Content-Type": "application/yaml"},
            params={"reason": "old models of ours"},
        )
        assert answer.is_success, answer.text
    yield registry
    registry.end()


class Calls:
    """Has something called when it is unpickled."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.called = function, arguments

    def __reduce__(self) -> Any:
        return self.called


def by_names(module: str, name: str, argument: str) -> bytes:
    """STACK_GLOBAL with names that are put together on the way: no such text is in the file."""
    first, second = name[:2].encode(), name[2:].encode()
    joined = b"coperator\nconcat\n(V" + first + b"\nV" + second + b"\ntR"
    return (
        b"\x80\x04V" + module.encode() + b"\n" + joined + b"\x93(V" + argument.encode() + b"\ntR."
    )


def pickles(marker: Path, port: int) -> dict[str, bytes]:
    touch = f"touch {marker}"
    code = f"open({str(marker)!r}, 'w').write('x')"
    reach = f"__import__('socket').create_connection(('127.0.0.1', {port}))"
    chain = Calls(functools.partial(eval), code)
    compressed = io.BytesIO()
    joblib.dump([Calls(os.system, touch), np.arange(10)], compressed, compress=("gzip", 3))
    return {
        "os.system": pickle.dumps(Calls(os.system, touch)),
        "protocol 0": pickle.dumps(Calls(os.system, touch), 0),
        "exec": pickle.dumps(Calls(exec, code)),
        "builtins.eval": pickle.dumps(Calls(eval, code)),
        "a connection": pickle.dumps(Calls(eval, reach)),
        "functools": pickle.dumps(chain),
        "operator": pickle.dumps(Calls(operator.methodcaller("__call__", touch), os.system)),
        "put together": by_names("posix", "system", touch),
        "joblib": compressed.getvalue(),
    }


def archived(name: str, content: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("schema.json", b'{"protocol": 2}')
        archive.writestr(name, content)
    return out.getvalue()


def of_schema(**root: Any) -> bytes:
    out = io.BytesIO()
    text = {"__class__": "str", "__module__": "builtins", "__loader__": "JsonNode"}
    arguments = {
        "__class__": "tuple",
        "__module__": "builtins",
        "__loader__": "TupleNode",
        "content": [{**text, "content": json.dumps("touch /tmp/x"), "is_json": True}],
    }
    with zipfile.ZipFile(out, "w") as archive:
        schema = {"content": arguments, "attrs": arguments, **root, "protocol": 2}
        archive.writestr("schema.json", json.dumps(schema))
    return out.getvalue()


def named(module: str, name: str, loader: str) -> bytes:
    return of_schema(__class__=name, __module__=module, __loader__=loader)


SCHEMAS = {
    "os.system": lambda: named("os", "system", "FunctionNode"),
    "called os.system": lambda: named("os", "system", "ConstructorFromReduceNode"),
    "builtins.eval": lambda: named("builtins", "eval", "TypeNode"),
    "called as a list": lambda: named("builtins", "eval", "ListNode"),
    "operator.methodcaller": lambda: named("operator", "methodcaller", "OperatorFuncNode"),
    "types.FunctionType": lambda: named("types", "FunctionType", "ConstructorFromReduceNode"),
    "subprocess.Popen": lambda: named("subprocess", "Popen", "ObjectNode"),
    "an older protocol": lambda: of_schema(
        __class__="str",
        __module__="builtins",
        __loader__="FunctionNode",
        content={"module_path": "os", "function": "system"},
    ),
}


def test_pickles_are_refused_and_do_not_run(guarded: RegistryProcess, files: Files) -> None:
    marker = guarded.folder / "marker"
    with socket.create_server(("127.0.0.1", 0)) as server, guarded.client() as client:
        server.settimeout(0.1)
        for name, content in pickles(marker, server.getsockname()[1]).items():
            refused(client, files, content, "artifact_is_pickle", name)
        objects = io.BytesIO()
        np.save(objects, np.array([Calls(os.system, f"touch {marker}")]), allow_pickle=True)
        for inside, member in (
            (pickle.dumps(Calls(os.system, f"touch {marker}")), "model.pkl"),
            (pickle.dumps(Calls(os.system, f"touch {marker}")), "1.npy"),
            (objects.getvalue(), "1.npy"),
        ):
            refused(client, files, archived(member, inside), "artifact_archive_unsafe", member)
        with pytest.raises(TimeoutError):
            server.accept()
    assert not marker.exists()


@pytest.mark.parametrize("name", SCHEMAS)
def test_skops_files_that_name_what_runs_code_are_refused(
    guarded: RegistryProcess, files: Files, name: str
) -> None:
    with guarded.client() as client:
        problem = refused(client, files, SCHEMAS[name](), None, name)
        assert problem["code"] in {"artifact_types_not_trusted", "artifact_not_skops"}
        asked = [one["type"] for one in client.get("/v1/trust").json()["items"]]
        assert not [one for one in asked if one.split(".")[0] in {"os", "builtins", "operator"}]


def test_an_untrusted_type_is_asked_for_allowed_and_denied(
    guarded: RegistryProcess, files: Files
) -> None:
    rows = pd.read_parquet(io.BytesIO(files.sample))
    forest = RandomForestClassifier(3).fit(rows[FEATURES], rows["defaults"])
    content = skops.io.dumps(forest)
    with guarded.client() as client:
        refused(client, files, content, "artifact_types_not_trusted", "a forest")
        decide = f"/v1/trust/{TREE}/decision"
        body = {"decision": "trust", "reason": "our own forests"}
        assert client.post(decide, json=body).status_code == 200
        made = register(client, content, files.sample)
        assert made.status_code == 201, made.text
        assert TREE in client.get("/v1/snapshot").json()["trusted_types"]
        assert client.post(decide, json={**body, "decision": "deny"}).status_code == 200
        assert TREE not in client.get("/v1/snapshot").json()["trusted_types"]
        refused(client, files, content, "artifact_types_not_trusted", "a forest again")


@pytest.mark.parametrize("setting", ["filename", "file"])
def test_a_model_does_not_read_files_that_rows_name(guarded: RegistryProcess, setting: str) -> None:
    marker = guarded.folder / "outside"
    marker.write_text("word", encoding="utf-8")
    words = HashingVectorizer(n_features=8)
    model = make_pipeline(ColumnTransformer([("note", words, "note")]), LogisticRegression())
    rows = pd.DataFrame({"note": [str(marker)] * 6, "defaults": ["no", "yes"] * 3})
    model.fit(rows[["note"]], rows["defaults"])
    words = model[0].named_transformers_["note"]
    words.input = setting
    sample = io.BytesIO()
    rows.to_parquet(sample, index=False)
    with guarded.client() as client:
        trusted = {"decision": "trust", "reason": "types of numbers"}
        client.post("/v1/trust/numpy.dtype/decision", json=trusted)
        body = {
            "artifact": upload(client, skops.io.dumps(model)),
            "reference": upload(client, sample.getvalue()),
            "signature": {
                "features": [{"name": "note", "kind": "category", "open_choices": True}],
                "target": {"name": "defaults", "task": "classification", "classes": ["no", "yes"]},
            },
        }
        before = client.get("/v1/models/credit").json()["versions"]
        answer = client.post("/v1/models/credit/versions", json=body)
        assert (answer.status_code, answer.json()["code"]) == (422, "artifact_does_not_fit")
        assert f"input='{setting}'" in answer.json()["detail"]
        assert client.get("/v1/models/credit").json()["versions"] == before


def test_an_object_that_holds_itself_is_refused(guarded: RegistryProcess, files: Files) -> None:
    inner = {"__class__": "list", "__module__": "builtins", "__id__": 1}
    content = of_schema(
        **{**inner, "__loader__": "ListNode", "content": [{**inner, "__loader__": "CachedNode"}]}
    )
    with guarded.client() as client:
        refused(client, files, content, "artifact_archive_unsafe", "a circle")


def test_tampered_and_oversized_files_are_refused(guarded: RegistryProcess, files: Files) -> None:
    flipped = bytearray(files.model)
    flipped[len(flipped) // 2] ^= 1
    with guarded.client() as client:
        sent = client.put(f"/v1/artifacts/{digest_of(files.model)}", content=bytes(flipped))
        assert (sent.status_code, sent.json()["code"]) == (422, "digest_mismatch")
        large = bytes(LIMIT + 1)
        sent = client.put(f"/v1/artifacts/{digest_of(large)}", content=large)
        assert (sent.status_code, sent.json()["code"]) == (413, "artifact_too_large")
        content = skops.io.dumps(LogisticRegression())
        digest = upload(client, content)
        stored = next((guarded.folder / "var").rglob(digest))
        stored.write_bytes(bytes([content[0] ^ 1]) + content[1:])
        problem = refused(
            client, files, None, "artifact_damaged", "changed in the store", digest=digest
        )
        assert digest in problem["detail"]


def test_another_release_of_sklearn_is_told(guarded: RegistryProcess, files: Files) -> None:
    with zipfile.ZipFile(io.BytesIO(files.model)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    here = LogisticRegression().__getstate__()["_sklearn_version"]
    schema = members["schema.json"].replace(here.encode(), b"0.24.2")
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in {**members, "schema.json": schema}.items():
            archive.writestr(name, content)
    with guarded.client() as client:
        problem = refused(client, files, out.getvalue(), "artifact_other_version", "old")
        assert f"scikit-learn 0.24.2, and here is {here}" in problem["detail"]


def test_where_pickles_are_taken_they_become_skops_files(
    guarded: RegistryProcess, files: Files
) -> None:
    model = pickle.loads(files.pickled)  # noqa: S301 - made by these tests
    marker = guarded.folder / "taken"
    code = f"open({str(marker)!r}, 'w').write('x')"
    with guarded.client() as client:
        made = register(client, files.pickled, files.sample, "trial")
        if made.json().get("code") == "sandbox_unavailable":
            pytest.skip(made.json()["detail"])
        assert made.status_code == 201, made.text
        version = made.json()
        assert version["converted_from"] == digest_of(files.pickled)
        kept = skops.io.loads(client.get(f"/v1/artifacts/{version['artifact']}").content)
        rows = pd.read_parquet(io.BytesIO(files.sample))[FEATURES]
        assert np.array_equal(kept.predict_proba(rows), model.predict_proba(rows))
        bad = pickle.dumps(Calls(eval, code))
        answer = register(client, bad, files.sample, "trial")
        assert answer.status_code == 422
        assert answer.json()["code"] in {"pickle_not_converted", "artifact_does_not_fit"}
        assert client.get("/v1/models/trial").json()["versions"] == 1
    assert not marker.exists()
    with sqlite3.connect(next((guarded.folder / "var").rglob("*.db"))) as database:
        assert database.execute("SELECT format FROM versions WHERE model = 'trial'").fetchall() == [
            ("skops",)
        ]


def refused(
    client: httpx.Client,
    files: Files,
    content: bytes | None,
    code: str | None,
    what: str,
    *,
    digest: str | None = None,
) -> dict[str, Any]:
    """The problem; no version came of it."""
    before = client.get("/v1/models/credit").json()["versions"]
    if content is None:
        sample = upload(client, files.sample)
        signature = {
            "features": [{"name": name, "kind": "number"} for name in FEATURES],
            "target": {"name": "defaults", "task": "classification", "classes": ["no", "yes"]},
        }
        body = {"artifact": digest, "reference": sample, "signature": signature}
        answer = client.post("/v1/models/credit/versions", json=body)
    else:
        answer = register(client, content, files.sample)
    problem: dict[str, Any] = answer.json()
    assert answer.status_code in {422, 500}, (what, answer.text)
    assert code in {None, problem["code"]}, (what, problem)
    assert client.get("/v1/models/credit").json()["versions"] == before
    return problem
