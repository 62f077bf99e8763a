"""Metrics of results, and how they are told."""

from collections.abc import Mapping
from typing import Final

from understudy.contracts.reviews import Estimate, Metric, Results

_TITLES: Final[Mapping[str, str]] = {
    "roc_auc": "the area under the ROC curve",
    "accuracy": "the accuracy",
    "balanced_accuracy": "the balanced accuracy",
    "rmse": "the root mean squared error",
    "r2": "r²",
    "ece": "the expected calibration error",
}


def metric(results: Results, name: str) -> Metric | None:
    """By its name; None when it could not be measured."""
    return next((one for one in results.metrics if one.name == name), None)


def deciding_metric(results: Results) -> Metric | None:
    """The one that findings look at."""
    return metric(results, results.deciding)


def title_of(name: str) -> str:
    """In words."""
    return _TITLES.get(name, name)


def said(figure: Estimate) -> str:
    """The value with its interval."""
    if figure.low is None or figure.high is None:
        return f"{figure.value:.4g}"
    return f"{figure.value:.4g} ({figure.low:.4g} to {figure.high:.4g})"
