"""Facts of a small deployment, drawn from a seed: everything that can happen to labels happens."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from services.monitor.adapters.outcome_store.tally_codec import encode_tally
from services.monitor.domain.deciding.terms import Terms, resolve
from services.monitor.domain.outcomes.facts import Incoming, Standing
from services.monitor.domain.outcomes.tallies import CohortId, CohortTally
from services.monitor.domain.reports import Span
from services.monitor.domain.rows import (
    LabelRows,
    PairRows,
    PredictionRows,
    ProtectedRows,
    Responses,
)
from services.monitor.ports import Outcomes
from understudy.contracts.judging import ComparisonTerms
from understudy.contracts.signature import Target
from understudy.contracts.vocabulary import Label, LossName, Task

NAME: Final = "credit-risk"
BEGAN: Final = 1_800_000_000.0
TARGETS: Final[Mapping[str, Target]] = {
    "binary": Target("bad", Task.CLASSIFICATION, classes=("no", "yes")),
    "multiclass": Target("kind", Task.CLASSIFICATION, classes=(1, 2, 3, 4)),
    "regression": Target("price", Task.REGRESSION),
}
LOSSES: Final = {
    "binary": (None, LossName.LOG_LOSS, LossName.ZERO_ONE),
    "multiclass": (None, LossName.LOG_LOSS),
    "regression": (None, LossName.SQUARED),
}

Entry = PredictionRows | PairRows | LabelRows | ProtectedRows


def terms_of(kind: str, loss: LossName | None = None) -> Terms:
    """Cohorts of ten seconds, so that a few rows lie in several."""
    return resolve(ComparisonTerms(loss, label_horizon_seconds=30.0), TARGETS[kind], 20.0)


class Story:
    """The entries of a log, drawn once."""

    def __init__(self, kind: str, seed: int, batches: int = 3, rows: int = 5) -> None:
        self.target = TARGETS[kind]
        self._rng = np.random.default_rng(seed)
        # Over days, cohorts grow old enough to be merged.
        self._apart = 3 * 86_400.0 if seed % 2 else 7.0
        loss = LOSSES[kind][seed % len(LOSSES[kind])]
        self.terms = terms_of(kind, loss)
        self.entries: list[Entry] = []
        for batch in range(batches):
            self._add_batch(batch, rows)
        self.entries.append(self._labels([f"unknown-{n}" for n in range(3)], 50.0))

    def incoming(self, entries: Sequence[Entry]) -> Incoming:
        """Some entries as one look at the log."""
        return Incoming(
            deployment=NAME,
            target=self.target,
            terms=self.terms,
            predictions=[entry for entry in entries if isinstance(entry, PredictionRows)],
            pairs=[entry for entry in entries if isinstance(entry, PairRows)],
            labels=[entry for entry in entries if isinstance(entry, LabelRows)],
            protected=[entry for entry in entries if isinstance(entry, ProtectedRows)],
        )

    def _add_batch(self, batch: int, rows: int) -> None:
        ids = [f"p{batch}-{row}" for row in range(rows)]
        at = BEGAN + self._apart * batch + self._rng.random(rows) * 12.0
        main, said = 1 + batch % 2, self._responses(rows)
        self.entries.append(
            PredictionRows(1, main, ids, at, np.zeros(rows), {"x": np.zeros(rows)}, said)
        )
        for challenger in (8, 9):
            self.entries.append(self._pairs(ids, at, main, said, challenger))
        self._contradict(ids[:3], at[:3])
        for offset in (-5.0, 30.0, 90.0):  # early, in time, and again or corrected
            some = [name for name in ids if self._rng.random() < 0.7]
            self.entries.append(self._labels(some, offset))
        some = [name for name in ids if self._rng.random() < 0.6]
        self.entries += [self._protected(some, at) for at in (3.0, 4.0)]

    def _contradict(self, ids: list[str], at: np.ndarray) -> None:
        """Other answers to the same predictions: of another time, main and release, or just so."""
        rows, moved = len(ids), at + self._rng.choice([-20.0, 0.0, 20.0])
        for release, main in ((1, 1), (2, 3)):
            said = self._responses(rows, sure=release == 2)
            self.entries.append(PredictionRows(release, main, ids, moved, np.zeros(rows), {}, said))
        self.entries.append(self._pairs(ids, moved, 1, self._responses(rows), 8))

    def _responses(self, rows: int, *, sure: bool = False) -> Responses:
        failed = self._rng.random(rows) < 0.2
        if self.target.task is Task.REGRESSION:
            return Responses(np.where(failed, np.nan, self._rng.normal(100.0, 40.0, rows)))
        k = len(self.target.classes)
        chances = self._rng.dirichlet(np.ones(k), rows)
        values = np.where(failed, np.nan, chances.argmax(axis=1).astype(np.float64))
        # A version that names classes in another order, or as another type, says the same.
        classes = tuple(str(label) for label in self.target.classes)[::-1]
        if sure:
            return Responses(values, None, classes)
        chances[failed] = np.nan
        return Responses(values, chances, self.target.classes)

    def _pairs(
        self, ids: list[str], at: np.ndarray, main: int, said: Responses, challenger: int
    ) -> PairRows:
        rows = len(ids)
        outcomes = self._rng.choice(["ok", "ok", "ok", "error", "timeout"], rows).tolist()
        nothing = np.full(rows, np.nan)
        return PairRows(
            release=1,
            main=main,
            challenger=challenger,
            ids=ids,
            at=at,
            main_responses=said,
            challenger_responses=self._responses(rows, sure=challenger == 9),
            challenger_seconds=np.zeros(rows),
            outcomes=outcomes,
            timed_main_seconds=nothing,
            timed_challenger_seconds=nothing,
        )

    def _labels(self, ids: Sequence[str], offset: float) -> LabelRows:
        received = tuple(BEGAN + offset + float(self._rng.integers(0, 3)) for _ in ids)
        nothing = (None,) * len(ids)
        return LabelRows(tuple(ids), tuple(self._label() for _ in ids), received, nothing, nothing)

    def _label(self) -> Label:
        if self._rng.random() < 0.1:
            return "no such label"
        if self.target.task is Task.REGRESSION:
            return float(self._rng.integers(60, 140))
        return self.target.classes[int(self._rng.integers(len(self.target.classes)))]

    def _protected(self, ids: Sequence[str], offset: float) -> ProtectedRows:
        traits = [{"sex": str(self._rng.choice(["f", "m"]))} for _ in ids]
        return ProtectedRows(tuple(ids), tuple(traits), tuple(BEGAN + offset for _ in ids))


def after_all() -> float:
    """The time of the stores that hear of it."""
    return BEGAN + 100 * 86_400.0


Seen = tuple[dict[CohortId, bytes], Standing, bytes]


def written(tallies: Mapping[CohortId, CohortTally]) -> dict[CohortId, bytes]:
    """Tallies as bytes: equal when they are bit-equal."""
    return {name: encode_tally(held) for name, held in sorted(tallies.items())}


async def seen(outcomes: Outcomes) -> Seen:
    """Everything that is concluded from facts."""
    newest = await outcomes.newest_losses(NAME, 1, Span(0.0, after_all()), 8)
    return (
        written(await outcomes.tallies(NAME, 0.0)),
        await outcomes.standing(NAME),
        newest.at.tobytes() + newest.losses.tobytes(),
    )
