"""Many tallies added at once: what `+` gives one by one, without its cost for each."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from services.monitor.domain.outcomes.tallies import (
    ClassCounts,
    CohortId,
    CohortTally,
    NumberSums,
    VersionTally,
)
from services.monitor.domain.statistics.spectrum import Spectrum, no_spectrum, read_spectrum

Cohorts = Mapping[CohortId, CohortTally]
Parts = Mapping[str, VersionTally]
"""One version's tallies by the terms' fingerprint: only those of one fingerprint add."""


def by_version(cohorts: Cohorts) -> dict[int, Parts]:
    """Each version on all of the cohorts."""
    found: dict[int, dict[str, list[VersionTally]]] = defaultdict(lambda: defaultdict(list))
    for cohort, tally in cohorts.items():
        for version, held in tally.versions.items():
            found[version][cohort.terms].append(held)
    return {
        version: {terms: summed_versions(held) for terms, held in parts.items()}
        for version, parts in sorted(found.items())
    }


def summed_versions(parts: Sequence[VersionTally]) -> VersionTally:
    """At least one."""
    classes = [part.classes for part in parts if part.classes is not None]
    numbers = [part.numbers for part in parts if part.numbers is not None]
    return VersionTally(
        rows=sum(part.rows for part in parts),
        failed=sum(part.failed for part in parts),
        labelled=sum(part.labelled for part in parts),
        lag=np.sum([part.lag for part in parts], axis=0),
        losses=summed_spectra([part.losses for part in parts]),
        classes=summed_classes(classes) if classes else None,
        numbers=NumberSums(**_members(numbers)) if numbers else None,
    )


def summed_classes(parts: Sequence[ClassCounts]) -> ClassCounts:
    """At least one."""
    return ClassCounts(**_members(parts))


def summed_spectra(parts: Sequence[Spectrum]) -> Spectrum:
    """At least one."""
    found: dict[int, int] = defaultdict(int)
    if len(parts) == 1:
        return parts[0]
    for part in parts:
        for place, count in zip(part.places.tolist(), part.counts.tolist(), strict=True):
            found[place] += count
    return read_spectrum({at: rows for at, rows in found.items() if rows}) or no_spectrum()


def classes_of(parts: Iterable[VersionTally]) -> ClassCounts | None:
    """A classifier's counts do not depend on terms, hence they add across them."""
    found = [part.classes for part in parts if part.classes is not None]
    return summed_classes(found) if found else None


def _members(parts: Sequence[Any]) -> dict[str, Any]:
    """Arrays stay arrays, whole numbers stay Python's: they don't overflow."""
    found = {}
    for member in fields(parts[0]):
        values = [getattr(part, member.name) for part in parts]
        whole = isinstance(values[0], int)
        found[member.name] = sum(values) if whole else np.sum(values, axis=0)
    return found
