"""Reviews in memory, and a reviewer that finds nothing."""

import hashlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from services.registry.domain.audit import Entry
from services.registry.domain.errors import AlreadyDecidedError
from services.registry.domain.jobs import Step
from services.registry.domain.reviews import (
    Answers,
    Attempt,
    Made,
    Opening,
    ReviewFailedError,
    ReviewRunningError,
    merged,
)
from services.registry.domain.versions import Version
from services.registry.ports.reviews import Reviewed, Subject
from understudy.contracts.reviews import Data, Finding, Review

if TYPE_CHECKING:
    from tests.fakes.registry import Memory

REVIEW = TypeAdapter(Review)


class MemoryReviews:
    """`ports.review_store.ReviewStore`."""

    def __init__(self, memory: "Memory") -> None:
        self._memory = memory

    def begin(self, attempt: Attempt, after: int) -> Attempt:
        with self._memory.lock:
            held = self._memory.reviews.setdefault((attempt.model, attempt.version), [])
            if len(held) != after:
                raise ReviewRunningError("Somebody else has just begun a review; wait for it.")
            held.append(replace(attempt, number=len(held) + 1))
            return held[-1]

    def made(self, attempt: Attempt, made: Made, entry: Entry) -> None:
        with self._memory.change(entry):
            self._change(replace(attempt, made=made))

    def failed(self, attempt: Attempt, reason: str) -> None:
        with self._memory.lock:
            self._change(replace(attempt, failure=reason))

    def attempt(self, model: str, version: int, number: int) -> Attempt | None:
        held = self._memory.reviews.get((model, version), [])
        return next((one for one in held if one.number == number), None)

    def latest(self, model: str, version: int) -> Attempt | None:
        return next(reversed(self._memory.reviews.get((model, version), [])), None)

    def latest_made(self, model: str, version: int) -> Attempt | None:
        held = self._memory.reviews.get((model, version), [])
        return next((one for one in reversed(held) if one.made is not None), None)

    def of_model(self, model: str, versions: Collection[int]) -> Mapping[int, Attempt]:
        found = {number: self.latest_made(model, number) for number in versions}
        chosen = {number: one or self.latest(model, number) for number, one in found.items()}
        return {number: one for number, one in chosen.items() if one is not None}

    def open(self, attempt: Attempt, opening: Opening, entry: Entry) -> bool:
        with self._memory.lock:
            held = self._memory.openings.setdefault((attempt.model, attempt.version), [])
            if any((one.number, one.actor) == (opening.number, opening.actor) for one in held):
                return False
            with self._memory.change(entry):
                held.append(opening)
        return True

    def openings(self, model: str, version: int) -> tuple[Opening, ...]:
        held = self._memory.openings.get((model, version), [])
        return tuple(sorted(held, key=lambda one: (one.at, one.number, one.actor)))

    def answer(self, version: Version, given: Answers, told: Callable[[Answers], Entry]) -> Answers:
        place = version.draft.model, version.number
        with self._memory.lock:
            if self._memory.versions[place].ruling is not None:
                raise AlreadyDecidedError(f"Somebody else has just decided {version.title}.")
            kept = merged(self._memory.answers.get(place), given)
            with self._memory.change(told(kept)):
                self._memory.answers[place] = kept
        return kept

    def answers(self, model: str, version: int) -> Answers | None:
        return self._memory.answers.get((model, version))

    def _change(self, attempt: Attempt) -> None:
        held = self._memory.reviews[attempt.model, attempt.version]
        held[attempt.number - 1] = attempt


class PleasedReviewer:
    """`ports.reviews.Reviewer`: finds what it is told to find, by default nothing."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self._files = files
        self.findings: tuple[Finding, ...] = ()
        self.failure: str | None = None
        self.subjects: list[Subject] = []

    def review(self, subject: Subject, step: Step) -> Reviewed:
        self.subjects.append(subject)
        step("reviewing it", 0.5)
        if self.failure is not None:
            raise ReviewFailedError(self.failure)
        digest = self.written(subject.version)
        return Reviewed(digest, REVIEW.validate_json(self._files[digest]))

    def written(self, version: Version, seed: int = 1) -> str:
        """The file of a review of that version."""
        draft = version.draft
        review = Review(
            model=draft.model,
            version=version.number,
            task=draft.signature.target.task,
            made_at=datetime(2026, 3, 1, 12, tzinfo=UTC),
            seconds=1.0,
            seed=seed,
            artifact=draft.artifact,
            data=Data((), (), ()),
            findings=self.findings,
        )
        content = REVIEW.dump_json(review)
        digest = hashlib.sha256(content).hexdigest()
        self._files[digest] = content
        return digest
