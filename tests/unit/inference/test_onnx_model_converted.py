"""Models that skl2onnx converted answer as scikit-learn does."""

from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

from examples.credit.signature import SIGNATURE
from tests.contract.inference.zoo import rows_of
from tests.fakes.onnx_credit import credit
from tests.fakes.onnx_files import by_name, of_matrix
from understudy.contracts.signature import Feature, Signature, Target
from understudy.contracts.vocabulary import FeatureKind, Label, Task
from understudy.inference.errors import RefusedRowsError
from understudy.inference.onnx_model import OnnxModelRunner
from understudy.inference.rows import Rows

ROWS = 1_000


def numeric(width: int, classes: tuple[Label, ...] = ()) -> Signature:
    task = Task.CLASSIFICATION if classes else Task.REGRESSION
    features = tuple(Feature(f"x{i}", FeatureKind.NUMBER) for i in range(width))
    return Signature(features, Target("y", task, classes))


def test_the_credit_model_with_numbers_and_categories_by_name() -> None:
    found = credit()
    sample = found.evaluation.head(ROWS)
    assert sample["home_ownership"].isna().any()
    inputs = sample[[*SIGNATURE.names]]
    scored = OnnxModelRunner(found.content, SIGNATURE).score(rows_of(sample, SIGNATURE.features))
    classes = SIGNATURE.target.classes
    assert [classes[int(v)] for v in scored.values] == found.model.predict(inputs).tolist()
    order = [found.model.classes_.tolist().index(label) for label in classes]
    own = found.model.predict_proba(inputs)[:, order]
    assert scored.probabilities is not None
    assert np.abs(scored.probabilities - own).max() < 1e-5


def test_the_credit_model_refuses_a_missing_home_unless_it_says_what_that_is() -> None:
    rows = rows_of(credit().evaluation.head(ROWS), SIGNATURE.features)
    plain = OnnxModelRunner(by_name(credit().model, SIGNATURE), SIGNATURE)
    with pytest.raises(RefusedRowsError, match="home_ownership"):
        plain.score(rows)


def test_a_dictionary_for_each_row_says_the_same_as_a_matrix() -> None:
    rows = rows_of(credit().evaluation.dropna(subset="home_ownership").head(50), SIGNATURE.features)
    mapped = OnnxModelRunner(by_name(credit().model, SIGNATURE, zipmap=True), SIGNATURE)
    found, expected = mapped.score(rows), OnnxModelRunner(credit().content, SIGNATURE).score(rows)
    assert found.values.tolist() == expected.values.tolist()
    assert found.probabilities is not None
    assert expected.probabilities is not None
    assert np.abs(found.probabilities - expected.probabilities).max() < 1e-6


@pytest.mark.parametrize("load", [load_breast_cancer, load_wine])
def test_a_forest_of_numbers_in_one_tensor(load: Any) -> None:
    inputs, labels = load(return_X_y=True)
    # As the ONNX model takes them, so that no threshold lies between both roundings.
    inputs = inputs.astype(np.float32).astype(np.float64)
    model = RandomForestClassifier(50, random_state=0).fit(inputs, labels)
    classes = tuple(reversed(model.classes_.tolist()))
    drawn = np.random.default_rng(0).integers(0, len(inputs), ROWS)
    signature = numeric(inputs.shape[1], classes)
    runner = OnnxModelRunner(of_matrix(model, inputs.shape[1]), signature)
    scored = runner.score(Rows(inputs[drawn], ()))
    assert [classes[int(v)] for v in scored.values] == model.predict(inputs[drawn]).tolist()
    assert scored.probabilities is not None
    own = model.predict_proba(inputs[drawn])[:, ::-1]
    assert np.abs(scored.probabilities - own).max() < 1e-5


def test_a_regression_of_numbers_in_one_tensor() -> None:
    inputs, target = load_diabetes(return_X_y=True)
    inputs = inputs.astype(np.float32).astype(np.float64)
    model = RandomForestRegressor(20, random_state=0).fit(inputs, target)
    runner = OnnxModelRunner(of_matrix(model, inputs.shape[1], zipmap=None), numeric(10))
    scored = runner.score(Rows(inputs, ()))
    np.testing.assert_allclose(scored.values, model.predict(inputs), rtol=1e-5)
