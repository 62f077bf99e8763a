"""How long a review takes, and how much memory: `python -m benchmarks.review [--rows 50000]`.

A real child process, as the registry starts it, over mixed columns in both samples: a third
categories, some values missing, a protected attribute, a time column, a main to beat. Prints
seconds of time and of the processor, and the child's largest resident memory.
"""

import argparse
import hashlib
import resource
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import skops.io
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from skops.io import get_untrusted_types

from services.registry.adapters.artifact_files import ArtifactFiles
from services.registry.adapters.reviewing.reviewer import ChildReviewer, ReviewLimits
from services.registry.domain.versions import Version, VersionDraft
from services.registry.ports.reviews import Subject
from understudy.contracts.signature import Feature, Signature, Target
from understudy.contracts.vocabulary import FeatureKind, Task

CHOICES: Final = ("a", "b", "c", "d", "e")
FOREST_LEAF: Final = 20


def frame(rows: int, columns: int, seed: int) -> pd.DataFrame:
    """Two thirds numbers, one third categories; the label hangs on a few of them."""
    draw = np.random.default_rng(seed)
    texts = columns // 3
    numbers = draw.normal(size=(rows, columns - texts))
    found: dict[str, Any] = {f"n{i}": numbers[:, i] for i in range(columns - texts)}
    found["n1"] = np.where(draw.random(rows) < 0.1, np.nan, found["n1"])
    for i in range(texts):
        found[f"c{i}"] = pd.Series(draw.choice(CHOICES, rows), dtype=object)
    chance = 1 / (1 + np.exp(-(numbers[:, 0] + 0.7 * numbers[:, 2] * (found["c0"] == "a") - 1)))
    at = pd.Timestamp("2026-01-01", tz="UTC") + pd.to_timedelta(np.arange(rows), unit="min")
    return pd.DataFrame(found).assign(
        y=pd.Series(np.where(draw.random(rows) < chance, "yes", "no"), dtype=object),
        sex=pd.Series(draw.choice(["female", "male"], rows), dtype=object),
        at=at,
    )


def signature(columns: int) -> Signature:
    """Of those columns."""
    texts = columns // 3
    numbers = [
        Feature(f"n{i}", FeatureKind.NUMBER, nullable=i == 1) for i in range(columns - texts)
    ]
    named = [Feature(f"c{i}", FeatureKind.CATEGORY, choices=CHOICES) for i in range(texts)]
    target = Target("y", Task.CLASSIFICATION, classes=("no", "yes"))
    return Signature(features=(*numbers, *named), target=target)


def model(kind: str, stated: Signature) -> Pipeline:
    """A pipeline over both kinds of columns."""
    classifiers: dict[str, Any] = {
        "logistic": LogisticRegression(max_iter=300),
        "boosting": HistGradientBoostingClassifier(random_state=0),
        "forest": RandomForestClassifier(100, min_samples_leaf=FOREST_LEAF, random_state=0),
    }
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    parts = ColumnTransformer(
        [
            ("n", numbers, [i for i, one in enumerate(stated.features) if one.numeric]),
            (
                "c",
                OneHotEncoder(
                    categories=[list(one.choices) for one in stated.features if not one.numeric],
                    handle_unknown="ignore",
                    sparse_output=False,
                ),
                [i for i, one in enumerate(stated.features) if not one.numeric],
            ),
        ]
    )
    return Pipeline([("columns", parts), ("classifier", classifiers[kind])])


@dataclass(frozen=True)
class Files:
    """Artifacts in a folder, by digest."""

    folder: Path
    store: ArtifactFiles

    def model(self, found: Any) -> tuple[str, set[str]]:
        """Its digest, and the types that it holds."""
        path = self.folder / "model.skops"
        skops.io.dump(found, path)
        return self.keep(path), {*get_untrusted_types(file=path)}

    def sample(self, found: pd.DataFrame) -> str:
        """Its digest."""
        path = self.folder / "sample.parquet"
        found.to_parquet(path, index=False)
        return self.keep(path)

    def keep(self, path: Path) -> str:
        """Store a file."""
        self.store.take(hashlib.sha256(path.read_bytes()).hexdigest(), _whole(path))
        return hashlib.sha256(path.read_bytes()).hexdigest()


def _whole(path: Path) -> Iterable[bytes]:
    yield path.read_bytes()


def draft(artifact: str, stated: Signature, reference: str, evaluation: str) -> VersionDraft:
    """A version of these files."""
    return VersionDraft(
        model="benchmark",
        artifact=artifact,
        reference=reference,
        signature=stated,
        created_at=datetime.now(UTC),
        created_by="benchmark",
        evaluation=evaluation,
        time_column="at",
        protected=("sex",),
    )


def subjects(options: argparse.Namespace, files: Files) -> Iterator[tuple[str, Subject]]:
    """One for each kind of model, held against a logistic regression."""
    stated = signature(options.columns)
    train = frame(options.rows, options.columns, 1)
    held_out = frame(options.rows, options.columns, 2)
    reference, evaluation = files.sample(train), files.sample(held_out)
    names, versions, trusted = list(stated.names), {}, set[str]()
    for kind in ("logistic", "boosting", "forest"):
        fitted = model(kind, stated).fit(train[names], train["y"])
        artifact, types = files.model(fitted)
        trusted |= types
        versions[kind] = draft(artifact, stated, reference, evaluation)
    main = Version(1, versions["logistic"])
    for kind in options.models:
        yield kind, Subject(Version(2, versions[kind]), main, tuple(sorted(trusted)))


def main() -> None:
    """Print a row for each model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--columns", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--shap", action="store_true")
    parser.add_argument("--models", nargs="*", default=["logistic", "boosting", "forest"])
    options = parser.parse_args()
    print("| model | seconds | of the processor | largest memory | left out |")
    print("| --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        files = Files(Path(folder), ArtifactFiles(f"file://{folder}/artifacts"))
        limits = ReviewLimits(options.seconds, 4 << 30, options.shap)
        reviewer = ChildReviewer(files.store, limits, lambda: datetime.now(UTC), at_once=1)
        for kind, subject in subjects(options, files):
            before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
            review = reviewer.review(subject, lambda _step, _progress: None).review
            seconds = time.monotonic() - began
            used = resource.getrusage(resource.RUSAGE_CHILDREN)
            cpu = used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime
            left = ", ".join(f"{one.part}: {one.reason}" for one in review.left_out)
            largest = used.ru_maxrss / 1024  # of all children so far
            print(f"| {kind} | {seconds:.1f} | {cpu:.1f} | {largest:.0f} MiB | {left} |")
            for one in review.findings:
                print(f"    {one.severity.value}: {one.title}: {one.detail[:150]}")


if __name__ == "__main__":
    main()
