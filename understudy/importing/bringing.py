"""A model that another tool kept, and its samples → what is sent to a registry."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import pandas as pd
import pyarrow as pa
from pyarrow import parquet, types
from sklearn.exceptions import InconsistentVersionWarning

from understudy.contracts.signature import Signature
from understudy.importing import stated
from understudy.importing.errors import ImportingError, UnclearError
from understudy.importing.estimator import require_fitted
from understudy.importing.found import Found
from understudy.importing.lineage import digest_of
from understudy.importing.mlmodel import Stated
from understudy.importing.registering import saved
from understudy.importing.sending import Parcel
from understudy.importing.tables import samples_of


@dataclass(frozen=True, slots=True)
class Brought:
    """What somebody says of a model that another tool kept."""

    reference: Path
    evaluation: Path | None = None
    target: str | None = None
    time_column: str | None = None
    protected: tuple[str, ...] = ()
    signature: Signature | None = None
    """Instead of what would be inferred."""
    load_pickle: bool = False
    description: str = ""


def parcel_of(found: Found, brought: Brought, folder: Path) -> Parcel:
    """`folder`: where a skops file may be written, until it was sent. Raises ImportingError."""
    artifact, signature = found.file, brought.signature
    if found.pickle:
        artifact = folder / "model.skops"
        inferred = _converted(found, brought, artifact)
        signature = signature or inferred
    lineage = found.lineage.model_copy(update={"data_sha256": digest_of(brought.reference)})
    return Parcel(
        artifact=artifact,
        reference=brought.reference,
        signature=signature or _stated(found, brought),
        evaluation=brought.evaluation,
        time_column=brought.time_column,
        protected=brought.protected,
        metrics=dict(found.metrics),
        lineage=lineage,
        description="\n".join(filter(None, (brought.description, found.description))),
    )


def _converted(found: Found, brought: Brought, artifact: Path) -> Signature:
    """Write the estimator anew as skops; the signature is read off it."""
    if not brought.load_pickle:
        raise ImportingError(
            "--load-pickle",
            f"{found.file.name} is a pickle: to read it is to run whatever code its maker put "
            "there, on this machine and with your rights. If you trust who made it, add "
            "--load-pickle: it is read here and written anew as skops, and only that is sent",
        )
    model = _loaded(found.file)
    require_fitted(model)
    frame = _frame(brought.reference)
    names = _inputs(model, found.stated)
    try:
        target = stated.target_of([*frame.columns], names, _hints(brought))
    except UnclearError as error:
        raise ImportingError("--reference", str(error)) from error
    labelled = frame.dropna(subset=[target])
    samples = samples_of(
        model,
        (labelled.drop(columns=target), labelled[target]),
        (None, None),
        protected=brought.protected,
        time_column=brought.time_column,
    )
    return saved(model, samples, artifact)


def _loaded(file: Path) -> Any:
    """Runs what is in the file. Raises ImportingError also where another release saved it."""
    try:
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            model = joblib.load(file)
    except ModuleNotFoundError as error:
        raise ImportingError(
            "--load-pickle", f"the pickle needs '{error.name}', which is not installed here"
        ) from error
    except Exception as error:
        said = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        raise ImportingError("--load-pickle", f"{file.name} can't be read ({said})") from error
    for one in told:
        if isinstance(one.message, InconsistentVersionWarning):
            raise ImportingError(
                "--load-pickle",
                f"it was saved with scikit-learn {one.message.original_sklearn_version}, here is "
                f"{one.message.current_sklearn_version}; it would not answer as it was trained. "
                "Import it where that release is installed, or train it anew",
            )
    return model


def _inputs(model: Any, known: Stated | None) -> Sequence[str]:
    named = getattr(model, "feature_names_in_", None)
    if named is not None:
        return [str(name) for name in named]
    return [str(one.get("name")) for one in known.inputs] if known else []


def _frame(path: Path) -> pd.DataFrame:
    try:
        return pd.read_parquet(path)
    except (OSError, ValueError, pa.ArrowException) as error:
        said = str(error).splitlines()[0][:200]
        raise ImportingError("--reference", f"{path} can't be read as Parquet: {said}") from error


def _stated(found: Found, brought: Brought) -> Signature:
    """By what the other tool says of the model, or else by the sample alone."""
    try:
        with parquet.ParquetFile(brought.reference) as file:
            hints = _hints(brought)
            known = found.stated or _of_columns(file.schema_arrow, hints)
            return stated.signature_of(file, known, hints)
    except (OSError, pa.ArrowException) as error:
        said = str(error).splitlines()[0][:200]
        raise ImportingError(
            "--reference", f"{brought.reference} can't be read as Parquet: {said}"
        ) from error
    except (UnclearError, ValueError) as error:
        raise ImportingError(
            "--reference", f"no signature can be inferred: {error}; or give it with --signature"
        ) from error


def _of_columns(schema: Any, hints: stated.Hints) -> Stated:
    """Every column but the target is an input."""
    if hints.target is None:
        raise UnclearError(
            "the model says nothing of its inputs; say --target, the answer's column"
        )
    beside = {hints.target, *hints.aside}
    return Stated(
        tuple(
            {"name": one.name, "type": _type(one.type)}
            for one in schema
            if one.name not in beside and not one.name.startswith("__index_level_")
        )
    )


def _type(kind: Any) -> str:
    """In MLflow's words."""
    if types.is_dictionary(kind):
        kind = kind.value_type
    for test, name in (
        (types.is_boolean, "boolean"),
        (types.is_integer, "long"),
        (types.is_floating, "double"),
        (types.is_string, "string"),
        (types.is_large_string, "string"),
    ):
        if test(kind):
            return name
    return str(kind)


def _hints(brought: Brought) -> stated.Hints:
    aside = [*brought.protected, *([brought.time_column] if brought.time_column else [])]
    return stated.Hints(target=brought.target, aside=aside)
