"""From a window's counts to readings. Statistics to come read the same counts."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np

from services.monitor.domain.accounting import Totals
from services.monitor.domain.cells import AgreementTally, OutputTally, Speaker
from services.monitor.domain.drift import debiased_psi
from services.monitor.domain.latency import quantile
from services.monitor.domain.outcomes.baseline import Baseline
from services.monitor.domain.readings import (
    AgreementReading,
    Assessment,
    FeatureReading,
    TotalsReading,
    VersionReading,
)
from services.monitor.domain.rules import Rules
from services.monitor.domain.windows import Window
from understudy.contracts.vocabulary import FeatureKind, Outcome, Role
from understudy.profiles.arrays import Counts, Floats
from understudy.profiles.bins import ABOVE, BELOW, FIRST_BIN, MISSING, UNSEEN
from understudy.profiles.moments import Moments, moments
from understudy.profiles.reference import FeatureProfile, OutputProfile, Reference, open_counts

_NO_BASELINES: Final[Mapping[int, Baseline]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Setting:
    """Which release the figures are for."""

    deployment: str
    release: int
    main: int


def assess(
    setting: Setting,
    window: Window,
    reference: Reference,
    totals: Totals,
    rules: Rules,
    *,
    baselines: Mapping[int, Baseline] = _NO_BASELINES,
) -> Assessment:
    """All readings of a window; no drift figure from fewer live rows than the rules ask for.

    `baselines` are by version; the answers of a version without one are held against labels.
    """
    cell = window.cell
    pieces = np.split(cell.counts, reference.offsets[1:-1])
    features = zip(reference.features, pieces, cell.sums, strict=True)
    return Assessment(
        deployment=setting.deployment,
        release=setting.release,
        window_from=window.begins,
        window_to=window.ends,
        rows=cell.rows,
        features=tuple(read_feature(*feature, rules) for feature in features),
        versions=tuple(
            read_version(speaker, tally, reference.output, rules, baselines.get(speaker[1]))
            for speaker, tally in sorted(cell.outputs.items(), key=_main_first)
        ),
        agreements=tuple(
            read_agreement(challenger, tally)
            for (main, challenger), tally in sorted(cell.agreements.items())
            if main == setting.main
        ),
        totals=read_totals(totals),
    )


def read_feature(
    profile: FeatureProfile, counts: Counts, sums: Floats, rules: Rules
) -> FeatureReading:
    """One feature's live tally against the reference's."""
    category = profile.kind is FeatureKind.CATEGORY
    rows = int(counts.sum())
    present = rows - int(counts[MISSING])
    outside = int(counts[BELOW] + counts[ABOVE])
    enough = present >= rules.drift_rows
    return FeatureReading(
        feature=profile.name,
        kind=profile.kind,
        drift_psi=debiased_psi(counts[BELOW:], profile.counts[BELOW:]) if enough else None,
        live=Moments(present) if category else moments(sums, profile.centre),
        reference=_reference_moments(profile),
        missing_ratio=_ratio(int(counts[MISSING]), rows),
        unseen_ratio=_ratio(int(counts[UNSEEN]), present) if category else None,
        out_of_range_ratio=None if category else _ratio(outside, present),
        bins=profile.bins.names,
        live_counts=_whole(counts[FIRST_BIN:]),
        reference_counts=_whole(profile.counts[FIRST_BIN:]),
    )


def read_version(
    speaker: Speaker,
    tally: OutputTally,
    profile: OutputProfile,
    rules: Rules,
    baseline: Baseline | None = None,
) -> VersionReading:
    """One version's answers; their drift is from its own answers to its baseline.

    Without a baseline, or with one that may be of training rows, it is from the reference's target
    (see OutputProfile).
    """
    role, version = speaker
    edges = rules.latency_edges
    enough = tally.rows - tally.errors >= rules.drift_rows
    return VersionReading(
        version=version,
        role=role,
        rows=tally.rows,
        errors=tally.errors,
        drift_psi=_output_drift(tally, profile, baseline) if enough else None,
        output=moments(tally.sums, profile.centre),
        classes=dict(sorted(tally.classes.items())),
        latency_p50_seconds=quantile(tally.latency, edges, 0.50),
        latency_p95_seconds=quantile(tally.latency, edges, 0.95),
        latency_p99_seconds=quantile(tally.latency, edges, 0.99),
    )


def read_agreement(challenger: int, tally: AgreementTally) -> AgreementReading:
    """How far a challenger agrees with the main."""
    difference = tally.difference / tally.compared if tally.compared else None
    return AgreementReading(
        challenger=challenger,
        rows=tally.rows,
        agreement_ratio=_ratio(tally.agreed, tally.rows),
        mean_absolute_difference=difference,
    )


def read_totals(totals: Totals) -> TotalsReading:
    """Totals by version, as text."""
    pairs = [(str(version), outcome, rows) for (version, outcome), rows in totals.pairs.items()]
    return TotalsReading(
        predictions={str(version): rows for version, rows in totals.predictions.items()},
        pairs=_by_version((version, rows) for version, _, rows in pairs),
        pair_errors=_by_version(
            (version, rows) for version, outcome, rows in pairs if outcome != Outcome.OK
        ),
        labels=totals.labels,
    )


def _reference_moments(profile: FeatureProfile) -> Moments:
    if profile.kind is FeatureKind.CATEGORY:
        return Moments(int(profile.counts[BELOW:].sum()))
    return moments(profile.sums, profile.centre)


def _output_drift(
    tally: OutputTally, profile: OutputProfile, baseline: Baseline | None
) -> float | None:
    trusted = None if baseline is None or baseline.optimistic else baseline
    own = None if trusted is None else _own_drift(tally, profile, trusted)
    if own is not None:
        return own
    if profile.counts is not None:
        return debiased_psi(tally.scores, profile.counts)
    return _class_drift(tally.classes, profile.classes)


def _own_drift(tally: OutputTally, profile: OutputProfile, baseline: Baseline) -> float | None:
    """Of the number, or of the probability of two classes; of more classes, of their shares."""
    if baseline.classes <= 2 and profile.edges is not None and tally.scores.any():
        return debiased_psi(tally.scores, open_counts(profile.edges, baseline.outputs))
    counts = baseline.class_counts.tolist() if baseline.names else []
    return _class_drift(tally.classes, dict(zip(baseline.names, counts, strict=True)))


def _class_drift(live: Mapping[str, int], held: Mapping[str, int]) -> float | None:
    if not held:
        return None
    names = sorted({*held, *live})
    return debiased_psi(
        np.array([live.get(name, 0) for name in names]),
        np.array([held.get(name, 0) for name in names]),
    )


def _by_version(rows: Iterable[tuple[str, int]]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for version, count in rows:
        found[version] += count
    return dict(found)


def _main_first(item: tuple[Speaker, OutputTally]) -> tuple[bool, int]:
    (role, version), _ = item
    return role is not Role.MAIN, version


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _whole(counts: Counts) -> tuple[int, ...]:
    return tuple(int(count) for count in counts)
