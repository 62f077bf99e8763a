"""Pairs of simulated binary classifiers: true probabilities, answers that are off by noise.

A row's log-odds are z ~ N(0, spread²), its label is 1 with probability 1/(1 + exp(-z)), and a
classifier answers the probability of z + its own noise. A noisier classifier is worse in accuracy
and in Brier loss, as a less trained one is; the spread says how certain rows are.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.random import Generator

from understudy.profiles.arrays import Floats

DISCORDANCE: Final = 0.06
"""Share of rows to which both answer another class."""


@dataclass(frozen=True, slots=True)
class Rows:
    """What a run saw: (runs, labels) each, and (runs, challengers, labels)."""

    labels: Floats
    main: Floats
    challengers: Floats

    def brier(self, challenger: int = 0) -> Floats:
        """Main's loss less the challenger's."""
        answered = self.challengers[:, challenger]
        return np.asarray((self.main - self.labels) ** 2 - (answered - self.labels) ** 2)

    def zero_one(self, challenger: int = 0) -> Floats:
        """The same in wrong answers."""
        truth, answered = self.labels > 0.5, self.challengers[:, challenger] > 0.5
        wrong = (self.main > 0.5) != truth
        return np.asarray(wrong.astype(float) - (answered != truth).astype(float))


@dataclass(frozen=True, slots=True)
class Rivals:
    """Main and challengers by the noise of their log-odds."""

    spread: float
    main: float
    challenger: float
    challengers: int = 1

    def rows(self, rng: Generator, runs: int, labels: int) -> Rows:
        """Draw."""
        z = rng.normal(0.0, self.spread, (runs, labels))
        truth = (rng.random(z.shape) < sigmoid(z)).astype(float)
        main = sigmoid(z + rng.normal(0.0, 1.0, z.shape) * self.main)
        noise = rng.normal(0.0, 1.0, (runs, self.challengers, labels)) * self.challenger
        return Rows(truth, main, sigmoid(z[:, None, :] + noise))


def equals(spread: float = 3.0, challengers: int = 1) -> Rivals:
    """As good as each other, and `DISCORDANCE` apart."""
    noise = spread * math.sqrt(1.0 / math.cos(math.pi * DISCORDANCE) - 1.0)
    return Rivals(spread, noise, noise, challengers)


def better_by(gain: float) -> Rivals:
    """A challenger without noise whose accuracy is higher by `gain`, `DISCORDANCE` apart."""
    low, high = 0.2, 40.0
    for _ in range(60):
        spread = (low + high) / 2
        low, high = (spread, high) if _gain(spread) < gain else (low, spread)
    return Rivals(spread, _noise(spread), 0.0)


def sigmoid(z: Floats) -> Floats:
    """From log-odds to probability."""
    return np.asarray(1.0 / (1.0 + np.exp(-z)))


def _noise(spread: float) -> float:
    """Signs of z and z + noise differ in a share arctan(noise/spread)/π."""
    return spread * math.tan(math.pi * DISCORDANCE)


def _gain(spread: float) -> float:
    """Mean of |2p - 1| over rows whose sign the noise turns, by the midpoint rule."""
    noise = _noise(spread)
    z = (np.arange(20_000) + 0.5) * (8.0 * spread / 20_000)
    turned = np.array([0.5 * math.erfc(value / noise / math.sqrt(2.0)) for value in z])
    density = np.exp(-0.5 * (z / spread) ** 2) / (spread * math.sqrt(2 * math.pi))
    return float(2.0 * np.sum(np.tanh(z / 2) * turned * density) * (z[1] - z[0]))
