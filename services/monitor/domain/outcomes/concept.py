"""Whether what answers mean has changed, by the losses of the main on matured labelled rows.

Formula: x = loss / span. Alarm once the change evidence that E[x] > the upper bound of the
reference risk (see `reference_risk`) + tolerance reaches A (see `statistics.rising`), A being ten
years of cohorts. The gap is realised less expected accuracy on the same labelled rows; it lasts
once the evidence that wrong answers leave their expected number by more than `GAP_TOLERANCE` and
`LIMIT` standard errors of the expectation reaches A. Expectations are those of the baseline as it
is: weights of today's mix of rows say nothing of older days.
Source: see `statistics.rising` and `estimating`; ADWIN (Bifet & Gavaldà, 2007) dates changes.
Guarantee: while the risk is within its bound, an alarm comes once in ten years of cohorts with
labels, on average, at most; the bound itself is too low with a chance of 0.1 % at most, whatever
the size of the baseline. Of the gap there is none for small baselines: standard errors are normal.
Assumes: the version was not trained on the baseline's rows; a baseline that may be of training rows
promises nothing (a forest's risk on those is a seventh of that on others). Labels that came speak
for those that did not. A risk that rises because harder rows come (covariate shift) is a higher
risk all the same; the gap tells one from the other, as far as scores say all that matters of a row.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from services.monitor.domain.deciding.judgement import ConceptReading
from services.monitor.domain.deciding.terms import Terms
from services.monitor.domain.outcomes.estimating import Expectation
from services.monitor.domain.outcomes.reference_risk import ReferenceRisk
from services.monitor.domain.outcomes.summing import Cohorts, summed_spectra
from services.monitor.domain.outcomes.tallies import CohortId, VersionTally
from services.monitor.domain.outcomes.viewpoint import Viewpoint, moment
from services.monitor.domain.statistics import intervals
from services.monitor.domain.statistics.intervals import Interval
from services.monitor.domain.statistics.rising import Rising, departing, rising
from services.monitor.domain.statistics.spectrum import Spectrum

TEN_YEARS_SECONDS: Final = 3_652.5 * 86_400
DEFAULT_TOLERANCE: Final = 0.05
"""As a share of the loss's range."""
GAP_TOLERANCE: Final = 0.02
LIMIT: Final = 3.1
ASSUMES: Final = (
    "Labels that came speak for those that did not, and the version was not trained on the rows of "
    "its evaluation sample."
)
DOUBTED: Final = (
    "Risk and gap are not judged: the baseline may be training rows; register with an evaluation "
    "sample."
)
UNKNOWN: Final = "Risk and gap are not judged: there is no baseline with enough labels."
_NEWEST_ROWS: Final = 500
_DAY: Final = 86_400.0

Looked = Sequence[tuple[CohortId, VersionTally]]


@dataclass(frozen=True, slots=True)
class Promise:
    """What the main is held to, and what else is known of it."""

    risk: ReferenceRisk | None = None
    tolerance: float | None = None
    """In units of the loss; None: 5 % of its range."""
    expectation: Expectation | None = None
    changed_at: float | None = None
    """Where ADWIN last found a change."""
    trained_at: float | None = None
    doubted: bool = False
    """Whether there is a baseline that may be of training rows."""

    @property
    def assumes(self) -> str:
        """What must hold, or why nothing is promised, in words."""
        if self.doubted:
            return DOUBTED
        return ASSUMES if self.risk or self.expectation else UNKNOWN


def read_concept(view: Viewpoint, cohorts: Cohorts, promise: Promise) -> ConceptReading:
    """Of the present main's matured cohorts under the present terms."""
    terms, looked = view.terms, _looked_at(view, cohorts)
    tolerance = DEFAULT_TOLERANCE * terms.span if promise.tolerance is None else promise.tolerance
    plain = ConceptReading(
        version=view.main,
        rows=sum(tally.losses.rows for _, tally in looked),
        risk=_newest_risk(looked, terms.span),
        reference_risk=None if promise.risk is None else promise.risk.mean * terms.span,
        tolerance=tolerance,
        log_evidence=0.0,
        threshold=threshold(terms),
        changed_at=None if promise.changed_at is None else moment(promise.changed_at),
        trained_days_ago=_age(view.now, promise.trained_at),
        assumes=promise.assumes,
    )
    return _with_gap(_with_evidence(plain, looked, promise, terms), looked, promise.expectation)


def threshold(terms: Terms) -> float:
    """Natural logarithm of A."""
    return math.log(TEN_YEARS_SECONDS / terms.cohort_seconds)


def _looked_at(view: Viewpoint, cohorts: Cohorts) -> Looked:
    """Of its present tenure, in the order of prediction."""
    return [
        (cohort, cohorts[cohort].versions[view.main])
        for cohort in sorted(cohorts)
        if (cohort.main, cohort.terms) == (view.main, view.terms.fingerprint)
        and cohort.release >= view.main_release
        and view.main in cohorts[cohort].versions
        and cohorts[cohort].versions[view.main].losses.rows
        and view.matured(cohort)
    ]


def _with_evidence(
    plain: ConceptReading, looked: Looked, promise: Promise, terms: Terms
) -> ConceptReading:
    if promise.risk is None:
        return plain
    bound = promise.risk.bound + plain.tolerance / terms.span
    found = rising(_numbers(looked), [tally.losses for _, tally in looked], bound)
    if found is None:
        return plain
    told = replace(plain, log_evidence=found.log_evidence)
    if not told.alarm:
        return told
    risen = summed_spectra([tally.losses for _, tally in looked[found.start :]])
    since = moment(looked[found.start][0].start)
    return replace(told, since=since, risk=_risk(risen, terms.span))


def _with_gap(
    plain: ConceptReading, looked: Looked, expectation: Expectation | None
) -> ConceptReading:
    if expectation is None:
        return plain
    found = gap(looked, expectation)
    if found is None:
        return plain
    value, lasting = found
    lasts = lasting is not None and lasting.log_evidence >= plain.threshold
    return replace(plain, estimate_gap=value, estimate_gap_lasts=lasts)


def gap(looked: Looked, expectation: Expectation) -> tuple[float, Rising | None] | None:
    """Realised less expected accuracy of scored labelled rows, and whether it is there to stay."""
    scored = [
        (cohort, tally.classes)
        for cohort, tally in looked
        if tally.classes is not None
        and tally.classes.labelled_scores.sum() == tally.classes.confusion.sum()
    ]
    rows = np.array([int(counts.confusion.sum()) for _, counts in scored], dtype=np.int64)
    if not rows.sum():
        return None
    right = np.array([int(np.trace(counts.confusion)) for _, counts in scored], dtype=np.int64)
    expected = np.array([expectation.errors(counts.labelled_scores) for _, counts in scored])
    wrong, asked = rows - right, int(rows.sum())
    together = np.sum([counts.labelled_scores for _, counts in scored], axis=0)
    tolerance = GAP_TOLERANCE + LIMIT * expectation.error_of_errors(together) / asked
    lasting = departing(_numbers(scored), wrong, rows, expected, tolerance)
    return float(expected.sum() - wrong.sum()) / asked, lasting


def _numbers(looked: Sequence[tuple[CohortId, object]]) -> "np.typing.NDArray[np.int64]":
    # Older cohorts are longer (see `merging`); numbers count the shortest.
    seconds = min((cohort.seconds for cohort, _ in looked), default=1)
    return np.array([cohort.start // seconds for cohort, _ in looked], dtype=np.int64)


def _newest_risk(looked: Looked, span: float) -> Interval | None:
    """Of the newest cohorts with enough rows together."""
    chosen: list[Spectrum] = []
    for _, tally in reversed(looked):
        chosen.append(tally.losses)
        if sum(losses.rows for losses in chosen) >= _NEWEST_ROWS:
            break
    return _risk(summed_spectra(chosen), span) if chosen else None


def _risk(losses: Spectrum, span: float) -> Interval | None:
    """In units of the loss."""
    found = intervals.mean(losses.rows, losses.mean, losses.variance)
    return found and found.mapped(lambda value: value * span)


def _age(now: float, trained_at: float | None) -> float | None:
    return None if trained_at is None else max(0.0, now - trained_at) / _DAY
