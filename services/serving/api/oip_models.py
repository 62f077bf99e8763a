"""What the Open Inference Protocol and its extensions tell of models."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from services.serving.api.installed import NAME, installed
from services.serving.domain.tensor_rows import metadata_tensors
from services.serving.domain.tensors import Datatype, TensorKind
from services.serving.metrics.statistics import Statistics
from services.serving.operations.models import Entry, Model

_PLATFORM: Final = "understudy_sklearn"
_EXTENSIONS: Final = (
    "binary_tensor_data",
    "model_configuration",
    "model_repository",
    "statistics",
)
_NANOSECONDS: Final = 1_000_000_000
_NEITHER: Final[Mapping[str, int]] = {"count": 0, "ns": 0}

Told = dict[str, Any]


def server() -> Told:
    """What runs here."""
    return {"name": NAME, "version": installed(), "extensions": [*_EXTENSIONS]}


def metadata(model: Model) -> Told:
    """What a model takes and answers."""
    inputs, outputs = metadata_tensors(model.card.signature)
    return {
        "name": model.card.name,
        "versions": [str(number) for number in model.versions],
        "platform": _PLATFORM,
        "inputs": [_tensor(tensor) for tensor in inputs],
        "outputs": [_tensor(tensor) for tensor in outputs],
    }


def configuration(model: Model) -> Told:
    """The same as Triton's model configuration; `max_batch_size` 0: shapes have their rows."""
    inputs, outputs = metadata_tensors(model.card.signature)
    return {
        "name": model.card.name,
        "platform": _PLATFORM,
        "backend": NAME,
        "version_policy": {"specific": {"versions": [*model.versions]}},
        "max_batch_size": 0,
        "input": [{**_configured(tensor), "format": "FORMAT_NONE"} for tensor in inputs],
        "output": [_configured(tensor) for tensor in outputs],
    }


def ready(model: Model) -> Told:
    """It answers."""
    return {"name": model.card.name, "version": str(model.version), "ready": True}


def index(entries: Sequence[Entry], *, ready_only: bool) -> list[Told]:
    """All models with their versions."""
    told: list[Told] = []
    for entry in entries:
        if entry.model is not None:
            told += [
                {"name": entry.name, "version": str(number), "state": "READY", "reason": ""}
                for number in entry.model.versions
            ]
        elif not ready_only:
            reason = "no version is loaded"
            told.append({"name": entry.name, "version": "", "state": "UNAVAILABLE"})
            told[-1]["reason"] = reason
    return told


def statistics(
    models: Sequence[tuple[Model, Sequence[int]]],
    found: Mapping[tuple[str, str], Statistics],
) -> Told:
    """Of the versions that are named with each model."""
    return {
        "model_stats": [
            _statistics(model.card.name, str(number), found)
            for model, numbers in models
            for number in numbers
        ]
    }


def _statistics(name: str, number: str, found: Mapping[tuple[str, str], Statistics]) -> Told:
    counted = found.get((name, number), Statistics())
    answered = {"count": counted.requests, "ns": round(counted.seconds * _NANOSECONDS)}
    computed = {"count": counted.requests, "ns": round(counted.cpu_seconds * _NANOSECONDS)}
    return {
        "name": name,
        "version": number,
        "last_inference": 0,
        "inference_count": counted.rows,
        "execution_count": counted.requests,
        "inference_stats": {
            "success": answered,
            "fail": {"count": counted.failed, "ns": 0},
            "queue": _NEITHER,
            "compute_input": _NEITHER,
            "compute_infer": computed,
            "compute_output": _NEITHER,
            "cache_hit": _NEITHER,
            "cache_miss": _NEITHER,
        },
        "batch_stats": [],
    }


def _tensor(tensor: TensorKind) -> Told:
    return {"name": tensor.name, "datatype": tensor.datatype, "shape": [*tensor.shape]}


def _configured(tensor: TensorKind) -> Told:
    kind = "STRING" if tensor.datatype is Datatype.BYTES else tensor.datatype
    return {"name": tensor.name, "data_type": f"TYPE_{kind}", "dims": [*tensor.shape]}
