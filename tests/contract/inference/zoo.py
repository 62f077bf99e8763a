"""Fitted models of every kind that people serve, on three tables, for tests and the benchmark.

`numbers`: 30 numbers. `gaps`: the same, with missing values. `mixed`: numbers with gaps, two
categories (one open, one with gaps), a boolean.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn import ensemble as e
from sklearn import linear_model as lm
from sklearn import neighbors, neural_network, svm, tree
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, OrdinalEncoder, StandardScaler

from understudy.contracts.signature import Feature, Signature, Target
from understudy.contracts.vocabulary import FeatureKind, Label, Task
from understudy.inference.rows import Rows

NUMBERS: Final = 30
COLOURS: Final = ("red", "green", "blue", "amber")
CITIES: Final = ("Ghent", "Aalst", "Lier", "Mol", "Geel", "Hasselt")
BINARY: Final = ("yes", "no")
THREE: Final = ("c", "a", "b")


@dataclass(frozen=True, slots=True)
class Table:
    """Rows with what they were drawn from."""

    frame: pd.DataFrame
    features: tuple[Feature, ...]
    score: NDArray[np.float64]
    """The number that targets are made of."""

    def rows(self) -> Rows:
        """As services have them."""
        return rows_of(self.frame, self.features)


def rows_of(frame: pd.DataFrame, features: Sequence[Feature]) -> Rows:
    """A frame's columns as services have them."""
    numeric = [feature.name for feature in features if feature.numeric]
    texts = [feature.name for feature in features if not feature.numeric]
    return Rows(
        np.ascontiguousarray(frame[numeric].to_numpy(np.float64)),
        tuple(
            [value if isinstance(value, str) else None for value in frame[name]] for name in texts
        ),
    )


@dataclass(frozen=True, slots=True)
class Case:
    """A kind of model, and what it is trained on."""

    make: Callable[[], Any]
    table: str = "numbers"
    classes: tuple[Label, ...] = BINARY
    """Empty for a regression."""
    positive: bool = False
    """Whether the target must be above 0."""
    framed: bool = False
    """Whether it is fitted on a frame."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """A model that fits its signature."""

    model: Any
    signature: Signature
    rows: Rows
    inputs: Any
    """The rows as the model was fitted with them."""


@lru_cache
def table(kind: str, rows: int = 600, seed: int = 0) -> Table:
    """One of the three."""
    return _mixed(rows, seed) if kind == "mixed" else _numbers(rows, seed, gaps=kind == "gaps")


def fitted(case: Case, rows: int = 600) -> Fitted:
    """Train a case."""
    found = table(case.table, rows)
    target = Target("y", Task.CLASSIFICATION, case.classes) if case.classes else None
    signature = Signature(found.features, target or Target("y", Task.REGRESSION))
    inputs = found.frame if case.framed or case.table == "mixed" else found.frame.to_numpy()
    model = case.make().fit(inputs, _targets(case, found.score))
    return Fitted(model, signature, found.rows(), inputs)


def _targets(case: Case, score: NDArray[np.float64]) -> NDArray[Any]:
    if not case.classes:
        return np.exp(score / 4) if case.positive else score
    edges = np.quantile(score, np.linspace(0, 1, len(case.classes) + 1)[1:-1])
    # In another order than the signature states them, as happens to be the rule.
    labels = np.array(sorted(case.classes), dtype=object if case.classes == BINARY else None)
    found: NDArray[Any] = labels[np.digitize(score, edges)]
    return found


def _numbers(rows: int, seed: int, *, gaps: bool) -> Table:
    rng = np.random.default_rng(seed)
    drawn = rng.normal(size=(rows, NUMBERS))
    score = drawn[:, 0] + drawn[:, 1] * drawn[:, 2] + 0.5 * rng.normal(size=rows)
    if gaps:
        drawn[rng.random(drawn.shape) < 0.1] = np.nan
    names = [f"x{place}" for place in range(NUMBERS)]
    features = tuple(
        Feature(name, FeatureKind.NUMBER, minimum=-6.0, maximum=6.0, nullable=gaps)
        for name in names
    )
    return Table(pd.DataFrame(drawn, columns=names), features, score)


def _mixed(rows: int, seed: int) -> Table:
    rng = np.random.default_rng(seed)
    age = rng.integers(18, 90, rows).astype(np.float64)
    income = np.round(np.exp(rng.normal(10.0, 0.5, rows)), 2)
    colour = np.array(COLOURS, dtype=object)[rng.integers(0, len(COLOURS), rows)]
    city = np.array(CITIES, dtype=object)[rng.integers(0, len(CITIES), rows)]
    member = rng.integers(0, 2, rows).astype(np.float64)
    score = (age - 50) / 15 + np.log(income / 22_000) + (colour == "red") - (city == "Mol")
    score = score + 0.5 * member + 0.3 * rng.normal(size=rows)
    age[rng.random(rows) < 0.1] = np.nan
    income[rng.random(rows) < 0.05] = np.nan
    colour[rng.random(rows) < 0.1] = np.nan
    columns = {"age": age, "colour": colour, "income": income, "city": city, "member": member}
    frame = pd.DataFrame(
        {name: pd.Series(values, dtype=values.dtype) for name, values in columns.items()}
    )
    return Table(frame, MIXED, score)


MIXED: Final = (
    Feature("age", FeatureKind.INTEGER, minimum=0, maximum=120, nullable=True),
    Feature("colour", FeatureKind.CATEGORY, choices=COLOURS, nullable=True),
    Feature("income", FeatureKind.NUMBER, minimum=0, nullable=True),
    Feature("city", FeatureKind.CATEGORY, choices=CITIES, open_choices=True),
    Feature("member", FeatureKind.BOOLEAN),
)


def _scaled(model: Any) -> Any:
    return make_pipeline(StandardScaler(), model)


def columns(model: Any, **encoder: Any) -> Any:
    """A pipeline over the mixed table, its columns chosen by name."""
    numbers = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    hot = OneHotEncoder(**{"handle_unknown": "ignore", **encoder})
    return make_pipeline(
        make_column_transformer(
            (numbers, ["age", "income"]),
            (make_pipeline(SimpleImputer(strategy="most_frequent"), hot), ["colour"]),
            (OneHotEncoder(handle_unknown="ignore"), ["city"]),
            ("passthrough", ["member"]),
        ),
        model,
    )


def ordinals(model: Any) -> Any:
    """Categories as ordinals, numbers as they are."""
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan)
    return make_pipeline(
        make_column_transformer((encoder, ["colour", "city"]), remainder="passthrough"), model
    )


def _members() -> list[tuple[str, Any]]:
    return [
        ("linear", _scaled(lm.LogisticRegression())),
        ("forest", e.RandomForestClassifier(20, random_state=0)),
    ]


def _numeric_members() -> list[tuple[str, Any]]:
    return [("linear", lm.Ridge()), ("forest", e.RandomForestRegressor(20, random_state=0))]


CASES: Final[Mapping[str, Case]] = {
    "scaler + logistic regression": Case(lambda: _scaled(lm.LogisticRegression())),
    "the same, 3 classes": Case(lambda: _scaled(lm.LogisticRegression()), classes=THREE),
    "the same, classes 0 and 1, on a frame": Case(
        lambda: _scaled(lm.LogisticRegression()), classes=(0, 1), framed=True
    ),
    "the same, classes true and false": Case(
        lambda: _scaled(lm.LogisticRegression()), classes=(True, False)
    ),
    "min-max scaler + ridge classifier": Case(
        lambda: make_pipeline(MinMaxScaler(), lm.RidgeClassifier())
    ),
    "SGD classifier, hinge": Case(lambda: _scaled(lm.SGDClassifier(random_state=0)), classes=THREE),
    "naive Bayes": Case(GaussianNB, classes=THREE),
    "scaler + linear regression": Case(lambda: _scaled(lm.LinearRegression()), classes=()),
    "lasso": Case(lambda: lm.Lasso(0.01), classes=()),
    "imputer + ridge, missing values": Case(
        lambda: make_pipeline(SimpleImputer(), StandardScaler(), lm.Ridge()), "gaps", ()
    ),
    "columns + logistic regression": Case(
        lambda: columns(lm.LogisticRegression(max_iter=500)), "mixed"
    ),
    "columns (drop first) + logistic regression": Case(
        lambda: columns(lm.LogisticRegression(max_iter=500), drop="first"), "mixed"
    ),
    "columns (infrequent) + logistic regression": Case(
        lambda: columns(
            lm.LogisticRegression(max_iter=500),
            handle_unknown="infrequent_if_exist",
            max_categories=3,
        ),
        "mixed",
    ),
    "columns + linear regression": Case(lambda: columns(lm.LinearRegression()), "mixed", ()),
    "columns + random forest": Case(
        lambda: columns(e.RandomForestClassifier(50, random_state=0)), "mixed", THREE
    ),
    "columns + histogram boosting": Case(
        lambda: columns(e.HistGradientBoostingClassifier(max_iter=40)), "mixed"
    ),
    "ordinals + histogram boosting, native categories": Case(
        lambda: ordinals(
            e.HistGradientBoostingClassifier(max_iter=40, categorical_features=[0, 1])
        ),
        "mixed",
        THREE,
    ),
    "ordinals + histogram regression, native categories": Case(
        lambda: ordinals(e.HistGradientBoostingRegressor(max_iter=40, categorical_features=[0, 1])),
        "mixed",
        (),
    ),
    "decision tree": Case(lambda: tree.DecisionTreeClassifier(random_state=0), classes=THREE),
    "decision tree, regression": Case(
        lambda: tree.DecisionTreeRegressor(random_state=0), classes=()
    ),
    "random forest": Case(lambda: e.RandomForestClassifier(100, random_state=0)),
    "random forest, 3 classes": Case(
        lambda: e.RandomForestClassifier(100, random_state=0), classes=THREE
    ),
    "random forest, missing values": Case(
        lambda: e.RandomForestClassifier(50, random_state=0), "gaps"
    ),
    "random forest, regression": Case(
        lambda: e.RandomForestRegressor(100, random_state=0), classes=()
    ),
    "scaler + random forest": Case(lambda: _scaled(e.RandomForestClassifier(50, random_state=0))),
    "extra trees": Case(lambda: e.ExtraTreesClassifier(100, random_state=0), classes=THREE),
    "gradient boosting": Case(lambda: e.GradientBoostingClassifier(random_state=0)),
    "gradient boosting, 3 classes": Case(
        lambda: e.GradientBoostingClassifier(n_estimators=40, random_state=0), classes=THREE
    ),
    "gradient boosting, regression": Case(
        lambda: e.GradientBoostingRegressor(random_state=0), classes=()
    ),
    "histogram boosting": Case(e.HistGradientBoostingClassifier),
    "histogram boosting, 3 classes, missing values": Case(
        lambda: e.HistGradientBoostingClassifier(max_iter=50), "gaps", THREE
    ),
    "histogram boosting, regression, missing values": Case(
        e.HistGradientBoostingRegressor, "gaps", ()
    ),
    "histogram boosting, Poisson": Case(
        lambda: e.HistGradientBoostingRegressor(loss="poisson", max_iter=50),
        classes=(),
        positive=True,
    ),
    "AdaBoost": Case(lambda: e.AdaBoostClassifier(n_estimators=20, random_state=0)),
    "bagging": Case(lambda: e.BaggingClassifier(n_estimators=10, random_state=0)),
    "SVC": Case(lambda: _scaled(svm.SVC()), classes=THREE),
    "SVC with probabilities": Case(
        lambda: _scaled(CalibratedClassifierCV(svm.SVC(), ensemble=False, cv=3))
    ),
    "linear SVC": Case(lambda: _scaled(svm.LinearSVC())),
    "SVR": Case(lambda: _scaled(svm.SVR()), classes=()),
    "k nearest neighbours": Case(lambda: _scaled(neighbors.KNeighborsClassifier()), classes=THREE),
    "k nearest neighbours by distance": Case(
        lambda: _scaled(neighbors.KNeighborsClassifier(weights="distance"))
    ),
    "k nearest neighbours, regression": Case(
        lambda: _scaled(neighbors.KNeighborsRegressor()), classes=()
    ),
    "multi-layer perceptron": Case(
        lambda: _scaled(neural_network.MLPClassifier((32, 16), max_iter=2_000, random_state=0)),
        classes=THREE,
    ),
    "multi-layer perceptron, regression": Case(
        lambda: _scaled(
            neural_network.MLPRegressor(hidden_layer_sizes=(32,), max_iter=3_000, random_state=0)
        ),
        classes=(),
    ),
    "calibrated linear SVC": Case(lambda: CalibratedClassifierCV(svm.LinearSVC(), cv=3)),
    "calibrated random forest, isotonic": Case(
        lambda: CalibratedClassifierCV(
            e.RandomForestClassifier(20, random_state=0), method="isotonic", cv=3
        )
    ),
    "voting, soft": Case(lambda: e.VotingClassifier(_members(), voting="soft"), classes=THREE),
    "voting, hard": Case(
        lambda: e.VotingClassifier([*_members(), ("bayes", GaussianNB())]), classes=THREE
    ),
    "voting, regression": Case(lambda: e.VotingRegressor(_numeric_members()), classes=()),
    "stacking": Case(lambda: e.StackingClassifier(_members(), cv=3)),
    "stacking, regression": Case(lambda: e.StackingRegressor(_numeric_members(), cv=3), classes=()),
}
