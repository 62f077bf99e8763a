"""Pictures of a review's figures: SVG without script, identifiers or colours of its own.

Pages forbid inline styles, so everything is coloured by classes of review.css, in the light, in the
dark and on paper. Each picture has a title and a description in words for who does not see it; the
templates put the numbers beside it.
"""

from services.registry.pages.charts.curves import (
    calibration,
    dependence,
    learning,
    precision_recall,
    roc,
    thresholds,
)
from services.registry.pages.charts.histograms import histogram
from services.registry.pages.charts.matrices import confusion, heat_map
from services.registry.pages.charts.rest import residuals, time_split, truth_by_answer
from services.registry.pages.charts.swarms import beeswarm
from services.registry.pages.charts.whiskers import bar, gap, whiskers

__all__ = [
    "bar",
    "beeswarm",
    "calibration",
    "confusion",
    "dependence",
    "gap",
    "heat_map",
    "histogram",
    "learning",
    "precision_recall",
    "residuals",
    "roc",
    "thresholds",
    "time_split",
    "truth_by_answer",
    "whiskers",
]
