"""Folders of other tools: read as data, and never beyond themselves."""

from pathlib import Path

import pytest

from understudy.importing.errors import ImportingError
from understudy.importing.found import in_bentoml, in_mlflow

MLMODEL = """
flavors:
  sklearn: {{pickled_model: {file}, serialization_format: {kept}, sklearn_version: 1.9.1}}
run_id: abc
utc_time_created: '2026-11-22 00:10:45.724868'
"""


def folder_of(folder: Path, mlmodel: str) -> Path:
    (folder / "MLmodel").write_text(mlmodel)
    (folder / "model.pkl").write_bytes(b"")
    return folder


def test_a_folder_of_mlflow_tells_file_time_and_run(tmp_path: Path) -> None:
    found = in_mlflow(folder_of(tmp_path, MLMODEL.format(file="model.pkl", kept="pickle")))
    assert (found.file.name, found.pickle) == ("model.pkl", True)
    assert found.lineage.trained_at is not None
    assert found.lineage.trained_at.isoformat() == "2026-11-22T00:10:45.724868+00:00"
    assert found.lineage.libraries == {"scikit-learn": "1.9.1"}
    assert found.description == "MLflow run: abc"


@pytest.mark.parametrize(
    ("mlmodel", "said"),
    [
        (MLMODEL.format(file="../model.pkl", kept="pickle"), "holds no file"),
        (MLMODEL.format(file="/etc/passwd", kept="skops"), "holds no file"),
        (MLMODEL.format(file="model.pkl", kept="dill"), "serialization_format 'dill'"),
        ("flavors: {xgboost: {}}", "its flavours are xgboost; sklearn and onnx"),
        ("[1, 2", "is not YAML"),
        ("- 1", "its flavours are none"),
        ("!!python/object/apply:os.system ['true']", "is not YAML"),
    ],
)
def test_what_can_not_be_imported_is_said(tmp_path: Path, mlmodel: str, said: str) -> None:
    with pytest.raises(ImportingError, match=said):
        in_mlflow(folder_of(tmp_path, mlmodel))


def test_a_folder_without_a_description_is_none(tmp_path: Path) -> None:
    with pytest.raises(ImportingError, match="no folder of an MLflow model"):
        in_mlflow(tmp_path)


def test_another_module_of_bentoml_is_said(tmp_path: Path) -> None:
    folder = tmp_path / "models" / "trees" / "v1"
    folder.mkdir(parents=True)
    (folder / "model.yaml").write_text("module: bentoml.xgboost\n")
    with pytest.raises(ImportingError, match=r"trees:v1 was saved by bentoml\.xgboost"):
        in_bentoml("trees:v1", tmp_path)
