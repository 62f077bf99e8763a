"""Signatures that are inferred, by a real child."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from services.registry.adapters.artifact_files import ArtifactFiles
from services.registry.adapters.inspection.inferring import ChildSignatureReader
from services.registry.domain.errors import InspectionFailedError
from services.registry.domain.mlflow_refusals import SignatureUnreadableError
from services.registry.ports.staging import Hints
from understudy.contracts.signature import Signature
from understudy.contracts.vocabulary import FeatureKind, Task

FRAME = pd.DataFrame(
    {
        "age": [18, 40, 99],
        "income": [1.5, None, 3.0],
        "kind": ["b", "a", None],
        "member": [True, False, True],
        "y": ["no", "yes", "no"],
    }
)
INPUTS = [
    {"name": "age", "type": "long"},
    {"name": "income", "type": "double", "required": True},
    {"name": "kind", "type": "string", "required": False},
    {"name": "member", "type": "boolean"},
]


def tensor(dtype: str) -> list[dict[str, Any]]:
    return [{"type": "tensor", "tensor-spec": {"dtype": dtype, "shape": [-1]}}]


def mlmodel(inputs: object = INPUTS, outputs: object = None) -> bytes:
    signature = {"inputs": json.dumps(inputs), "outputs": json.dumps(outputs or tensor("str"))}
    return json.dumps({"signature": signature}).encode()


def infer(
    folder: Path,
    told: bytes,
    frame: pd.DataFrame = FRAME,
    *,
    seconds: float = 30.0,
    **hints: Any,
) -> Signature:
    files, path = ArtifactFiles(folder.as_uri()), folder / "sample"
    frame.to_parquet(path)
    reader = ChildSignatureReader(files, seconds=seconds, memory_bytes=4 << 30, at_once=1)
    return reader.infer(told, files.keep(path), Hints(**hints))


def test_types_are_mlflows_and_the_rest_is_the_samples(tmp_path: Path) -> None:
    found = infer(tmp_path, mlmodel())
    age, income, kind, member = found.features
    assert (age.kind, age.nullable, age.minimum) == (FeatureKind.INTEGER, False, None)
    assert (income.kind, income.nullable) == (FeatureKind.NUMBER, True)
    assert (kind.kind, kind.nullable, kind.choices) == (FeatureKind.CATEGORY, True, ("a", "b"))
    assert (member.kind, kind.open_choices) == (FeatureKind.BOOLEAN, False)
    assert (found.target.task, found.target.classes) == (Task.CLASSIFICATION, ("no", "yes"))


def test_ranges_are_legal_ones_where_somebody_says_so(tmp_path: Path) -> None:
    age, income, *_ = infer(tmp_path, mlmodel(), legal_ranges=True).features
    assert (age.minimum, age.maximum, income.minimum, income.maximum) == (18, 99, 1.5, 3)


@pytest.mark.parametrize(
    ("values", "dtype", "task", "classes"),
    [
        ([1, 0, 1], "int64", Task.CLASSIFICATION, (0, 1)),
        ([True, False, True], "bool", Task.CLASSIFICATION, (False, True)),
        ([1.0, 2.0, 2.5], "float64", Task.REGRESSION, ()),
        ([1, 2, 3], "float64", Task.REGRESSION, ()),
    ],
)
def test_what_the_model_answers_says_the_task(
    tmp_path: Path, values: list[Any], dtype: str, task: Task, classes: tuple[Any, ...]
) -> None:
    found = infer(tmp_path, mlmodel(outputs=tensor(dtype)), FRAME.assign(y=values))
    assert (found.target.task, found.target.classes) == (task, classes)


def test_hints_say_which_column_is_what(tmp_path: Path) -> None:
    times = FRAME.assign(at=pd.Timestamp("2026-01-01", tz="UTC"))
    with pytest.raises(SignatureUnreadableError, match=r"understudy\.target"):
        infer(tmp_path, mlmodel(), times)
    assert infer(tmp_path, mlmodel(), times, time_column="at").target.name == "y"
    assert infer(tmp_path, mlmodel(), times, target="y").target.name == "y"


BAD: Mapping[str, tuple[bytes, str]] = {
    "not YAML": (b"a: [}", "not YAML"),
    "no mapping": (b"- a", "no signature"),
    "a Python tag": (b"a: !!python/object/apply:os.system ['id']", "not YAML"),
    "no names": (mlmodel([{"type": "double"}]), "no names"),
    "another type": (mlmodel([{"name": "age", "type": "datetime"}]), "datetime"),
    "another column": (mlmodel([{"name": "absent", "type": "long"}]), "no column 'absent'"),
    "not JSON": (b'{"signature": {"inputs": "[", "outputs": "[]"}}', "not JSON"),
    "no list": (b'{"signature": {"inputs": "{}", "outputs": "[]"}}', "no list"),
}


@pytest.mark.parametrize("name", list(BAD))
def test_what_holds_no_signature_is_refused(tmp_path: Path, name: str) -> None:
    told, words = BAD[name]
    with pytest.raises(SignatureUnreadableError, match=words):
        infer(tmp_path, told)


def test_a_sample_that_is_no_parquet_is_refused(tmp_path: Path) -> None:
    files = ArtifactFiles(tmp_path.as_uri())
    (tmp_path / "sample").write_bytes(b"PAR1 nothing PAR1")
    reader = ChildSignatureReader(files, seconds=30.0, memory_bytes=4 << 30, at_once=1)
    with pytest.raises(SignatureUnreadableError, match="Parquet"):
        reader.infer(mlmodel(), files.keep(tmp_path / "sample"), Hints())


def test_nested_yaml_ends_the_child_alone(tmp_path: Path) -> None:
    with pytest.raises((InspectionFailedError, SignatureUnreadableError)):
        infer(tmp_path, b"[" * 500_000)


def test_what_takes_too_long_is_given_up(tmp_path: Path) -> None:
    with pytest.raises(InspectionFailedError, match="longer than"):
        infer(tmp_path, mlmodel(), seconds=0.01)
