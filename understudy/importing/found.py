"""Models as other tools keep them, on this machine's disk."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from understudy.contracts.registry import Lineage
from understudy.importing.errors import ImportingError, UnclearError
from understudy.importing.lineage import read_time
from understudy.importing.mlmodel import MlflowModel, Stated, read_mlmodel

_MOST_TOLD: Final = 3_000
_LONGEST: Final = 200
_PICKLED: Final = frozenset({"pickle", "cloudpickle"})
_BENTO_FILES: Final[Mapping[str, tuple[str, bool]]] = {
    "bentoml.sklearn": ("saved_model.pkl", True),
    "bentoml.onnx": ("saved_model.onnx", False),
}
"""By module: the file, and whether it is a pickle."""


@dataclass(frozen=True, slots=True)
class Found:
    """One model."""

    file: Path
    pickle: bool
    """To be read on this machine, if somebody says so, and written anew as skops."""
    stated: Stated | None = None
    lineage: Lineage = field(default_factory=Lineage)
    description: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)


def in_mlflow(folder: Path) -> Found:
    """A model's folder as `save_model` and `log_model` write it. Raises ImportingError."""
    try:
        told = read_mlmodel((folder / "MLmodel").read_text(encoding="utf-8"))
        name, pickle = _mlflow_file(told)
    except (OSError, UnicodeDecodeError) as error:
        raise ImportingError(
            "PATH", f"{folder} is no folder of an MLflow model: no MLmodel can be read in it"
        ) from error
    except UnclearError as error:
        raise ImportingError("PATH", f"{folder}: {error}") from error
    return Found(
        _inside(folder, name),
        pickle,
        told.stated,
        Lineage(
            trained_at=read_time(told.made_at),
            libraries=_mlflow_libraries(told),
            # A run of MLflow's is not one of a schedule: it stands in the description.
        ),
        _told({"MLflow run": told.run, **told.metadata}),
    )


def _mlflow_file(told: MlflowModel) -> tuple[str, bool]:
    """Its name, and whether it is a pickle."""
    if (flavor := told.flavors.get("sklearn")) is not None:
        kept = str(flavor.get("serialization_format") or "pickle")
        if kept not in {"skops", *_PICKLED}:
            raise UnclearError(f"its serialization_format {kept!r} is not known here")
        default = "model.skops" if kept == "skops" else "model.pkl"
        return str(flavor.get("pickled_model") or default), kept in _PICKLED
    if (flavor := told.flavors.get("onnx")) is not None:
        return str(flavor.get("data") or "model.onnx"), False
    names = ", ".join(sorted(told.flavors)) or "none"
    raise UnclearError(
        f"its flavours are {names}; sklearn and onnx can be imported: save it with mlflow.sklearn, "
        "or export it to ONNX and use mlflow.onnx"
    )


def _mlflow_libraries(told: MlflowModel) -> dict[str, str]:
    sklearn, onnx = told.flavors.get("sklearn", {}), told.flavors.get("onnx", {})
    python = told.flavors.get("python_function", {})
    stated = {
        "python": python.get("python_version"),
        "scikit-learn": sklearn.get("sklearn_version"),
        "onnx": onnx.get("onnx_version"),
        "mlflow": told.release,
    }
    return {name: str(one) for name, one in stated.items() if isinstance(one, str)}


def in_bentoml(tag: str, home: Path) -> Found:
    """A model of BentoML's model store: `name:version`, or `name` for the latest.

    Raises ImportingError.
    """
    folder = _bento_folder(tag, home / "models")
    told = _yaml(folder / "model.yaml")
    module = str(told.get("module"))
    if module not in _BENTO_FILES:
        raise ImportingError(
            "TAG",
            f"{tag} was saved by {module}; what bentoml.sklearn and bentoml.onnx saved can be "
            "imported",
        )
    name, pickle = _BENTO_FILES[module]
    context, metadata = _mapping(told.get("context")), _mapping(told.get("metadata"))
    versions = {
        "python": context.get("python_version"),
        "bentoml": context.get("bentoml_version"),
        **_mapping(context.get("framework_versions")),
    }
    lineage = Lineage(
        trained_at=read_time(told.get("creation_time")),
        libraries={str(key): one for key, one in versions.items() if isinstance(one, str)},
    )
    described = {"BentoML model": f"{folder.parent.name}:{folder.name}"}
    labels = _mapping(told.get("labels"))
    rest = {key: one for key, one in metadata.items() if not _is_figure(one)}
    figures = {str(key): float(one) for key, one in metadata.items() if _is_figure(one)}
    return Found(
        _inside(folder, name),
        pickle,
        None,
        lineage,
        _told({**described, **labels, **rest}),
        figures,
    )


def _bento_folder(tag: str, models: Path) -> Path:
    name, _, version = tag.partition(":")
    if not name or any(
        part in {".", ".."} or "/" in part or "\\" in part for part in (name, version)
    ):
        raise ImportingError("TAG", f"'{tag}' is no tag; it is 'name:version', or 'name'")
    try:
        if version in {"", "latest"}:
            version = (models / name / "latest").read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ImportingError("TAG", f"there is no model '{name}' in {models}") from error
    folder = models / name / Path(version).name
    if not (folder / "model.yaml").is_file():
        raise ImportingError(
            "TAG", f"there is no model '{name}:{version}' in {models} (BENTOML_HOME says where)"
        )
    return folder


def _yaml(path: Path) -> Mapping[str, Any]:
    import yaml  # noqa: PLC0415 - of the extra `cli`

    try:
        return _mapping(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise ImportingError("TAG", f"{path} can't be read as YAML") from error


def _inside(folder: Path, name: str) -> Path:
    """A file of the folder: descriptions may name others, and those are not the model's."""
    file = (folder / name).resolve()
    if not file.is_relative_to(folder.resolve()) or not file.is_file():
        raise ImportingError(
            "PATH", f"{folder} holds no file {name!r}, which its description names"
        )
    return file


def _told(said: Mapping[str, Any]) -> str:
    """Lines of plain values."""
    lines = [
        f"{str(name)[:_LONGEST]}: {str(value)[:_LONGEST]}"
        for name, value in said.items()
        if isinstance(value, str | int | float | bool)
    ]
    return "\n".join("".join(filter(_printable, line)) for line in lines)[:_MOST_TOLD]


def _printable(character: str) -> bool:
    return character.isprintable()


def _is_figure(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
