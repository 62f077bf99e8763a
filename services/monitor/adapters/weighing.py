"""`python -m services.monitor.adapters.weighing task.json`: density weights, in its own process.

Formula: w(x) = p(live | x)/p(baseline | x) · m/n, from boosted trees that tell n live rows from m
of the baseline, each baseline row judged by trees that were not fitted on it (3 folds); clipped to
[1/20, 20] and scaled to mean 1. None at all when the trees tell the samples apart no better than
chance, by the log loss out of fold.
Source: Bickel, Brückner & Scheffer, "Discriminative learning under covariate shift", 2009;
Sugiyama, Suzuki & Kanamori, "Density ratio estimation in machine learning", 2012.
Guarantee: none for finite samples; clipping and folds keep single rows from dominating.
Assumes: what the baseline lacks altogether is rare now: it can't be weighed into being.
"""

import sys
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from services.monitor.adapters.child_manners import limit, tell_without_values

Matrix = NDArray[np.float64]

_FOLDS: Final = 3
_MOST_WEIGHT: Final = 20.0
_LEAST_GAIN: Final = 0.002
"""Nats of log loss per row, below which both samples count as alike."""
_MOST_CODES: Final = 64
_FEWEST_VALUES: Final = 100
"""The trees can't be fitted to a column without any."""


class WeighingTask(msgspec.Struct, frozen=True, kw_only=True):
    """What the child is told, as JSON."""

    live: str
    baseline: str
    """Parquet files with the same columns."""
    weights: str
    """Where they are written to, as NumPy writes arrays; empty where there are none."""
    numbers: list[str]
    categories: list[str]
    seconds: int
    memory_bytes: int


def main(path: str) -> None:
    """Read the task, write its weights."""
    task = msgspec.json.decode(Path(path).read_bytes(), type=WeighingTask)
    limit(task.seconds, task.memory_bytes)
    live, baseline = _matrices(task)
    found = density_weights(live, baseline, len(task.numbers))
    np.save(task.weights, np.zeros(0) if found is None else found)


def density_weights(live: Matrix, baseline: Matrix, numbers: int) -> Matrix | None:
    """One for each baseline row, of mean 1; the first columns are numbers, then codes."""
    # Imported here so that the limits hold for the import too.
    from sklearn.model_selection import StratifiedKFold  # noqa: PLC0415 - as above

    rows = np.concatenate([baseline, live])
    known = np.isfinite(rows).sum(axis=0) >= _FEWEST_VALUES
    rows, numbers = rows[:, known], int(known[:numbers].sum())
    is_live = np.repeat([0, 1], [len(baseline), len(live)])
    chances = np.empty(len(rows))
    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=0)
    for fitted, judged in folds.split(rows, is_live):
        trees = _trees(numbers, rows.shape[1])
        trees.fit(rows[fitted], is_live[fitted])
        chances[judged] = trees.predict_proba(rows[judged])[:, 1]
    if _gain(chances, is_live) < _LEAST_GAIN:
        return None
    chances = np.clip(chances[: len(baseline)], 1e-6, 1 - 1e-6)
    odds = chances / (1 - chances) * len(baseline) / len(live)
    odds = np.clip(odds, 1 / _MOST_WEIGHT, _MOST_WEIGHT)
    return np.asarray(odds / odds.mean())


def coded(live: list[Any], baseline: list[Any]) -> tuple[Matrix, Matrix]:
    """Categories as codes by the baseline's commonest; all others share one, missing is NaN."""
    values, counts = np.unique([str(v) for v in baseline if v is not None], return_counts=True)
    common = values[np.argsort(-counts, kind="stable")][: _MOST_CODES - 1]
    codes = {str(value): float(code) for code, value in enumerate(common)}
    others = float(len(codes))

    def code(column: list[Any]) -> Matrix:
        return np.array([np.nan if v is None else codes.get(str(v), others) for v in column])

    return code(live), code(baseline)


def _trees(numbers: int, width: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier  # noqa: PLC0415 - see above

    return HistGradientBoostingClassifier(
        max_iter=60,
        learning_rate=0.1,
        max_leaf_nodes=15,
        min_samples_leaf=50,
        categorical_features=[*range(numbers, width)],
        early_stopping=False,
        random_state=0,
    )


def _gain(chances: Matrix, is_live: NDArray[np.int64]) -> float:
    """By how much the log loss is below that of knowing nothing but the sizes."""
    share = is_live.mean()
    known = -(share * np.log(share) + (1 - share) * np.log(1 - share))
    right = np.where(is_live == 1, chances, 1 - chances)
    return float(known + np.log(np.maximum(right, 1e-9)).mean())


def _matrices(task: WeighingTask) -> tuple[Matrix, Matrix]:
    tables = [pq.read_table(path) for path in (task.live, task.baseline)]
    parts = [
        tuple(np.asarray(table[name].to_numpy(), dtype=np.float64) for table in tables)
        for name in task.numbers
    ]
    parts += [coded(*(table[name].to_pylist() for table in tables)) for name in task.categories]
    live, baseline = (np.column_stack(columns) for columns in zip(*parts, strict=True))
    return np.where(np.isinf(live), np.nan, live), np.where(np.isinf(baseline), np.nan, baseline)


if __name__ == "__main__":
    sys.excepthook = tell_without_values
    main(sys.argv[1])
