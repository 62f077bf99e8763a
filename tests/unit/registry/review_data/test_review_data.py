"""What a review tells of the samples, and which faults of theirs it finds."""

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from services.registry.adapters.reviewing.data import correlations_of, data_of, overlap_of
from services.registry.adapters.reviewing.subject import LeftOutError, Subject
from services.registry.domain.findings import samples
from tests.fakes.reviewed_samples import CLASSES, NUMBERS, Change, clean, reviewed
from tests.fakes.reviewing import MADE_AT
from understudy.contracts.reviews import Data, Finding, Review
from understudy.contracts.signature import Feature, Signature, Target
from understudy.contracts.vocabulary import FeatureKind, FindingCode, Severity, Task


def everything(subject: Subject) -> Review:
    parts: dict[str, Any] = {}
    for name, part in (("overlap", overlap_of), ("correlations", correlations_of)):
        try:
            parts[name] = part(subject)
        except LeftOutError:
            parts[name] = None
    data = data_of(subject)
    return Review(
        model="credit",
        version=1,
        task=subject.signature.target.task,
        made_at=MADE_AT,
        seconds=0.0,
        seed=7,
        artifact="a" * 64,
        data=Data(data.samples, data.columns, data.checks, classes=data.classes, **parts),
        findings=(),
    )


def findings(subject: Subject) -> dict[FindingCode, Finding]:
    review = everything(subject)
    assert all(map(math.isfinite, numbers_of(review)))
    return {one.code: one for one in samples.found(review, subject.signature)}


def numbers_of(value: object) -> Iterable[float]:
    """Every number in it; each is a Python number, as JSON wants it."""
    if isinstance(value, float | int):
        assert type(value) in {float, int, bool}
        yield value
    elif isinstance(value, tuple):
        for one in value:
            yield from numbers_of(one)
    elif hasattr(value, "__dataclass_fields__"):
        for name in value.__dataclass_fields__:
            yield from numbers_of(getattr(value, name))


def test_clean_samples_are_found_clean(tmp_path: Path) -> None:
    subject = reviewed(tmp_path, clean(1_500, 1), clean(800, 2))
    assert findings(subject) == {}
    assert all(check.passed for check in data_of(subject).checks)


def test_columns_and_samples_are_told(tmp_path: Path) -> None:
    reference, evaluation = clean(1_500, 1), clean(800, 2)
    for frame in (reference, evaluation):
        frame["at"] = pd.date_range("2024-01-01", periods=len(frame), freq="h", tz="UTC")
    subject = reviewed(
        tmp_path, reference, evaluation, time_column="at", protected=["sex", "years"]
    )
    data = data_of(subject)
    first, second = data.samples
    assert (first.rows, first.read, first.labelled, first.legal) == (1_500,) * 4
    assert second.since is not None
    assert second.since.isoformat() == "2024-01-01T00:00:00+00:00"
    parts = [(column.name, column.part) for column in data.columns]
    assert parts[-4:] == [
        ("bad", "target"),
        ("at", "time"),
        ("sex", "protected"),
        ("years", "protected"),
    ]
    columns = {column.name: column for column in data.columns}
    assert columns["debt"].missing == pytest.approx(reference["debt"].isna().mean())
    assert columns["income"].mean == pytest.approx(reference["income"].mean())
    assert columns["income"].deviation == pytest.approx(reference["income"].std())
    assert columns["home"].commonest[0][1] == pytest.approx(
        reference["home"].value_counts(normalize=True).max()
    )
    assert columns["bad"].bars is not None
    assert columns["bad"].bars.names == ("false", "true")
    for column in data.columns:
        assert column.bars is not None
        assert column.bars.evaluation is not None
        assert sum(column.bars.reference) == pytest.approx(1.0)
        assert sum(column.bars.evaluation) == pytest.approx(1.0)
    assert [one.label for one in data.classes] == [False, True]
    assert data.classes[1].evaluation == pytest.approx(evaluation["bad"].mean())


def test_bars_withstand_outliers(tmp_path: Path) -> None:
    reference, evaluation = clean(1_500, 1), clean(800, 2)
    reference.loc[0, "income"] = 1e12
    subject = reviewed(tmp_path, reference, evaluation)
    bars = next(one.bars for one in data_of(subject).columns if one.name == "income")
    assert bars is not None
    assert bars.edges is not None
    assert 10 <= len(bars.reference) <= 20
    assert bars.edges[-1] == 1e12
    assert max(bars.reference) < 0.3


def _repeat(frame: pd.DataFrame) -> None:
    frame.iloc[:200] = frame.iloc[200:400].to_numpy()


PLANTED: dict[str, tuple[Change, FindingCode, Severity]] = {
    "illegal values": (
        lambda frame: frame.__setitem__("age", frame["age"].where(frame.index > 3, 12)),
        FindingCode.FAILED_CHECK,
        Severity.WARN,
    ),
    "nulls": (
        lambda frame: frame.__setitem__("income", frame["income"].where(frame.index > 3)),
        FindingCode.FAILED_CHECK,
        Severity.WARN,
    ),
    "unknown category": (
        lambda frame: frame.__setitem__("home", frame["home"].where(frame.index > 3, "boat\0🚤")),
        FindingCode.FAILED_CHECK,
        Severity.WARN,
    ),
    "halves": (
        lambda frame: frame.__setitem__("age", frame["age"] + 0.5),
        FindingCode.FAILED_CHECK,
        Severity.WARN,
    ),
    "labels missing": (
        lambda frame: frame.__setitem__("bad", frame["bad"].where(frame.index > 500, None)),
        FindingCode.FAILED_CHECK,
        Severity.WARN,
    ),
    "one class": (
        lambda frame: frame.__setitem__("bad", frame.index < 0),
        FindingCode.ONE_CLASS,
        Severity.BLOCK,
    ),
    "no label": (
        lambda frame: frame.__setitem__("bad", pd.Series([None] * len(frame), dtype="boolean")),
        FindingCode.ONE_CLASS,
        Severity.BLOCK,
    ),
    "imbalance": (
        lambda frame: frame.__setitem__("bad", frame.index < 12),
        FindingCode.IMBALANCE,
        Severity.WARN,
    ),
    "repeated rows": (_repeat, FindingCode.DUPLICATES, Severity.WARN),
    "constant": (
        lambda frame: frame.__setitem__("income", 3.0),
        FindingCode.CONSTANT_FEATURE,
        Severity.WARN,
    ),
    "all missing": (
        lambda frame: frame.__setitem__("debt", np.nan),
        FindingCode.CONSTANT_FEATURE,
        Severity.WARN,
    ),
    "mostly missing": (
        lambda frame: frame.__setitem__("debt", frame["debt"].where(frame.index % 3 == 0)),
        FindingCode.MOSTLY_MISSING,
        Severity.LOOK,
    ),
    "correlated": (
        lambda frame: frame.__setitem__("income", np.exp(frame["debt"].fillna(0.0))),
        FindingCode.CORRELATED_FEATURES,
        Severity.LOOK,
    ),
}


@pytest.mark.parametrize("fault", PLANTED)
def test_each_planted_fault_is_found(fault: str, tmp_path: Path) -> None:
    change, code, severity = PLANTED[fault]
    reference, evaluation = clean(1_500, 1), clean(800, 2)
    change(reference)
    change(evaluation)
    found = findings(reviewed(tmp_path, reference, evaluation))
    assert found[code].severity is severity


@pytest.mark.parametrize(
    ("copied", "severity"),
    [(0, None), (100, Severity.WARN), (700, Severity.BLOCK)],
)
def test_copied_rows_are_told(copied: int, severity: Severity | None, tmp_path: Path) -> None:
    reference, evaluation = clean(1_500, 1), clean(800, 2)
    evaluation = pd.concat([reference[:copied], evaluation[copied:]], ignore_index=True)
    subject = reviewed(tmp_path, reference, evaluation)
    share = overlap_of(subject)
    assert share is not None
    assert share.value == pytest.approx(copied / 800, abs=0.005)
    found = findings(subject).get(FindingCode.OVERLAP)
    assert (None if found is None else found.severity) is severity


def test_rows_multiplied_before_the_split_overlap(tmp_path: Path) -> None:
    rows = clean(1_000, 1)
    many = rows.loc[np.repeat(rows.index, 3)].sample(frac=1.0, random_state=1)
    subject = reviewed(tmp_path, many[:2_000], many[2_000:])
    assert findings(subject)[FindingCode.OVERLAP].severity is Severity.BLOCK


def test_equal_rows_of_few_values_are_no_overlap(tmp_path: Path) -> None:
    signature, draw = few_values()
    subject = reviewed(tmp_path, draw(2_000, 1), draw(800, 2), signature=signature)
    found = findings(subject)
    assert FindingCode.OVERLAP not in found
    assert found[FindingCode.DUPLICATES].severity is Severity.LOOK


def few_values() -> tuple[Signature, Any]:
    """Debt and age of five values each: a hundred kinds of rows."""
    features = tuple(Feature(name, FeatureKind.NUMBER) for name in ("debt", "age"))
    features += (Feature("income", FeatureKind.NUMBER), Feature("owner", FeatureKind.BOOLEAN))
    features += (Feature("home", FeatureKind.CATEGORY, open_choices=True),)

    def draw(rows: int, seed: int) -> pd.DataFrame:
        frame = clean(rows, seed)
        for name in ("debt", "age", "income"):
            frame[name] = pd.qcut(frame[name].fillna(0.0).rank(method="first"), 5, labels=False)
        return frame

    return Signature(features, Target("bad", Task.CLASSIFICATION, (False, True))), draw


def test_an_evaluation_from_before_is_worth_a_look(tmp_path: Path) -> None:
    reference, evaluation = clean(1_500, 1), clean(800, 2)
    reference["at"] = pd.date_range("2024-01-01", periods=1_500, freq="h")
    evaluation["at"] = pd.date_range("2023-01-01", periods=800, freq="h")
    subject = reviewed(tmp_path, reference, evaluation, time_column="at")
    found = findings(subject)[FindingCode.FAILED_CHECK]
    assert (found.severity, found.subjects) == (Severity.LOOK, ("time",))


def test_without_an_evaluation_that_is_said(tmp_path: Path) -> None:
    subject = reviewed(tmp_path, clean(1_500, 1))
    assert findings(subject)[FindingCode.NO_EVALUATION].severity is Severity.WARN
    with pytest.raises(LeftOutError, match="no evaluation"):
        overlap_of(subject)


def test_large_samples_are_read_in_part_and_compared_whole(tmp_path: Path) -> None:
    reference, evaluation = clean(120_000, 1), clean(500, 2)
    evaluation = pd.concat([reference[1:51], evaluation[50:]], ignore_index=True)
    subject = reviewed(tmp_path, reference, evaluation)
    facts = data_of(subject).samples[0]
    assert facts.read <= 50_000 < facts.rows
    share = overlap_of(subject)
    assert share is not None
    assert share.value == pytest.approx(0.1, abs=0.005)
    assert findings(subject)[FindingCode.SAMPLED].severity is Severity.LOOK


@pytest.mark.parametrize("rows", [1, 2, 15])
@pytest.mark.parametrize("signature", [CLASSES, NUMBERS], ids=["classes", "numbers"])
def test_a_few_rows_are_told_as_few(rows: int, signature: Signature, tmp_path: Path) -> None:
    subject = reviewed(tmp_path, clean(rows, 1), clean(rows, 2), signature=signature)
    found = findings(subject)
    assert found[FindingCode.FAILED_CHECK].subjects[:2] == ("rows:reference", "rows:evaluation")
    assert FindingCode.FEW_ROWS in found or FindingCode.ONE_CLASS in found


def test_infinities_and_extremes_break_nothing(tmp_path: Path) -> None:
    reference, evaluation = clean(500, 1), clean(300, 2)
    reference.loc[:3, "income"] = [np.inf, -np.inf, 1.7e308, -1.7e308]
    reference.loc[4, "debt"] = 5e-324
    evaluation["debt"] = np.nan
    reference["bad"] = reference["bad"].astype(object)
    reference.loc[5:9, "bad"] = None
    found = findings(reviewed(tmp_path, reference, evaluation))
    assert "range:income" in found[FindingCode.FAILED_CHECK].subjects


def test_correlations_are_of_their_kind(tmp_path: Path) -> None:
    reference = clean(3_000, 1)
    reference["income"] = np.exp(-reference["debt"].fillna(0.0))
    reference["home"] = np.where(reference["age"] > 50, "own", "rent")
    found = correlations_of(reviewed(tmp_path, reference))
    table = dict(zip(found.names, found.values, strict=True))
    assert table["income"][1] == pytest.approx(-1.0, abs=0.02)
    expected = reference[["debt", "age"]].corr(method="spearman").iloc[0, 1]
    assert table["debt"][2] == pytest.approx(expected, abs=0.005)
    assert table["home"][2] == pytest.approx(0.87, abs=0.03)
    assert table["home"][0] == pytest.approx(0.0, abs=0.05)
    assert table["home"][4] == pytest.approx(1.0)


def test_a_class_of_several_that_is_missing_is_a_warning(tmp_path: Path) -> None:
    names = ("debt", "age", "income")
    features = tuple(Feature(name, FeatureKind.NUMBER, nullable=True) for name in names)
    extra = (
        Feature("owner", FeatureKind.BOOLEAN),
        Feature("home", FeatureKind.CATEGORY, open_choices=True),
    )
    target = Target("grade", Task.CLASSIFICATION, ("a", "b", "c"))
    signature = Signature((*features, *extra), target)
    reference, evaluation = clean(600, 1), clean(400, 2)
    for frame, grades in ((reference, "abc"), (evaluation, "ab")):
        frame["grade"] = [grades[place % len(grades)] for place in range(len(frame))]
    subject = reviewed(tmp_path, reference, evaluation, signature=signature, trained_on=reference)
    found = findings(subject)[FindingCode.ONE_CLASS]
    assert (found.severity, found.subjects) == (Severity.WARN, ("c",))
