"""Whether probabilities come true as often as they say."""

from collections.abc import Iterator, Sequence
from statistics import NormalDist
from typing import Final

from services.registry.domain.findings.scores_metrics import metric, said
from understudy.contracts.reviews import CalibrationBin, Estimate, Finding, Results
from understudy.contracts.vocabulary import BaselineSample, FindingCode, Severity

LEVEL: Final = 0.001
"""How often a calibrated model fails the test alone."""
LARGE: Final = 0.05
"""An expected calibration error that matters."""
_LEAST_ROWS: Final = 20
_Z: Final = NormalDist().inv_cdf(1 - LEVEL)


def miscalibrated(results: Results) -> Iterator[Finding]:
    """Probabilities that are not what happens.

    Formula: Hosmer and Lemeshow's ∑ n·(o - p)²/(p·(1 - p)) over bins of about equally many rows,
    p the mean promised chance and o the observed share, is above the 99.9 % quantile of χ² with as
    many degrees of freedom as bins (rows that the model was not fitted on), and the lower end of
    the 95 % interval of the expected calibration error is above 0.05: the first says that it is no
    accident, the second that it matters.
    Source: D. W. Hosmer & S. Lemeshow, Communications in Statistics A9, 1980, and Applied logistic
    regression, 2nd ed. (2000), 5.2.2, for the degrees of freedom on other rows; E. B. Wilson &
    M. M. Hilferty, PNAS 17, 1931, for the quantile.
    Guarantee: a calibrated model is warned of in less than 0.1 % of samples; p·(1 - p) of a bin's
    mean is not below the mean of p·(1 - p), which makes it rarer still.
    Several classes are looked at by their largest probability. Where that is too small (models that
    are more often right than they say) no decision is made too boldly: it is worth a look. So is
    all of it on rows that the model was trained on.
    """
    ece = metric(results, "ece")
    bins = results.calibration
    rows = sum(one.rows for one in bins)
    if ece is None or ece.model.low is None or rows < _LEAST_ROWS:
        return
    if ece.model.low <= LARGE or not _no_accident(bins):
        return
    promised = sum(one.predicted * one.rows for one in bins) / rows
    observed = sum(one.observed.value * one.rows for one in bins) / rows
    modest = results.positive is None and promised < observed
    trained_on = results.sample is BaselineSample.REFERENCE
    yield Finding(
        code=FindingCode.MISCALIBRATED,
        severity=Severity.LOOK if modest or trained_on else Severity.WARN,
        title="Probabilities are not what happens",
        detail=f"What the model promises and what came true lie {said(ece.model)} apart on "
        f"average; it promises {promised:.1%} where {observed:.1%} came true, and "
        f"{_worst(bins)}. Calibrate it on rows that it was not trained on (such as "
        "CalibratedClassifierCV), and do not weight classes unless their shares are put right "
        "again; until then no threshold, price or expected loss should rest on its probabilities.",
        figure=ece.model,
        threshold=LARGE,
    )


def _no_accident(bins: Sequence[CalibrationBin]) -> bool:
    total = 0.0
    for one in bins:
        # A promise of 0 or 1 that is broken once in n rows is as if it had been 1/(2·n).
        edge = 1 / (2 * one.rows)
        chance = min(max(one.predicted, edge), 1 - edge)
        total += one.rows * (one.observed.value - chance) ** 2 / (chance * (1 - chance))
    return total > _chi_squared(len(bins))


def _chi_squared(freedom: int) -> float:
    """The quantile beyond which `LEVEL` lies."""
    step = 2 / (9 * freedom)
    quantile: float = freedom * (1 - step + _Z * step**0.5) ** 3
    return quantile


def _worst(bins: Sequence[CalibrationBin]) -> str:
    one = max(bins, key=lambda bin_: abs(bin_.observed.value - bin_.predicted) * bin_.rows)
    observed: Estimate = one.observed
    return f"where it says {one.predicted:.1%}, it was {observed.value:.1%} of {one.rows} rows"
