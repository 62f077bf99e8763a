"""Figures of groups, and the largest differences between them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from math import sqrt
from typing import Any, Final

import numpy as np
import pandas as pd
from fairlearn.metrics import (
    MetricFrame,
    false_positive_rate,
    mean_prediction,
    selection_rate,
    true_positive_rate,
)
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, mean_squared_error, precision_score

from services.registry.adapters.reviewing.fairness_groups import FEWEST, Groups
from services.registry.domain.proportions import Z, difference, shared_z, wilson
from understudy.contracts.reviews import Estimate, Gap
from understudy.inference.scored import Floats, Scored

FEWEST_OF_A_RATE: Final = 10
"""Rows that a rate is a share of: of fewer it is not told."""
GAPS: Final = (
    "selection_rate",
    "true_positive_rate",
    "false_positive_rate",
    "accuracy",
    "mean_error",
    "rmse",
)
_SIGNED: Final = "mean_error"


@dataclass(frozen=True, slots=True)
class Share:
    """Hits among rows."""

    hits: int
    rows: int

    def estimate(self, z: float = Z) -> Estimate | None:
        """Wilson's interval; None of too few rows."""
        return wilson(self.hits, self.rows, z) if self.rows >= FEWEST_OF_A_RATE else None


@dataclass(frozen=True, slots=True)
class Mean:
    """Of rows, with the error of it."""

    value: float
    error: float
    within: tuple[float, float] = (-np.inf, np.inf)

    def estimate(self, z: float = Z) -> Estimate | None:
        """The normal interval, within what is possible."""
        if not (np.isfinite(self.value) and np.isfinite(self.error)):
            return None
        low, high = self.within
        ends = (max(low, self.value - z * self.error), min(high, self.value + z * self.error))
        return Estimate(self.value, *ends)


@dataclass(frozen=True, slots=True)
class Root:
    """The root of a mean that is not negative."""

    square: Mean

    def estimate(self, z: float = Z) -> Estimate | None:
        """The interval of the mean, its ends' roots."""
        found = self.square.estimate(z)
        if found is None or found.low is None or found.high is None:
            return None
        return Estimate(sqrt(max(0.0, found.value)), sqrt(max(0.0, found.low)), sqrt(found.high))


Figure = Share | Mean | Root
Figures = Mapping[str, Figure]


def of_two_classes(
    groups: Groups, truth: NDArray[np.intp], answers: NDArray[np.intp], scores: Floats | None
) -> list[Figures]:
    """Of each group. `truth`, `answers`: 1 for the positive class, else 0; `scores`: its chance."""
    rates: dict[str, Callable[..., Any]] = {
        "selection_rate": selection_rate,
        "true_positive_rate": partial(true_positive_rate, pos_label=1),
        "false_positive_rate": partial(false_positive_rate, pos_label=1),
        "precision": partial(precision_score, zero_division=0.0),
        "accuracy": accuracy_score,
    }
    found = _by_group(rates, groups, truth, answers)
    rows = groups.rows
    positive = np.bincount(groups.codes, weights=truth, minlength=rows.size)
    selected = np.bincount(groups.codes, weights=answers, minlength=rows.size)
    of = {
        "selection_rate": rows,
        "true_positive_rate": positive,
        "false_positive_rate": rows - positive,
        "precision": selected,
        "accuracy": rows,
    }
    return [
        {
            **{name: _share(found[name][place], of[name][place]) for name in rates},
            **_mean_score(groups, place, scores),
        }
        for place in range(rows.size)
    ]


def of_classes(groups: Groups, truth: Floats, scored: Scored) -> list[Figures]:
    """Of each group, of several classes: how often right, and how sure."""
    found = _by_group({"accuracy": accuracy_score}, groups, truth, scored.values)["accuracy"]
    top = None if scored.probabilities is None else scored.probabilities.max(axis=1)
    return [
        {"accuracy": _share(found[place], count), **_mean_score(groups, place, top)}
        for place, count in enumerate(groups.rows.tolist())
    ]


def of_numbers(groups: Groups, truth: Floats, answers: Floats) -> list[Figures]:
    """Of each group of a regression. Errors: answer less truth."""
    metrics: dict[str, Callable[..., Any]] = {
        "mean_answer": mean_prediction,
        "mean_square": mean_squared_error,
    }
    with np.errstate(all="ignore"):
        found, errors = _by_group(metrics, groups, truth, answers), answers - truth
        figures = list[Figures]()
        for place in range(len(groups.names)):
            own = groups.codes == place
            if not own.any():
                figures.append({})
                continue
            square = Mean(found["mean_square"][place], _error(errors[own] ** 2), (0.0, np.inf))
            figures.append(
                {
                    "mean_answer": Mean(found["mean_answer"][place], _error(answers[own])),
                    _SIGNED: Mean(float(errors[own].mean()), _error(errors[own])),
                    "rmse": Root(square),
                }
            )
    return figures


def gaps(names: tuple[str, ...], figures: list[Figures]) -> Iterator[Gap]:
    """Of each figure, the pair of groups that surely differs most.

    Every pair has an interval: Newcombe's difference of Wilson's intervals (shares), the same
    recovery of variances for means, at a level that holds all pairs together (Bonferroni). So the
    interval of the pair that is named holds its true difference in 95 % of reviews, although it was
    picked by looking. Named is the pair whose interval begins highest; where no interval begins
    above 0, the pair with the largest difference.
    """
    for name in GAPS:
        held = [
            (group, figure)
            for group, of in zip(names, figures, strict=True)
            if (figure := of.get(name)) is not None and figure.estimate() is not None
        ]
        z = shared_z(len(held) * (len(held) - 1) // 2)
        found = [_gap(name, one, other, z) for one, other in combinations(held, 2)]
        pairs = [gap for gap in found if gap is not None]
        if pairs:
            yield max(pairs, key=lambda gap: (gap.size.low or 0.0, gap.size.value))


def _gap(name: str, one: tuple[str, Figure], other: tuple[str, Figure], z: float) -> Gap | None:
    (less, low), (more, high) = sorted(
        ((group, figure.estimate(z)) for group, figure in (one, other)),
        key=lambda pair: 0.0 if pair[1] is None else pair[1].value,
    )
    if low is None or high is None:
        return None
    size = difference(high, low)
    if not all(np.isfinite([size.value, size.low or 0.0, size.high or 0.0])):
        return None
    size = Estimate(size.value, max(0.0, size.low or 0.0), size.high)
    ratio = None if name == _SIGNED or high.value <= 0.0 else low.value / high.value
    return Gap(name, (less, more), size, ratio)


def _by_group(
    metrics: dict[str, Callable[..., Any]], groups: Groups, truth: Any, answers: Any
) -> dict[str, list[float]]:
    """Of every group; 0 of one without rows.

    Rows that are alike in group, label and answer are one, with their number as its weight: that
    is the same, and MetricFrame takes as long as there are rows.
    """
    alike = np.column_stack([groups.codes, truth, answers])
    alike, weights = np.unique(alike, axis=0, return_counts=True)
    frame = MetricFrame(
        metrics=metrics,
        y_true=alike[:, 1],
        y_pred=alike[:, 2],
        sensitive_features=pd.Series(alike[:, 0].astype(np.intp)),
        sample_params={name: {"sample_weight": weights} for name in metrics},
    ).by_group
    frame = frame.reindex(range(len(groups.names))).astype(float).fillna(0.0)
    return {name: frame[name].tolist() for name in metrics}


def _share(value: float, rows: float) -> Share:
    return Share(round(value * rows), int(rows))


def _mean_score(groups: Groups, place: int, scores: Floats | None) -> dict[str, Figure]:
    own = np.empty(0) if scores is None else scores[groups.codes == place]
    if own.size < FEWEST:
        return {}
    return {"mean_score": Mean(float(own.mean()), _error(own), (0.0, 1.0))}


def _error(values: Floats) -> float:
    """Of the mean; infinite of fewer than two values."""
    return float(values.std(ddof=1) / sqrt(values.size)) if values.size > 1 else float("inf")
