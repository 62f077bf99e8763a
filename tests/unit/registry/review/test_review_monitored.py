"""What a review tells of the monitor's reference is what the monitor itself will use."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from examples.credit import faulty
from examples.credit.train import train_logistic_regression
from services.registry.adapters.reviewing.monitored import monitor_of
from services.registry.adapters.reviewing.subject import Subject
from tests.fakes.reviewing import subject_of
from understudy.profiles.reading import read_reference
from understudy.profiles.sample_times import Ordering


@pytest.fixture(scope="module")
def subject(tmp_path_factory: pytest.TempPathFactory) -> Subject:
    made = train_logistic_regression()
    folder = tmp_path_factory.mktemp("subject")
    return subject_of(folder, made.model, made.signature, made.reference, made.evaluation)


def test_it_is_the_layout_that_live_rows_are_counted_on(subject: Subject) -> None:
    found = monitor_of(subject)
    ordering, path = Ordering(), Path(subject.task.reference.path)
    assert found.fingerprint == read_reference(path, subject.signature, 10**6, ordering).fingerprint
    assert [one.feature for one in found.features] == list(subject.signature.names)
    assert all(len(one.bins) == len(one.counts) for one in found.features)


def test_counts_and_missing_values_are_those_of_the_sample(subject: Subject) -> None:
    frame = pd.read_parquet(subject.task.reference.path)
    for one in monitor_of(subject).features:
        assert sum(one.counts) == frame[one.feature].notna().sum()
        assert one.missing == pytest.approx(frame[one.feature].isna().mean())


def test_without_times_there_is_no_design_effect_and_with_clusters_it_is_large(
    subject: Subject, tmp_path: Path
) -> None:
    assert monitor_of(subject).design_effect is None
    made = faulty.by_account_number()
    clustered = made.reference.sort_values("debt_ratio").assign(
        decided_at=np.sort(made.reference["decided_at"])
    )
    timed = subject_of(
        tmp_path, made.model, made.signature, clustered, time_column=faulty.TIME_COLUMN
    )
    effect = monitor_of(timed).design_effect
    assert effect is not None
    assert effect > 10
