"""The inspection's child reaches no file but its own, whatever a model in it tries."""

import os
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import skops.io
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from services.registry.adapters.inspection.confinement import can_confine
from services.registry.adapters.inspection.inspector import CHILD
from services.registry.adapters.inspection.messages import Task, Verdict
from services.registry.adapters.inspection.process import ChildProcess
from understudy.contracts.signature import Feature, Signature, Target
from understudy.contracts.vocabulary import FeatureKind
from understudy.contracts.vocabulary import Task as Kind

pytestmark = pytest.mark.slow

SIGNATURE = Signature(
    features=(Feature(name="note", kind=FeatureKind.CATEGORY, open_choices=True),),
    target=Target(name="y", task=Kind.CLASSIFICATION, classes=("no", "yes")),
)
CARELESS = (
    "import understudy.inference.estimators as e; e.disarm = lambda model: None; "
    "from services.registry.adapters.inspection import child; child.main()"
)
"""The same child, which loads whatever is in a file."""


def reading(paths: list[str]) -> Any:
    """A model that reads the files that its rows name."""
    words = HashingVectorizer(n_features=8, decode_error="ignore")
    model = make_pipeline(ColumnTransformer([("note", words, "note")]), LogisticRegression())
    model.fit(pd.DataFrame({"note": paths}), ["no", "yes"] * (len(paths) // 2))
    model[0].named_transformers_["note"].input = "filename"
    return model


def verdict(folder: Path, path: Path, child: tuple[str, ...]) -> Verdict:
    """Of a model that is to read the path."""
    rows = pd.DataFrame({"note": [str(path)] * 4, "y": ["no", "yes"] * 2})
    skops.io.dump(reading([str(path)] * 4), folder / "model")
    rows.to_parquet(folder / "rows.parquet")
    (folder / "made").mkdir()
    task = Task(
        artifact=str(folder / "model"),
        reference=str(folder / "rows.parquet"),
        signature=SIGNATURE,
        trusted=("numpy.dtype",),
        cpu_seconds=60,
        memory_bytes=4 << 30,
        folder=str(folder / "made"),
    )
    with ChildProcess(child, task.model_dump_json().encode()) as started:
        return Verdict.model_validate_json(started.line(60))


def test_what_would_read_files_is_refused_before_it_is_asked(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("the key")
    found = verdict(tmp_path, secret, CHILD)
    assert "HashingVectorizer with input='filename'" in found.unfit[0].message


@pytest.mark.skipif(not can_confine(), reason="the kernel has no Landlock")
@pytest.mark.parametrize("place", ["secret", "/proc/{}/environ", "/etc/passwd"])
def test_what_was_not_found_out_reads_no_file_either(tmp_path: Path, place: str) -> None:
    (tmp_path / "secret").write_text("the key")
    # The process that starts the child could hold keys.
    found = verdict(
        tmp_path, tmp_path / place.format(os.getpid()), (sys.executable, "-c", CARELESS)
    )
    assert "Permission denied" in found.unfit[0].message


@pytest.mark.skipif(not can_confine(), reason="the kernel has no Landlock")
def test_what_lies_among_its_own_files_can_be_read(tmp_path: Path) -> None:
    """So that the test before refuses for the place alone."""
    found = verdict(tmp_path, tmp_path / "rows.parquet", (sys.executable, "-c", CARELESS))
    assert found.unfit == ()
