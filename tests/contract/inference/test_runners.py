"""Every compiled model answers by the same suite as scikit-learn's own runner."""

from functools import lru_cache
from pathlib import Path

import pytest
from sklearn import ensemble

from tests.contract.inference import suite
from tests.contract.inference.zoo import CASES, THREE, Case, Fitted, columns, fitted, ordinals
from understudy.contracts.vocabulary import CompiledKind
from understudy.inference.compiled import load_compiled, open_compiled
from understudy.inference.compiling import CompiledModel, NotCompiled, compile_model, manifest_of
from understudy.inference.estimators import SklearnRunner
from understudy.inference.numeric_twin import numeric_twin
from understudy.inference.scored import Runner
from understudy.inference.treelite_export import treelite_file

STAYS = {"k nearest neighbours by distance": "distance"}
COMPILES = [name for name in CASES if name not in STAYS]
TREELITE = {
    "histogram boosting": CASES["histogram boosting"],
    "histogram boosting, 3 classes, missing values": CASES[
        "histogram boosting, 3 classes, missing values"
    ],
    "histogram regression": CASES["histogram boosting, regression, missing values"],
    "columns + histogram boosting": CASES["columns + histogram boosting"],
    "ordinals + histogram boosting": Case(
        lambda: ordinals(ensemble.HistGradientBoostingClassifier(max_iter=20)), "mixed", THREE
    ),
    "forest": CASES["random forest, 3 classes"],
    "scaler + forest": CASES["scaler + random forest"],
    "columns + forest regression": Case(
        lambda: columns(ensemble.RandomForestRegressor(20, random_state=0)), "mixed", ()
    ),
    "gradient boosting": CASES["gradient boosting"],
}
ROWS = 300


@lru_cache
def trained(name: str) -> Fitted:
    return fitted(CASES[name], ROWS)


@lru_cache
def compiled(name: str) -> CompiledModel | NotCompiled:
    found = trained(name)
    return compile_model(found.model, found.signature, found.rows)


def original(found: Fitted) -> Runner:
    return SklearnRunner(found.model, found.signature, found.rows)


def holds(runner: Runner, found: Fitted, tolerance: float) -> None:
    suite.check_shapes(runner, found)
    suite.check_labels(runner, found)
    suite.check_figures(runner, found, tolerance)
    suite.check_single_rows(runner, found, tolerance)
    suite.check_does_not_write(runner, found)
    suite.check_odd_rows(runner, original(found), found, tolerance)


@pytest.mark.parametrize("name", CASES)
def test_scikit_learn_holds_by_the_suite(name: str) -> None:
    holds(original(trained(name)), trained(name), 1e-12)


@pytest.mark.parametrize("name", COMPILES)
def test_compiled_models_hold_by_the_suite(name: str, tmp_path: Path) -> None:
    made = compiled(name)
    assert isinstance(made, CompiledModel), made
    assert made.difference <= made.tolerance
    assert made.rows > ROWS
    file = tmp_path / "compiled"
    file.write_bytes(made.content)
    holds(load_compiled(file, made.kind, trained(name).signature), trained(name), made.tolerance)


@pytest.mark.parametrize(("name", "word"), STAYS.items())
def test_what_does_not_compile_says_why(name: str, word: str) -> None:
    made = compiled(name)
    assert isinstance(made, NotCompiled)
    assert word in made.reason


@pytest.mark.parametrize("name", TREELITE)
def test_treelite_holds_by_the_suite(name: str) -> None:
    found = fitted(TREELITE[name], ROWS)
    twin = numeric_twin(found.model, found.signature)
    manifest = manifest_of(found.model, found.signature, twin, "float64")
    content = treelite_file(twin.model, manifest)
    runner = open_compiled(content, CompiledKind.TREELITE, found.signature)
    holds(runner, found, 1e-6)
