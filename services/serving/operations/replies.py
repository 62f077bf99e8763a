"""From one call of a model to what each of its requests is told, and what the log keeps."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

from services.serving.domain.confidence import (
    NO_INTERVAL,
    NO_PROBABILITIES,
    Confidence,
    Interval,
    class_confidence,
)
from services.serving.domain.drafts import Notice
from services.serving.domain.guards import NO_RULING, Ruling
from services.serving.domain.scoring import predictions
from services.serving.operations.calls import Asked, Call
from services.serving.operations.protecting import protected_events
from services.serving.ports import Answered
from understudy.contracts.vocabulary import Label, class_name


@dataclass(frozen=True, slots=True)
class Answer:
    """What the caller is told about one row."""

    prediction_id: str
    prediction: Label
    probabilities: Mapping[str, float] | None
    model: str
    version: int
    notices: Sequence[Notice] = ()
    overridden: bool = False
    confidence: Confidence | None = None
    """Absent too where nobody asked for it, and where a rule answered."""
    at: float = field(default=0.0, compare=False)
    """When it went to the log, as the log has it: ids may come again."""


@dataclass(slots=True, eq=False)
class Answers:
    """What one request is told, by columns. Iterates over `Answer`, one for each row."""

    model: str
    version: int
    ids: Sequence[str]
    predictions: Sequence[Label]
    classes: Sequence[str]
    probabilities: Sequence[Sequence[float]] | None
    """Rows × classes, in the order of `classes`."""
    ruling: Ruling = NO_RULING
    """What there is to say beside the model's answers, or instead."""
    confident: bool = False
    """Whether confidence was asked for."""
    interval: Interval | None = None
    at: float = 0.0

    def __len__(self) -> int:
        return len(self.ids)

    def __iter__(self) -> Iterator[Answer]:
        return map(self.row, range(len(self.ids)))

    def row(self, index: int) -> Answer:
        """The answer to one row."""
        told = self.ruling.overrides
        overridden = index in told
        answer = Answer(
            self.ids[index],
            told[index] if overridden else self.predictions[index],
            None if overridden else self._by_class(index),
            self.model,
            self.version,
            self.ruling.notices.get(index, ()),
            overridden,
            at=self.at,
        )
        return self._sure(answer, index) if self.confident and not overridden else answer

    def _sure(self, answer: Answer, index: int) -> Answer:
        """The same with its confidence, or with a notice that there is none."""
        if self.classes:
            if self.probabilities is None:
                return replace(answer, notices=(*answer.notices, NO_PROBABILITIES))
            place = self.classes.index(class_name(answer.prediction))
            return replace(answer, confidence=class_confidence(self.probabilities[index], place))
        if self.interval is None:
            return replace(answer, notices=(*answer.notices, NO_INTERVAL))
        return replace(answer, confidence=self.interval.around(float(answer.prediction)))

    def _by_class(self, index: int) -> Mapping[str, float] | None:
        if self.probabilities is None:
            return None
        return dict(zip(self.classes, self.probabilities[index], strict=True))


def logged_as(call: Call) -> Answered:
    """The rows of all requests of a call, as one record."""
    asked = call.asked
    ids = asked[0].ids if len(asked) == 1 else [*chain.from_iterable(one.ids for one in asked)]
    overrides = {
        one.ids[row]: told
        for one in asked
        if one.ruling is not NO_RULING
        for row, told in one.ruling.overrides.items()
    }
    now = time.time()
    return Answered(
        call.deployment.name,
        call.live,
        ids,
        now,
        call.seconds,
        call.rows,
        call.scored,
        overrides,
        [
            event
            for one in asked
            if one.protected
            for event in protected_events(one.ids, one.protected, now)
        ],
    )


def answers_of(call: Call) -> Iterator[tuple[Asked, Answers]]:
    """What each request of a call is told."""
    main = call.live.main
    told = predictions(main.signature, call.scored)
    found = call.scored.probabilities
    likely = None if found is None else found.tolist()
    start = 0
    for asked in call.asked:
        stop = start + len(asked.cells)
        answers = Answers(
            call.deployment.model,
            main.version,
            asked.ids,
            told[start:stop],
            main.classes,
            None if likely is None else likely[start:stop],
            asked.ruling,
            at=call.at,
        )
        if asked.options.confidence:
            answers.confident, answers.interval = True, main.interval
        start = stop
        yield asked, answers
