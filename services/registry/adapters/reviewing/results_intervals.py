"""Figures with their intervals: analytic where there is a sound formula, else by bootstrap.

Formula: shares: Wilson's score interval; the mean of several (balanced accuracy): variance
estimates recovery, √∑(w·(value - limit))² each way; the area under the ROC curve: Newcombe's. All
else: rows drawn anew with replacement, 2.5 and 97.5 % quantiles; of `ece`, which every resample
overestimates as the sample itself does, 2·value - quantile. A gain over the main: both measured on
the same resamples.
Source: Wilson (1927); Zou & Donner, "Construction of confidence limits about effect measures",
Statistics in Medicine 27, 2008; B. Efron & R. Tibshirani, An introduction to the bootstrap (1993),
chapter 13.
Guarantee: about 95 % of intervals hold the truth. A bootstrap of fewer than `FEWEST` rows is not
made: of few rows it is too narrow.
Assumes: rows are independent. Rows of one customer are not: then intervals are too narrow.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from services.registry.adapters.reviewing.asking_time import seconds_left
from services.registry.adapters.reviewing.results_answers import Answers
from services.registry.adapters.reviewing.results_figures import (
    HIGHER_IS_BETTER,
    Figures,
    figures_of,
)
from services.registry.adapters.reviewing.results_peers import Peers
from services.registry.adapters.reviewing.results_ranking import area_estimate, area_gain, area_of
from services.registry.domain.proportions import Z, wilson
from understudy.contracts.reviews import Estimate
from understudy.inference.scored import Floats

Estimates = dict[str, Estimate]

RESAMPLES: Final = 400
FEWEST: Final = 30
_FEWEST_RESAMPLES: Final = 100
_SHARE: Final = 0.2
"""Of the time that is left, for resampling one sample; beyond it, fewer resamples are enough."""


def plain(answers: Answers | None) -> dict[str, float]:
    """Figures by name without intervals; those that the rows don't define are not there."""
    if answers is None:
        return {}
    found = figures_of(answers).of(np.ones(len(answers)))
    area = area_of(answers)
    if area is not None:
        found["roc_auc"] = area.value
    return {name: float(value) for name, value in found.items() if math.isfinite(value)}


def estimates(answers: Answers, draw: np.random.Generator) -> Estimates:
    """Figures by name."""
    (drawn,) = _resampled([figures_of(answers)], len(answers), draw)
    return _with_intervals(answers, drawn)


def against_main(peers: Peers, draw: np.random.Generator) -> tuple[Estimates, Estimates]:
    """The main's figures, and by how much the model is better, on rows that both answered."""
    model, main = peers.paired, peers.main
    if model is None or main is None:
        return {}, {}
    both = [figures_of(model), figures_of(main)]
    ours, theirs = _resampled(both, len(main), draw)
    gains, at_hand, opposite = Estimates(), plain(model), plain(main)
    for name in [name for name in at_hand if name in opposite]:
        value = _gain(name, np.array(at_hand[name]), np.array(opposite[name]))
        drawn = _gain(name, ours.get(name, np.empty(0)), theirs.get(name, np.empty(0)))
        gains[name] = _between(float(value), drawn)
    area, other = area_of(model), area_of(main)
    if area is not None and other is not None:
        enough = len(main) >= FEWEST
        gains["roc_auc"] = (
            area_gain(area, other, Z) if enough else Estimate(area.value - other.value)
        )
    return _with_intervals(main, theirs), gains


def share_of(hits: float, rows: float) -> Estimate:
    """Of at least one row, with Wilson's interval."""
    found = wilson(float(hits), int(rows))
    assert found is not None  # noqa: S101 - there are rows
    return found


def _with_intervals(answers: Answers, drawn: Mapping[str, Floats]) -> Estimates:
    found = {
        name: _between(value, drawn.get(name, np.empty(0)), basic=name == "ece")
        for name, value in plain(answers).items()
    }
    area = area_of(answers)
    if area is not None:
        found["roc_auc"] = area_estimate(area)
    return found | _shares(answers) if answers.classes else found


def _shares(answers: Answers) -> Estimates:
    """Figures that are shares of rows, or means of such."""
    truth, told = answers.labels, answers.values
    right = truth == told
    parts = [share_of(right[truth == label].sum(), (truth == label).sum()) for label in {*truth}]
    found = {"accuracy": share_of(right.sum(), right.size), "balanced_accuracy": _average(parts)}
    if answers.positive is not None:
        for name, rows in (("precision", told), ("recall", truth)):
            part = rows == answers.positive
            if part.any():
                found[name] = share_of(right[part].sum(), part.sum())
    return found


def _average(parts: Sequence[Estimate]) -> Estimate:
    """Of independent shares."""
    value = sum(part.value for part in parts) / len(parts)
    below = math.hypot(*(part.value - (part.low or 0.0) for part in parts)) / len(parts)
    above = math.hypot(*((part.high or 0.0) - part.value for part in parts)) / len(parts)
    return Estimate(value, max(value - below, 0.0), min(value + above, 1.0))


def _resampled(
    measured: Sequence[Figures], rows: int, draw: np.random.Generator
) -> list[dict[str, Floats]]:
    """Of each: figures on the same rows, drawn anew with replacement each time."""
    if rows < FEWEST:
        return [{} for _ in measured]
    told = [list[dict[str, float]]() for _ in measured]
    enough = seconds_left() * (1 - _SHARE)
    for _ in range(RESAMPLES):
        if seconds_left() < enough and len(told[0]) >= _FEWEST_RESAMPLES:
            break
        chosen = draw.integers(0, rows, rows)
        weights = np.bincount(chosen, minlength=rows).astype(np.float64)
        for one, figures in zip(told, measured, strict=True):
            one.append(figures.of(weights))
    return [{name: np.array([each[name] for each in one]) for name in one[0]} for one in told]


def _between(value: float, drawn: Floats, *, basic: bool = False) -> Estimate:
    """The value, between quantiles of what was drawn; without them when that is too little."""
    sound = drawn[np.isfinite(drawn)]
    if sound.size < max(0.9 * drawn.size, 0.9 * _FEWEST_RESAMPLES):
        return Estimate(value)
    low, high = (float(limit) for limit in np.quantile(sound, (0.025, 0.975)))
    if basic:
        low, high = max(2 * value - high, 0.0), min(2 * value - low, 1.0)
    return Estimate(value, min(low, value), max(high, value))


def _gain(name: str, model: Floats, main: Floats) -> Floats:
    """Positive is better."""
    if name == "bias":
        return np.abs(main) - np.abs(model)
    return model - main if HIGHER_IS_BETTER[name] else main - model
