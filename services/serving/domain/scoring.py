"""What a model is to us: something that answers checked rows with numbers."""

import math
from dataclasses import dataclass, field
from typing import Final

from services.serving.domain.confidence import Interval
from services.serving.domain.rows import Plan
from understudy.contracts.signature import Signature
from understudy.contracts.vocabulary import Label, Task, class_name
from understudy.inference.scored import Runner, Scored


@dataclass(frozen=True, slots=True)
class Cost:
    """What a call takes, as measured while the model was warmed."""

    call_seconds: float
    row_seconds: float

    def of(self, rows: int) -> float:
        """Seconds that a call with so many rows is likely to take."""
        return self.call_seconds + self.row_seconds * (rows - 1)


UNKNOWN_COST: Final = Cost(math.inf, 0.0)


@dataclass(slots=True, eq=False)
class LastUse:
    """When a version was last called; the one thing about it that changes."""

    at: float = 0.0
    """By `time.perf_counter`."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A version that can answer: verified, loaded and warmed."""

    version: int
    signature: Signature
    plan: Plan
    runner: Runner
    cost: Cost
    classes: tuple[str, ...] = field(init=False)
    """What the classes are called in answers, in the signature's order."""
    runner_name: str = "sklearn"
    """What it runs on."""
    compiled_unused: str | None = None
    """Why its compiled twin is not asked, where it has one."""
    size_bytes: int = 0
    """About how much memory it takes."""
    use: LastUse = field(default_factory=LastUse)
    interval: Interval | None = None
    """Of a regression: how far its answers are from the truth; None where it was not measured."""

    def __post_init__(self) -> None:
        names = tuple(class_name(label) for label in self.signature.target.classes)
        object.__setattr__(self, "classes", names)


def predictions(signature: Signature, scored: Scored) -> list[Label]:
    """The answers in the caller's words."""
    if signature.target.task is Task.REGRESSION:
        return [*scored.values.tolist()]
    classes = signature.target.classes
    return [classes[int(value)] for value in scored.values.tolist()]
