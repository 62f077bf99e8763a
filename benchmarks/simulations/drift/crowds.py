"""Traffic that is not exchangeable, with and without what is done about it.

Every stream has 30,000 rows and no drift: whatever alarms is wrong. Beside it how long a shift of
0.5 standard deviations in one feature then takes, since every counter-measure costs power.
"""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from benchmarks.simulations.drift.ours import FIRST_MINUTE, first_alarm, plan, profile
from benchmarks.simulations.drift.streams import (
    FEATURES,
    Columns,
    Fault,
    broken,
    clusters,
    draw,
    seasons,
    waves,
)
from understudy.contracts.vocabulary import DriftStrata
from understudy.profiles.arrays import Floats

ROWS: Final = 30_000
REFERENCE: Final = 10_000
RATE: Final = 20
"""Rows a minute: a stream is a little more than a day."""
EVERY: Final = 5
"""Minutes between looks."""

Latent = Callable[[np.random.Generator, Floats], Floats]
"""From times to standard normals."""


@dataclass(frozen=True, slots=True)
class Crowd:
    """One kind of traffic, and how it is met."""

    name: str
    latent: Latent
    timed: bool = False
    strata: DriftStrata = DriftStrata.NONE
    reference_days: float = REFERENCE / RATE / 1_440
    keep: int = 1
    """Of each cluster of so many rows the first alone counts."""


def crowds(runs: int, seed: int, *, quick: bool) -> None:
    """Streams with a false alarm, and the delay of a real shift."""
    count = 2 if quick else max(5, runs // 5)
    rows = 5_000 if quick else ROWS
    print(f"\n{count} streams x {rows} rows x 30 features without drift, reference of {REFERENCE}")
    print("| traffic | false alarms | median delay of 0.5 sd |")
    print("| --- | --- | --- |")
    for crowd in _crowds()[: 2 if quick else None]:
        wrong = [_first(crowd, Fault.NONE, rows, [seed, 4, n]) is not None for n in range(count)]
        late = [_first(crowd, Fault.HALF, rows, [seed, 5, n]) for n in range(count)]
        waits = [float("inf") if wait is None else wait for wait in late]
        print(
            f"| {crowd.name} | {sum(wrong)}/{count} | {statistics.median(waits):.0f} |", flush=True
        )


def _crowds() -> Sequence[Crowd]:
    by_hour = DriftStrata.HOUR_OF_DAY
    return [
        Crowd("exchangeable", _independent),
        Crowd("exchangeable, time-ordered reference", _independent, timed=True),
        Crowd("clusters of 10 equal rows", _clustered),
        Crowd("clusters of 10, time-ordered reference", _clustered, timed=True),
        Crowd("clusters of 10, first row of each alone", _clustered, keep=10),
        Crowd("a row a minute from each for 10 minutes", _lingering),
        Crowd("a row a minute for 10, time-ordered reference", _lingering, timed=True),
        Crowd("autocorrelated 0.5", _waves(0.5)),
        Crowd("autocorrelated 0.5, time-ordered reference", _waves(0.5), timed=True),
        Crowd("autocorrelated 0.9", _waves(0.9)),
        Crowd("autocorrelated 0.9, time-ordered reference", _waves(0.9), timed=True),
        Crowd("autocorrelated 0.99", _waves(0.99)),
        Crowd("autocorrelated 0.99, time-ordered reference", _waves(0.99), timed=True),
        Crowd("daily season, half a sd high", _season, reference_days=7),
        Crowd("daily season, time-ordered reference", _season, timed=True, reference_days=7),
        Crowd(
            "daily season, hours of the day", _season, timed=True, strata=by_hour, reference_days=7
        ),
    ]


def _first(crowd: Crowd, fault: Fault, rows: int, seed: Sequence[int]) -> int | None:
    """Rows until the first alarm."""
    rng = np.random.default_rng(seed)
    usual, at = _drawn(crowd, rng, REFERENCE, crowd.reference_days)
    found = plan(profile(usual, at if crowd.timed else None), crowd.strata)
    live, _ = _drawn(crowd, rng, rows, rows / RATE / 1_440)
    alarm = first_alarm(found, broken(live, fault, rng), max(1, RATE // crowd.keep), every=EVERY)
    return None if alarm is None else alarm.rows * crowd.keep


def _drawn(
    crowd: Crowd, rng: np.random.Generator, rows: int, days: float
) -> tuple[Columns, Floats]:
    at = FIRST_MINUTE * 60.0 + np.arange(rows, dtype=np.float64) * (days * 86_400 / rows)
    latent, kept = crowd.latent(rng, at)[:, :: crowd.keep], at[:: crowd.keep]
    return draw(rng, kept.size, latent), kept


def _independent(rng: np.random.Generator, at: Floats) -> Floats:
    return rng.standard_normal((FEATURES, at.size))


def _clustered(rng: np.random.Generator, at: Floats) -> Floats:
    return clusters(rng, at.size, 10)


def _lingering(rng: np.random.Generator, at: Floats) -> Floats:
    """`RATE` customers at a time, each sends the same row in 10 minutes one after another."""
    stays = at.size // (10 * RATE) + 1
    drawn = np.repeat(rng.standard_normal((FEATURES, stays, RATE)), 10, axis=1)
    return np.asarray(drawn.reshape(FEATURES, -1)[:, : at.size])


def _season(rng: np.random.Generator, at: Floats) -> Floats:
    return seasons(rng, at, 0.5)


def _waves(memory: float) -> Latent:
    return lambda rng, at: waves(rng, at.size, memory)
