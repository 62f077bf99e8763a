from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.metrics import log_loss

from examples import iris
from examples.candidates import REFERENCE_ROWS, Candidate, Example
from examples.credit import train as credit
from examples.credit.applicants import draw_applicants
from examples.credit.signature import SIGNATURE
from services.registry.domain.policies import require_applicable
from understudy.contracts.registry import VersionRequest
from understudy.contracts.signature import Signature
from understudy.launch.settings import LaptopSettings

TRAFFIC_MONTH_SECONDS = 0.1
"""How long `python -m examples.story traffic` lets a month take."""
LEAST_MARGIN = 0.03
"""Of log loss, by which gradient boosting must beat logistic regression (it does by 0.047)."""


@dataclass(frozen=True, slots=True)
class Written:
    """A candidate, and the model as a server reads it back."""

    candidate: Candidate
    artifact: Path
    reference: pd.DataFrame
    evaluation: pd.DataFrame
    model: Any

    @property
    def names(self) -> list[str]:
        return list(self.candidate.signature.names)


def written(example: Example, recipe: int, folder: Path) -> Written:
    made = example.recipes[recipe].train()
    files = made.write(folder)
    model = skops.io.load(files.artifact, trusted=list(credit.TRUSTED_TYPES))
    reference, evaluation = pd.read_parquet(files.reference), pd.read_parquet(files.evaluation)
    return Written(made, files.artifact, reference, evaluation, model)


@pytest.fixture(scope="module")
def linear(tmp_path_factory: pytest.TempPathFactory) -> Written:
    return written(credit.EXAMPLE, 0, tmp_path_factory.mktemp("linear"))


@pytest.fixture(scope="module")
def boosted(tmp_path_factory: pytest.TempPathFactory) -> Written:
    return written(credit.EXAMPLE, 1, tmp_path_factory.mktemp("boosted"))


@pytest.fixture(scope="module")
def irises(tmp_path_factory: pytest.TempPathFactory) -> list[Written]:
    return [written(iris.EXAMPLE, i, tmp_path_factory.mktemp(f"iris{i}")) for i in (0, 1)]


@pytest.fixture(params=["linear", "boosted"])
def version(request: pytest.FixtureRequest) -> Written:
    found: Written = request.getfixturevalue(request.param)
    return found


@pytest.fixture(scope="module")
def applicants() -> pd.DataFrame:
    return draw_applicants(300, np.random.default_rng(9)).features


def test_gradient_boosting_beats_logistic_regression(linear: Written, boosted: Written) -> None:
    main, challenger = linear.candidate.metrics, boosted.candidate.metrics
    assert challenger["log_loss"] < main["log_loss"] - LEAST_MARGIN
    assert challenger["brier"] < main["brier"]
    assert challenger["roc_auc"] > main["roc_auc"] + 0.05
    assert {"roc_auc", "accuracy", "brier", "log_loss"} == set(main)


def test_no_model_can_beat_the_truth(boosted: Written) -> None:
    drawn = draw_applicants(credit.HELD_OUT_ROWS, np.random.default_rng(2))
    best = log_loss(
        drawn.outcomes, np.column_stack([1 - drawn.default_probability, drawn.default_probability])
    )
    assert best < boosted.candidate.metrics["log_loss"] < best + 0.03


def test_artifacts_hold_no_types_but_the_stated_ones(linear: Written, boosted: Written) -> None:
    for version in (linear, boosted):
        assert set(skops.io.get_untrusted_types(file=version.artifact)) <= set(credit.TRUSTED_TYPES)


def test_a_laptop_trusts_what_the_example_needs() -> None:
    assert set(credit.TRUSTED_TYPES) <= set(LaptopSettings().registry_trusts.split(","))


def test_iris_needs_no_trust_list(irises: list[Written]) -> None:
    for version in irises:
        assert skops.io.get_untrusted_types(file=version.artifact) == []


def test_classes_are_in_the_signatures_order(version: Written, irises: list[Written]) -> None:
    for one in (version, *irises):
        assert tuple(one.model.classes_) == one.candidate.signature.target.classes


def test_what_is_read_back_answers_as_what_was_trained(
    version: Written, applicants: pd.DataFrame
) -> None:
    trained = version.candidate.model.predict_proba(applicants)
    assert np.array_equal(version.model.predict_proba(applicants), trained)


def test_one_row_at_a_time_answers_as_a_batch_does(
    version: Written, applicants: pd.DataFrame
) -> None:
    batch = version.model.predict_proba(applicants)[:40]
    single = [version.model.predict_proba(applicants.iloc[[i]])[0] for i in range(40)]
    assert np.allclose(np.array(single), batch, rtol=0, atol=1e-12)


@pytest.mark.filterwarnings("ignore:X does not have valid feature names:UserWarning")
def test_an_array_serves_as_well_as_a_frame(version: Written, applicants: pd.DataFrame) -> None:
    array = applicants.to_numpy(dtype=object)
    assert np.allclose(
        version.model.predict_proba(array),
        version.model.predict_proba(applicants),
        rtol=0,
        atol=1e-12,
    )


def test_every_missing_value_and_unseen_category_that_the_signature_lets_through_is_answered(
    version: Written, applicants: pd.DataFrame
) -> None:
    rows = applicants.head(3).copy()
    for feature in version.candidate.signature.features:
        if feature.nullable:
            rows[feature.name] = np.nan if feature.numeric else pd.Series([None] * 3, dtype=object)
        if feature.open_choices:
            rows[feature.name] = pd.Series(["yacht", "moon", ""], dtype=object)
    chances = version.model.predict_proba(rows)
    assert np.isfinite(chances).all()
    assert np.allclose(chances.sum(axis=1), 1.0)


def test_none_and_nan_are_the_same_missing_category(
    version: Written, applicants: pd.DataFrame
) -> None:
    stated = applicants.notna()
    with_nan = applicants.where(stated, np.nan).astype(applicants.dtypes.to_dict())
    assert {type(value) for value in with_nan["home_ownership"]} == {str, float}
    assert np.array_equal(
        version.model.predict_proba(with_nan), version.model.predict_proba(applicants)
    )


def test_the_reference_is_a_sample_of_the_training_rows(
    linear: Written, irises: list[Written]
) -> None:
    for version in (linear, *irises):
        target = version.candidate.signature.target.name
        protected = [*credit.PROTECTED] if version is linear else []
        assert list(version.reference.columns) == [*version.names, target, *protected]
        assert len(version.reference) <= REFERENCE_ROWS
    assert len(linear.reference) == REFERENCE_ROWS


def test_the_evaluation_sample_holds_rows_that_the_model_has_not_seen(
    linear: Written, irises: list[Written]
) -> None:
    assert len(linear.evaluation) == credit.HELD_OUT_ROWS
    for version in (linear, *irises):
        assert list(version.evaluation.columns) == list(version.reference.columns)
    seen = set(map(tuple, linear.reference.astype(str).to_numpy()))
    held_out = set(map(tuple, linear.evaluation.astype(str).to_numpy()))
    assert not seen & held_out


@pytest.mark.parametrize(
    ("example", "signature"), [(iris.EXAMPLE, iris.SIGNATURE), (credit.EXAMPLE, SIGNATURE)]
)
def test_labels_come_within_the_horizon_of_the_policy(
    example: Example, signature: Signature
) -> None:
    months = max(outcome.months_until_label for outcome in example.draw(2_000, 5))
    horizon = example.policy.judging.comparison.label_horizon_seconds
    assert months * TRAFFIC_MONTH_SECONDS <= horizon
    require_applicable(example.policy, signature)


def test_versions_of_an_example_can_stand_in_for_each_other(
    linear: Written, boosted: Written, irises: list[Written]
) -> None:
    for main, challenger in ((linear, boosted), (irises[0], irises[1])):
        assert main.candidate.signature.differences(challenger.candidate.signature) == ()


def test_lineage_tells_data_and_libraries(linear: Written, boosted: Written) -> None:
    lineage = linear.candidate.lineage
    assert lineage.data_sha256 == boosted.candidate.lineage.data_sha256
    assert {"python", "scikit-learn", "skops"} <= set(lineage.libraries)
    assert lineage.trained_at is not None


def test_a_candidate_fits_the_registrys_body(linear: Written) -> None:
    made = linear.candidate
    request = VersionRequest(
        artifact="0" * 64,
        reference="1" * 64,
        signature=made.signature,
        metrics=dict(made.metrics),
        lineage=made.lineage,
    )
    assert VersionRequest.model_validate_json(request.model_dump_json()).signature == made.signature


@pytest.mark.parametrize("example", [iris.EXAMPLE, credit.EXAMPLE], ids=lambda found: found.name)
def test_live_rows_are_plain_json_values(example: Example) -> None:
    outcomes = example.draw(200, 4)
    assert len(outcomes) == 200
    values = {type(value) for outcome in outcomes for value in outcome.row.values()}
    assert values <= {bool, int, float, str, type(None)}
    assert example.draw(200, 4) == outcomes


def test_live_applicants_carry_integers_booleans_and_nulls() -> None:
    rows = [outcome.row for outcome in credit.draw(200, 4)]
    assert all(type(row["age"]) is int and type(row["previous_default"]) is bool for row in rows)
    assert any(row["months_since_delinquency"] is None for row in rows)
