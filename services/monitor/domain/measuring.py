"""From rows to the cell that they make. Vectorised: what it costs is per column, not per row."""

import numpy as np
from numpy.typing import NDArray

from services.monitor.domain.cells import (
    AgreementTally,
    Cell,
    FaultTally,
    Firsts,
    OutputTally,
    empty_cell,
)
from services.monitor.domain.latency import no_latency, tally_latency
from services.monitor.domain.rows import PairRows, PredictionRows, Responses
from understudy.contracts.vocabulary import Outcome, Role, class_name
from understudy.profiles.arrays import Counts, Floats, zeros
from understudy.profiles.bins import CategoryBins, NumberBins
from understudy.profiles.columns import Column
from understudy.profiles.firsts import Hashes, entity_hashes, newcomers
from understudy.profiles.moments import no_sums, shifted_sums
from understudy.profiles.reference import FeatureProfile, OutputProfile, Reference, open_counts

Flags = NDArray[np.bool_]

PROBABILITY_TOLERANCE = 1e-6
"""How far probabilities may be from adding up to 1."""
AGREEMENT_TOLERANCE = 0.01
"""Two predicted numbers agree when they differ by at most this share of the main's."""


def measure_predictions(rows: PredictionRows, reference: Reference, edges: Floats) -> Cell:
    """What the main's rows add. Columns that the reference does not know are passed over."""
    tallies = [_tally(feature, rows.columns.get(feature.name)) for feature in reference.features]
    main = measure_output(rows.responses, rows.seconds, reference.output, edges)
    return Cell(
        rows=len(rows.ids),
        counts=np.concatenate([zeros(0), *(counts for counts, _ in tallies)]),
        sums=np.array([sums for _, sums in tallies]).reshape(len(tallies), -1),
        outputs={(Role.MAIN, rows.main): main},
        agreements={},
    )


def measure_firsts(
    rows: PredictionRows, reference: Reference, edges: Floats, known: Hashes
) -> Firsts:
    """What the rows add that come first of their entity in their minute, after those known."""
    column = rows.columns.get(reference.entity or "")
    if column is None:
        return Firsts(measure_predictions(rows, reference, edges), known)
    fresh, known = newcomers(entity_hashes(column), known)
    return Firsts(measure_predictions(rows.take(fresh), reference, edges), known)


def measure_pairs(rows: PairRows, reference: Reference, edges: Floats) -> Cell:
    """What pairs add: the challenger's answers, and how far they agree with the main's.

    Failures count as errors; their answers and durations are left out.
    """
    ok = np.array([outcome == Outcome.OK for outcome in rows.outcomes], dtype=bool)
    succeeded = rows.challenger_responses.take(np.flatnonzero(ok))
    answered = measure_output(succeeded, rows.challenger_seconds[ok], reference.output, edges)
    failed = int((~ok).sum())
    challenger = answered + OutputTally(
        failed, failed, {}, zeros(answered.scores.size), no_sums(), no_latency(edges)
    )
    empty = empty_cell(reference)
    return Cell(
        rows=0,
        counts=empty.counts,
        sums=empty.sums,
        outputs={(Role.CHALLENGER, rows.challenger): challenger},
        agreements={(rows.main, rows.challenger): measure_agreement(rows, ok, edges)},
    )


def measure_output(
    responses: Responses, seconds: Floats, profile: OutputProfile, edges: Floats
) -> OutputTally:
    """Answers and durations of one version; a NaN answer is an error."""
    good = np.isfinite(responses.values)
    scores = responses.scores
    return OutputTally(
        rows=responses.values.size,
        errors=int((~good).sum()),
        classes=_classes(responses),
        scores=zeros(0) if profile.edges is None else open_counts(profile.edges, scores),
        sums=shifted_sums(scores, profile.centre),
        latency=tally_latency(seconds[good], edges),
    )


def measure_agreement(rows: PairRows, ok: Flags, edges: Floats) -> AgreementTally:
    """Where both answered: the same class, or numbers within the tolerance of the main's.

    `ok` says which rows the challenger answered at all.
    """
    main, other = rows.main_responses, rows.challenger_responses
    both = ok & np.isfinite(main.values) & np.isfinite(other.values)
    if main.classes:
        agreed = _labels(main) == _labels(other)
    else:
        agreed = np.abs(other.values - main.values) <= AGREEMENT_TOLERANCE * np.abs(main.values)
    differences = np.abs(other.scores - main.scores)[both]
    known = differences[np.isfinite(differences)]
    return AgreementTally(
        rows=int(both.sum()),
        agreed=int((agreed & both).sum()),
        compared=known.size,
        difference=float(known.sum()),
        faults=measure_faults(main, other, ok),
        timed=_timed(rows, edges),
    )


def measure_faults(main: Responses, challenger: Responses, ok: Flags) -> FaultTally:
    """What only one of both did wrong. A main that did not answer has NaN; see `events.Scores`."""
    main_failed = ~np.isfinite(main.values)
    main_invalid, challenger_invalid = ~main_failed & _broken(main), ok & _broken(challenger)
    return FaultTally(
        asked=ok.size,
        main_failed=int((main_failed & ok).sum()),
        challenger_failed=int((~ok & ~main_failed).sum()),
        main_invalid=int((main_invalid & ~challenger_invalid).sum()),
        challenger_invalid=int((challenger_invalid & ~main_invalid).sum()),
    )


def _broken(responses: Responses) -> Flags:
    """No number, no class, or probabilities that are below 0 or don't add up to 1."""
    broken: Flags = ~np.isfinite(responses.values)
    if responses.probabilities is not None:
        found = responses.probabilities
        broken |= np.abs(found.sum(axis=1) - 1.0) > PROBABILITY_TOLERANCE
        broken |= (found < -PROBABILITY_TOLERANCE).any(axis=1)
    return broken


def _timed(rows: PairRows, edges: Floats) -> Counts:
    """Buckets of both durations, for rows that have both."""
    main, challenger = rows.timed_main_seconds, rows.timed_challenger_seconds
    both = np.isfinite(main) & np.isfinite(challenger)
    width = edges.size + 1
    at = np.searchsorted(edges, main[both]) * width + np.searchsorted(edges, challenger[both])
    return np.bincount(at, minlength=width * width)


def _tally(feature: FeatureProfile, column: Column | None) -> tuple[Counts, Floats]:
    """A feature's counts and sums; of nothing when the column is absent or of another kind."""
    if isinstance(feature.bins, NumberBins) and isinstance(column, np.ndarray):
        return feature.bins.tally(column), shifted_sums(column, feature.centre)
    if isinstance(feature.bins, CategoryBins) and isinstance(column, list):
        return feature.bins.tally(column), no_sums()
    return zeros(feature.bins.width), no_sums()


def _classes(responses: Responses) -> dict[str, int]:
    if not responses.classes:
        return {}
    indices = responses.values[np.isfinite(responses.values)].astype(np.intp)
    found = np.bincount(indices, minlength=len(responses.classes))
    pairs = zip(responses.classes, found, strict=True)
    return {class_name(label): int(rows) for label, rows in pairs if rows}


def _labels(responses: Responses) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    """Each row's class by name, so that versions may order their classes differently."""
    names = np.array([class_name(label) for label in responses.classes], dtype=object)
    indices = np.where(np.isfinite(responses.values), responses.values, 0).astype(np.intp)
    chosen: np.ndarray[tuple[int], np.dtype[np.object_]] = names[indices]
    return chosen
