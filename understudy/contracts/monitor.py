"""Bodies of the monitor's HTTP interface. A figure that can't be had is absent, never zero."""

from typing import Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from understudy.contracts.moments import Moment
from understudy.contracts.vocabulary import (
    FINGERPRINT_PATTERN,
    ActionMode,
    AlertOutcome,
    AlertState,
    DriftKind,
    FeatureKind,
    LossName,
    Role,
    RuleName,
    Verdict,
)

MOST_TOLD_ALERTS: Final = 1_000
"""In one notice; `max_alerts` of Alertmanager's receiver keeps it shorter."""


class Body(BaseModel):
    """Every body is frozen."""

    model_config = ConfigDict(frozen=True)


class Moments(Body):
    """Of the values that are there: how many, mean and sample standard deviation."""

    rows: int
    mean: float | None = None
    standard_deviation: float | None = None


class FeatureReading(Body):
    """One feature, live against its reference, over the window.

    Counts have one entry per bin of the reference. `bins` names them: the edges of a numeric
    feature's (one more than bins) or a category's values.
    """

    feature: str
    kind: FeatureKind
    drift_psi: float | None = None
    """Debiased population stability index in nats; about 0 without drift, may be negative."""
    live: Moments
    reference: Moments
    missing_ratio: float | None = None
    unseen_ratio: float | None = None
    """Categories only: values that the reference sample does not hold."""
    out_of_range_ratio: float | None = None
    """Numbers only: values outside the range of the reference sample."""
    bins: tuple[float | str, ...] = ()
    live_counts: tuple[int, ...] = ()
    reference_counts: tuple[int, ...] = ()


class VersionReading(Body):
    """One version's answers and speed over the window."""

    version: int
    role: Role
    rows: int
    errors: int
    drift_psi: float | None = None
    """Of its answers against those that it gave to its baseline; without a baseline, against the
    target's values in the reference sample: watch how it changes then, not its level."""
    output: Moments
    """Of the predicted number, or of the last class's probability."""
    classes: dict[str, int] = {}
    """How often each class was answered."""
    latency_p50_seconds: float | None = None
    latency_p95_seconds: float | None = None
    latency_p99_seconds: float | None = None


class AgreementReading(Body):
    """Main against one challenger on the same rows."""

    challenger: int
    rows: int
    agreement_ratio: float | None = None
    """Share of rows with the same class; for regression, within 1 % of the main's answer."""
    mean_absolute_difference: float | None = None
    """Between the two outputs (numbers, or probabilities of the last class)."""


class Totals(Body):
    """Since the deployment's log began: what must equal what clients counted."""

    predictions: dict[str, int]
    """By main version."""
    pairs: dict[str, int]
    """By challenger version."""
    pair_errors: dict[str, int]
    labels: int


class Assessment(Body):
    """`GET /v1/deployments/{deployment}/assessment`."""

    deployment: str
    release: int | None
    window_from: AwareDatetime | None
    window_to: AwareDatetime | None
    rows: int
    features: tuple[FeatureReading, ...]
    versions: tuple[VersionReading, ...]
    agreements: tuple[AgreementReading, ...]
    totals: Totals


class DriftAlarm(Body):
    """A feature, a version's answers, or all together, that drifted: what, since when, how much."""

    subject: str
    """A feature's name; `output` for a version's scores or numbers, `classes` for its classes;
    `pooled`; `interaction`."""
    kind: DriftKind
    version: int | None = None
    """Of `output` and `classes`."""
    log_evidence: float
    threshold: float
    """Natural logarithms; an alarm is evidence above the threshold."""
    since: AwareDatetime
    """The most likely beginning."""
    ended: AwareDatetime | None = None
    """When rows came back to the reference; then it is no alarm any more."""
    rows: int = 0
    """Since then."""
    psi: float | None = None
    """Debiased, of the rows since then."""
    js: float | None = None
    """Jensen-Shannon divergence of the rows since then, debiased, in nats."""
    live: float | None = None
    reference: float | None = None
    """Mean, or the share for missing, unseen and out-of-range values."""
    live_standard_deviation: float | None = None
    reference_standard_deviation: float | None = None
    importance: float | None = None
    """Of the feature for the main version, as measured when it was registered."""
    impact: float | None = None
    """Importance times `js`: alarms are told in the order of it."""
    pairs: tuple[tuple[str, str], ...] = ()
    """Of `interaction`: the features that go together otherwise than in the reference."""
    design_effect: float = 1.0
    """What counts were divided by: how much more the reference's batches scatter than exchangeable
    rows would."""
    assumes: str
    """What must hold for the evidence to mean what it says."""


class DriftView(Body):
    """`GET /v1/deployments/{deployment}/drift`: the detector, now."""

    deployment: str
    release: int
    at: AwareDatetime
    since: AwareDatetime | None = None
    """The oldest rows that the detector looks at."""
    rows: int
    alarms: tuple[DriftAlarm, ...] = ()
    watched: tuple[DriftAlarm, ...] = ()
    """Everything that is watched, the strongest evidence first, also below the threshold."""
    interaction_at: AwareDatetime | None = None
    """When the domain classifier last looked."""


class DriftHistory(Body):
    """`GET /v1/deployments/{deployment}/drift/history`: each feature hour by hour."""

    deployment: str
    hours: tuple[AwareDatetime, ...]
    """When each begins; hours without rows are left out."""
    rows: tuple[int, ...]
    features: dict[str, tuple[float | None, ...]]
    """Debiased PSI of each hour, as in `FeatureReading`; the features that drifted most."""


class Interval(Body):
    """A figure, and where it lies with 95 % confidence."""

    value: float
    low: float | None = None
    high: float | None = None


class QualityReading(Body):
    """One version on labelled rows. A metric that can't be had is absent."""

    version: int
    role: Role
    rows: int
    labelled: int
    metrics: dict[str, Interval] = {}
    """By name: accuracy, balanced_accuracy, precision, recall, f1, roc_auc, pr_auc, brier,
    log_loss, calibration_error; mae, rmse, r2, pinball_10, pinball_50, pinball_90, bias.
    Multiclass: macro averages."""
    by_class: dict[str, dict[str, Interval]] = {}
    estimated: dict[str, Interval] = {}
    """The same names, estimated without labels; assumes that P(label | row) has not changed."""
    estimated_assumes: str | None = None
    """What must hold for the estimate to be right."""


class CohortQuality(Body):
    """One day of predictions."""

    begins: AwareDatetime
    ends: AwareDatetime
    matured: bool
    versions: tuple[QualityReading, ...]


class QualityView(Body):
    """`GET /v1/deployments/{deployment}/quality`."""

    deployment: str
    release: int
    at: AwareDatetime
    since: AwareDatetime
    matured: tuple[QualityReading, ...]
    """Over all matured cohorts."""
    all_labelled: tuple[QualityReading, ...]
    """Over whatever has a label: early labels may be biased."""
    days: tuple[CohortQuality, ...] = ()


class CoverageReading(Body):
    """How many of a version's answers have labels."""

    answered: int
    labelled: int
    coverage_ratio: float | None = None
    lag_p50_seconds: float | None = None
    lag_p95_seconds: float | None = None


class CoverageView(Body):
    """`GET /v1/deployments/{deployment}/labels`: what is known of labels."""

    deployment: str
    at: AwareDatetime
    versions: dict[str, CoverageReading]
    days: dict[str, CoverageReading]
    """By the day of the prediction, UTC."""
    predicted_classes: dict[str, CoverageReading]
    score_deciles: tuple[CoverageReading, ...] = ()
    """Of the probability of the last class; with more than two, that of the answer."""
    score_edges: tuple[float, ...] = ()
    """Where the deciles begin and end: one more than there are."""
    parked: int
    """Labels whose prediction is not known, or not yet."""
    corrected: int
    duplicates: int
    refused: int = 0
    """Labels that are none of the target's values."""
    expired: int = 0
    """Facts that never counted: parked until the end of their retention, or come after it."""
    selection_warning: str | None = None
    """Which answers get labels more often than others, when that can't be chance."""
    label_mean: float | None = None
    label_variance: float | None = None
    label_shares: dict[str, float] = {}


class ConceptView(Body):
    """Whether what answers mean has changed, by the main's losses."""

    version: int
    rows: int
    """Matured labelled rows that were looked at."""
    risk: Interval | None = None
    """Mean loss of the newest rows."""
    reference_risk: float | None = None
    tolerance: float
    log_evidence: float
    """That the risk is above the reference's plus the tolerance."""
    threshold: float
    alarm: bool
    since: AwareDatetime | None = None
    changed_at: AwareDatetime | None = None
    """Where ADWIN last found a change of the mean loss."""
    estimate_gap: float | None = None
    """Realised less estimated accuracy, on the same labelled rows."""
    estimate_gap_lasts: bool = False
    """Whether it is wider than chance and two points allow: that speaks for concept drift."""
    trained_days_ago: float | None = None
    assumes: str | None = None
    """What must hold, or why neither risk nor gap is judged."""


class GroupReading(Body):
    """One group of a protected attribute; of fewer than 30 rows that is all that is said."""

    group: str
    rows: int | None
    suppressed: bool = False
    selection_rate: Interval | None = None
    true_positive_rate: Interval | None = None
    false_positive_rate: Interval | None = None


class FairnessReading(Body):
    """One version's groups by one attribute, and the widest gaps among groups that are shown."""

    version: int
    role: Role
    attribute: str
    groups: tuple[GroupReading, ...]
    selection_gap: Interval | None = None
    true_positive_gap: Interval | None = None
    false_positive_gap: Interval | None = None


class FairnessView(Body):
    """`GET /v1/deployments/{deployment}/fairness`."""

    deployment: str
    release: int
    at: AwareDatetime
    since: AwareDatetime
    attributes: tuple[FairnessReading, ...] = ()


class RailReading(Body):
    """A guard-rail: what it counts, what it allows, how strong the evidence against it is."""

    rule: RuleName
    version: int
    rows: int
    observed: float | None = None
    """A share of rows, or a difference of shares against the main's."""
    allowed: float
    log_evidence: float
    threshold: float
    crossed: bool
    since: AwareDatetime | None = None


class ComparisonReading(Body):
    """Main against one challenger on matured labelled rows."""

    challenger: int
    rule: RuleName
    verdict: Verdict
    labels: int
    """Matured labelled pairs."""
    waiting: int
    """Pairs that have not matured."""
    difference: Interval | None = None
    """Mean of the main's loss less the challenger's, clipped: positive when it is better."""
    log_evidence_better: float
    log_evidence_worse: float
    log_evidence_equivalent: float
    threshold: float
    """That better and worse must reach; natural logarithms."""
    equivalence_threshold: float
    expected_labels: int | None = None
    """About how many more matured labels a decision needs, should things go on as they are."""
    rails: tuple[RailReading, ...] = ()
    vetoed_by: tuple[RuleName, ...] = ()
    since: AwareDatetime
    until: AwareDatetime
    """Predictions made between these are compared."""
    release: int
    """That began the comparison."""
    state: dict[int, int] = {}
    """Clipped differences over the clip, times 2^14, and how often each came: all that the evidence
    is computed from."""


class AlertReading(Body):
    """One alert that the monitor was told of, and what it says of the main."""

    alert: str
    """Its name."""
    version: str | None = None
    """That it is about, where it names one."""
    fingerprint: str
    state: AlertState
    since: AwareDatetime
    """When it began to fire."""
    told_at: AwareDatetime
    """When it was told last that it fires, or that it has ended."""
    ended_at: AwareDatetime | None = None
    summary: str = ""
    labels: dict[str, str] = {}
    told_by: str
    """`key:` and the id of the key, or `signature`."""
    named: bool
    """Whether the policy names it."""
    accuses: bool
    """Whether it speaks for rolling back."""
    excused: str | None = None
    """Why it does not, although it is named and fires."""


class ToldAlert(Body):
    """One alert of a webhook of Alertmanager. What is not named here is passed over."""

    status: Literal["firing", "resolved"]
    labels: dict[str, str]
    annotations: dict[str, str] = {}
    starts_at: Moment = Field(alias="startsAt")
    ends_at: Moment | None = Field(default=None, alias="endsAt")
    """Of a resolved one; of one that fires it says nothing."""
    fingerprint: str = Field(pattern=FINGERPRINT_PATTERN)


class AlertNotice(Body):
    """`POST /v1/alerts`: what Alertmanager's webhook sends."""

    version: Literal["4"]
    alerts: tuple[ToldAlert, ...] = Field(max_length=MOST_TOLD_ALERTS)


class AlertResult(Body):
    """What became of one alert that was told."""

    deployment: str | None = None
    alert: str | None = None
    fingerprint: str
    outcome: AlertOutcome
    detail: str | None = None
    """Why, where it was not taken."""


class AlertResults(Body):
    """Answer of `POST /v1/alerts`, in the order of the notice."""

    alerts: tuple[AlertResult, ...]


class ActionView(Body):
    """What the policy made of a verdict."""

    verdict: Verdict
    mode: ActionMode
    version: int
    """That would be main, or is."""
    release: int | None = None
    """That a rollback goes back to; None where a challenger, running beside, is promoted."""
    due: bool
    held_by: str | None = None
    """Why it is not done by itself."""
    done_release: int | None = None
    """The release that it made."""
    undo: str | None = None
    """The command that takes it back."""


class Judgement(Body):
    """`GET /v1/deployments/{deployment}/verdict`: what is concluded, by which rule, from what."""

    deployment: str
    release: int
    at: AwareDatetime
    verdict: Verdict
    rule: RuleName
    version: int | None = None
    """To promote, or to roll back to."""
    reasons: tuple[str, ...]
    replay: bool = False
    loss: LossName | None = None
    clip: float | None = None
    margin: float | None = None
    alpha: float | None = None
    label_horizon_seconds: float | None = None
    comparisons: tuple[ComparisonReading, ...] = ()
    main_rails: tuple[RailReading, ...] = ()
    concept: ConceptView | None = None
    alerts: tuple[AlertReading, ...] = ()
    """Those that fire, and those that did lately."""
    alerts_unheard: tuple[str, ...] = ()
    """Names of the policy that nobody told of within a day: it is well, or they are misspelt."""
    action: ActionView | None = None


class Gate(Body):
    """`GET /v1/deployments/{deployment}/gate?challenger=N`: may the challenger be promoted?

    For progressive-delivery tools. 200: yes. 409: no, it is worse or crosses a guard-rail. 425: not
    decided yet, ask again. The body is the same with all three.
    """

    deployment: str
    release: int
    at: AwareDatetime
    challenger: int
    passes: bool
    decided: bool
    """False: more labels may still let it pass."""
    verdict: Verdict
    rule: RuleName
    reasons: tuple[str, ...] = ()
    expected_labels: int | None = None
    """As in `ComparisonReading`."""


class ReportView(Body):
    """One report that is kept; `GET /v1/deployments/{deployment}/reports` lists a page of them.

    `GET …/reports/{id}` answers its HTML.
    """

    id: str
    release: int
    made_at: AwareDatetime
    begins: AwareDatetime
    ends: AwareDatetime
    """Predictions made between these are in it."""
    rows: int
    reason: str
    """Why it was made: asked for, or which alarm."""
    size_bytes: int
