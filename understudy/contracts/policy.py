"""How a deployment answers and judges, beside with which versions: a part of each release.

Plain frozen values: every domain may hold them.
"""

import math
from dataclasses import dataclass

from understudy.contracts.judging import DEFAULT_JUDGING, Judging
from understudy.contracts.vocabulary import Durability, GuardAction, Label, TypePolicy


@dataclass(frozen=True, slots=True)
class GuardRule:
    """What to do with rows that a rule catches; `answer` is what an override says instead."""

    action: GuardAction
    answer: Label | None = None

    def __post_init__(self) -> None:
        if (self.answer is not None) is not (self.action is GuardAction.OVERRIDE):
            raise ValueError("an override has an answer; flag and refuse have none")


@dataclass(frozen=True, slots=True)
class ConfidenceRule:
    """The same for answers whose largest probability is below `below`."""

    below: float
    rule: GuardRule

    def __post_init__(self) -> None:
        if not (math.isfinite(self.below) and 0 < self.below <= 1):
            raise ValueError("below is a probability above 0 and up to 1")


@dataclass(frozen=True, slots=True)
class Guards:
    """Guard rules. Absent range and category rules refuse: the signature is the contract."""

    out_of_range: GuardRule = GuardRule(GuardAction.REFUSE)
    """For numbers outside a feature's legal range. Flagged rows reach the model as they are."""
    unseen_category: GuardRule = GuardRule(GuardAction.REFUSE)
    """For texts that are none of a closed category's choices."""
    low_confidence: ConfidenceRule | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """How a deployment answers, and how its versions are judged."""

    durability: Durability = Durability.STRICT
    types: TypePolicy = TypePolicy.STRICT
    guards: Guards = Guards()
    judging: Judging = DEFAULT_JUDGING
