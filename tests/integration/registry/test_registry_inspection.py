"""The inspection's child and real files: those of the examples, and some that can't serve."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import skops.io

from examples import iris
from examples.candidates import Example
from examples.credit import train as credit
from services.registry.adapters.artifact_files import ArtifactFiles
from services.registry.adapters.inspection.inspector import ChildInspector, Limits
from services.registry.domain.errors import ArtifactDoesNotFitError, ReferenceInvalidError
from services.registry.ports import Sample
from understudy.contracts.signature import Signature


def inspect(
    folder: Path,
    model: Any,
    signature: Signature,
    rows: pd.DataFrame,
    trusted: Sequence[str] = (),
) -> None:
    """Raises what the inspector raises."""
    parquet = folder / "rows.parquet"
    rows.to_parquet(parquet, index=False)
    digests = [keep(folder, content) for content in (skops.io.dumps(model), parquet.read_bytes())]
    files = ArtifactFiles(folder.as_uri(), limit_bytes=1 << 30, idle_seconds=5)
    limits = Limits(60, memory_bytes=4 << 30, compile_seconds=None, most_bytes=1 << 30)
    inspector = ChildInspector(files, limits, at_once=1)
    inspector.inspect(Sample(digests[0], digests[1], signature), trusted)


def keep(folder: Path, content: bytes) -> str:
    digest = hashlib.sha256(content).hexdigest()
    (folder / digest[:2]).mkdir(exist_ok=True)
    (folder / digest[:2] / digest).write_bytes(content)
    return digest


@pytest.mark.parametrize("example", [iris.EXAMPLE, credit.EXAMPLE], ids=lambda found: found.name)
def test_the_examples_fit(example: Example, tmp_path: Path) -> None:
    for recipe in example.recipes:
        made = recipe.train()
        inspect(tmp_path, made.model, made.signature, made.reference, credit.TRUSTED_TYPES)


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
