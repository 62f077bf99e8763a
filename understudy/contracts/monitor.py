"""Bodies of the monitor's HTTP interface. A figure that can't be had is absent, never zero."""

from pydantic import AwareDatetime, BaseModel, ConfigDict

from understudy.contracts.vocabulary import FeatureKind, Role


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
    """Of its answers against the target's values in the reference sample; absent without them."""
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
