"""The credit-risk models: logistic regression as main, gradient boosting as challenger.

Both are pipelines that take the columns of the signature in its order: numbers, whole numbers and
booleans as float64 with NaN for what is missing, categories as objects with None or NaN.
"""

from typing import Any, Final

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from examples.candidates import Candidate, Example, Outcome, Recipe, candidate, rows_of
from examples.credit.applicants import (
    NO_CHANGE,
    NO_DRIFT,
    ConceptChange,
    Drift,
    draw_applicants,
)
from examples.credit.signature import SIGNATURE
from understudy.contracts.judging import ComparisonTerms, Judging
from understudy.contracts.policy import Policy
from understudy.contracts.signature import Signature
from understudy.contracts.vocabulary import AccessLevel, FeatureKind, Question

TRUSTED_TYPES: Final = (
    "numpy.dtype",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
)
"""What these artifacts hold beyond what skops trusts by itself, for the registry's trust list.

The first is the imputer's memory of its column's type. The second is a boosted tree: skops trusts
no tree of any kind unasked, since scikit-learn follows a tree's indices without checking them.
"""
TRAINING_ROWS: Final = 20_000
HELD_OUT_ROWS: Final = 10_000
LABEL_HORIZON_SECONDS: Final = 10.0
"""Loans run for 72 months at most, and `traffic` lets a month pass in a tenth of a second. Whoever
judges sooner sees the written-off loans first."""

PROTECTED: Final = ("sex",)
"""Known of past loans, so that groups can be compared; no model is told of it."""


def past_loans(rows: int, seed: int) -> pd.DataFrame:
    """Applicants of whom the outcome is known. Their sex has no part in it."""
    applicants = draw_applicants(rows, np.random.default_rng(seed))
    target = pd.Series(applicants.outcomes, dtype=object)
    sex = np.random.default_rng([seed, 1]).choice(["female", "male"], size=rows)
    return applicants.features.assign(
        sex=pd.Series(sex, dtype=object), **{SIGNATURE.target.name: target}
    )


def train_logistic_regression() -> Candidate:
    """The main version: linear in the (imputed, scaled) numbers."""
    numbers = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    return _train(numbers, LogisticRegression(max_iter=1_000))


def train_gradient_boosting() -> Candidate:
    """The challenger: trees find the hinges and the interaction, and take missing values as is."""
    boosting = HistGradientBoostingClassifier(
        learning_rate=0.06,
        max_iter=200,
        max_leaf_nodes=15,
        l2_regularization=1.0,
        random_state=0,
    )
    return _train("passthrough", boosting)


def draw(
    rows: int, seed: int, drift: Drift = NO_DRIFT, concept: ConceptChange = NO_CHANGE
) -> list[Outcome]:
    """Live applicants."""
    applicants = draw_applicants(rows, np.random.default_rng(seed), drift, concept)
    found = rows_of(applicants.features, SIGNATURE)
    truth = zip(found, applicants.outcomes, applicants.months_until_label, strict=True)
    return [Outcome(row, label, float(months)) for row, label, months in truth]


def _train(numbers: Any, classifier: Any) -> Candidate:
    columns = columns_of(SIGNATURE, numbers)
    model = Pipeline([("columns", columns), ("classifier", classifier)])
    train, held_out = past_loans(TRAINING_ROWS, seed=1), past_loans(HELD_OUT_ROWS, seed=2)
    return candidate(model, SIGNATURE, train, held_out, keep=PROTECTED)


def columns_of(signature: Signature, numbers: Any) -> ColumnTransformer:
    """Numbers by what they are given to, categories one-hot.

    Columns go by position, so that an array serves as well as a frame.
    """
    features = [*enumerate(signature.features)]
    numeric = [i for i, feature in features if feature.numeric]
    named = [i for i, feature in features if feature.kind is FeatureKind.CATEGORY]
    # With its categories given, the encoder takes None, NaN and unseen values alike: as none.
    choices = [list(signature.features[i].choices) for i in named]
    categories = OneHotEncoder(categories=choices, handle_unknown="ignore", sparse_output=False)
    return ColumnTransformer([("numbers", numbers, numeric), ("categories", categories, named)])


EXAMPLE: Final = Example(
    name="credit-risk",
    description="Will this applicant repay the loan?",
    access=AccessLevel.PROJECT,
    recipes=(
        Recipe("logistic regression", train_logistic_regression),
        Recipe("gradient boosting", train_gradient_boosting),
    ),
    draw=draw,
    protected=PROTECTED,
    answers={
        Question.OBJECTIVE: "Help loan officers see which applicants may not repay.",
        Question.LABEL_MEANING: "written_off: the bank has given the loan up within its term.",
        Question.CONSTRAINTS: "An officer decides; nobody is refused by the score alone.",
        Question.INTENDED_USE: "Consumer loans of 500 to 100,000 €, 12 to 72 months.",
        Question.OUT_OF_SCOPE: "Companies; applicants under 18.",
        Question.FAIRNESS: "Equal true positive rates by sex: a loan that fails must be seen as "
        "often whoever asked for it.",
        Question.MONITORING: "Drift and labels daily; the challenger beside it.",
        Question.RETRAINING: "Every quarter, or when the monitor tells concept drift.",
    },
    policy=Policy(judging=Judging(ComparisonTerms(label_horizon_seconds=LABEL_HORIZON_SECONDS))),
)
