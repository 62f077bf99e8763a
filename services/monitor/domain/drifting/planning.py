"""What is watched for drift, and the detector for it: made anew when release or sample change."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.monitor.domain.cells import Speaker
from services.monitor.domain.drifting.baselines import OutputBaseline
from services.monitor.domain.drifting.columns import Columns, columns_of
from services.monitor.domain.drifting.layout import Layout, layout_of
from services.monitor.domain.drifting.subjects import Subject, features_of, outputs_of
from services.monitor.domain.statistics.detector import Counted, Detector, Usual, detector
from services.monitor.domain.statistics.segments import segments
from understudy.contracts.judging import DriftTerms
from understudy.contracts.vocabulary import DriftStrata, FeatureKind, Role
from understudy.profiles.arrays import Counts, Floats
from understudy.profiles.reference import Reference
from understudy.profiles.seasons import HOURS, by_stratum, settled

OUTPUTS_SHARE: Final = 0.25
"""Of all weight, where there are baselines of answers."""


@dataclass(frozen=True, slots=True, eq=False)
class Setup:
    """What a plan is made from."""

    reference: Reference
    terms: DriftTerms
    classes: tuple[str, ...]
    baselines: Mapping[Speaker, OutputBaseline]
    importances: Mapping[str, float]
    doubted: tuple[int, ...] = ()
    """Versions whose baselines may be of training rows: their answers are not watched."""


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """Tables come first among the subjects, then two shares of each feature."""

    setup: Setup
    strata: DriftStrata
    """That hold: coarser than asked for where the reference is too small."""
    judged: NDArray[np.bool_]
    """Strata that the reference has rows of."""
    columns: Columns
    subjects: tuple[Subject, ...]
    usual: Floats
    """The reference in the layout of blocks, all strata together."""
    detector: Detector
    _layout: Layout

    @property
    def assumes(self) -> str:
        """What must hold for the evidence to mean what it says."""
        return assumptions(self.setup, self.strata)

    def counted(self, vectors: Floats) -> Counted:
        """Tables and shares of blocks."""
        return self._layout.counted(vectors)


def plan_drift(setup: Setup) -> Plan:
    """The detector with all that it looks at."""
    reference, terms = setup.reference, setup.terms
    timing = reference.timing
    kind = DriftStrata.NONE if timing is None else settled(timing.rows, terms.strata)
    speakers = [] if reference.entity else [*setup.baselines]
    speakers = speakers or [who for who in setup.baselines if who[0] is Role.MAIN]
    columns = columns_of(reference, speakers, setup.classes)
    usual = _usual(setup, columns, kind)
    effects = None if timing is None else timing.effects[kind]
    features = features_of(reference, effects, setup.importances)
    outputs = outputs_of(columns, setup.baselines)
    tables = [*(one for one in features if one.whole is None), *outputs]
    shares = [one for one in features if one.whole is not None]
    layout = layout_of(columns, tables, reference.offsets[:-1])
    subjects = (*tables, *shares)
    return Plan(
        setup=setup,
        strata=kind,
        judged=usual[:, : columns.counts].sum(axis=1) > 0,
        columns=columns,
        subjects=subjects,
        usual=usual.sum(axis=0),
        detector=detector(
            _usual_counts(setup, kind, layout.counted(usual)),
            segments(np.array([one.places.size for one in tables])),
            np.array([one.effect for one in subjects]),
            _weights(subjects, len(outputs)),
            terms.tolerance,
        ),
        _layout=layout,
    )


def assumptions(setup: Setup, kind: DriftStrata) -> str:
    """In words."""
    timed, asked = setup.reference.timing is not None, setup.terms.strata
    within = "" if kind is DriftStrata.NONE else f" within each {kind.replace('_', ' ')} (UTC)"
    said = [f"Rows are exchangeable{within}, and the reference sample is of the same source."]
    if asked is not kind:
        why = "too few reference rows" if timed else "no time column"
        said.append(f"Not compared by {asked.replace('_', ' ')}: {why}.")
    if timed:
        said.append("Rows cluster in time no more than the reference's: see the design effect.")
    else:
        said.append(
            "No time column, so clustered or autocorrelated rows are not allowed for: "
            "they can raise false alarms."
        )
    if (entity := setup.reference.entity) is not None:
        said.append(
            f"Only the first row of each {entity} in a minute counts; its rows of different "
            "minutes count as independent."
        )
    return " ".join([*said, *_of_answers(setup, kind)])


def _of_answers(setup: Setup, kind: DriftStrata) -> Iterator[str]:
    if setup.doubted:
        numbers = ", ".join(map(str, setup.doubted))
        yield (
            f"Answers of version {numbers} are not watched: the baseline may be training rows; "
            "register with an evaluation sample."
        )
    timed = (one.timed for one in setup.baselines.values())
    if kind is not DriftStrata.NONE and not all(timed):
        yield (
            "Answers are compared with those of all hours together, since a baseline has no "
            "times: seasons of theirs can raise false alarms."
        )


def _usual(setup: Setup, columns: Columns, kind: DriftStrata) -> Floats:
    """The reference's counts by stratum, in the layout of blocks; sums are left at 0."""
    reference, timing = setup.reference, setup.reference.timing
    if timing is None or kind is DriftStrata.NONE:
        counts = np.concatenate([one.counts for one in reference.features])[None]
    else:
        counts = by_stratum(timing.counts, kind)
    found = np.zeros((len(counts), columns.width))
    found[:, : columns.counts] = counts
    for number, speaker in enumerate(columns.speakers):
        baseline, begin = setup.baselines[speaker], columns.answers(number)
        scores, end = baseline.scores[:, : columns.scores], begin + columns.scores
        found[:, begin:end] = _in_strata(scores, kind)
        found[:, end : end + len(columns.classes)] = _in_strata(baseline.classes, kind)
    return found


def _in_strata(counts: Counts, kind: DriftStrata) -> Floats:
    """Of answers without times, the same in each stratum."""
    timed = counts if len(counts) != HOURS else by_stratum(counts, kind)
    return np.asarray(timed, dtype=np.float64)


def _usual_counts(setup: Setup, kind: DriftStrata, counted: Counted) -> Usual:
    """Hits and twins of the reference's shares: missing and outside values, feature by feature."""
    features, timing = setup.reference.features, setup.reference.timing
    rare = np.array([one.rare for one in features])[None]
    effects = np.ones(len(features))
    if timing is not None:
        effects = timing.effects[kind]
        rare = rare if kind is DriftStrata.NONE else by_stratum(timing.rare, kind)
    numeric = np.array([one.kind is not FeatureKind.CATEGORY for one in features])
    hits, twins = counted.bad.copy(), np.zeros_like(counted.bad)
    # A number's extremes are one hit whatever the design effect, by which hits are divided.
    hits[:, 1::2] += np.where(numeric, effects, rare[..., 0])
    twins[:, 1::2] = np.where(numeric, 0.0, rare[..., 1])
    return Usual(counted.shapes, hits, twins, counted.rows)


def _weights(subjects: Sequence[Subject], outputs: int) -> Floats:
    """Half of a feature's for its shape, half for its shares; answers share theirs alike."""
    each = np.array([one.weight for one in subjects])
    answers = np.array([one.version is not None for one in subjects])
    if outputs:
        each[answers] *= OUTPUTS_SHARE / each[answers].sum()
        each[~answers] *= (1.0 - OUTPUTS_SHARE) / each[~answers].sum()
    return each
