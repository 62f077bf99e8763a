"""What the samples hold."""

from collections.abc import Iterator

import numpy as np

from services.registry.adapters.reviewing.data_checks import checks_of, moments
from services.registry.adapters.reviewing.data_columns import columns_of
from services.registry.adapters.reviewing.data_correlations import correlations
from services.registry.adapters.reviewing.data_overlap import overlap
from services.registry.adapters.reviewing.data_rows import hashed
from services.registry.adapters.reviewing.subject import Sampled, Subject
from understudy.contracts.reviews import ClassShare, Correlations, Data, Estimate, SampleFacts
from understudy.contracts.signature import Signature
from understudy.inference.scored import Floats


def data_of(subject: Subject) -> Data:
    """Rows, columns, classes and data tests, of the rows that were read."""
    samples = (subject.reference, subject.evaluation)
    return Data(
        samples=tuple(
            _facts(sampled, subject.signature) for sampled in samples if sampled is not None
        ),
        columns=tuple(columns_of(subject)),
        checks=tuple(checks_of(subject)),
        classes=tuple(_classes(subject)),
    )


def overlap_of(subject: Subject) -> Estimate | None:
    """Share of evaluation rows that were copied out of the reference; see `data_overlap`.

    Raises LeftOutError without an evaluation, and when copies can't be told from coincidences.
    """
    return overlap(subject)


def correlations_of(subject: Subject) -> Correlations:
    """Between features; see `data_correlations`. Raises LeftOutError when there is no pair."""
    return correlations(subject)


def _facts(sampled: Sampled, signature: Signature) -> SampleFacts:
    halves = np.zeros(len(signature.features), dtype=bool)
    batch = sampled.table.combine_chunks()
    different = np.unique(hashed(batch, signature, halves).whole).size
    since, until = moments(sampled.at)
    return SampleFacts(
        sample=sampled.sample,
        digest=sampled.file.digest,
        size_bytes=sampled.size_bytes,
        rows=sampled.total,
        read=len(sampled.rows),
        labelled=int(np.isfinite(sampled.labels).sum()),
        legal=int(sampled.legal.sum()),
        duplicates=len(sampled.rows) - int(different),
        since=since,
        until=until,
    )


def _classes(subject: Subject) -> Iterator[ClassShare]:
    """Shares of the labelled rows."""
    if not subject.classification:
        return
    held = subject.evaluation
    for place, label in enumerate(subject.signature.target.classes):
        theirs = None if held is None else _share(held.labels, place)
        yield ClassShare(label, _share(subject.reference.labels, place), theirs)


def _share(labels: Floats, place: int) -> float:
    labelled = int(np.isfinite(labels).sum())
    return float((labels == place).sum()) / labelled if labelled else 0.0
