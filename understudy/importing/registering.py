"""One call from a fitted estimator to a reviewed version."""

import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pandas as pd
import pyarrow as pa
import skops.io

from understudy.client.registry import RegistryClient
from understudy.contracts.registry import Lineage
from understudy.contracts.signature import Signature
from understudy.contracts.vocabulary import Label
from understudy.importing.connecting import registry_of_environment
from understudy.importing.errors import ImportingError
from understudy.importing.estimator import require_fitted, signature_of
from understudy.importing.lineage import completed, lineage_here
from understudy.importing.progress import bars
from understudy.importing.ranges import Ranges, stated
from understudy.importing.sending import Parcel, Registered, continued, send
from understudy.importing.tables import Protected, Samples, samples_of

_ANSWERED: Final = 64
"""Rows that the model is asked before and after it was written to a file."""


def register(
    pipeline: Any,
    X_train: Any,  # noqa: N803 - as scikit-learn calls it
    y_train: Any,
    X_test: Any = None,  # noqa: N803
    y_test: Any = None,
    *,
    model: str,
    project: str | None = None,
    registry: RegistryClient | None = None,
    description: str = "",
    protected: Protected = None,
    time_column: str | None = None,
    ranges: Ranges | None = None,
    classes: Sequence[Label] | None = None,
    metrics: Mapping[str, float] | None = None,
    lineage: Lineage | None = None,
    review: bool = True,
    progress: bool = True,
) -> Registered:
    """Register a fitted scikit-learn classifier or regressor as a new version of a model.

    `X_train`, `X_test`: DataFrames, or rows × features; what X_test holds is what the version is
    measured on. `model`: its name; it is made in `project` where it is absent. `registry`: else
    that of UNDERSTUDY_REGISTRY_URL and UNDERSTUDY_KEY, or of `understudy up` here.

    `protected`: columns of X, or a table with the same index (or a pair of them, for X_train and
    X_test), that hold protected attributes: the review compares their groups, the model never sees
    them. `time_column`: the column of X that says when a row was. `ranges`: which numbers are
    legal, as {name: (minimum, maximum)}; others are proposed, ten times as wide as the data.
    `classes`: their order in answers; else as the model has them. `lineage`: what is stated there
    goes before what is found (author, commit, libraries, hash of the data).

    With `review` it waits for the review; the answer's `findings` are what it found, and `str()`
    tells them.

    Raises ImportingError, which names the argument that is wrong, and a ClientError when the
    registry refuses or does not answer.

    Example:
        understudy.register(pipeline, X_train, y_train, X_test, y_test,
                            model="credit-risk", project="lending")
    """
    require_fitted(pipeline)
    samples = samples_of(
        pipeline, (X_train, y_train), (X_test, y_test), protected=protected, time_column=time_column
    )
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="understudy-")))
        parcel = _parcel(pipeline, samples, folder, classes)
        client = registry or stack.enter_context(registry_of_environment())
        parcel = replace(
            parcel,
            signature=stated(continued(client, model, parcel.signature), ranges),
            metrics=dict(metrics or {}),
            lineage=completed(lineage or Lineage(), parcel.lineage),
            description=description,
        )
        shown = stack.enter_context(bars(wanted=progress))
        return send(client, model, parcel, project=project, review=review, shown=shown)


def _parcel(
    pipeline: Any, samples: Samples, folder: Path, classes: Sequence[Label] | None
) -> Parcel:
    artifact = folder / "model.skops"
    answers = _answers(pipeline, samples)
    signature = saved(pipeline, samples, artifact, classes=classes, answers=answers)
    reference = _written(samples.reference.whole, folder / "reference.parquet", "X_train")
    evaluation = None
    if samples.evaluation is not None:
        evaluation = _written(samples.evaluation.whole, folder / "evaluation.parquet", "X_test")
    return Parcel(
        artifact=artifact,
        reference=reference,
        signature=signature,
        evaluation=evaluation,
        time_column=samples.time_column,
        protected=samples.protected,
        lineage=lineage_here(pipeline, reference),
    )


def saved(
    pipeline: Any,
    samples: Samples,
    artifact: Path,
    *,
    classes: Sequence[Label] | None = None,
    answers: Any = None,
) -> Signature:
    """Written as skops, read again, and asked: what the file answers is what will be served."""
    try:
        skops.io.dump(pipeline, artifact)
        # What this process has just written of its own object is as trusted as the object.
        copy = skops.io.load(artifact, trusted=skops.io.get_untrusted_types(file=artifact))
    except Exception as error:
        said = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        raise ImportingError(
            "pipeline", f"skops can't write it ({said}); use parts that skops knows, or ONNX"
        ) from error
    return signature_of(copy, samples.reference, classes=classes, answers=answers)


def _answers(pipeline: Any, samples: Samples) -> Any:
    """What the estimator answers to the table as it was given."""
    head = samples.reference.features.head(_ANSWERED)
    named = getattr(pipeline, "feature_names_in_", None) is not None
    try:
        return pipeline.predict(head if named else head.to_numpy())
    except Exception as error:
        said = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        raise ImportingError("X_train", f"the model refuses its rows ({said})") from error


def _written(frame: pd.DataFrame, path: Path, argument: str) -> Path:
    try:
        frame.to_parquet(path, index=False)
    except (pa.ArrowException, TypeError, ValueError) as error:
        said = " ".join(str(error).split())[:300]
        raise ImportingError(argument, f"it can't be written as Parquet ({said})") from error
    return path
