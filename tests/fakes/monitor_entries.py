"""A small deployment for the monitor: signature, reference sample, snapshot, keys, entries."""

import io
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from services.monitor.domain.rules import Rules
from understudy.contracts import events
from understudy.contracts.registry import (
    DeploymentSnapshot,
    KeyRecord,
    Pairing,
    ServedVersion,
    Snapshot,
)
from understudy.contracts.signature import Feature, Signature, Target
from understudy.contracts.vocabulary import AccessLevel, FeatureKind, Scope, Task
from understudy.profiles.reading import read_reference
from understudy.profiles.reference import Reference
from understudy.runtime.buckets import LATENCY_SECONDS
from understudy.runtime.keys import NewKey, make_key

NOW = 1_800_000_030.0
"""Half a minute into a minute."""
MINUTE = int(NOW // 60)
NAME = "credit-risk"
RULES = Rules(np.array(LATENCY_SECONDS), window_minutes=10, retention_minutes=60, drift_rows=50)

SIGNATURE = Signature(
    features=(
        Feature("income", FeatureKind.NUMBER),
        Feature("children", FeatureKind.INTEGER, nullable=True),
        Feature("owner", FeatureKind.BOOLEAN),
        Feature("job", FeatureKind.CATEGORY, open_choices=True, nullable=True),
    ),
    target=Target("bad", Task.CLASSIFICATION, classes=("no", "yes")),
)

Columns = Mapping[str, Sequence[float | str | bool | None]]


def sample(rows: int, seed: int = 0, shift: float = 0.0) -> Columns:
    """Applicants; `shift` moves incomes by so many standard deviations."""
    rng = np.random.default_rng(seed)
    return {
        "income": rng.normal(100.0 + 15.0 * shift, 15.0, rows).tolist(),
        "children": rng.integers(0, 4, rows).astype(float).tolist(),
        "owner": (rng.random(rows) < 0.3).astype(float).tolist(),
        "job": rng.choice(["clerk", "nurse", "pilot"], rows).tolist(),
    }


def reference_file(rows: int = 2_000, seed: int = 1) -> bytes:
    """A reference sample as Parquet, with the target's column."""
    labels = np.random.default_rng(seed).choice(["no", "yes"], rows, p=[0.8, 0.2])
    columns = {**sample(rows, seed), "bad": labels.tolist()}
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer)
    return buffer.getvalue()


def reference_profile(folder: Path, seed: int = 1) -> Reference:
    """The profile of that file."""
    path = folder / f"reference-{seed}.parquet"
    path.write_bytes(reference_file(seed=seed))
    return read_reference(path, SIGNATURE, 10_000)


def scores(probabilities: Sequence[float]) -> events.Scores:
    """Answers of a classifier from its probability of "yes"; NaN is a failure."""
    yes = np.array(probabilities)
    values = np.where(np.isnan(yes), np.nan, (yes > 0.5).astype(float))
    both = np.stack([1 - yes, yes], axis=1)
    return events.Scores(
        values=events.pack(values),
        probabilities=events.pack(both.ravel()),
        classes=SIGNATURE.target.classes,
    )


def prediction_batch(
    columns: Columns,
    *,
    at: float = NOW,
    main: int = 1,
    release: int = 1,
    probabilities: Sequence[float] | None = None,
    seconds: float = 0.002,
    first_id: int = 0,
) -> events.PredictionBatch:
    """An entry of the prediction stream."""
    rows = len(columns["income"])
    return events.PredictionBatch(
        deployment=NAME,
        release=release,
        main=main,
        challengers=(2,),
        ids=[f"p{first_id + row}" for row in range(rows)],
        at=events.pack([at] * rows),
        seconds=events.pack([seconds] * rows),
        columns=[_column(feature, columns[feature.name]) for feature in SIGNATURE.features],
        scores=scores([0.3] * rows if probabilities is None else probabilities),
    )


def pair_batch(
    main_probabilities: Sequence[float],
    probabilities: Sequence[float],
    *,
    at: float = NOW,
    main: int = 1,
    challenger: int = 2,
    outcomes: Sequence[str] | None = None,
    seconds: float = 0.004,
    first_id: int = 0,
) -> events.PairBatch:
    """An entry of the pair stream."""
    rows = len(probabilities)
    return events.PairBatch(
        deployment=NAME,
        release=1,
        main=main,
        challenger=challenger,
        ids=[f"p{first_id + row}" for row in range(rows)],
        at=events.pack([at] * rows),
        main_scores=scores(main_probabilities),
        main_seconds=events.pack([0.002] * rows),
        challenger_scores=scores(probabilities),
        challenger_seconds=events.pack([seconds] * rows),
        outcomes=list(outcomes or ["ok"] * rows),
    )


def label_batch(rows: int, first_id: int = 0) -> events.LabelBatch:
    """An entry of the label stream."""
    items = [
        events.LabelEvent(prediction_id=f"p{first_id + row}", label="yes", received_at=NOW)
        for row in range(rows)
    ]
    return events.LabelBatch(deployment=NAME, items=items)


def served(version: int, reference: str = "b" * 64) -> ServedVersion:
    """A version as the snapshot names it."""
    return ServedVersion(
        version=version, artifact="a" * 64, reference=reference, signature=SIGNATURE
    )


def deployment(
    name: str = NAME, *, release: int = 1, main: int = 1, reference: str = "b" * 64
) -> DeploymentSnapshot:
    """Versions 1 and 2, one of them main."""
    since = datetime(2026, 1, 1, tzinfo=UTC)
    challenger = 3 - main
    return DeploymentSnapshot(
        name=name,
        project="bank",
        model="risk",
        access=AccessLevel.PROJECT,
        release=release,
        released_at=since,
        main=main,
        challengers=(challenger,),
        previous_main=None,
        pairings=(Pairing(version=challenger, since=since),),
        versions=(served(1, reference), served(2, reference)),
    )


READER, OUTSIDER, PREDICTOR, SCRAPER = make_key(), make_key(), make_key(), make_key()
"""Keys: may read; may read another project; may only predict; may see metrics."""


def snapshot(*deployments: DeploymentSnapshot, sequence: int = 1) -> Snapshot:
    """A snapshot with these deployments and the four keys."""
    return Snapshot(
        sequence=sequence,
        deployments=deployments,
        keys=(
            _record(READER, Scope.READ, "bank"),
            _record(OUTSIDER, Scope.READ, "elsewhere"),
            _record(PREDICTOR, Scope.PREDICT, "bank"),
            _record(SCRAPER, Scope.METRICS, None),
        ),
    )


def bearer(key: NewKey) -> dict[str, str]:
    """The header that presents a key."""
    return {"Authorization": f"Bearer {key.plaintext}"}


def _record(key: NewKey, scope: Scope, project: str | None) -> KeyRecord:
    return KeyRecord(id=key.id, digest=key.digest, scopes=(scope,), project=project)


def _column(feature: Feature, values: Sequence[float | str | bool | None]) -> events.Column:
    if feature.numeric:
        numbers = [float("nan") if value is None else float(value) for value in values]
        return events.NumberColumn(name=feature.name, data=events.pack(numbers))
    text = [None if value is None else str(value) for value in values]
    return events.CategoryColumn(name=feature.name, data=text)
