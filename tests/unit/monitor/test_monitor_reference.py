"""Profiles of reference samples, from Parquet to bins."""

import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.fakes.monitor_entries import SIGNATURE, reference_profile, sample
from understudy.contracts.signature import Feature, Signature, Target
from understudy.contracts.vocabulary import FeatureKind, Task
from understudy.profiles.errors import UnusableReferenceError
from understudy.profiles.reading import read_reference
from understudy.profiles.reference import Reference


def profile(
    folder: Path, columns: dict[str, object], signature: Signature = SIGNATURE
) -> Reference:
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer)
    path = folder / "sample.parquet"
    path.write_bytes(buffer.getvalue())
    return read_reference(path, signature, 1_000)


def test_every_feature_and_the_target_are_profiled(tmp_path: Path) -> None:
    reference = reference_profile(tmp_path)
    assert [feature.name for feature in reference.features] == list(SIGNATURE.names)
    assert reference.rows == 2_000
    assert sum(reference.output.classes.values()) == 2_000
    assert reference.offsets[-1] == sum(f.bins.width for f in reference.features)


def test_only_the_first_rows_are_read(tmp_path: Path) -> None:
    assert profile(tmp_path, dict(sample(3_000))).rows == 1_000


def test_integers_booleans_and_nulls_are_read_as_the_log_carries_them(tmp_path: Path) -> None:
    columns: dict[str, object] = {
        "children": pa.array([1, None, 3]),
        "owner": pa.array([True, False, None]),
        "job": pa.array(["clerk", None, "nurse"]),
        "bad": pa.array([1, 0, 1]),
    }
    reference = profile(tmp_path, columns)
    tallies = {feature.name: feature.counts.tolist() for feature in reference.features}
    assert tallies == {
        "children": [1, 0, 0, 1, 1],
        "owner": [1, 0, 0, 1, 1],
        "job": [1, 0, 0, 1, 1],
    }


@pytest.mark.parametrize("labels", [[0, 1, 1], [0.0, 1.0, 1.0], [False, True, True], list("011")])
def test_classes_are_found_whatever_type_the_column_has(
    tmp_path: Path, labels: list[object]
) -> None:
    target = Target("bad", Task.CLASSIFICATION, classes=(0, 1))
    signature = Signature((Feature("income", FeatureKind.NUMBER),), target)
    reference = profile(tmp_path, {"income": [1.0, 2.0, 3.0], "bad": labels}, signature)
    assert reference.output.classes == {"0": 1, "1": 2}


def test_a_regression_target_gives_the_bins_of_the_output(tmp_path: Path) -> None:
    signature = Signature(
        (Feature("income", FeatureKind.NUMBER),), Target("limit", Task.REGRESSION)
    )
    columns = {"income": [1.0, 2.0, 3.0], "limit": [10.0, 20.0, 20.0]}
    output = profile(tmp_path, dict(columns), signature).output
    assert output.edges is not None
    assert output.counts is not None
    assert output.counts.tolist() == [1, 2]
    del columns["limit"]
    assert profile(tmp_path, dict(columns), signature).output.edges is None


def test_the_fingerprint_names_the_layout(tmp_path: Path) -> None:
    one, same, other = (reference_profile(tmp_path, seed) for seed in (1, 1, 2))
    assert one.fingerprint == same.fingerprint
    assert one.fingerprint != other.fingerprint


def test_a_sample_without_any_feature_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnusableReferenceError):
        profile(tmp_path, {"something": [1.0]})


def test_what_is_no_parquet_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "sample.parquet"
    path.write_bytes(b"not a Parquet file")
    with pytest.raises(UnusableReferenceError):
        read_reference(path, SIGNATURE, 10)
