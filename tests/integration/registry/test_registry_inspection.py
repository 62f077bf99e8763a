"""The inspection's child and real files: those of the examples, and some that can't serve."""

import hashlib
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.base import BaseEstimator

from examples import iris
from examples.candidates import Example
from examples.credit import train as credit
from services.registry.adapters.artifact_files import ArtifactFiles
from services.registry.adapters.inspection.inspector import ChildInspector, Limits
from services.registry.domain.errors import ArtifactDoesNotFitError, ReferenceInvalidError
from services.registry.domain.versions import Compiled, NotCompiled, NotMeasured
from services.registry.ports import Inspected, Sample
from understudy.contracts.signature import Feature, Signature, Target
from understudy.contracts.vocabulary import FeatureKind, Task


def inspect(
    folder: Path,
    model: Any,
    signature: Signature,
    rows: pd.DataFrame,
    *,
    evaluation: pd.DataFrame | None = None,
    time_column: str | None = None,
    trusted: Sequence[str] = (),
    measure_seconds: float = 30,
    compile_seconds: float | None = None,
) -> Inspected:
    """Raises what the inspector raises."""
    sample = Sample(
        artifact=keep(folder, skops.io.dumps(model)),
        reference=keep(folder, parquet_of(folder, rows)),
        signature=signature,
        evaluation=None if evaluation is None else keep(folder, parquet_of(folder, evaluation)),
        time_column=time_column,
    )
    files = ArtifactFiles(folder.as_uri(), limit_bytes=1 << 30, idle_seconds=5)
    files.verify()
    limits = Limits(
        60,
        memory_bytes=4 << 30,
        measure_seconds=measure_seconds,
        compile_seconds=compile_seconds,
        most_bytes=1 << 30,
    )
    return ChildInspector(files, limits, at_once=1).inspect(sample, trusted)


def parquet_of(folder: Path, rows: pd.DataFrame) -> bytes:
    rows.to_parquet(folder / "rows.parquet", index=False)
    return (folder / "rows.parquet").read_bytes()


def keep(folder: Path, content: bytes) -> str:
    digest = hashlib.sha256(content).hexdigest()
    (folder / digest[:2]).mkdir(exist_ok=True)
    (folder / digest[:2] / digest).write_bytes(content)
    return digest


@pytest.mark.parametrize("example", [iris.EXAMPLE, credit.EXAMPLE], ids=lambda found: found.name)
def test_the_examples_fit_and_are_compiled(example: Example, tmp_path: Path) -> None:
    for recipe in example.recipes:
        made = recipe.train()
        found = inspect(
            *(tmp_path, made.model, made.signature, made.reference),
            trusted=credit.TRUSTED_TYPES,
            compile_seconds=60,
        ).compiled
        assert isinstance(found, Compiled), found.reason
        assert found.difference <= found.tolerance
        assert (tmp_path / found.artifact[:2] / found.artifact).is_file()


class Sleeper(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Answers as it should, and takes its time over more rows than the inspection tries."""

    def fit(self, rows: Any, answers: Any) -> "Sleeper":
        self.n_features_in_, self.mean_ = rows.shape[1], float(np.mean(answers))
        return self

    def predict(self, rows: Any) -> Any:
        if len(rows) > 16:
            signal.pause()
        return np.full(len(rows), self.mean_)


def test_a_model_that_hangs_while_it_is_compiled_is_registered(tmp_path: Path) -> None:
    rows = pd.DataFrame({"x": np.arange(100.0), "y": 1.0})
    model = Sleeper().fit(rows[["x"]].to_numpy(), rows["y"])
    signature = Signature((Feature("x", FeatureKind.NUMBER),), Target("y", Task.REGRESSION))
    trusted = skops.io.get_untrusted_types(data=skops.io.dumps(model))
    found = inspect(
        *(tmp_path, model, signature, rows),
        trusted=trusted,
        measure_seconds=1,
        compile_seconds=3,
    )
    assert found.baseline == NotMeasured("answering the sample took longer than 0.5 s")
    assert found.compiled == NotCompiled("compiling took longer than 3 s")


def test_a_model_that_could_never_serve_is_refused(tmp_path: Path) -> None:
    rows = iris.blossoms()
    with pytest.raises(ArtifactDoesNotFitError, match="without 'predict'") as caught:
        inspect(tmp_path, {"model": 1}, iris.SIGNATURE, rows)
    assert [error.pointer for error in caught.value.errors] == ["/artifact"]


def test_a_sample_with_other_labels_is_refused(tmp_path: Path) -> None:
    rows = iris.blossoms().replace({"species": {"setosa": "rose"}})
    with pytest.raises(ReferenceInvalidError, match="'species' holds 'rose'") as caught:
        inspect(tmp_path, {"model": 1}, iris.SIGNATURE, rows)
    assert [error.pointer for error in caught.value.errors] == ["/reference"]
