"""Where an MLflow client says that a version's files are."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from urllib.parse import unquote, urlsplit

from services.registry.domain.mlflow_refusals import InvalidSourceError, PickledModelError
from services.registry.domain.staging import KEPT
from understudy.contracts.vocabulary import ArtifactFormat

MODEL_FILES: Final[Mapping[ArtifactFormat, str]] = {
    ArtifactFormat.SKOPS: "model.skops",
    ArtifactFormat.ONNX: "model.onnx",
}
REFERENCE_FILE: Final = "reference.parquet"
EVALUATION_FILE: Final = "evaluation.parquet"
SIGNATURE_FILE: Final = "signature.json"
MLMODEL_FILE: Final = "MLmodel"
_EITHER: Final = " or ".join(f"'{name}'" for name in MODEL_FILES.values())
_PICKLES: Final = (".pkl", ".pickle", ".joblib", ".cloudpickle", ".dill")
_LONGEST: Final = 2_000
_ARTIFACT: Final = re.compile(r"/*artifacts/([0-9a-f]{64})")
_VERSION: Final = re.compile(r"/*([a-z0-9-]{1,63})/([1-9][0-9]{0,8})/?")
_PLACE: Final = re.compile(rf"{KEPT}/([a-z0-9-]{{1,63}})/([1-9][0-9]{{0,8}})(?:/(.+))?", re.DOTALL)


class SourceTag(StrEnum):
    """Tags of a version to be, that say what its files do not."""

    REFERENCE = "understudy.reference"
    EVALUATION = "understudy.evaluation"
    SIGNATURE = "understudy.signature"
    TIME_COLUMN = "understudy.time_column"
    TARGET = "understudy.target"
    RANGES = "understudy.ranges"


@dataclass(frozen=True, slots=True)
class Folder:
    """Of files that were put before."""

    path: str


@dataclass(frozen=True, slots=True)
class Artifact:
    """A model's file among the artifacts."""

    digest: str


@dataclass(frozen=True, slots=True)
class OtherVersion:
    """The files of a version that is registered already."""

    model: str
    number: int


Source = Folder | Artifact | OtherVersion


def source_of(uri: str) -> Source:
    """Raises InvalidSourceError."""
    scheme, _, rest = uri.partition(":")
    if len(uri) <= _LONGEST:
        if scheme == "understudy" and (match := _ARTIFACT.fullmatch(rest)):
            return Artifact(match[1])
        if scheme == "models" and (match := _VERSION.fullmatch(rest)):
            return OtherVersion(match[1], int(match[2]))
        if scheme == "mlflow-artifacts":
            return _put_before(uri)
    raise InvalidSourceError(
        f"'{uri[:200]}' is no source that is taken: put the model's folder with the artifact "
        "repository of 'mlflow-artifacts:/<folder>' and give that, or "
        "'understudy:/artifacts/<sha256>', or 'models:/<model>/<version>'."
    )


def _put_before(uri: str) -> Source:
    try:
        path = unquote(urlsplit(uri).path).strip("/")
    except ValueError as error:
        raise InvalidSourceError("The source is no URI.") from error
    place = kept_place(path)
    if place is not None and not place[2]:
        return OtherVersion(*place[:2])
    return Folder(path)


def kept_place(path: str) -> tuple[str, int, str] | None:
    """Of a path below which versions' files are read: model, version, name of the file."""
    match = _PLACE.fullmatch(path.strip("/"))
    return None if match is None else (match[1], int(match[2]), match[3] or "")


def require_model(folder: str, names: Collection[str]) -> str:
    """Of a folder's files the model that may be looked into.

    Raises PickledModelError or InvalidSourceError.
    """
    for model in MODEL_FILES.values():
        if model in names:
            return model
    for name in sorted(names):
        if name.lower().endswith(_PICKLES):
            raise PickledModelError(name)
    found = ", ".join(sorted(names)[:10]) or "nothing"
    raise InvalidSourceError(
        f"The folder '{folder}' holds no {_EITHER} but {found}. Put the files first, with the "
        "same key: what others put is not seen."
    )
