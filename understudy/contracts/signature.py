"""What a model takes and what it answers. Plain frozen values: every domain may hold them."""

import math
from dataclasses import dataclass
from typing import Final

from understudy.contracts.vocabulary import FeatureKind, Label, Task

MAX_FEATURES = 10_000
MOST_TEXT: Final = 1_000
"""Characters that a text may have where it need not be one of the choices."""


@dataclass(frozen=True, slots=True)
class Feature:
    """One input of a model.

    `minimum` and `maximum` say which values are *legal* (inclusive), not which are usual: what is
    usual is read off the reference sample by the monitor. `choices` closes a category unless
    `open_choices` lets unseen values through to a model that can take them.
    """

    name: str
    kind: FeatureKind
    label: str | None = None
    description: str | None = None
    unit: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    open_choices: bool = False
    nullable: bool = False
    example: Label | None = None

    def __post_init__(self) -> None:
        if not 1 <= len(self.name) <= 128 or self.name != self.name.strip():
            raise ValueError(f"a feature's name has 1 to 128 characters: {self.name!r}")
        for bound in (self.minimum, self.maximum):
            if bound is not None and not math.isfinite(bound):
                raise ValueError(f"{self.name}: minimum and maximum are finite or absent")
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise ValueError(f"{self.name}: minimum is above maximum")
        if self.kind is FeatureKind.CATEGORY:
            self._check_category()
        elif self.choices:
            raise ValueError(f"{self.name}: only a category has choices")

    @property
    def numeric(self) -> bool:
        """Whether values travel as float64 (numbers, integers and booleans do)."""
        return self.kind is not FeatureKind.CATEGORY

    @property
    def title(self) -> str:
        """The name that people are shown."""
        return self.label or self.name

    def _check_category(self) -> None:
        if self.minimum is not None or self.maximum is not None:
            raise ValueError(f"{self.name}: a category has choices, not a range")
        if not self.choices and not self.open_choices:
            raise ValueError(f"{self.name}: a closed category names its choices")
        if len(set(self.choices)) != len(self.choices):
            raise ValueError(f"{self.name}: choices repeat")


@dataclass(frozen=True, slots=True)
class Target:
    """What the model answers. `classes` are in the order of the probabilities."""

    name: str
    task: Task
    classes: tuple[Label, ...] = ()
    label: str | None = None
    unit: str | None = None

    def __post_init__(self) -> None:
        if self.task is Task.CLASSIFICATION and len(self.classes) < 2:
            raise ValueError("a classifier's target names at least two classes")
        if self.task is Task.REGRESSION and self.classes:
            raise ValueError("a regression target has no classes")


@dataclass(frozen=True, slots=True)
class Signature:
    """Typed, ranged features in the model's order, and the target."""

    features: tuple[Feature, ...]
    target: Target

    def __post_init__(self) -> None:
        if not 1 <= len(self.features) <= MAX_FEATURES:
            raise ValueError(f"a signature has 1 to {MAX_FEATURES} features")
        names = self.names
        if len(set(names)) != len(names):
            raise ValueError("feature names repeat")

    @property
    def names(self) -> tuple[str, ...]:
        """Feature names in the model's order."""
        return tuple(feature.name for feature in self.features)

    def differences(self, other: "Signature") -> tuple[str, ...]:
        """Why `other` can't stand in for this one without callers noticing; empty when it can.

        Names, kinds, nullability and the target must agree, and every value that is legal here
        must be legal there. Labels, units, descriptions and examples may differ.
        """
        found = [*self._target_differences(other.target)]
        theirs = {feature.name: feature for feature in other.features}
        for mine in self.features:
            match = theirs.pop(mine.name, None)
            found += [f"{mine.name}: missing"] if match is None else _narrowings(mine, match)
        found += [f"{name}: not in the deployment's signature" for name in theirs]
        return tuple(found)

    def _target_differences(self, other: Target) -> list[str]:
        if self.target.task is not other.task:
            return [f"target: {other.task} instead of {self.target.task}"]
        if self.target.classes != other.classes:
            return [f"target: classes {other.classes} instead of {self.target.classes}"]
        return []


def _narrowings(mine: Feature, theirs: Feature) -> list[str]:
    """In which ways `theirs` refuses values that `mine` takes."""
    name, found = mine.name, list[str]()
    if mine.kind is not theirs.kind:
        return [f"{name}: {theirs.kind} instead of {mine.kind}"]
    if mine.nullable and not theirs.nullable:
        found.append(f"{name}: may not be null any more")
    if theirs.minimum is not None and (mine.minimum is None or mine.minimum < theirs.minimum):
        found.append(f"{name}: minimum {theirs.minimum} is narrower")
    if theirs.maximum is not None and (mine.maximum is None or mine.maximum > theirs.maximum):
        found.append(f"{name}: maximum {theirs.maximum} is narrower")
    if not theirs.open_choices and (mine.open_choices or set(mine.choices) - set(theirs.choices)):
        found.append(f"{name}: takes fewer choices")
    return found
