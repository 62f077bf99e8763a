"""What callers tell of earlier predictions: what came true, and whom it concerns."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from services.serving.domain.errors import InvalidLabelsError, LogFullError
from services.serving.domain.labels import label_problem, observation_problem
from services.serving.domain.protected import as_texts, protected_problem
from services.serving.metrics import ServingMetrics
from services.serving.operations.answers import Serving
from services.serving.operations.receipts import Receipts
from services.serving.ports import Log
from understudy.contracts.events import LabelEvent, ProtectedEvent
from understudy.contracts.refusals import FieldError, json_pointer
from understudy.contracts.serving import LabelStatus
from understudy.contracts.vocabulary import Label, Scope

_LATER = "the log could not keep it: send it again later"


@dataclass(frozen=True, slots=True)
class LabelItem:
    """The true outcome of one earlier prediction."""

    prediction_id: str
    label: Label
    observed_at: float | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True)
class ProtectedItem:
    """Protected attributes of whom one prediction concerns."""

    prediction_id: str
    attributes: Mapping[str, Label]


class Facts:
    """Takes what is told, for whoever may: the scope `label`, whatever the deployment's access."""

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
        self._receipts = Receipts(clock)

    def check(self, deployment: str, key: str | None) -> None:
        """Raises what the verbs would, for whoever may not tell anything."""
        self._serving.admit_to_tell(deployment, key, Scope.LABEL)

    async def label(
        self, deployment: str, items: Sequence[LabelItem], *, key: str | None
    ) -> list[str | None]:
        """Take labels; one result each: None where accepted, else why not."""
        card = self._serving.admit_to_tell(deployment, key, Scope.LABEL)
        self._serving.check_items("labels", len(items))
        target = card.signature.target
        now = self._clock()
        results = [
            label_problem(target, item.prediction_id, item.label)
            or observation_problem(item.observed_at, now)
            for item in items
        ]
        accepted = [item for item, why in zip(items, results, strict=True) if why is None]
        events = [self._label_event(item) for item in accepted]
        if events and not await self._log.labels(card.name, events):
            results = [why or _LATER for why in results]
        for why in results:
            self._metrics.labelled(card.name, _status(why))
        return results

    async def correct(self, deployment: str, item: LabelItem, *, key: str | None) -> None:
        """Take one label instead of an earlier one. Raises InvalidLabelsError, LogFullError.

        The same event as any label: the latest that was received of a prediction is the truth.
        """
        (why,) = await self.label(deployment, [item], key=key)
        if why == _LATER:
            raise LogFullError(f"The label could not be logged: {_LATER}.")
        if why is not None:
            member, _, words = why.partition(": ")
            raise InvalidLabelsError(why, FieldError(json_pointer(member), words))

    async def protect(
        self, deployment: str, items: Sequence[ProtectedItem], *, key: str | None
    ) -> list[str | None]:
        """Take protected attributes; one result each: None where accepted, else why not."""
        card = self._serving.admit_to_tell(deployment, key, Scope.LABEL)
        self._serving.check_items("predictions", len(items))
        results = [
            protected_problem(card.signature, item.prediction_id, item.attributes) for item in items
        ]
        accepted = [item for item, why in zip(items, results, strict=True) if why is None]
        events = [self._protected_event(item) for item in accepted]
        if events and not await self._log.protected(card.name, events):
            results = [why or _LATER for why in results]
        for why in results:
            self._metrics.protected(card.name, _status(why))
        return results

    def _label_event(self, item: LabelItem) -> LabelEvent:
        return LabelEvent(
            prediction_id=item.prediction_id,
            label=item.label,
            received_at=self._receipts.next(),
            observed_at=item.observed_at,
            source=item.source,
        )

    def _protected_event(self, item: ProtectedItem) -> ProtectedEvent:
        return ProtectedEvent(
            prediction_id=item.prediction_id,
            attributes=as_texts(item.attributes),
            received_at=self._receipts.next(),
        )


def _status(why: str | None) -> LabelStatus:
    return LabelStatus.REFUSED if why else LabelStatus.ACCEPTED
