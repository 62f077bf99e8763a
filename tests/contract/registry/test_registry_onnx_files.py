"""ONNX versions as MLflow's clients put and find them."""

from dataclasses import replace

import pytest

from understudy.contracts.vocabulary import ArtifactFormat

from .conftest import Registry
from .test_registry_mlflow import FILES, ask, put

pytestmark = pytest.mark.anyio


async def test_an_onnx_version_has_its_own_file_and_flavour(registry: Registry) -> None:
    held = registry.memory.versions["credit", 1]
    onnx = replace(held, draft=replace(held.draft, format=ArtifactFormat.ONNX))
    registry.memory.versions["credit", 1] = onnx
    folder = "understudy/credit/1"
    listed = (await registry.http.get(FILES, params={"path": folder})).json()["files"]
    names = [file["path"] for file in listed]
    assert names == ["MLmodel", "model.onnx", "reference.parquet", "signature.json"]
    assert (await registry.http.get(f"{FILES}/{folder}/model.onnx")).content == b"model"
    mlmodel = (await registry.http.get(f"{FILES}/{folder}/MLmodel")).json()
    assert mlmodel["flavors"]["onnx"]["data"] == "model.onnx"
    assert mlmodel["flavors"]["python_function"]["loader_module"] == "mlflow.onnx"


async def test_a_folder_with_an_onnx_model_is_a_source(registry: Registry) -> None:
    for name in ("model.onnx", "reference.parquet", "MLmodel"):
        assert await put(registry, f"run/model/{name}", name.encode()) == 200
    made = await ask(
        registry,
        "POST",
        "model-versions/create",
        name="credit",
        source="mlflow-artifacts:/run/model",
    )
    assert made["status"] == 200, made
    number = int(made["model_version"]["version"])
    kept = registry.memory.versions["credit", number].draft
    assert registry.artifacts.files[kept.artifact] == b"model.onnx"
