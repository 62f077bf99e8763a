"""What callers ask of serving: describe a deployment, predict, take labels."""

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from services.serving.domain import ids as naming
from services.serving.domain.errors import (
    InvalidRowsError,
    NotLoadedError,
    ScoringFailedError,
    TooManyRowsError,
    UnknownDeploymentError,
)
from services.serving.domain.labels import label_problem
from services.serving.domain.rows import Shape
from services.serving.domain.scoring import predictions, probabilities
from services.serving.domain.table import Deployment, Live, Table
from services.serving.metrics import Dialect, ServingMetrics
from services.serving.operations.access import check_access, check_installation_access
from services.serving.operations.scoring import Limits, Scorer
from services.serving.ports import Answered, Log
from understudy.contracts.events import LabelEvent
from understudy.contracts.refusals import FieldError, Refusal, json_pointer
from understudy.contracts.serving import LabelStatus
from understudy.contracts.signature import Signature
from understudy.contracts.vocabulary import AccessLevel, Label, Scope
from understudy.inference.rows import Rows
from understudy.runtime.keys import Caller, KeyRing


@dataclass(frozen=True, slots=True)
class Answer:
    """The main version's answer to one row."""

    prediction_id: str
    prediction: Label
    probabilities: Mapping[str, float] | None
    model: str
    version: int


@dataclass(frozen=True, slots=True)
class Card:
    """What a page or a description of the interface shows of a deployment."""

    name: str
    description: str
    access: AccessLevel
    model: str
    version: int
    signature: Signature


@dataclass(frozen=True, slots=True)
class LabelItem:
    """The true outcome of one earlier prediction."""

    prediction_id: str
    label: Label
    observed_at: float | None = None
    source: str | None = None


class Serving:
    """The operations behind every dialect and page."""

    def __init__(
        self, *, keys: Callable[[], KeyRing], log: Log, metrics: ServingMetrics, limits: Limits
    ) -> None:
        self._keys = keys
        self._log = log
        self._metrics = metrics
        self._limits = limits
        self._scorer = Scorer(limits)
        self.table = Table()
        """Replaced as a whole, by one assignment, when a release is taken up."""

    def describe(self, deployment: str) -> Card:
        """What the deployment takes and answers. Raises UnknownDeploymentError."""
        found = self.table.find(deployment)
        if found is None:
            raise UnknownDeploymentError(deployment)
        return _card(found)

    def admit(self, deployment: str, key: str | None) -> Card:
        """`describe`, for those who may ask the deployment for predictions."""
        return _card(self._admit(deployment, key, Scope.PREDICT))

    def signature(self, deployment: str, *, key: str | None) -> Card:
        """`describe`, for those who may read or predict."""
        return _card(self._admit(deployment, key, Scope.READ, Scope.PREDICT))

    def check_may_predict(self, deployment: str, *, key: str | None) -> None:
        """Raises what `predict` would, for whoever may not ask."""
        self._admit(deployment, key, Scope.PREDICT)

    def check_may_label(self, deployment: str, *, key: str | None) -> None:
        """Raises what `label` would, for whoever may not send labels."""
        self._admit(deployment, key, Scope.LABEL, public=False)

    def check_installation_access(self, scope: Scope, *, key: str | None) -> None:
        """Raises unless the key carries the scope for the whole installation."""
        check_installation_access(self._caller(key), scope)

    async def predict(
        self,
        deployment: str,
        rows: Sequence[Mapping[str, object]],
        *,
        key: str | None,
        ids: Sequence[str] | None = None,
        shape: Shape = Shape.ONE,
        dialect: Dialect = Dialect.JSON,
    ) -> list[Answer]:
        """Answer rows with the main version; raises Refusal subclasses.

        InvalidRowsError has pointers into the body as it was sent, by its `shape`.
        """
        started = time.perf_counter()
        try:
            found = self._admit(deployment, key, Scope.PREDICT)
            live = _live(found)
            names = self._names(len(rows), ids, shape)
            checked = live.main.plan.read(rows, shape)
            answered = await self._answer(found.name, live, names, checked, dialect)
        except Refusal as refusal:
            self._metrics.refused(refusal.code)
            raise
        await self._log.predictions(answered)
        seconds = time.perf_counter() - started
        self._metrics.answered(found.name, live.main.version, dialect, len(names), seconds)
        return _answers(found.model, answered)

    async def label(
        self, deployment: str, items: Sequence[LabelItem], *, key: str | None
    ) -> list[str | None]:
        """Take labels; one result each: None where accepted, else why not."""
        found = self._admit(deployment, key, Scope.LABEL, public=False)
        if len(items) > self._limits.rows:
            raise TooManyRowsError(_too_many("labels", len(items), self._limits.rows))
        target = _live(found).main.signature.target
        results = [label_problem(target, item.prediction_id, item.label) for item in items]
        accepted = [item for item, why in zip(items, results, strict=True) if why is None]
        if accepted and not await self._log.labels(found.name, _events(accepted)):
            results = [
                why or "the log could not keep it: send this label again later" for why in results
            ]
        for why in results:
            status = LabelStatus.REFUSED if why else LabelStatus.ACCEPTED
            self._metrics.labelled(found.name, status)
        return results

    def close(self) -> None:
        """Forget calls that have not begun."""
        self._scorer.close()

    def _admit(self, name: str, key: str | None, *scopes: Scope, public: bool = True) -> Deployment:
        found = self.table.find(name)
        if public and found is not None and found.access is AccessLevel.PUBLIC:
            return found
        return check_access(found, name, self._caller(key), scopes)

    def _caller(self, key: str | None) -> Caller:
        return self._keys().authenticate(key, datetime.now(UTC))

    def _names(self, rows: int, ids: Sequence[str] | None, shape: Shape) -> Sequence[str]:
        if not rows:
            raise InvalidRowsError(
                "rows: must hold at least one row",
                FieldError(json_pointer(*shape.place()), "must not be empty"),
            )
        if rows > self._limits.rows:
            raise TooManyRowsError(_too_many("rows", rows, self._limits.rows))
        if ids is not None:
            naming.check_ids(ids, rows)
            return ids
        randomness = secrets.randbits(naming.RANDOM_BITS)
        name = naming.uuid7(time.time_ns() // 1_000_000, randomness)
        return [name] if rows == 1 else naming.row_ids(name, rows)

    async def _answer(
        self, deployment: str, live: Live, names: Sequence[str], rows: Rows, dialect: Dialect
    ) -> Answered:
        try:
            scored, seconds = await self._scorer.score(live.main, rows)
        except ScoringFailedError:
            self._metrics.failed(deployment, live.main.version, dialect, len(rows))
            raise
        return Answered(deployment, live, names, time.time(), seconds, rows, scored)


def _live(found: Deployment) -> Live:
    if found.live is None:
        raise NotLoadedError(found.name, failed=found.failure is not None)
    return found.live


def _card(found: Deployment) -> Card:
    main = _live(found).main
    return Card(
        found.name, found.description, found.access, found.model, main.version, main.signature
    )


def _answers(model: str, answered: Answered) -> list[Answer]:
    main, scored = answered.live.main, answered.scored
    return [
        Answer(name, prediction, by_class, model, main.version)
        for name, prediction, by_class in zip(
            answered.ids,
            predictions(main.signature, scored),
            probabilities(main.signature, scored),
            strict=True,
        )
    ]


def _events(items: Sequence[LabelItem]) -> list[LabelEvent]:
    now = time.time()
    return [
        LabelEvent(
            prediction_id=item.prediction_id,
            label=item.label,
            received_at=now,
            observed_at=item.observed_at,
            source=item.source,
        )
        for item in items
    ]


def _too_many(what: str, found: int, most: int) -> str:
    return f"The request holds {found} {what}; at most {most} are taken at once. Split it."
