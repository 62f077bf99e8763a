"""Versions in a list and alone, with what serving asks of them."""

import json

from tests.fakes.registry_bodies import version
from tests.fakes.scripted_http import Script
from tests.fakes.typed_commands import Run
from understudy.contracts.registry import Compiled, Page
from understudy.contracts.vocabulary import CompiledKind, VersionState

VERSIONS = "/v1/models/risk/versions"
COMPILED = Compiled(
    kind=CompiledKind.ONNX,
    artifact="c" * 64,
    precision="float32",
    rows=1072,
    difference=1.02e-7,
    tolerance=1e-5,
    speedup=24.04,
)


def test_a_list_names_the_runners(run: Run, server: Script) -> None:
    found = (version(2, VersionState.PENDING, COMPILED), version(1, VersionState.IGNORED))
    server.on("GET", VERSIONS, Page(items=found))
    lines = run("versions", "risk").stdout.splitlines()
    assert "RUNNER" in lines[0]
    assert "onnx ×24" in lines[1]
    assert "sklearn" in lines[2]


def test_one_version_tells_how_it_compares(run: Run, server: Script) -> None:
    server.on("GET", f"{VERSIONS}/2", version(2, VersionState.PENDING, COMPILED))
    told = run("versions", "risk", "2").stdout
    assert "onnx ×24" in told
    assert "float32; differs by 1e-07 at most (allowed: 1e-05) on 1072 rows" in told
    whole = json.loads(run("versions", "risk", "2", "-o", "json").stdout)
    assert whole["compiled"]["artifact"] == "c" * 64


def test_one_version_tells_why_it_was_not_compiled(run: Run, server: Script) -> None:
    server.on("GET", f"{VERSIONS}/1", version(1, VersionState.PENDING))
    assert "no converter for Oracle" in run("versions", "risk", "1").stdout
