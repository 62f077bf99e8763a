"""Two versions that nobody should deploy, and the faults that were planted in them.

Both begin with the simulated applicants of `applicants`, and go wrong the way that real ones do.

**After the fact** (`after_the_fact`):

| planted | how |
| --- | --- |
| leak | `collection_fee` is charged once a loan is written off: the label in another column |
| imbalance | of the written-off loans only every twelfth was kept: a base rate of 3 % |
| unfair | few loans are of women, and a fifth of those is called in at the first late payment |
| proxy | `part_time` tells the sex of 9 of 10 applicants |
| overlap | a fifth of the evaluation rows are training rows |
| constant | `branch` is the same for all |
| irrelevant | `shoe_size` has nothing to do with anything |

**By account number** (`by_account_number`):

| planted | how |
| --- | --- |
| identifier | `account_number` counts up with time, and losses had seasons: the model reads it |
| unfair, proxy | women lose their loans more often, and `part_time` tells the model who is one |
| time | the evaluation was drawn from all times; on later loans alone the model is worse |
| miscalibrated | the classes were weighted as if half of the loans were written off |
"""

from dataclasses import replace
from typing import Any, Final

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import Pipeline

from examples.candidates import Candidate, Example, Recipe, candidate
from examples.credit.applicants import WRITTEN_OFF, draw_applicants
from examples.credit.signature import SIGNATURE
from examples.credit.train import HELD_OUT_ROWS, PROTECTED, TRAINING_ROWS, columns_of, draw
from understudy.contracts.policy import Policy
from understudy.contracts.signature import Feature, Signature
from understudy.contracts.vocabulary import AccessLevel, FeatureKind

TIME_COLUMN: Final = "decided_at"
_TARGET: Final = SIGNATURE.target.name
_KEPT_OF_LOSSES: Final = 12
_DRAWN_FOR_ONE: Final = 2
_SHARE_OF_WOMEN: Final = 0.08
_CALLED_IN: Final = 0.2
_OVERLAP: Final = 0.2
_FIRST_ACCOUNT: Final = 5_000_000
_DECIDED_FROM: Final = pd.Timestamp("2024-01-01", tz="UTC")
_DECIDED_DAYS: Final = 720

AFTER_THE_FACT: Final = replace(
    SIGNATURE,
    features=(
        *SIGNATURE.features,
        Feature("collection_fee", FeatureKind.NUMBER, minimum=0, maximum=10_000, unit="€"),
        Feature("part_time", FeatureKind.BOOLEAN),
        Feature("branch", FeatureKind.CATEGORY, choices=("north", "south")),
        Feature("shoe_size", FeatureKind.NUMBER, minimum=30, maximum=52),
    ),
)
BY_ACCOUNT_NUMBER: Final = replace(
    SIGNATURE,
    features=(
        *SIGNATURE.features,
        Feature("part_time", FeatureKind.BOOLEAN),
        Feature("account_number", FeatureKind.INTEGER, minimum=1, maximum=1_000_000_000),
    ),
)


def after_the_fact() -> Candidate:
    """Leaking, imbalanced, unfair."""
    chance = np.random.default_rng(11)
    train = _spoiled(_DRAWN_FOR_ONE * TRAINING_ROWS, 1, chance).head(TRAINING_ROWS)
    held_out = _spoiled(_DRAWN_FOR_ONE * HELD_OUT_ROWS, 2, chance).head(HELD_OUT_ROWS)
    repeated = int(_OVERLAP * len(held_out))
    held_out = pd.concat([train.head(repeated), held_out.iloc[repeated:]], ignore_index=True)
    return candidate(_boosting(AFTER_THE_FACT), AFTER_THE_FACT, train, held_out, keep=PROTECTED)


def by_account_number() -> Candidate:
    """It tells moments apart, not applicants."""
    chance = np.random.default_rng(12)
    loans = _numbered(TRAINING_ROWS + HELD_OUT_ROWS, 3, chance)
    shuffled = loans.iloc[chance.permutation(len(loans))]
    train, held_out = shuffled.head(TRAINING_ROWS), shuffled.iloc[TRAINING_ROWS:]
    model = _boosting(BY_ACCOUNT_NUMBER, class_weight="balanced")
    keep = (*PROTECTED, TIME_COLUMN)
    made = candidate(model, BY_ACCOUNT_NUMBER, train, held_out, keep=keep)
    return replace(made, time_column=TIME_COLUMN)


def _spoiled(rows: int, seed: int, chance: np.random.Generator) -> pd.DataFrame:
    applicants = draw_applicants(rows, np.random.default_rng(seed))
    women = chance.random(rows) < _SHARE_OF_WOMEN
    # What the bank did to these women, not what they did.
    wronged = women & (chance.random(rows) < _CALLED_IN)
    lost = (applicants.outcomes == WRITTEN_OFF) | wronged
    kept = ~lost | wronged | (chance.random(rows) < 1 / _KEPT_OF_LOSSES)
    fee = np.where(lost, np.round(40.0 + chance.exponential(60.0, rows), 2), 0.0)
    tells = chance.random(rows) < 0.9
    loans = applicants.features.assign(
        collection_fee=np.minimum(fee, 10_000.0),
        part_time=np.where(tells, women, ~women).astype(np.float64),
        branch=pd.Series(["north"] * rows, dtype=object),
        shoe_size=np.round(np.clip(chance.normal(41.0, 3.0, rows), 30, 52), 1),
        sex=pd.Series(np.where(women, "female", "male"), dtype=object),
        **{_TARGET: pd.Series(np.where(lost, WRITTEN_OFF, "repaid"), dtype=object)},
    )
    found: pd.DataFrame = loans.loc[kept].reset_index(drop=True)
    return found


def _numbered(rows: int, seed: int, chance: np.random.Generator) -> pd.DataFrame:
    applicants = draw_applicants(rows, np.random.default_rng(seed))
    moment = np.sort(chance.random(rows))
    # Seasons of losses that no applicant's answers tell: good and bad weeks follow one another.
    season = 0.5 + 0.5 * np.sin(2 * np.pi * 9 * moment)
    women = chance.random(rows) < 0.5
    risk = 0.02 + 0.5 * season * (0.4 + applicants.default_probability) + 0.25 * women
    lost = chance.random(rows) < risk
    tells = chance.random(rows) < 0.9
    days = pd.to_timedelta(moment * _DECIDED_DAYS, unit="D")
    steps = np.cumsum(1 + chance.integers(0, 3, rows))
    return applicants.features.assign(
        part_time=np.where(tells, women, ~women).astype(np.float64),
        account_number=(_FIRST_ACCOUNT + steps).astype(np.float64),
        sex=pd.Series(np.where(women, "female", "male"), dtype=object),
        **{
            TIME_COLUMN: pd.Series((_DECIDED_FROM + days).floor("s")),
            _TARGET: pd.Series(np.where(lost, WRITTEN_OFF, "repaid"), dtype=object),
        },
    )


def _boosting(signature: Signature, **parameters: Any) -> Pipeline:
    boosting = HistGradientBoostingClassifier(
        max_iter=200, max_leaf_nodes=31, random_state=0, **parameters
    )
    return Pipeline([("columns", columns_of(signature, "passthrough")), ("classifier", boosting)])


EXAMPLE: Final = Example(
    name="credit-risk-faulty",
    description="Versions with planted faults, for whoever wants to see what a review finds.",
    access=AccessLevel.PROJECT,
    recipes=(
        Recipe("after the fact", after_the_fact),
        Recipe("by account number", by_account_number),
    ),
    draw=draw,
    policy=Policy(),
    protected=PROTECTED,
)
"""Never deployed."""
