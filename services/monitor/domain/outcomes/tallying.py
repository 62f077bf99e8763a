"""Counting joined rows: whole columns at once, one tally per cohort."""

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np

from services.monitor.domain.outcomes.class_counts import class_counts
from services.monitor.domain.outcomes.facts import Answers, Flags, JoinedRows
from services.monitor.domain.outcomes.losses import losses
from services.monitor.domain.outcomes.number_sums import fixed, number_sums, total
from services.monitor.domain.outcomes.tallies import (
    LAG_EDGES_SECONDS,
    CohortId,
    CohortTally,
    CoupleTally,
    GroupKey,
    GroupTally,
    VersionTally,
)
from services.monitor.domain.rows import Indices
from services.monitor.domain.statistics.spectrum import spectrum
from understudy.contracts.vocabulary import Task, class_name
from understudy.profiles.arrays import Counts, Floats

_EDGES: Final = np.array(LAG_EDGES_SECONDS)


def tally(rows: JoinedRows) -> dict[CohortId, CohortTally]:
    """What the rows count for, by cohort."""
    seconds, fingerprint = rows.terms.cohort_seconds, rows.terms.fingerprint
    return {
        CohortId(start, seconds, rows.main, fingerprint, rows.release): _cohort(rows.take(places))
        for start, places in _by_cohort(rows.at, seconds)
    }


def _by_cohort(at: Floats, seconds: int) -> Iterator[tuple[int, Indices]]:
    if not at.size:
        return
    starts = np.floor_divide(at, seconds).astype(np.int64) * seconds
    order = np.argsort(starts, kind="stable")
    ascending = starts[order]
    firsts = np.flatnonzero(np.diff(ascending)) + 1
    for places in np.split(order, firsts):
        yield int(starts[places[0]]), places


def _cohort(rows: JoinedRows) -> CohortTally:
    costs = {who: _losses(rows, answers) for who, answers in rows.answers.items()}
    main = rows.answers[rows.main]
    asked = {who: answers for who, answers in rows.answers.items() if answers.asked.any()}
    return CohortTally(
        versions={who: _version(rows, answers, costs[who]) for who, answers in asked.items()},
        couples=_couples(rows, main, asked, costs),
        groups=_groups(rows, asked) if rows.protected else {},
        labels=_labels(rows),
    )


def _losses(rows: JoinedRows, answers: Answers) -> Floats:
    if not np.isfinite(rows.labels).any():
        return np.full(rows.labels.size, np.nan)
    return losses(answers, rows.labels, rows.target, rows.terms)


def _version(rows: JoinedRows, answers: Answers, costs: Floats) -> VersionTally:
    answered = answers.answered
    labelled = answered & np.isfinite(rows.labels)
    regression = rows.target.task is Task.REGRESSION
    return VersionTally(
        rows=int(answered.sum()),
        failed=int((answers.asked & ~answered).sum()),
        labelled=int(labelled.sum()),
        lag=_lag(rows.received_at[labelled] - rows.at[labelled]),
        losses=spectrum(costs[labelled] / rows.terms.span),
        classes=None
        if regression
        else class_counts(answers, rows.labels, len(rows.target.classes)),
        numbers=number_sums(answers.values[labelled], rows.labels[labelled], rows.terms.scale)
        if regression
        else None,
    )


def _lag(seconds: Floats) -> Counts:
    """A label that came before its prediction took no time."""
    return np.bincount(np.searchsorted(_EDGES, seconds), minlength=_EDGES.size + 1)


def _couples(
    rows: JoinedRows, main: Answers, asked: Mapping[int, Answers], costs: Mapping[int, Floats]
) -> dict[int, CoupleTally]:
    labelled = np.isfinite(rows.labels)
    found = {}
    for who, answers in asked.items():
        both = labelled & answers.asked & main.asked
        if who != rows.main and both.any():
            worse = (main.values[both], answers.values[both])
            failed = np.isnan(worse[0]), np.isnan(worse[1])
            gained = (costs[rows.main][both] - costs[who][both]) / rows.terms.clip
            found[who] = _couple(gained, *failed)
    return found


def _couple(gained: Floats, main_failed: Flags, challenger_failed: Flags) -> CoupleTally:
    either = main_failed | challenger_failed
    decided = main_failed.astype(np.float64) - challenger_failed
    differences = np.where(either, decided, gained)
    return CoupleTally(
        differences=spectrum(differences),
        clipped=int((np.abs(differences) > 1.0).sum()),
        challenger_failed=int(challenger_failed.sum()),
        main_failed=int(main_failed.sum()),
    )


def _groups(rows: JoinedRows, asked: Mapping[int, Answers]) -> dict[GroupKey, GroupTally]:
    if rows.target.task is Task.REGRESSION:
        return {}
    members: dict[tuple[str, str], list[int]] = {}
    for place, attributes in rows.protected.items():
        for group in attributes.items():
            members.setdefault(group, []).append(place)
    last = len(rows.target.classes) - 1
    found = {
        (who, *group): _group(answers.take(np.array(places)), rows.labels[places], last)
        for group, places in members.items()
        for who, answers in asked.items()
    }
    return {key: group for key, group in found.items() if group.rows}


def _group(answers: Answers, labels: Floats, last: int) -> GroupTally:
    answered = answers.answered
    selected = answered & (answers.values == last)
    positive = answered & (labels == last)
    negative = answered & np.isfinite(labels) & (labels != last)
    return GroupTally(
        rows=int(answered.sum()),
        selected=int(selected.sum()),
        positives=int(positive.sum()),
        true_positives=int((positive & selected).sum()),
        negatives=int(negative.sum()),
        false_positives=int((negative & selected).sum()),
    )


def _labels(rows: JoinedRows) -> dict[str, int]:
    labels = rows.labels[np.isfinite(rows.labels)]
    if not labels.size:
        return {}
    if rows.target.task is Task.REGRESSION:
        scaled = labels / rows.terms.scale
        found = {"n": labels.size, "sum": total(fixed(scaled)), "squares": total(fixed(scaled, 2))}
    else:
        counts = np.bincount(labels.astype(np.intp), minlength=len(rows.target.classes))
        names = map(class_name, rows.target.classes)
        found = dict(zip(names, counts.tolist(), strict=True))
    return {name: rows for name, rows in found.items() if rows}
