"""Labelled rows and their tallies, made up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from services.monitor.domain.deciding.terms import Terms, resolve
from services.monitor.domain.outcomes.facts import Answers, JoinedRows
from services.monitor.domain.outcomes.summing import Cohorts
from services.monitor.domain.outcomes.tallying import tally
from services.monitor.domain.outcomes.viewpoint import Viewpoint
from understudy.contracts.judging import ComparisonTerms
from understudy.contracts.signature import Target
from understudy.contracts.vocabulary import Role, Task
from understudy.profiles.arrays import Floats

BINARY = Target("bad", Task.CLASSIFICATION, classes=("no", "yes"))
THREE = Target("kind", Task.CLASSIFICATION, classes=("a", "b", "c"))
NUMBER = Target("price", Task.REGRESSION)
HOUR = 3_600.0
DAY = 86_400.0
START = 20_000 * DAY
"""The first prediction's time: midnight."""


def terms(target: Target = BINARY, *, horizon: float = DAY, deviation: float = 10.0) -> Terms:
    return resolve(ComparisonTerms(label_horizon_seconds=horizon), target, deviation)


@dataclass
class Rows:
    """Answers of one or two versions to rows of which some are labelled."""

    target: Target
    at: Floats
    labels: Floats
    values: Mapping[int, Floats]
    """By version; the first is the main."""
    probabilities: Mapping[int, Floats] = field(default_factory=dict)
    protected: Mapping[int, Mapping[str, str]] = field(default_factory=dict)
    lag: float = 60.0
    terms: Terms | None = None
    release: int = 1

    def cohorts(self) -> Cohorts:
        """Their tallies."""
        count = self.at.size
        return tally(
            JoinedRows(
                main=next(iter(self.values)),
                release=self.release,
                terms=self.terms or terms(self.target),
                target=self.target,
                ids=[str(place) for place in range(count)],
                at=self.at,
                answers={
                    version: Answers(
                        values, self.probabilities.get(version), np.ones(count, dtype=bool)
                    )
                    for version, values in self.values.items()
                },
                labels=self.labels,
                received_at=self.at + self.lag,
                protected=self.protected,
            )
        )


def viewpoint(
    target: Target = BINARY,
    *,
    now: float = START + 10 * DAY,
    known: Sequence[Terms] = (),
    challengers: Sequence[int] = (2,),
) -> Viewpoint:
    found = terms(target)
    return Viewpoint(
        deployment="loans",
        release=3,
        main=1,
        roles={1: Role.MAIN, **dict.fromkeys(challengers, Role.CHALLENGER)},
        target=target,
        terms=found,
        known={one.fingerprint: one for one in (found, *known)},
        now=now,
        since=START,
    )


def binary_rows(
    count: int, seed: int = 1, *, days: float = 3.0, labelled: float = 1.0, skill: float = 1.2
) -> Rows:
    """A calibrated main, version 1, over some days."""
    rng = np.random.default_rng(seed)
    chances = 1 / (1 + np.exp(-rng.normal(-0.3, skill, count)))
    labels = (rng.random(count) < chances).astype(np.float64)
    labels[rng.random(count) >= labelled] = np.nan
    return Rows(
        target=BINARY,
        at=np.sort(START + rng.random(count) * days * DAY),
        labels=labels,
        values={1: (chances >= 0.5).astype(np.float64)},
        probabilities={1: np.column_stack([1 - chances, chances])},
    )
