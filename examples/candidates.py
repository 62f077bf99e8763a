"""A trained model with all that a registry wants to know of it: what every example hands over."""

import hashlib
import platform
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, NamedTuple

import pandas as pd
import skops.io
from sklearn.metrics import accuracy_score, brier_score_loss, log_loss, roc_auc_score

from understudy.contracts.policy import Policy
from understudy.contracts.registry import Lineage
from understudy.contracts.signature import Feature, Signature
from understudy.contracts.vocabulary import AccessLevel, FeatureKind, Label, Question

Row = dict[str, Label | None]

LIBRARIES: Final = ("numpy", "pandas", "scikit-learn", "skops")
REFERENCE_ROWS: Final = 5_000


@dataclass(frozen=True, slots=True)
class Candidate:
    """A version before it is registered."""

    model: Any
    """A fitted scikit-learn estimator."""
    signature: Signature
    reference: pd.DataFrame
    """Rows that the model was trained on: what live rows are compared with."""
    evaluation: pd.DataFrame
    """Rows that it has not seen: what its live quality is held against."""
    metrics: Mapping[str, float]
    """On rows that the model has not seen."""
    lineage: Lineage
    time_column: str | None = None
    """Of the samples: when a row was."""

    def write(self, folder: Path) -> "Files":
        """Write what is uploaded."""
        folder.mkdir(parents=True, exist_ok=True)
        files = Files(
            folder / "model.skops", folder / "reference.parquet", folder / "evaluation.parquet"
        )
        skops.io.dump(self.model, files.artifact)
        self.reference.to_parquet(files.reference, index=False)
        self.evaluation.to_parquet(files.evaluation, index=False)
        return files


class Files(NamedTuple):
    """A candidate on disk: the model as skops, its samples as Parquet."""

    artifact: Path
    reference: Path
    evaluation: Path


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to make one version; `description` names it, so that it is registered only once."""

    description: str
    train: Callable[[], Candidate]


@dataclass(frozen=True, slots=True)
class Outcome:
    """A row to ask about, and what will turn out to be true of it."""

    row: Row
    label: Label
    months_until_label: float = 0.0


@dataclass(frozen=True, slots=True)
class Example:
    """A deployment with the recipes of its versions: the first is main, the others challenge."""

    name: str
    description: str
    access: AccessLevel
    recipes: tuple[Recipe, ...]
    draw: Callable[[int, int], list[Outcome]]
    """Live rows: how many, and which seed."""
    policy: Policy
    protected: tuple[str, ...] = ()
    """Columns of the samples that hold protected attributes."""
    answers: Mapping[Question, str] = field(default_factory=dict)
    """To the questionnaire of each version."""


def candidate(
    model: Any,
    signature: Signature,
    train: pd.DataFrame,
    held_out: pd.DataFrame,
    keep: Sequence[str] = (),
) -> Candidate:
    """Fit `model` on `train` and measure it on `held_out`; both hold the target's column.

    Columns to `keep` go into the samples and not into the model.
    """
    names, target = list(signature.names), signature.target.name
    kept = [*names, target, *keep]
    model.fit(train[names], train[target])
    return Candidate(
        model=model,
        signature=signature,
        reference=train[kept].head(REFERENCE_ROWS),
        evaluation=held_out[kept],
        metrics=_metrics(model, held_out[names], held_out[target]),
        lineage=_lineage(train),
    )


def rows_of(frame: pd.DataFrame, signature: Signature) -> list[Row]:
    """A frame's rows as JSON knows them: whole numbers, true and false, null where missing."""
    columns = [_values(frame[feature.name], feature) for feature in signature.features]
    return [
        dict(zip(signature.names, values, strict=True)) for values in zip(*columns, strict=True)
    ]


def _values(column: "pd.Series[Any]", feature: Feature) -> list[Label | None]:
    read: dict[FeatureKind, Callable[[Any], Label]] = {
        FeatureKind.NUMBER: float,
        FeatureKind.INTEGER: int,
        FeatureKind.BOOLEAN: bool,
        FeatureKind.CATEGORY: str,
    }
    return [None if pd.isna(value) else read[feature.kind](value) for value in column]


def _metrics(model: Any, rows: pd.DataFrame, truth: "pd.Series[Any]") -> dict[str, float]:
    classes, chances = list(model.classes_), model.predict_proba(rows)
    binary = len(classes) == 2
    measured = {
        "accuracy": accuracy_score(truth, model.predict(rows)),
        "log_loss": log_loss(truth, chances, labels=classes),
        "roc_auc": roc_auc_score(truth, chances[:, 1] if binary else chances, multi_class="ovr"),
    }
    if binary:
        measured["brier"] = brier_score_loss(truth, chances[:, 1], pos_label=classes[1])
    return {name: float(value) for name, value in measured.items()}


def _lineage(train: pd.DataFrame) -> Lineage:
    data = train.to_csv(index=False).encode()
    return Lineage(
        git_commit=_git_commit(),
        data_sha256=hashlib.sha256(data).hexdigest(),
        trained_at=datetime.now(UTC),
        libraries={"python": platform.python_version()}
        | {name: version(name) for name in LIBRARIES},
    )


def _git_commit() -> str | None:
    """The commit of this checkout; None outside of one."""
    if (git := shutil.which("git")) is None:
        return None
    asked = subprocess.run(  # noqa: S603 - a fixed question to git
        [git, "-C", str(Path(__file__).parent), "rev-parse", "HEAD"],
        capture_output=True,
        text=True,
        check=False,
        timeout=10,
    )
    return asked.stdout.strip() or None
