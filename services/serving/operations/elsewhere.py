"""Takes predictions that were made elsewhere, so that they are judged like those made here."""

import asyncio
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from services.serving.domain import ids as naming
from services.serving.domain.drafts import Cells
from services.serving.domain.elsewhere import Said, ToldWronglyError, check_time, said
from services.serving.domain.errors import InvalidRowsError
from services.serving.domain.table import Deployment, Live
from services.serving.metrics import ServingMetrics
from services.serving.operations.answers import Serving
from services.serving.ports import Log, ToldPair, ToldRow
from understudy.contracts.elsewhere import ToldAnswer, ToldPrediction
from understudy.contracts.serving import LabelStatus
from understudy.contracts.signature import Target
from understudy.contracts.vocabulary import PREDICTION_ID_PATTERN, Role, Scope

_AT_ONCE: Final = 50
"""Rows that are read before others get their turn."""
_MOST_CHALLENGERS: Final = 20
_LATER: Final = "the log could not keep it: send it again later"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one row: its id, as far as it has one, and why it was refused."""

    prediction_id: str | None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class _Read:
    row: ToldRow | None
    pairs: Sequence[ToldPair]


class Elsewhere:
    """For whoever holds a key to ask for predictions, whatever the deployment's access."""

    def __init__(
        self,
        serving: Serving,
        log: Log,
        metrics: ServingMetrics,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._serving = serving
        self._log = log
        self._metrics = metrics
        self._clock = clock

    def check(self, deployment: str, key: str | None) -> None:
        """Raises what `tell` would, for whoever may not tell anything."""
        self._serving.admit_to_tell(deployment, key, Scope.PREDICT)

    async def tell(
        self, deployment: str, items: Sequence[ToldPrediction], *, key: str | None
    ) -> list[Outcome]:
        """Take rows; what became of each, in their order. Raises what `predict` does.

        What challengers answered may decide, like labels, which version becomes main: who tells of
        it needs the scope of labels, too.
        """
        self.check(deployment, key)
        if any(item.challengers for item in items):
            self._serving.admit_to_tell(deployment, key, Scope.LABEL)
        self._serving.check_items("predictions", len(items))
        await self._serving.awaken(deployment, key)
        found, live = self._serving.admit_to_predict(deployment, key)
        taken, outcomes = list[_Read](), list[Outcome]()
        names: set[str] = set()
        for index, item in enumerate(items):
            if index % _AT_ONCE == _AT_ONCE - 1:
                await asyncio.sleep(0)
            name = item.prediction_id if item.row is None else item.prediction_id or _new_id()
            try:
                taken.append(self._read(found, live, item, _fresh(name, names)))
                outcomes.append(Outcome(name))
            except (ToldWronglyError, InvalidRowsError) as wrong:
                outcomes.append(Outcome(name, _words(wrong)))
        rows = [read.row for read in taken if read.row is not None]
        pairs = [pair for read in taken for pair in read.pairs]
        if taken and not await self._log.elsewhere(found.name, live, rows, pairs):
            outcomes = [one if one.problem else replace(one, problem=_LATER) for one in outcomes]
        self._count(found.name, items, outcomes)
        return outcomes

    def _read(self, found: Deployment, live: Live, item: ToldPrediction, name: str) -> _Read:
        target, now = live.main.signature.target, self._clock()
        at = now if item.at is None else item.at.timestamp()
        check_time(at, now)
        main = _said(target, item.main, "main")
        version = live.main.version if item.main.version is None else item.main.version
        if version not in {*found.versions, live.main.version}:
            raise ToldWronglyError(f"main/version: {version} is no version of this deployment")
        told = self._challengers(live, item, version)
        pairs = [
            ToldPair(name, at, version, main, challenger, answer, error)
            for challenger, (answer, error) in told.items()
        ]
        if item.row is None:
            if not pairs:
                raise ToldWronglyError("row: is needed, or challengers of a prediction told before")
            return _Read(None, pairs)
        owed = tuple(one for one in live.challengers if one not in told and one != version)
        return _Read(ToldRow(name, at, version, owed, self._cells(live, item.row), main), pairs)

    def _challengers(
        self, live: Live, item: ToldPrediction, main: int
    ) -> dict[int, tuple[Said, str | None]]:
        target, found = live.main.signature.target, dict[int, tuple[Said, str | None]]()
        if len(item.challengers) > _MOST_CHALLENGERS:
            raise ToldWronglyError(f"challengers: at most {_MOST_CHALLENGERS} are taken")
        for index, told in enumerate(item.challengers):
            place = f"challengers/{index}"
            if told.version not in live.challengers or told.version == main:
                raise ToldWronglyError(
                    f"{place}/version: {told.version} is no challenger in release {live.release}"
                )
            if told.version in found:
                raise ToldWronglyError(f"{place}/version: {told.version} is told twice")
            found[told.version] = _said(target, told, place), told.error
        return found

    def _cells(self, live: Live, row: dict[str, object]) -> Cells:
        return live.main.plan.read([row], live.policy).cells[0]

    def _count(
        self, deployment: str, items: Sequence[ToldPrediction], outcomes: Sequence[Outcome]
    ) -> None:
        for item, outcome in zip(items, outcomes, strict=True):
            status = LabelStatus.REFUSED if outcome.problem else LabelStatus.ACCEPTED
            if item.row is not None:
                self._metrics.told(deployment, Role.MAIN, status, 1)
            self._metrics.told(deployment, Role.CHALLENGER, status, len(item.challengers))


def _said(target: Target, told: ToldAnswer, place: str) -> Said:
    try:
        return said(target, told.prediction, told.probabilities, told.seconds)
    except ToldWronglyError as wrong:
        raise ToldWronglyError(f"{place}/{wrong}") from None


def _fresh(name: str | None, names: set[str]) -> str:
    """The id of a row, noted. Raises ToldWronglyError."""
    if name is None:
        raise ToldWronglyError("prediction_id: is needed where there is no row")
    if not naming.well_formed(name):
        raise ToldWronglyError(f"prediction_id: must match {PREDICTION_ID_PATTERN}")
    if name in names:
        raise ToldWronglyError("prediction_id: repeats within the request")
    names.add(name)
    return name


def _new_id() -> str:
    return naming.uuid7(time.time_ns() // 1_000_000, secrets.randbits(naming.RANDOM_BITS))


def _words(wrong: ToldWronglyError | InvalidRowsError) -> str:
    if isinstance(wrong, ToldWronglyError):
        return str(wrong)
    return "; ".join(f"row{error.pointer}: {error.message}" for error in wrong.errors[:5])
