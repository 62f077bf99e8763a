"""What a review tells by group, which features tell groups apart, and what it finds in that."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import MetricFrame, selection_rate, true_positive_rate

from services.registry.adapters.reviewing.fairness import fairness_of
from services.registry.adapters.reviewing.proxies import proxies_of
from services.registry.adapters.reviewing.subject import LeftOutError, Subject
from services.registry.domain.findings import groups
from tests.fakes.reviewed_samples import ATTRIBUTES, NAMES, NUMBERS, clean, reviewed
from tests.fakes.reviewing import MADE_AT
from understudy.contracts.reviews import (
    AttributeFairness,
    Data,
    Estimate,
    Explanations,
    Fairness,
    Finding,
    Importance,
    Review,
)
from understudy.contracts.signature import Feature, Signature, Target
from understudy.contracts.vocabulary import FeatureKind, FindingCode, Severity, Task
from understudy.inference.rows import Rows
from understudy.inference.scored import Scored


def unfair_to(frame: pd.DataFrame, attribute: str, group: str) -> pd.DataFrame:
    """Debts of one group are recorded too high."""
    own = (frame[attribute] == group) & frame["debt"].notna()
    return frame.assign(debt=frame["debt"] + 1.5 * own)


def findings(subject: Subject, *important: str) -> list[Finding]:
    fairness, strengths = fairness_of(subject), proxies_of(subject)
    attributes = tuple(
        AttributeFairness(one.attribute, one.groups, one.gaps, strengths[one.attribute])
        for one in fairness.attributes
    )
    review = Review(
        model="credit",
        version=1,
        task=subject.signature.target.task,
        made_at=MADE_AT,
        seconds=0.0,
        seed=7,
        artifact="a" * 64,
        data=Data((), (), ()),
        findings=(),
        explanations=Explanations(
            tuple(Importance(name, Estimate(1.0, 0.9, 1.1), 0.5) for name in important)
        ),
        fairness=Fairness(fairness.positive, attributes),
    )
    return list(groups.found(review, subject.signature))


def test_nothing_protected_is_left_out(tmp_path: Path) -> None:
    subject = reviewed(tmp_path, clean(300, 1))
    for part in (fairness_of, proxies_of):
        with pytest.raises(LeftOutError, match="no protected attributes"):
            part(subject)


def test_figures_are_those_of_fairlearn(tmp_path: Path) -> None:
    evaluation = clean(2_000, 2)
    subject = reviewed(tmp_path, clean(500, 1), evaluation, protected=ATTRIBUTES)
    fairness = fairness_of(subject)
    assert fairness.positive is True
    scored = subject.runner.score(subject.held.rows)
    oracle = MetricFrame(
        metrics={"selection_rate": selection_rate, "true_positive_rate": true_positive_rate},
        y_true=evaluation["bad"].astype(int),
        y_pred=(scored.values == 1.0).astype(int),  # noqa: PD011 - no frame
        sensitive_features=evaluation["sex"],
    ).by_group
    (of_sex, *_) = fairness.attributes
    assert [group.group for group in of_sex.groups] == ["f", "m"]
    for group in of_sex.groups:
        for figure in ("selection_rate", "true_positive_rate"):
            estimate = group.figures[figure]
            assert estimate.value == pytest.approx(oracle.loc[group.group, figure])
            assert estimate.low is not None
            assert estimate.high is not None
            assert estimate.low < estimate.value < estimate.high


def test_numbers_are_cut_and_what_is_not_stated_is_a_group(tmp_path: Path) -> None:
    subject = reviewed(tmp_path, clean(500, 1), clean(2_000, 2), protected=ATTRIBUTES)
    of_sex, of_years, of_region = fairness_of(subject).attributes
    years = [group.group for group in of_years.groups]
    assert len(years) == 5
    assert years[0].startswith("18 to ")
    assert years[-1].endswith(" to 79")
    assert [group.group for group in of_region.groups] == ["north", "south", "not stated"]
    assert sum(group.rows for group in of_sex.groups) == 2_000


def test_groups_below_30_rows_are_named_without_figures(tmp_path: Path) -> None:
    evaluation = clean(1_000, 2)
    evaluation["sex"] = np.where(evaluation.index < 29, "x", evaluation["sex"])
    subject = reviewed(tmp_path, clean(500, 1), evaluation, protected=["sex"])
    (of_sex,) = fairness_of(subject).attributes
    small = of_sex.groups[-1]
    assert (small.group, small.rows, small.suppressed, small.figures) == ("x", 29, True, {})
    assert all("x" not in gap.between for gap in of_sex.gaps)
    (found,) = findings(subject)
    assert found.code is FindingCode.SMALL_GROUP
    assert "x (29)" in found.detail


def test_groups_that_are_answered_alike_are_no_finding(tmp_path: Path) -> None:
    subject = reviewed(tmp_path, clean(1_500, 1), clean(3_000, 2), protected=ATTRIBUTES)
    assert findings(subject, *NAMES) == []


def test_groups_that_are_answered_differently_are_named(tmp_path: Path) -> None:
    evaluation = unfair_to(clean(3_000, 2), "sex", "f")
    subject = reviewed(tmp_path, clean(500, 1), evaluation, protected=ATTRIBUTES)
    found = [one for one in findings(subject) if one.severity is Severity.WARN]
    assert {one.code for one in found} == {FindingCode.UNFAIR}
    assert all(one.subjects == ("sex", "f", "m") for one in found)
    selection = next(one for one in found if one.title.startswith("Selection rate"))
    assert selection.figure is not None
    assert selection.figure.low is not None
    assert selection.figure.low > 0.1


def test_four_fifths_are_asked_where_the_difference_is_smaller(tmp_path: Path) -> None:
    reference, rng = clean(500, 1), np.random.default_rng(3)
    evaluation = clean(20_000, 2)
    high = rng.random(len(evaluation)) < np.where(evaluation["sex"] == "f", 0.20, 0.115)
    evaluation["debt"] = np.where(high, 5.0, -5.0)
    subject = reviewed(tmp_path, reference, evaluation, protected=["sex"])
    (found, *_) = [one for one in findings(subject) if "four-fifths" in one.title]
    assert (found.severity, found.subjects) == (Severity.LOOK, ("sex", "m", "f"))


@pytest.mark.parametrize(
    ("important", "severity"), [((), Severity.LOOK), (("income",), Severity.WARN)]
)
def test_a_feature_that_stands_in_is_found(
    important: tuple[str, ...], severity: Severity, tmp_path: Path
) -> None:
    reference = clean(3_000, 1)
    reference["income"] *= np.where(reference["sex"] == "f", 1.0, 2.0)
    subject = reviewed(tmp_path, reference, clean(1_000, 2), protected=["sex"])
    strengths = proxies_of(subject)["sex"]
    assert [one.feature for one in strengths][0::5] == ["income", "*"]
    (found,) = [one for one in findings(subject, *important) if one.code is FindingCode.PROXY]
    assert (found.severity, found.subjects) == (severity, ("sex", "income"))


def test_a_category_that_stands_in_is_found(tmp_path: Path) -> None:
    reference = clean(3_000, 1)
    reference["home"] = np.where(reference["sex"] == "f", "own", reference["home"])
    subject = reviewed(tmp_path, reference, protected=["sex"])
    strongest = proxies_of(subject)["sex"][0]
    assert strongest.feature == "home"
    assert strongest.score.value == pytest.approx(5 / 6, abs=0.02)


def test_features_that_tell_only_together_are_worth_a_look(tmp_path: Path) -> None:
    reference = clean(4_000, 1)
    own = reference["owner"] ^ (reference["age"] > 54)
    reference["sex"] = np.where(own, "f", "m")
    found = findings(reviewed(tmp_path, reference, protected=["sex"]), *NAMES)
    (proxy,) = [one for one in found if one.code is FindingCode.PROXY]
    assert (proxy.severity, proxy.subjects) == (Severity.LOOK, ("sex",))


def test_an_attribute_that_is_a_feature_stands_in_for_itself_unsaid(tmp_path: Path) -> None:
    subject = reviewed(tmp_path, clean(1_000, 1), protected=["age", "owner"])
    for attribute, strengths in proxies_of(subject).items():
        assert attribute not in {one.feature for one in strengths}
    names = [group.group for group in fairness_of(subject).attributes[1].groups]
    assert names == ["false", "true"]


def test_a_regression_is_told_by_its_errors(tmp_path: Path) -> None:
    subject = reviewed(
        tmp_path, clean(500, 1), clean(1_000, 2), signature=NUMBERS, protected=["sex"]
    )
    fairness = fairness_of(subject)
    assert fairness.positive is None
    (of_sex,) = fairness.attributes
    assert set(of_sex.groups[0].figures) == {"mean_answer", "mean_error", "rmse"}
    assert {gap.figure for gap in of_sex.gaps} == {"mean_error", "rmse"}
    assert findings(subject) == []


def test_several_classes_are_told_by_accuracy(tmp_path: Path) -> None:
    signature = Signature(
        (
            *(Feature(name, FeatureKind.NUMBER, nullable=True) for name in ("debt", "age")),
            Feature("income", FeatureKind.NUMBER),
            Feature("owner", FeatureKind.BOOLEAN),
            Feature("home", FeatureKind.CATEGORY, open_choices=True),
        ),
        Target("grade", Task.CLASSIFICATION, ("a", "b", "c")),
    )
    rows = clean(1_500, 1)
    rows["grade"] = pd.cut(rows["loss"], [-1e9, -50, 50, 1e9], labels=list("abc")).astype(str)
    subject = reviewed(tmp_path, rows, signature=signature, trained_on=rows, protected=["sex"])
    (of_sex,) = fairness_of(subject).attributes
    assert set(of_sex.groups[0].figures) == {"accuracy", "mean_score"}
    assert [gap.figure for gap in of_sex.gaps] == ["accuracy"]


@pytest.mark.parametrize("rows", [1, 2, 31])
@pytest.mark.parametrize("values", ["none", "one", "each another"])
def test_few_rows_and_strange_attributes_break_nothing(
    rows: int, values: str, tmp_path: Path
) -> None:
    frame = clean(rows, 1)
    held: dict[str, list[str | None]] = {
        "none": [None] * rows,
        "one": ["a\0b 🚤"] * rows,
        "each another": [f"person {place}" for place in range(rows)],
    }
    frame["sex"] = pd.Series(held[values], dtype=object)
    frame["years"] = np.nan if values == "none" else frame["years"]
    frame["bad"] = frame.index == 0
    subject = reviewed(tmp_path, frame, protected=["sex", "years"])
    for one in fairness_of(subject).attributes:
        assert sum(group.rows for group in one.groups) == rows
        assert all(
            math.isfinite(figure.value) for group in one.groups for figure in group.figures.values()
        )
    for strengths in proxies_of(subject).values():
        assert all(0.5 <= one.score.value <= 1.0 for one in strengths)
    findings(subject)


def test_rows_that_are_not_legal_leave_fairness_out(tmp_path: Path) -> None:
    evaluation = clean(300, 2).assign(age=2**62)
    subject = reviewed(tmp_path, clean(300, 1), evaluation, protected=["sex"])
    with pytest.raises(LeftOutError, match="no row has a label"):
        fairness_of(subject)


class Refusing:
    """A model that answers nothing."""

    def score(self, rows: Rows) -> Scored:
        raise RuntimeError(f"{len(rows)} rows are too many for me")


def test_a_model_that_refuses_leaves_fairness_out(tmp_path: Path) -> None:
    subject = replace(reviewed(tmp_path, clean(300, 1), protected=["sex"]), runner=Refusing())
    with pytest.raises(LeftOutError, match="does not answer: RuntimeError: 300 rows"):
        fairness_of(subject)


def test_the_same_subject_gives_the_same_figures(tmp_path: Path) -> None:
    subject = reviewed(tmp_path, clean(1_000, 1), protected=ATTRIBUTES)
    assert proxies_of(subject) == proxies_of(subject)
    assert fairness_of(subject) == fairness_of(subject)
