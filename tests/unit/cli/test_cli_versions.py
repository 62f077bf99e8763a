"""Versions in a list and alone, with what serving asks of them."""

import json

from tests.fakes.registry_bodies import version
from tests.fakes.scripted_http import Script
from tests.fakes.typed_commands import Run
from understudy.contracts.registry import Baseline, Compiled, Page
from understudy.contracts.vocabulary import (
    ArtifactFormat,
    BaselineSample,
    CompiledKind,
    VersionState,
)

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


def test_one_version_tells_what_its_answers_hang_on(run: Run, server: Script) -> None:
    growths = {f"f{place}": place / 10 for place in range(10)}
    baseline = Baseline(
        file="d" * 64, sample=BaselineSample.EVALUATION, rows=500, importances=growths
    )
    made = version(2, VersionState.PENDING, baseline=baseline)
    server.on("GET", f"{VERSIONS}/2", made.model_copy(update={"time_column": "seen_at"}))
    told = " ".join(run("versions", "risk", "2").stdout.split())
    assert "baseline measured on 500 rows of the evaluation sample hangs on" in told
    assert "hangs on f9 0.9, f8 0.8," in told
    assert "f2 0.2, and 2 more" in told
    assert "time column seen_at" in told


def test_one_version_tells_that_it_was_measured_on_what_it_knew(run: Run, server: Script) -> None:
    baseline = Baseline(file="d" * 64, sample=BaselineSample.REFERENCE, rows=7)
    server.on("GET", f"{VERSIONS}/2", version(2, VersionState.PENDING, baseline=baseline))
    assert "looks better than it is" in run("versions", "risk", "2").stdout


def test_one_version_tells_why_it_was_not_measured(run: Run, server: Script) -> None:
    server.on("GET", f"{VERSIONS}/1", version(1, VersionState.PENDING))
    assert "not measured: no row is legal" in run("versions", "risk", "1").stdout


def test_a_list_and_a_version_tell_the_format(run: Run, server: Script) -> None:
    made = version(3, VersionState.PENDING).model_copy(update={"format": ArtifactFormat.ONNX})
    server.on("GET", VERSIONS, Page(items=(made,)))
    server.on("GET", f"{VERSIONS}/3", made)
    line = run("versions", "risk").stdout.splitlines()[1].split()
    assert line[:4] == ["3", "pending", "onnx", "onnx"]
    told = " ".join(run("versions", "risk", "3").stdout.split())
    assert "format onnx runner onnx" in told
