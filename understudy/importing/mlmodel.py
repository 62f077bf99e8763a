"""What an `MLmodel` file says: MLflow's description of a model's folder.

It is data of whoever wrote the folder: read by a YAML reader that makes plain values alone.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from understudy.importing.errors import UnclearError


@dataclass(frozen=True, slots=True)
class Stated:
    """The columns of a signature, as MLflow writes each."""

    inputs: tuple[Mapping[str, Any], ...] = ()
    outputs: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class MlflowModel:
    """The whole file; what is not there is empty."""

    flavors: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    stated: Stated | None = None
    """None without a signature."""
    run: str | None = None
    made_at: str | None = None
    """When the model was saved, as it is written there: UTC."""
    release: str | None = None
    """Of MLflow."""
    metadata: Mapping[str, Any] = field(default_factory=dict)


def read_mlmodel(text: str) -> MlflowModel:
    """Raises UnclearError."""
    import yaml  # noqa: PLC0415 - of the extras `cli` and `registry`

    try:
        told = _mapping(yaml.safe_load(text))
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise UnclearError("MLmodel is not YAML") from error
    flavors = _mapping(told.get("flavors"))
    return MlflowModel(
        flavors={str(name): _mapping(one) for name, one in flavors.items()},
        stated=_stated(told.get("signature")),
        run=_text(told.get("run_id")),
        made_at=_text(told.get("utc_time_created")),
        release=_text(told.get("mlflow_version")),
        metadata=_mapping(told.get("metadata")),
    )


def _stated(signature: Any) -> Stated | None:
    if not isinstance(signature, dict) or not signature.get("inputs"):
        return None
    return Stated(_columns(signature["inputs"]), _columns(signature.get("outputs") or "[]"))


def _columns(text: Any) -> tuple[Mapping[str, Any], ...]:
    try:
        found = json.loads(text) if isinstance(text, str) else text
    except (ValueError, RecursionError) as error:
        raise UnclearError("MLmodel's signature is not JSON") from error
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise UnclearError("MLmodel's signature is no list of columns")
    return tuple(found)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str | None:
    """Of plain values alone: a nested one may be as large as its aliases like."""
    return str(value) if isinstance(value, str | int | float | date) else None
