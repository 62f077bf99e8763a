"""A version's review: what was measured and found before anybody decided about it.

Plain values, so that domains may hold them; JSON at the edges. A number that could not be measured
is None; every other one is finite. Intervals are of 95 % unless they say otherwise. What was left
out is named in `left_out` with the reason, so that nothing is missing silently.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from understudy.contracts.vocabulary import (
    BaselineSample,
    FeatureKind,
    FindingCode,
    Label,
    Severity,
    Task,
)

FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure and the interval that it was measured with; `low` and `high` None without one."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that whoever decides should know."""

    code: FindingCode
    severity: Severity
    """What it means unless the project's policy says otherwise."""
    title: str
    """A few words, for lists: 'One feature gives the label away'."""
    detail: str
    """What was measured, with its numbers, and what to do."""
    subjects: tuple[str, ...] = ()
    """Features, attributes, groups, checks that it concerns."""
    figure: Estimate | None = None
    """What the rule looked at."""
    threshold: float | None = None


# --- Data ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SampleFacts:
    """One of the two samples."""

    sample: BaselineSample
    digest: str
    size_bytes: int
    rows: int
    read: int
    """How many of them everything here is computed from, evenly spread."""
    labelled: int
    legal: int
    """Rows, of those that were read, that the signature allows."""
    duplicates: int
    """Rows, of those that were read, that repeat another one in features and label."""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Bars:
    """A histogram: of a number, `edges` has one more than shares; of a category, `names` as many.

    Shares are of the rows with a value; the same bars hold for both samples.
    """

    reference: tuple[float, ...]
    evaluation: tuple[float, ...] | None = None
    edges: tuple[float, ...] | None = None
    names: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class ColumnFacts:
    """One column of a sample that is a feature, the target, the time or a protected attribute."""

    name: str
    part: str
    """feature, target, time or protected."""
    kind: FeatureKind | None
    stored_as: str
    """The type in the Parquet file."""
    missing: float
    """Share of rows."""
    distinct: int
    outside: float
    """Share of values that the signature does not allow."""
    mean: float | None = None
    deviation: float | None = None
    minimum: float | None = None
    quartiles: tuple[float, float, float] | None = None
    maximum: float | None = None
    commonest: tuple[tuple[str, float], ...] = ()
    """Values with their shares, at most ten; of numbers too when they take few values."""
    bars: Bars | None = None


@dataclass(frozen=True, slots=True)
class Correlations:
    """Between features.

    Spearman's for two numbers, Cramér's V (unsigned, bias-corrected) for two categories, the
    correlation ratio for one of each.
    """

    names: tuple[str, ...]
    values: tuple[tuple[float | None, ...], ...]


@dataclass(frozen=True, slots=True)
class ClassShare:
    """How often a class occurs."""

    label: Label
    reference: float
    evaluation: float | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """One data test: what it asks, whether it holds, and what was seen."""

    name: str
    """Such as `range:age`, `type:income`, `rows:evaluation`."""
    says: str
    passed: bool
    seen: str = ""


@dataclass(frozen=True, slots=True)
class Data:
    """What the samples hold."""

    samples: tuple[SampleFacts, ...]
    """The reference, then the evaluation where there is one."""
    columns: tuple[ColumnFacts, ...]
    """Of the reference; the target last but for time and protected attributes."""
    checks: tuple[Check, ...]
    overlap: Estimate | None = None
    """Share of evaluation rows whose features and label are in the reference sample too."""
    correlations: Correlations | None = None
    classes: tuple[ClassShare, ...] = ()


# --- Results ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure of the model, and the same of whom it is held against, on the same rows."""

    name: str
    """roc_auc, pr_auc, accuracy, balanced_accuracy, precision, recall, f1, brier, log_loss, ece;
    rmse, mae, r2, bias, pinball_90."""
    higher_is_better: bool
    model: Estimate
    dummy: Estimate | None = None
    main: Estimate | None = None
    gain: Estimate | None = None
    """By how much the model is better than the main, positive is better, paired by row."""
    reference: Estimate | None = None
    """On the rows that it was trained on."""


@dataclass(frozen=True, slots=True)
class Curve:
    """Points of a line: ROC (x: false positive rate), precision-recall (x: recall)."""

    x: tuple[float, ...]
    y: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class CalibrationBin:
    """Rows with about the same predicted chance, and how often it came true."""

    predicted: float
    observed: Estimate
    rows: int


@dataclass(frozen=True, slots=True)
class Threshold:
    """What deciding by one threshold of the positive class's probability gives."""

    threshold: float
    flagged: float
    """Share of rows at or above it."""
    precision: float | None
    recall: float | None
    specificity: float | None
    f1: float | None


@dataclass(frozen=True, slots=True)
class LearningPoint:
    """The same recipe, fitted anew on fewer rows. Of the deciding metric."""

    rows: int
    fitted_on: float
    held_out: float


@dataclass(frozen=True, slots=True)
class Slice:
    """One part of the rows."""

    feature: str
    part: str
    """Such as `30 to 41`, `rent`, `missing`."""
    rows: int
    loss: Estimate
    """Mean loss of a row: Brier (classification) or the absolute error (regression)."""
    difference: Estimate
    """To the mean loss of all other rows; positive is worse. Intervals hold for all slices
    together."""
    excess: Estimate | None = None
    """The mean loss less what the model's own probabilities promise: about 0 where they are right,
    however hard the rows are. None without probabilities."""


@dataclass(frozen=True, slots=True)
class Residuals:
    """Of a regression: truth less answer."""

    edges: tuple[float, ...]
    shares: tuple[float, ...]
    predicted: tuple[float, ...]
    observed: tuple[float, ...]
    """Means of tenths of the rows, by what was answered."""


@dataclass(frozen=True, slots=True)
class TimeSplit:
    """The deciding metric by time, and of the recipe fitted on the past alone where it can be."""

    bounds: tuple[datetime, ...]
    """One more than parts."""
    parts: tuple[Estimate, ...]
    rows: tuple[int, ...]
    refitted: Estimate | None = None
    """The recipe fitted anew on the earlier part of the rows, measured on the later part."""
    shuffled: Estimate | None = None
    """The recipe fitted anew on as many rows of any time, measured on as many others."""


@dataclass(frozen=True, slots=True)
class Results:
    """How good the model is on one sample."""

    sample: BaselineSample
    rows: int
    """With a label, that it was measured on."""
    deciding: str
    """The metric that findings and curves look at: roc_auc, accuracy (several classes without
    probabilities) or rmse."""
    metrics: tuple[Metric, ...]
    positive: Label | None = None
    """The class that curves and thresholds are about: the rarer of two."""
    main: int | None = None
    """The version that it was held against: main of a deployment of this model now."""
    roc: Curve | None = None
    precision_recall: Curve | None = None
    calibration: tuple[CalibrationBin, ...] = ()
    thresholds: tuple[Threshold, ...] = ()
    confusion: tuple[tuple[int, ...], ...] = ()
    """Rows by true class (row) and answered class (column), in the signature's order."""
    learning: tuple[LearningPoint, ...] = ()
    slices: tuple[Slice, ...] = ()
    """The worst first."""
    residuals: Residuals | None = None
    time_split: TimeSplit | None = None


# --- Explanations -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Importance:
    """How much worse answers get when a feature's column is shuffled."""

    feature: str
    growth: Estimate
    """Of the mean loss."""
    share: float
    """Of the sum of all features' growth; 0 to 1."""


@dataclass(frozen=True, slots=True)
class Dependence:
    """What the model answers on average when one feature is set to a value in every row."""

    feature: str
    values: tuple[float, ...] | None
    names: tuple[str, ...] | None
    answers: tuple[float, ...]
    """The positive class's probability (or the answer), at each value."""
    low: tuple[float, ...]
    high: tuple[float, ...]
    """Between them are the answers to the middle 80 % of rows."""
    density: tuple[float, ...]
    """Share of rows near each value: where it is small, the line says little."""
    label: Label | None = None
    """The class that answers are about; None for numbers."""


@dataclass(frozen=True, slots=True)
class ShapFeature:
    """A feature's contributions to sampled answers, in the answer's unit."""

    feature: str
    mean_size: float
    points: tuple[tuple[float, float | None], ...]
    """Contribution, and the feature's value from 0 (smallest) to 1; None for categories."""


@dataclass(frozen=True, slots=True)
class Shap:
    """Summary of SHAP values over sampled rows."""

    rows: int
    explainer: str
    features: tuple[ShapFeature, ...]


@dataclass(frozen=True, slots=True)
class Alone:
    """How well one feature alone orders the labels.

    AUC (two classes: either direction; several: the best one against the rest), or Spearman's rank
    correlation without sign (numbers).
    """

    feature: str
    score: Estimate
    order: float | None = None
    """Spearman's correlation, without sign, of a number with time, or without times with the order
    of rows, also among rows of one class; None for few rows and for categories."""


@dataclass(frozen=True, slots=True)
class WithoutValues:
    """The deciding metric when a share of a feature's values is taken away.

    The first one has a share of 0: the same rows as they are.
    """

    feature: str
    """`*` for values of all features that may be null, at random."""
    share: float
    metric: Estimate
    """Of the rows that are still answered; where none is, what the same answer to all would get."""
    refused: float
    """Share of rows that the model could not answer any more."""


@dataclass(frozen=True, slots=True)
class Explanations:
    """What the answers hang on."""

    importances: tuple[Importance, ...] = ()
    """The largest first."""
    dependences: tuple[Dependence, ...] = ()
    alone: tuple[Alone, ...] = ()
    without: tuple[WithoutValues, ...] = ()
    shap: Shap | None = None


# --- Fairness -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class GroupFigures:
    """One group of a protected attribute."""

    group: str
    rows: int
    suppressed: bool
    """Too few rows for any figure."""
    figures: Mapping[str, Estimate] = field(default_factory=dict)
    """selection_rate, true_positive_rate, false_positive_rate, precision, accuracy, mean_score;
    regression: mean_answer, mean_error, rmse."""


@dataclass(frozen=True, slots=True)
class Gap:
    """The difference of one figure between the two groups that surely differ most."""

    figure: str
    between: tuple[str, str]
    """Of all pairs of groups the one whose interval begins highest: the lower group, the higher."""
    size: Estimate
    ratio: float | None
    """Smallest by largest."""


@dataclass(frozen=True, slots=True)
class ProxyStrength:
    """How well a feature tells a protected attribute's groups."""

    feature: str
    """`*` for all features together."""
    score: Estimate
    """Cross-validated AUC, one group against the rest, the best one; 0.5 tells nothing."""


@dataclass(frozen=True, slots=True)
class AttributeFairness:
    """What was found by one protected attribute."""

    attribute: str
    groups: tuple[GroupFigures, ...]
    gaps: tuple[Gap, ...]
    proxies: tuple[ProxyStrength, ...] = ()


@dataclass(frozen=True, slots=True)
class Fairness:
    """By protected attributes, of which the model knows nothing."""

    positive: Label | None
    """The class that counts as selected."""
    attributes: tuple[AttributeFairness, ...]


# --- Cost and monitoring ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RunnerCost:
    """What answering costs where the review was made."""

    runner: str
    """scikit-learn, onnx, treelite."""
    load_milliseconds: float
    memory_bytes: int
    """How much the process grew by loading and asking it."""
    one_row_milliseconds: Estimate
    """Median; low and high are the 5 % and 95 % quantiles of single calls."""
    hundred_rows_milliseconds: Estimate


@dataclass(frozen=True, slots=True)
class MonitoredFeature:
    """What the monitor will count a feature's live values into."""

    feature: str
    bins: tuple[str, ...]
    counts: tuple[int, ...]
    missing: float
    """Share of the reference's rows."""
    unseen: float
    """Share that one more row brings a category not seen before, estimated."""


@dataclass(frozen=True, slots=True)
class MonitorReference:
    """What the monitor will hold live rows against."""

    fingerprint: str
    """Of the layout; the monitor's cells carry the same."""
    rows: int
    features: tuple[MonitoredFeature, ...]
    design_effect: float | None
    """How much more the sample's rows vary together than independent ones; None without times."""
    scores: tuple[tuple[float, float, int], ...] = ()
    """Calibration of the baseline's scores: mean predicted, observed share, rows."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A part that is not there, and why."""

    part: str
    reason: str


@dataclass(frozen=True, slots=True)
class Review:
    """All of it. An artifact of its own: immutable, named by its digest."""

    model: str
    version: int
    task: Task
    made_at: datetime
    seconds: float
    seed: int
    artifact: str
    data: Data
    findings: tuple[Finding, ...]
    """Blocks first, then warnings, then what is worth a look."""
    results: Results | None = None
    explanations: Explanations | None = None
    fairness: Fairness | None = None
    cost: tuple[RunnerCost, ...] = ()
    monitor: MonitorReference | None = None
    left_out: tuple[LeftOut, ...] = ()
    libraries: Mapping[str, str] = field(default_factory=dict)
    format: int = FORMAT
