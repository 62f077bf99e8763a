"""A simulator of loan applicants whose true default probability is known.

**Features.** Eight correlated standard normals z (a Gaussian copula, correlations in
`CORRELATIONS`) give each applicant's place in the population; every feature is a function of its
own z, so its marginal can be moved without touching another's:

| feature | formula |
| --- | --- |
| age | 18 + 22·exp(0.45 z), whole years, at most 85 |
| income | 34 000·exp(0.5 z), in hundreds of € a year |
| employment_years | (age - 18)·σ(-1 + 1.2 z), whole years; 2 % not stated |
| loan_amount | 11 000·exp(0.65 z), in hundreds of €, 500 to 100 000 |
| loan_term_months | 12, 24, 36, 48, 60 or 72 with cumulated shares `TERM_SHARES` of z |
| debt_ratio | σ(-1.2 + 0.75 z): share of income that goes to debts already there |
| home_ownership | rent, mortgage or own with cumulated shares `HOME_SHARES`; 4 % not stated |
| purpose | drawn by `PURPOSES`' shares, independent of the rest |
| previous_default | z among the highest 10 % |
| months_since_delinquency | exponential with mean 30 for 28 % of applicants, else missing |

**Outcome.** With the loan's yearly burden s = 12·loan_amount / (loan_term_months·income),

    logit p = -3.15 - 0.4·ln(income / 34 000)
              + 6·max(0, debt_ratio - 0.35)            a hinge: debts hurt from 35 % on
              + 9·max(0, s - 0.15)                     a hinge on a ratio of three features
              + 0.55·((age - 45) / 14)²                the young and the old default more
              + 1.5·[employment_years < 2]·[rents]     an interaction
              + 0.8·previous_default
              + 1.6·exp(-months_since_delinquency / 12)
              + the purpose's effect in `PURPOSES`

so that a model which is linear in the features can't reach p. Answers that an applicant did not
state still act on p. Base rate about 17 %.

**Labels are late.** A written-off loan is known 3 months or more after the decision (exponential,
mean a quarter of the term), a repaid one only at the end of its term: early labels are biased.
"""

from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, ClassVar, Final, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Value = TypeVar("Value", bound=np.generic)

LATENT: Final = ("age", "income", "employment", "amount", "term", "debt", "home", "past")
CORRELATIONS: Final = (
    ("age", "income", 0.30),
    ("age", "home", 0.45),
    ("income", "employment", 0.20),
    ("income", "amount", 0.50),
    ("income", "debt", -0.25),
    ("income", "home", 0.35),
    ("income", "past", -0.15),
    ("amount", "term", 0.55),
    ("debt", "past", 0.25),
)
TERMS: Final = (12.0, 24.0, 36.0, 48.0, 60.0, 72.0)
TERM_SHARES: Final = (0.12, 0.32, 0.62, 0.78, 0.93)
HOMES: Final = ("rent", "mortgage", "own")
HOME_SHARES: Final = (0.46, 0.80)
PURPOSES: Final = {
    # purpose: (share of applicants, effect on logit p)
    "car": (0.26, -0.20),
    "home_improvement": (0.18, -0.10),
    "debt_consolidation": (0.24, 0.35),
    "education": (0.10, 0.10),
    "medical": (0.08, 0.30),
    "business": (0.09, 0.60),
    "holiday": (0.05, 0.25),
}
REPAID: Final = "repaid"
WRITTEN_OFF: Final = "written_off"


@dataclass(frozen=True, slots=True)
class Drift:
    """Other people apply: three features shift, each in its own way; the formula of p stays."""

    income_factor: float = 0.75
    """Every income is multiplied by it: a number falls."""
    surging_purpose: str = "business"
    surge_ratio: float = 0.30
    """This share of applicants asks for the surging purpose instead: a category surges."""
    employment_missing_ratio: float = 0.20
    """Up from 2 %: fewer applicants state how long they have been employed."""

    shifted: ClassVar = ("income", "purpose")
    """Features whose values change."""
    withheld: ClassVar = ("employment_years",)
    """Features that are stated less often; what is stated keeps its distribution.

    Every other feature keeps its distribution exactly.
    """


@dataclass(frozen=True, slots=True)
class ConceptChange:
    """The same people apply, but interest rates have risen: the formula of p changes.

    Inputs keep their distribution exactly, so only late labels can tell.
    """

    mortgage_effect: float = 1.6
    """Added to logit p for those who pay a mortgage."""
    debt_threshold: float = 0.25
    """Debts hurt from here on, instead of from 0.35."""
    renters_effect: float = 0.0
    """What is left of the 1.5 for newly employed renters."""


NO_CHANGE: Final = ConceptChange(mortgage_effect=0.0, debt_threshold=0.35, renters_effect=1.5)
NO_DRIFT: Final = Drift(income_factor=1.0, surge_ratio=0.0, employment_missing_ratio=0.02)


@dataclass(frozen=True, slots=True)
class Applicants:
    """What the bank sees (`features`), and what time will tell."""

    features: pd.DataFrame
    """Numbers, integers and booleans as float64; categories as objects; nothing stated is null."""
    default_probability: Floats
    outcomes: NDArray[np.object_]
    """`repaid` or `written_off`."""
    months_until_label: Floats


def draw_applicants(
    rows: int,
    rng: np.random.Generator,
    drift: Drift = NO_DRIFT,
    concept: ConceptChange = NO_CHANGE,
) -> Applicants:
    """Draw `rows` applicants.

    The same numbers are drawn whatever the switches, so with equal seeds two draws differ in
    nothing but what the switches name.
    """
    latent = _latent(rows, rng)
    people = _people(latent, rng, drift)
    chance = _default_probability(people, concept)
    defaults = rng.random(rows) < chance
    outcomes = np.where(defaults, WRITTEN_OFF, REPAID).astype(object)
    months = _months_until_label(defaults, people["loan_term_months"].to_numpy(), rng)
    _withhold(people, "employment_years", rng.random(rows) < drift.employment_missing_ratio)
    _withhold(people, "home_ownership", rng.random(rows) < 0.04)
    return Applicants(people, chance, outcomes, months)


def _latent(rows: int, rng: np.random.Generator) -> dict[str, Floats]:
    correlation = np.eye(len(LATENT))
    for one, other, value in CORRELATIONS:
        row, column = LATENT.index(one), LATENT.index(other)
        correlation[row, column] = correlation[column, row] = value
    normals = rng.standard_normal((rows, len(LATENT))) @ np.linalg.cholesky(correlation).T
    return dict(zip(LATENT, normals.T, strict=True))


def _people(z: dict[str, Floats], rng: np.random.Generator, drift: Drift) -> pd.DataFrame:
    """The complete applicants, before some leave answers out."""
    rows = z["age"].size
    age = np.minimum(np.floor(18 + 22 * np.exp(0.45 * z["age"])), 85.0)
    income = drift.income_factor * 34_000 * np.exp(0.5 * z["income"])
    ever_delinquent = rng.random(rows) < 0.28
    return pd.DataFrame(
        {
            "age": age,
            "income": np.round(income, -2),
            "employment_years": np.floor((age - 18) * _sigmoid(-1 + 1.2 * z["employment"])),
            "loan_amount": np.clip(
                np.round(11_000 * np.exp(0.65 * z["amount"]), -2), 500.0, 100_000.0
            ),
            "loan_term_months": _cut(z["term"], TERM_SHARES, np.array(TERMS)),
            "debt_ratio": np.round(_sigmoid(-1.2 + 0.75 * z["debt"]), 3),
            "home_ownership": _objects(_cut(z["home"], HOME_SHARES, np.array(HOMES, object))),
            "purpose": _objects(_purposes(rows, rng, drift)),
            "previous_default": (z["past"] > NormalDist().inv_cdf(0.90)).astype(np.float64),
            "months_since_delinquency": np.where(
                ever_delinquent, np.floor(rng.exponential(30.0, rows)), np.nan
            ),
        }
    )


def _default_probability(people: pd.DataFrame, concept: ConceptChange) -> Floats:
    """The formula of the module's docstring, on complete applicants."""
    column = {
        name: people[name].to_numpy(np.float64)
        for name in people.columns
        if name not in {"home_ownership", "purpose"}
    }
    income = np.maximum(column["income"], 100.0)
    burden = 12 * column["loan_amount"] / (column["loan_term_months"] * income)
    rents = (people["home_ownership"] == "rent").to_numpy(np.float64)
    pays_mortgage = (people["home_ownership"] == "mortgage").to_numpy(np.float64)
    effects = {purpose: effect for purpose, (_, effect) in PURPOSES.items()}
    return _sigmoid(
        -3.15
        - 0.4 * np.log(income / 34_000)
        + 6.0 * np.maximum(0.0, column["debt_ratio"] - concept.debt_threshold)
        + 9.0 * np.maximum(0.0, burden - 0.15)
        + 0.55 * ((column["age"] - 45) / 14) ** 2
        + concept.renters_effect * (column["employment_years"] < 2) * rents
        + concept.mortgage_effect * pays_mortgage
        + 0.8 * column["previous_default"]
        + 1.6 * np.nan_to_num(np.exp(-column["months_since_delinquency"] / 12), nan=0.0)
        + people["purpose"].map(effects).to_numpy(np.float64)
    )


def _months_until_label(
    defaults: NDArray[np.bool_], term: Floats, rng: np.random.Generator
) -> Floats:
    until_written_off = np.minimum(3.0 + rng.exponential(term / 4), term)
    return np.where(defaults, until_written_off, term)


def _purposes(rows: int, rng: np.random.Generator, drift: Drift) -> NDArray[np.object_]:
    shares = [share for share, _ in PURPOSES.values()]
    usual = rng.choice(np.array(list(PURPOSES), dtype=object), size=rows, p=shares)
    return np.where(rng.random(rows) < drift.surge_ratio, drift.surging_purpose, usual)


def _objects(values: NDArray[np.object_]) -> "pd.Series[Any]":
    """Pandas 3 would make its own string type of them, which no server hands to a model."""
    return pd.Series(values, dtype=object)


def _withhold(people: pd.DataFrame, name: str, where: NDArray[np.bool_]) -> None:
    missing = None if people[name].dtype == object else np.nan
    people.loc[where, name] = missing


def _cut(z: Floats, shares: tuple[float, ...], values: NDArray[Value]) -> NDArray[Value]:
    """The value whose cumulated share z falls into."""
    edges = [NormalDist().inv_cdf(share) for share in shares]
    return values[np.searchsorted(edges, z)]


def _sigmoid(x: Floats) -> Floats:
    return 1.0 / (1.0 + np.exp(-x))
