"""How much a model's answers hang on each feature: permutation importance, within the child.

Formula: mean loss on rows in which the feature's column is shuffled, less the mean loss on the rows
as they are; not below 0. The loss is half the squared distance between probabilities and the true
class, zero-one without probabilities, the absolute error for numbers.
Source: L. Breiman, Random Forests, Machine Learning 45, 2001; model-agnostic as in Fisher, Rudin
and Dominici, All Models are Wrong, but Many are Useful, JMLR 20, 2019.
Assumes: nothing of the model. Features that stand in for one another share their importance.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.registry.adapters.inspection.labelled import Labelled
from services.registry.adapters.inspection.sample import evenly
from understudy.contracts.signature import Signature, Target
from understudy.contracts.vocabulary import Task
from understudy.inference.rows import Rows, joined
from understudy.inference.scored import Floats, Runner, Scored

MOST_ROWS: Final = 2_000
_MOST_VALUES: Final = 2_000_000
"""Fewer rows of very many features."""
REPEATS: Final = 3
_SEED: Final = 20_261_121


def importances(
    runner: Runner, found: Labelled, signature: Signature
) -> Iterator[tuple[str, float]]:
    """One feature after the other, so that whoever has no more time keeps what was measured.

    A feature whose shuffled rows the model refuses is left out.
    """
    most = min(MOST_ROWS, max(_MOST_VALUES // len(signature.features), 1))
    labelled = evenly(np.flatnonzero(np.isfinite(found.labels)), most)
    if not labelled.size:
        return
    part, draw = found.some(labelled), np.random.default_rng(_SEED)
    measured = growths(runner, part.rows, part.labels, signature, repeats=REPEATS, draw=draw)
    for name, grown in measured:
        yield name, max(float(grown.mean()), 0.0)


def growths(
    runner: Runner,
    rows: Rows,
    labels: Floats,
    signature: Signature,
    *,
    repeats: int,
    draw: np.random.Generator,
) -> Iterator[tuple[str, Floats]]:
    """Of each feature, repeats × rows: by how much the loss of each row grows.

    Every row has a label. A feature whose shuffled rows the model refuses is left out; raises what
    the model raises over the rows as they are.
    """
    target = signature.target
    usual = losses(runner.score(rows), labels, target)
    repeated, tiled = joined([rows] * repeats), np.tile(labels, repeats)
    orders = _orders(len(rows), repeats, draw)
    for place, name in enumerate(signature.names):
        try:
            scored = runner.score(_shuffled(repeated, signature, place, orders))
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001, S112 - a model refuses in whatever way it likes
            continue
        yield name, losses(scored, tiled, target).reshape(repeats, -1) - usual


def losses(scored: Scored, labels: Floats, target: Target) -> Floats:
    """Of each row: what the answer costs."""
    cost: Floats
    if target.task is Task.REGRESSION:
        cost = np.abs(scored.values - labels)
    elif scored.probabilities is None:
        cost = (scored.values != labels).astype(np.float64)
    else:
        truth = np.eye(len(target.classes))[labels.astype(np.intp)]
        cost = ((scored.probabilities - truth) ** 2).sum(axis=1) / 2
    return cost


def _orders(rows: int, repeats: int, draw: np.random.Generator) -> NDArray[np.intp]:
    """Each repeat shuffles its own copy of the rows."""
    return np.concatenate([draw.permutation(rows) + rows * copy for copy in range(repeats)])


def _shuffled(rows: Rows, signature: Signature, place: int, order: NDArray[np.intp]) -> Rows:
    """The rows with the column of one feature in another order."""
    feature = signature.features[place]
    column = sum(other.numeric is feature.numeric for other in signature.features[:place])
    if feature.numeric:
        numbers = rows.numbers.copy()
        numbers[:, column] = numbers[order, column]
        return Rows(numbers, rows.texts)
    texts = list(rows.texts)
    texts[column] = [texts[column][i] for i in order.tolist()]
    return Rows(rows.numbers, tuple(texts))
