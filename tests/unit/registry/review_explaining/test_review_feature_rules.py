"""What rules about features say of clean data sets, and of planted faults."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_digits,
    load_iris,
    load_wine,
)
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from services.registry.adapters.reviewing.explaining import (
    alone_of,
    importances_of,
    without_of,
)
from services.registry.adapters.reviewing.subject import LeftOutError, Subject
from services.registry.domain.findings.features import found
from tests.fakes.reviewing import MADE_AT
from tests.unit.registry.review_explaining.worlds import (
    NULLABLE,
    applicants,
    boosted,
    category,
    integer,
    linear,
    number,
    plain,
    signature,
    subject_of,
    with_towns,
)
from understudy.contracts.reviews import (
    ColumnFacts,
    Data,
    Explanations,
    Finding,
    Review,
    SampleFacts,
)
from understudy.contracts.signature import Signature, Target
from understudy.contracts.vocabulary import FindingCode, Severity, Task

LABELS = ["income", "age", "noise"]


def review(subject: Subject) -> Review:
    """With what these rules look at."""
    try:
        without = without_of(subject, ())
    except LeftOutError:
        without = ()
    explained = Explanations(
        importances=importances_of(subject), alone=alone_of(subject), without=without
    )
    frame = subject.reference.table.to_pandas()
    return Review(
        model="credit",
        version=1,
        task=subject.signature.target.task,
        made_at=MADE_AT,
        seconds=0.0,
        seed=7,
        artifact="a" * 64,
        data=Data((_sample(subject, len(frame)),), tuple(_columns(subject, frame)), ()),
        findings=(),
        explanations=explained,
    )


def _sample(subject: Subject, rows: int) -> SampleFacts:
    return SampleFacts(subject.reference.sample, "b" * 64, 1, rows, rows, rows, rows, 0)


def _columns(subject: Subject, frame: pd.DataFrame) -> list[ColumnFacts]:
    columns = []
    for feature in subject.signature.features:
        column = frame[feature.name]
        numbers: dict[str, Any] = {}
        if feature.numeric and column.notna().any():
            first, middle, third = column.quantile([0.25, 0.5, 0.75]).tolist()
            numbers = {
                "minimum": float(column.min()),
                "quartiles": (first, middle, third),
                "maximum": float(column.max()),
            }
        columns.append(
            ColumnFacts(
                name=feature.name,
                part="feature",
                kind=feature.kind,
                stored_as=str(subject.reference.table.schema.field(feature.name).type),
                missing=float(column.isna().mean()),
                distinct=int(column.nunique()),
                outside=0.0,
                **numbers,
            )
        )
    if subject.reference.at is not None:
        name = subject.task.time_column or ""
        columns.append(ColumnFacts(name, "time", None, "timestamp", 0.0, len(frame), 0.0))
    return columns


def findings(subject: Subject) -> list[Finding]:
    return [*found(review(subject), subject.signature)]


def bundled(load: Any, folder: Path, model: Any) -> Subject:
    """One of scikit-learn's data sets, 30 % of it held out."""
    frame = load(as_frame=True).frame
    frame = frame.loc[:, frame.min() < frame.max()].rename(columns=str)
    names = [name for name in frame.columns if name != "target"]
    regression = frame["target"].dtype.kind == "f"
    classes = () if regression else tuple(sorted(frame["target"].unique().tolist()))
    task = Task.REGRESSION if regression else Task.CLASSIFICATION
    terms = Signature(tuple(map(number, names)), Target("target", task, classes))
    train, held = train_test_split(frame, test_size=0.3, random_state=0)
    model.fit(train[names].to_numpy(dtype=float), train["target"])
    return subject_of(folder, model, terms, train, held)


@pytest.mark.parametrize(
    ("load", "model"),
    [
        (load_iris, RandomForestClassifier(50, random_state=0)),
        (load_iris, DecisionTreeClassifier(max_depth=3, random_state=0)),
        (load_wine, RandomForestClassifier(50, random_state=0)),
        (load_breast_cancer, make_pipeline(StandardScaler(), LogisticRegression())),
        (load_digits, RandomForestClassifier(30, random_state=0)),
        (load_diabetes, Ridge()),
    ],
    ids=["iris", "iris by one tree", "wine", "breast cancer", "digits", "diabetes"],
)
def test_clean_data_sets_raise_no_alarm(load: Any, model: Any, tmp_path: Path) -> None:
    told = findings(bundled(load, tmp_path, model))
    assert [one for one in told if one.severity is not Severity.LOOK] == []


def test_a_feature_that_gives_the_label_away_blocks(tmp_path: Path) -> None:
    frame = applicants(1_500)
    frame["closed"] = np.where(frame["paid"] == "yes", 1.0, 0.0)
    names = ["income", "closed"]
    terms = signature(*map(number, names))
    told = findings(subject_of(tmp_path, linear(frame, names), terms, frame))
    (leak,) = [one for one in told if one.code is FindingCode.SINGLE_FEATURE]
    assert leak.severity is Severity.BLOCK
    assert leak.subjects == ("closed",)
    assert leak.figure is not None
    assert (leak.figure.low or 0) > 0.99
    assert "'closed' (1.000" in leak.detail


def test_a_category_that_gives_the_label_away_blocks(tmp_path: Path) -> None:
    frame = applicants(1_500)
    frame["status"] = np.where(frame["paid"] == "yes", "settled", "written off")
    terms = signature(number("income"), category("status"))
    model = with_towns(frame, ["income"], "status")
    told = findings(subject_of(tmp_path, model, terms, frame))
    assert [(one.severity, one.subjects) for one in told] == [(Severity.BLOCK, ("status",))]


def test_a_feature_that_is_null_for_one_class_blocks(tmp_path: Path) -> None:
    frame = applicants(1_500)
    frame["left_at"] = np.where(frame["paid"] == "yes", np.nan, frame["noise"])
    names = ["income", "left_at"]
    terms = signature(number("income"), number("left_at", nullable=True))
    told = findings(subject_of(tmp_path, boosted(frame, names), terms, frame))
    assert (Severity.BLOCK, ("left_at",)) in [(one.severity, one.subjects) for one in told]


def test_a_model_that_is_one_feature_is_worth_a_look_and_a_warning_when_it_is_strong(
    tmp_path: Path,
) -> None:
    frame = applicants(1_500)
    draw = np.random.default_rng(3)
    frame["score"] = (frame["paid"] == "yes") * 2.9 + draw.normal(size=1_500)
    weak, strong = ["income", "noise"], ["score", "noise"]
    told = findings(subject_of(tmp_path, linear(frame, weak), signature(*map(number, weak)), frame))
    assert (FindingCode.SINGLE_FEATURE, Severity.LOOK) in [(one.code, one.severity) for one in told]
    told = findings(
        subject_of(tmp_path, linear(frame, strong), signature(*map(number, strong)), frame)
    )
    assert (FindingCode.SINGLE_FEATURE, Severity.WARN) in [(one.code, one.severity) for one in told]


def accounts(rows: int, seed: int) -> pd.DataFrame:
    """Numbered as they were opened; who came later pays less often."""
    draw = np.random.default_rng(seed)
    frame = applicants(rows, seed)
    frame["account"] = np.arange(rows) * 3 + draw.integers(0, 3, rows) + 10_000
    later = np.linspace(2, -2, rows)
    paid = frame["income"] + 1.5 * later + draw.logistic(size=rows) > 0
    frame["paid"] = np.where(paid, "yes", "no")
    frame["opened"] = pd.date_range("2025-01-01", periods=rows, freq="h", tz="UTC")
    return frame


@pytest.mark.parametrize("time_column", [None, "opened"])
@pytest.mark.parametrize("shuffled", [False, True])
def test_an_account_number_that_the_model_leans_on_warns(
    tmp_path: Path, time_column: str | None, *, shuffled: bool
) -> None:
    frame, names = accounts(1_500, 0), ["income", "account"]
    if shuffled:
        frame = frame.sample(frac=1.0, random_state=0)
    terms = signature(number("income"), integer("account"))
    subject = subject_of(
        tmp_path,
        linear(frame, names),
        terms,
        frame.iloc[::2],
        frame.iloc[1::2],
        time_column=time_column,
    )
    (told,) = [one for one in findings(subject) if one.code is FindingCode.IDENTIFIER_ON_TOP]
    assert (told.severity, told.subjects) == (Severity.WARN, ("account",))
    follows = {None: "order of rows", "opened": "follow time"}[time_column]
    assert ("values are distinct" if shuffled and not time_column else follows) in told.detail


def test_numbers_that_are_distinct_by_nature_are_no_identifiers(tmp_path: Path) -> None:
    frame = applicants(1_500)
    frame["cents"] = np.round(np.exp(10 + frame["income"]) * 100).astype(np.int64)
    names = ["income", "cents"]
    terms = signature(number("income"), integer("cents"))
    told = findings(subject_of(tmp_path, boosted(frame, names), terms, frame))
    assert FindingCode.IDENTIFIER_ON_TOP not in [one.code for one in told]


def test_noise_is_worth_a_look(tmp_path: Path) -> None:
    told = findings(plain(tmp_path))
    assert [(one.code, one.severity, one.subjects) for one in told] == [
        (FindingCode.IRRELEVANT_FEATURE, Severity.LOOK, ("noise",))
    ]


def test_a_model_that_breaks_at_missing_values_warns(tmp_path: Path) -> None:
    frame = applicants(2_000)
    # Trained on scores from 100 up, so a score of 0 is further away than all that it has seen.
    frame["score"] = 100 + (frame["paid"] == "yes") * 4.0 + frame["noise"]
    model = make_pipeline(SimpleImputer(strategy="constant", fill_value=0.0), LogisticRegression())
    names = ["score", *(f"other {place}" for place in range(4))]
    frame[names[1:]] = np.random.default_rng(1).normal(100, 1, size=(2_000, 4))
    model.fit(frame[names].to_numpy() - 100, frame["paid"])
    model[-1].coef_[:] = [[1.0] * 5]
    model[-1].intercept_[:] = -502.0
    terms = signature(*(number(name, nullable=True) for name in names))
    told = findings(subject_of(tmp_path, model, terms, frame))
    (fragile,) = [one for one in told if one.code is FindingCode.FRAGILE_TO_MISSING]
    assert fragile.severity is Severity.WARN
    assert fragile.figure is not None
    assert fragile.figure.value > 0.1


def test_a_model_that_refuses_what_its_signature_allows_warns(tmp_path: Path) -> None:
    frame = applicants(600)
    told = findings(subject_of(tmp_path, linear(frame, LABELS), NULLABLE, frame))
    (refusing,) = [one for one in told if one.code is FindingCode.FRAGILE_TO_MISSING]
    assert refusing.severity is Severity.WARN
    assert {*refusing.subjects} == {*LABELS}
    assert "nullable: false" in refusing.detail


def test_a_model_that_takes_missing_values_does_not(tmp_path: Path) -> None:
    frame = applicants(2_000)
    subject = subject_of(tmp_path, boosted(frame, LABELS), NULLABLE, frame)
    assert FindingCode.FRAGILE_TO_MISSING not in [one.code for one in findings(subject)]
