"""A version as a folder of files that MLflow's clients read, and its flavour loads."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import TypeAdapter

from services.registry.domain.sources import (
    EVALUATION_FILE,
    MLMODEL_FILE,
    MODEL_FILES,
    REFERENCE_FILE,
    SIGNATURE_FILE,
)
from services.registry.domain.staging import KEPT
from services.registry.domain.versions import Version
from services.registry.operations.catalogue import Catalogue
from services.registry.operations.reach import not_found
from services.registry.ports import ArtifactStore, StateStore
from understudy.contracts.signature import Feature, Signature
from understudy.contracts.vocabulary import ArtifactFormat, FeatureKind, Task
from understudy.runtime.keys import Caller

_SIGNATURE: Final = TypeAdapter(Signature)
_TYPES: Final[Mapping[FeatureKind, str]] = {
    FeatureKind.NUMBER: "double",
    FeatureKind.INTEGER: "long",
    FeatureKind.BOOLEAN: "boolean",
    FeatureKind.CATEGORY: "string",
}


@dataclass(frozen=True, slots=True)
class VersionFile:
    """A file of a version: an artifact, or what is written of it here."""

    name: str
    size_bytes: int
    digest: str | None = None
    content: bytes = b""


class VersionFiles:
    """What of a version is there to be downloaded."""

    def __init__(self, catalogue: Catalogue, artifacts: ArtifactStore, state: StateStore) -> None:
        self._catalogue = catalogue
        self._artifacts = artifacts
        self._state = state

    def uri(self, caller: Caller, model: str, number: int) -> str:
        """Where an MLflow client finds them. Raises NotFoundError."""
        self._catalogue.version(caller, model, number)
        return f"mlflow-artifacts:/{KEPT}/{model}/{number}"

    def files(self, caller: Caller, model: str, number: int) -> tuple[VersionFile, ...]:
        """By name. Raises NotFoundError."""
        version = self._catalogue.version(caller, model, number)
        draft = version.draft
        stored = {
            MODEL_FILES[draft.format]: draft.artifact,
            REFERENCE_FILE: draft.reference,
            EVALUATION_FILE: draft.evaluation,
        }
        signature = _SIGNATURE.dump_json(draft.signature, indent=1)
        found = [self._stored(name, digest) for name, digest in stored.items() if digest]
        found.append(_written(SIGNATURE_FILE, signature))
        found.append(_written(MLMODEL_FILE, self._mlmodel(version)))
        return tuple(sorted(found, key=lambda file: file.name))

    def find(self, caller: Caller, model: str, number: int, name: str) -> VersionFile:
        """Raises NotFoundError."""
        for file in self.files(caller, model, number):
            if file.name == name:
                return file
        raise not_found("file", f"{model}/{number}/{name}")

    def read(self, file: VersionFile) -> Iterator[bytes]:
        """The bytes of a file that was found."""
        return iter([file.content]) if file.digest is None else self._artifacts.read(file.digest)

    def _stored(self, name: str, digest: str) -> VersionFile:
        return VersionFile(name, self._artifacts.size(digest) or 0, digest)

    def _mlmodel(self, version: Version) -> bytes:
        """JSON, which is YAML too."""
        draft = version.draft
        if draft.format is ArtifactFormat.ONNX:
            flavors = _onnx_flavors()
        else:
            trusted = self._state.trusted_types()
            flavors = _sklearn_flavors(draft.lineage.libraries.get("scikit-learn"), trusted)
        told = {
            "flavors": flavors,
            "signature": _mlflow_signature(draft.signature),
            "utc_time_created": draft.created_at.strftime("%Y-%m-%d %H:%M:%S.%f"),
        }
        return json.dumps(told, indent=1).encode()


def _sklearn_flavors(release: str | None, trusted: Sequence[str]) -> dict[str, object]:
    model = MODEL_FILES[ArtifactFormat.SKOPS]
    flavour = {
        "code": None,
        "pickled_model": model,
        "serialization_format": "skops",
        "sklearn_version": release,
        "skops_trusted_types": list(trusted) or None,
    }
    generic = {
        "loader_module": "mlflow.sklearn",
        "model_path": model,
        "predict_fn": "predict",
        "env": {},
    }
    return {"python_function": generic, "sklearn": flavour}


def _onnx_flavors() -> dict[str, object]:
    model = MODEL_FILES[ArtifactFormat.ONNX]
    flavour = {"code": None, "data": model, "providers": ["CPUExecutionProvider"]}
    generic = {"loader_module": "mlflow.onnx", "data": model, "env": {}}
    return {"python_function": generic, "onnx": flavour}


def _written(name: str, content: bytes) -> VersionFile:
    return VersionFile(name, len(content), None, content)


def _mlflow_signature(signature: Signature) -> dict[str, object]:
    inputs = [_column(feature) for feature in signature.features]
    kind = "float64" if signature.target.task is Task.REGRESSION else _kind(signature)
    outputs = [{"type": "tensor", "tensor-spec": {"dtype": kind, "shape": [-1]}}]
    return {"inputs": json.dumps(inputs), "outputs": json.dumps(outputs), "params": None}


def _column(feature: Feature) -> dict[str, object]:
    return {"type": _TYPES[feature.kind], "name": feature.name, "required": not feature.nullable}


def _kind(signature: Signature) -> str:
    kinds = {type(label) for label in signature.target.classes}
    if kinds == {bool}:
        return "bool"
    return "int64" if kinds == {int} else "str"
