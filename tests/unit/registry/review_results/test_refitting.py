"""The recipe fitted anew: on fewer rows, on the past alone, and when it can't be."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from services.registry.adapters.inspection.overtime import OverTimeError
from services.registry.adapters.reviewing.refitting import learning_of, time_split_of
from services.registry.adapters.reviewing.subject import LeftOutError
from tests.unit.registry.review_results.conftest import Make
from tests.unit.registry.review_results.frames import findings_of, numbers, two_classes
from understudy.contracts.vocabulary import FindingCode

_DAY = 86_400.0


def test_more_rows_are_learnt_from(make: Make) -> None:
    subject = make(RandomForestClassifier(20), two_classes(2_000), two_classes(1_000, seed=1))
    found = learning_of(subject)
    assert [one.rows for one in found] == [200, 500, 1_000, 2_000]
    assert found[-1].held_out > found[0].held_out
    assert found[-1].fitted_on > 0.99
    assert learning_of(subject) == found


def test_without_an_evaluation_sample_rows_are_held_back(make: Make) -> None:
    found = learning_of(make(RandomForestClassifier(20), two_classes(1_000)))
    assert found[-1].rows == 700
    assert found[-1].held_out < 0.95


def test_numbers_and_names_and_text_classes_are_learnt_too(make: Make) -> None:
    found = learning_of(make(LinearRegression(), numbers(400), numbers(300, seed=1)))
    assert found[-1].held_out == pytest.approx(1.0, abs=0.1)
    by_name = make_pipeline(
        make_column_transformer((StandardScaler(), ["f0", "f1"])), LogisticRegression()
    )
    train = two_classes(500)
    train["label"] = np.where(train["label"] == 1, "yes", "no")
    by_name.fit(train.drop(columns="label"), train["label"])
    assert learning_of(make(by_name, train))[-1].held_out > 0.7
    assert learning_of(make(RidgeClassifier(), train))[-1].held_out > 0.6


def test_parts_without_every_class_are_skipped(make: Make) -> None:
    train = two_classes(400).assign(label=0)
    train.loc[200, "label"] = 1
    held = two_classes(300, seed=1)
    found = learning_of(make(LogisticRegression(), train, held))
    assert found[-1].rows == 400
    assert len(found) < 4


def test_what_cannot_be_fitted_anew_is_left_out(make: Make) -> None:
    subject = make(LogisticRegression(), two_classes(200), two_classes(200, seed=1))
    with pytest.raises(LeftOutError, match="format holds no recipe"):
        learning_of(replace(subject, estimator=None))
    with pytest.raises(LeftOutError, match="too few rows"):
        learning_of(make(LogisticRegression(), two_classes(12)))
    refuses = LogisticRegression().set_params(C=-1.0)
    with pytest.raises(LeftOutError, match="InvalidParameterError"):
        learning_of(replace(subject, estimator=_like(refuses, subject.estimator)))


def test_it_ends_with_what_there_was_time_for(make: Make) -> None:
    subject = make(LogisticRegression(), two_classes(2_000), two_classes(300, seed=1))
    found = learning_of(replace(subject, estimator=_like(_Slow(400), subject.estimator)))
    assert [one.rows for one in found] == [200]
    with pytest.raises(OverTimeError):
        learning_of(replace(subject, estimator=_like(_Slow(10), subject.estimator)))


def test_parts_by_time_are_in_order(make: Make) -> None:
    subject = make(LogisticRegression(), *_timed(1_000), at="at")
    found = time_split_of(subject)
    assert found.bounds[0] == datetime.fromtimestamp(1_000 * _DAY, UTC)
    assert list(found.bounds) == sorted(found.bounds)
    assert (len(found.parts), len(found.bounds), sum(found.rows)) == (5, 6, 1_000)
    assert FindingCode.TIME_SPLIT_DROP not in findings_of(subject, found)


def test_drift_is_a_drop(make: Make) -> None:
    train, held = _timed(4_000)
    rows = pd.concat([train, held])
    late = rows["at"] > rows["at"].quantile(0.6)
    rows["label"] = np.where(late, rows["f2"] > 0, rows["label"] == 1).astype(int)
    rows = rows.sample(frac=1.0, random_state=0)
    subject = make(LogisticRegression(), rows[:4_000], rows[4_000:], at="at")
    assert FindingCode.TIME_SPLIT_DROP in findings_of(subject, time_split_of(subject))


def test_one_moment_is_one_part(make: Make) -> None:
    train, held = _timed(300)
    found = time_split_of(make(LogisticRegression(), train, held.assign(at=0.0), at="at"))
    assert (len(found.parts), len(found.bounds)) == (1, 2)


def test_times_that_say_nothing_leave_it_out(make: Make) -> None:
    train, held = _timed(300)
    with pytest.raises(LeftOutError, match="no time column"):
        time_split_of(make(LogisticRegression(), two_classes(100)))
    with pytest.raises(LeftOutError, match="has a time"):
        time_split_of(make(LogisticRegression(), train, held.assign(at=np.nan), at="at"))
    with pytest.raises(LeftOutError, match="one class"):
        time_split_of(make(RandomForestClassifier(5), train, held.assign(label=0), at="at"))


def test_without_a_recipe_the_parts_are_still_there(make: Make) -> None:
    subject = replace(make(LogisticRegression(), *_timed(500), at="at"), estimator=None)
    found = time_split_of(subject)
    assert found.parts
    assert (found.refitted, found.shuffled) == (None, None)


class _Slow(LogisticRegression):  # type: ignore[misc]
    """Is interrupted when it is fitted on more rows than it has time for."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most

    def fit(self, rows: Any, labels: Any) -> Any:
        if len(rows) > self.most:
            raise OverTimeError
        return super().fit(rows, labels)


def test_without_time_the_parts_are_still_there(make: Make) -> None:
    subject = make(LogisticRegression(), *_timed(500), at="at")
    found = time_split_of(replace(subject, estimator=_like(_Slow(10), subject.estimator)))
    assert (len(found.parts), found.refitted) == (5, None)


def _timed(rows: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Two samples, the second later than the first."""
    first, second = np.arange(rows) * _DAY, np.arange(rows, 2 * rows) * _DAY
    return two_classes(rows).assign(at=first), two_classes(rows, seed=1).assign(at=second)


def _like(estimator: Any, fitted: Any) -> Any:
    """An estimator with other parameters, that knows what the fitted one does."""
    estimator.__dict__ = {**vars(fitted), **vars(estimator)}
    return estimator
