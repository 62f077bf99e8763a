"""Whatever becomes of measuring, a version whose files are fit is registered, with the reason."""

import hashlib
import itertools
import signal
import sys
import time
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from services.registry.adapters.artifact_files import ArtifactFiles
from services.registry.adapters.inspection.importances import REPEATS, importances, losses
from services.registry.adapters.inspection.inspector import ChildInspector, Limits
from services.registry.adapters.inspection.labelled import MOST_ROWS, Labelled, read_labelled
from services.registry.adapters.inspection.measuring import measurement
from services.registry.adapters.inspection.messages import Measuring
from services.registry.adapters.inspection.messages import Task as Inspection
from services.registry.adapters.inspection.overtime import OverTimeError, at_most
from services.registry.adapters.inspection.pieces import InPieces
from services.registry.domain.versions import Baseline, Interval, NotCompiled, NotMeasured
from services.registry.ports import Inspected, Sample
from tests.fakes.registry import SIGNATURE
from tests.fakes.registry_child import ANSWERS, BASELINE_FIGURES, sent_to
from understudy.contracts.signature import Feature, Signature, Target
from understudy.contracts.vocabulary import FeatureKind, Task
from understudy.inference.row_times import no_times, times_of
from understudy.inference.rows import Rows
from understudy.inference.scored import Scored

DIGEST = hashlib.sha256(ANSWERS).hexdigest()
MIXED = Signature(
    (
        Feature("town", FeatureKind.CATEGORY, open_choices=True),
        Feature("age", FeatureKind.NUMBER, minimum=0),
        Feature("noise", FeatureKind.NUMBER),
    ),
    Target("price", Task.REGRESSION),
)


def inspect(path: Path, measure: str, *, seconds: float = 60) -> Inspected:
    files = ArtifactFiles(path.as_uri(), limit_bytes=1 << 20, idle_seconds=1)
    files.verify()
    limits = Limits(
        60,
        memory_bytes=1 << 32,
        measure_seconds=seconds,
        compile_seconds=60,
        most_bytes=1 << 20,
    )
    child = (sys.executable, "-m", "tests.fakes.registry_child", "give_up", measure)
    inspector = ChildInspector(files, limits, at_once=1, child=child)
    return inspector.inspect(Sample(*sent_to(files), SIGNATURE), ())


def test_what_was_measured_is_stored_by_its_digest(tmp_path: Path) -> None:
    found = inspect(tmp_path, "measure_it")
    assert found.baseline == Baseline(file=DIGEST, **dict(BASELINE_FIGURES))
    assert found.compiled == NotCompiled("no converter for Oracle")
    assert (tmp_path / DIGEST[:2] / DIGEST).read_bytes() == ANSWERS


@pytest.mark.parametrize(
    ("measure", "reason"),
    [
        ("measure_nothing", "no row is legal"),
        ("measure_and_lose_the_file", "what was measured could not be stored"),
        ("talk_nonsense", "what was measured could not be read"),
    ],
)
def test_measuring_that_fails_is_a_reason_and_compiling_goes_on(
    tmp_path: Path, measure: str, reason: str
) -> None:
    found = inspect(tmp_path, measure)
    assert found == Inspected(NotMeasured(reason), NotCompiled("no converter for Oracle"))


@pytest.mark.parametrize(
    ("measure", "reason"),
    [
        ("abort", "measuring broke down (signal SIGABRT)"),
        ("burn", "measuring took more than 60 s of the processor's time"),
        ("leave", "measuring broke down (status 3)"),
    ],
)
def test_a_child_that_is_lost_over_it_leaves_both_reasons(
    tmp_path: Path, measure: str, reason: str
) -> None:
    found = inspect(tmp_path, measure)
    assert found == Inspected(NotMeasured(reason), NotCompiled(f"not tried: {reason} before"))


@pytest.mark.slow
def test_measuring_that_hangs_is_ended(tmp_path: Path) -> None:
    found = inspect(tmp_path, "hang", seconds=0.1)
    assert found.baseline == NotMeasured("measuring took longer than 0.1 s")


class Formula:
    """A regressor whose answer is twice the age, and longer in Ulm; it refuses ages above 90."""

    feature_names_in_ = ("town", "age", "noise")

    def predict(self, rows: pd.DataFrame) -> Any:
        if (rows["age"] > 90).any():
            raise ValueError("too old")
        return 2 * rows["age"].to_numpy() + 10 * (rows["town"] == "Ulm").to_numpy()


class FormulaRunner:
    """The same, as serving would ask it."""

    def score(self, rows: Rows) -> Scored:
        towns = np.array([town == "Ulm" for town in rows.texts[0]])
        return Scored(2 * rows.numbers[:, 0] + 10.0 * towns)


def frame(rows: int) -> pd.DataFrame:
    draw = np.random.default_rng(5)
    towns, ages = draw.choice(["Ulm", "Bonn"], rows), draw.uniform(0, 80, rows)
    price = 2 * ages + 10 * (towns == "Ulm")
    noise = draw.normal(0, 1, rows)
    return pd.DataFrame({"town": towns, "age": ages, "noise": noise, "price": price})


def task(folder: Path, rows: pd.DataFrame, **members: Any) -> Inspection:
    rows.to_parquet(folder / "rows.parquet", index=False)
    return Inspection(
        artifact="",
        reference=str(folder / "rows.parquet"),
        signature=MIXED,
        trusted=(),
        cpu_seconds=60,
        memory_bytes=1 << 32,
        **members,
    )


def limits(folder: Path, seconds: float = 20, most_bytes: int = 1 << 20) -> Measuring:
    return Measuring(output=str(folder / "out"), seconds=seconds, most_bytes=most_bytes)


PROBE = Rows(np.array([[1.0, 0.0]]), (["Ulm"],))


def test_rows_that_are_not_legal_or_refused_are_left_out(tmp_path: Path) -> None:
    rows = frame(50)
    rows.loc[3, "age"], rows.loc[7, "age"], rows.loc[9, "price"] = -1.0, 95.0, np.nan
    said = measurement(task(tmp_path, rows), limits(tmp_path), Formula(), PROBE)
    assert said.figures is not None
    assert said.figures.rows == 48
    found = pd.read_parquet(tmp_path / "out")
    assert found["value"].tolist() == Formula().predict(rows.drop(index=[3, 7])).tolist()
    assert np.isnan(found["label"]).sum() == 1
    assert found["row"].tolist() == [at for at in range(50) if at not in {3, 7}]
    assert set(said.figures.importances) == {"town", "age", "noise"}


def test_an_interval_is_measured_on_labelled_rows_that_were_held_out(tmp_path: Path) -> None:
    rows = frame(203)
    rows["price"] += np.random.default_rng(4).permutation(203) + 1.0  # each so far off
    rows.loc[[3, 8, 9], "price"] = np.nan
    asked = task(tmp_path, rows)
    said = measurement(asked, limits(tmp_path), Formula(), PROBE)
    assert said.figures is not None
    assert said.figures.interval is None  # it may have been trained on these
    held_out = asked.model_copy(update={"evaluation": asked.reference})
    said = measurement(held_out, limits(tmp_path), Formula(), PROBE)
    off = (rows["price"] - Formula().predict(rows)).dropna().sort_values()
    assert said.figures is not None
    found = said.figures.interval
    assert found is not None
    assert found.half_width == pytest.approx(off.iloc[181 - 1])
    assert found == Interval(0.9, found.half_width, 200)


@pytest.mark.parametrize(
    ("age", "reason"),
    [
        (-1.0, "the reference sample has no row that the signature allows"),
        (95.0, "the model answers no row of the reference sample"),
    ],
)
def test_nothing_to_measure_is_a_reason(tmp_path: Path, age: float, reason: str) -> None:
    said = measurement(task(tmp_path, frame(4).assign(age=age)), limits(tmp_path), Formula(), PROBE)
    assert (said.figures, said.reason) == (None, reason)


def test_what_is_too_large_or_breaks_is_a_reason(tmp_path: Path) -> None:
    asked = task(tmp_path, frame(4))
    said = measurement(asked, limits(tmp_path, most_bytes=1), Formula(), PROBE)
    assert said.reason == "the answers are larger than an artifact may be"
    gone = asked.model_copy(update={"reference": str(tmp_path / "gone")})
    said = measurement(gone, limits(tmp_path), Formula(), PROBE)
    assert said.reason.startswith("measuring failed (FileNotFoundError")


class Slow(Formula):
    """Answers the sample, and hangs as soon as it is asked again."""

    def __init__(self, rows: int) -> None:
        self.left = rows

    def predict(self, rows: pd.DataFrame) -> Any:
        self.left -= len(rows)
        if self.left < 0:
            signal.pause()
        return super().predict(rows)


def test_importances_that_take_too_long_are_left_out(tmp_path: Path) -> None:
    # 50 rows, the same again before any column is shuffled, then those of the first feature.
    slow = Slow(50 + 50 + 3 * 50)
    said = measurement(task(tmp_path, frame(50)), limits(tmp_path, seconds=2), slow, PROBE)
    assert said.figures is not None
    assert said.figures.rows == 50
    assert list(said.figures.importances) == ["town"]


def test_many_rows_are_asked_in_small_calls() -> None:
    draw = np.random.default_rng(3)
    rows = Rows(draw.uniform(0, 80, (1_234, 2)), (draw.choice(["Ulm", "Bonn"], 1_234).tolist(),))
    found = InPieces(FormulaRunner()).score(rows)
    assert np.array_equal(found.values, FormulaRunner().score(rows).values)
    assert found.probabilities is None


def test_a_feature_that_nothing_hangs_on_has_no_importance() -> None:
    rows = frame(400)
    texts = (rows["town"].tolist(),)
    found = Labelled(Rows(rows[["age", "noise"]].to_numpy(), texts), rows["price"].to_numpy(), None)
    measured = dict(importances(FormulaRunner(), found, MIXED))
    # The mean distance of two ages drawn from 0 to 80 is 80/3; of two towns half are others.
    assert measured == {
        "town": pytest.approx(5.0, abs=0.5),
        "age": pytest.approx(2 * 80 / 3, abs=3.0),
        "noise": 0.0,
    }
    assert measured == dict(importances(FormulaRunner(), found, MIXED))
    assert REPEATS == 3


def test_nothing_hangs_on_anything_without_labels() -> None:
    found = Labelled(PROBE, np.array([np.nan]), None)
    assert dict(importances(FormulaRunner(), found, MIXED)) == {}


def test_losses_are_half_brier_zero_one_and_absolute() -> None:
    classes = replace(MIXED.target, task=Task.CLASSIFICATION, classes=("a", "b", "c"))
    chances = np.array([[0.2, 0.5, 0.3], [1.0, 0.0, 0.0]])
    values, labels = np.array([1.0, 0.0]), np.array([1.0, 2.0])
    assert losses(Scored(values, chances), labels, classes).tolist() == pytest.approx([0.19, 1.0])
    assert losses(Scored(values), labels, classes).tolist() == [0.0, 1.0]
    assert losses(Scored(values), labels, MIXED.target).tolist() == [0.0, 2.0]


def test_a_large_sample_is_taken_from_all_over_in_the_order_of_time(tmp_path: Path) -> None:
    many = 10 * MOST_ROWS
    at = np.random.default_rng(2).permutation(many)
    rows = pd.DataFrame({"town": "Ulm", "age": at, "noise": 0.0, "price": at, "at": at})
    rows.to_parquet(tmp_path / "large.parquet", index=False)
    found = read_labelled(str(tmp_path / "large.parquet"), MIXED, "at")
    assert found.at is not None
    assert len(found.labels) == MOST_ROWS
    assert (np.diff(found.at) > 0).all()
    assert np.array_equal(found.at, found.labels)
    assert np.array_equal(found.at, found.rows.numbers[:, 0])
    shares = np.histogram(found.at, bins=10, range=(0, many))[0] / MOST_ROWS
    assert shares == pytest.approx([0.1] * 10, abs=0.01)


def test_the_time_column_may_be_a_feature(tmp_path: Path) -> None:
    frame(10).to_parquet(tmp_path / "rows.parquet", index=False)
    found = read_labelled(str(tmp_path / "rows.parquet"), MIXED, "age")
    assert found.at is not None
    assert found.at.tolist() == sorted(frame(10)["age"])


NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("column", "seconds"),
    [
        (pa.array([NOON, None], pa.timestamp("ns", tz="Europe/Berlin")), NOON.timestamp()),
        (pa.array([NOON.replace(tzinfo=None), None], pa.timestamp("ms")), NOON.timestamp()),
        (pa.array([date(2026, 3, 1), None]), NOON.timestamp() - 12 * 3600),
        (pa.array([12, None]), 12.0),
        (pa.array([12.5, np.inf]), 12.5),
        (pa.chunked_array([[12], [None]]), 12.0),
    ],
)
def test_times_are_seconds_since_the_epoch(column: Any, seconds: float) -> None:
    assert no_times(column.type) is None
    assert np.array_equal(times_of(column), [seconds, np.nan], equal_nan=True)


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.bool_(), pa.null(), pa.time32("s"), pa.duration("s")]
)
def test_what_is_no_time_is_told(kind: Any) -> None:
    assert no_times(kind)


def test_over_time_is_interrupted_and_an_earlier_alarm_goes_on() -> None:
    signal.alarm(100)
    with pytest.raises(OverTimeError), at_most(0.05):
        signal.pause()
    with pytest.raises(OverTimeError), at_most(0.05):
        sum(time.process_time() for _ in itertools.count())
    assert 98 <= signal.alarm(0) <= 100
