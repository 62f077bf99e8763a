"""What a credit-risk model is told of an applicant, and what it answers."""

from typing import Final

from examples.credit.applicants import HOMES, PURPOSES, REPAID, WRITTEN_OFF
from understudy.contracts.signature import Feature, Signature, Target
from understudy.contracts.vocabulary import FeatureKind, Task

SIGNATURE: Final = Signature(
    features=(
        Feature(
            "age",
            FeatureKind.INTEGER,
            label="Age",
            unit="years",
            minimum=18,
            maximum=110,
            example=41,
        ),
        Feature(
            "income",
            FeatureKind.NUMBER,
            label="Yearly income",
            description="Before tax, of all who sign.",
            unit="€",
            minimum=0,
            maximum=10_000_000,
            example=34_000,
        ),
        Feature(
            "employment_years",
            FeatureKind.INTEGER,
            label="Years in the present employment",
            description="Completed years; leave it empty if not stated.",
            unit="years",
            minimum=0,
            maximum=80,
            nullable=True,
            example=5,
        ),
        Feature(
            "loan_amount",
            FeatureKind.NUMBER,
            label="Amount asked for",
            unit="€",
            minimum=100,
            maximum=1_000_000,
            example=11_000,
        ),
        Feature(
            "loan_term_months",
            FeatureKind.INTEGER,
            label="To be repaid within",
            unit="months",
            minimum=6,
            maximum=120,
            example=36,
        ),
        Feature(
            "debt_ratio",
            FeatureKind.NUMBER,
            label="Debt ratio",
            description="The share of the income that goes to debts already there.",
            minimum=0,
            maximum=10,
            example=0.23,
        ),
        Feature(
            "home_ownership",
            FeatureKind.CATEGORY,
            label="Home",
            choices=HOMES,
            nullable=True,
            example="rent",
        ),
        Feature(
            "purpose",
            FeatureKind.CATEGORY,
            label="Purpose of the loan",
            description="A purpose that is not in the list is taken too.",
            choices=tuple(PURPOSES),
            open_choices=True,
            example="car",
        ),
        Feature(
            "previous_default",
            FeatureKind.BOOLEAN,
            label="Earlier default",
            description="Whether an earlier loan was written off.",
            example=False,
        ),
        Feature(
            "months_since_delinquency",
            FeatureKind.INTEGER,
            label="Months since the last late payment",
            description="Leave it empty if there was none.",
            unit="months",
            minimum=0,
            maximum=1_200,
            nullable=True,
        ),
    ),
    target=Target(
        "outcome", Task.CLASSIFICATION, classes=(REPAID, WRITTEN_OFF), label="Outcome of the loan"
    ),
)
