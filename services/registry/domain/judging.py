"""Whether what a policy says of judging makes sense for what a deployment takes and answers. Pure.

`terms` in the monitor fills in what is left open.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Final

from understudy.contracts.judging import (
    LARGEST_LOSSES,
    USUAL_CLIPS,
    ComparisonTerms,
    DriftTerms,
    GuardRails,
    Judging,
)
from understudy.contracts.refusals import FieldError
from understudy.contracts.signature import Signature
from understudy.contracts.vocabulary import DriftStrata, LossName, Task

_JUDGING: Final = "/policy/judging"
_LOSSES: Final[Mapping[Task, tuple[LossName, ...]]] = {
    Task.CLASSIFICATION: (LossName.BRIER, LossName.LOG_LOSS, LossName.ZERO_ONE),
    Task.REGRESSION: (LossName.ABSOLUTE, LossName.SQUARED),
}
"""The first is the one that is taken unless stated."""


def misjudged(judging: Judging, signature: Signature, *, timed: bool) -> Iterator[FieldError]:
    """Each member that could never apply. `timed`: the main's samples have a time column."""
    task = signature.target.task
    yield from _loss(judging.comparison, task)
    loss = judging.comparison.loss or _LOSSES[task][0]
    yield from _clip(judging.comparison, loss)
    yield from _rails(judging.rails, signature, loss)
    yield from _drift(judging.drift, signature, timed=timed)


def _loss(terms: ComparisonTerms, task: Task) -> Iterator[FieldError]:
    if terms.loss is not None and terms.loss not in _LOSSES[task]:
        fitting = ", ".join(_LOSSES[task])
        message = f"{terms.loss} is no loss of a {task}; take one of {fitting}"
        yield _error("comparison/loss", message)


def _clip(terms: ComparisonTerms, loss: LossName) -> Iterator[FieldError]:
    largest = LARGEST_LOSSES.get(loss, math.inf)
    if terms.clip is not None and terms.clip > largest:
        yield _error("comparison/clip", f"no two {loss} losses differ by more than {largest:g}")
    clip = terms.clip or USUAL_CLIPS.get(loss, math.inf)
    if terms.margin is not None and terms.margin >= clip:
        yield _error(
            "comparison/margin",
            f"it must be below the clip of {clip:g}, or every difference is one nobody cares about",
        )


def _rails(rails: GuardRails, signature: Signature, loss: LossName) -> Iterator[FieldError]:
    if rails.protected is not None:
        yield from _protected(rails.protected, signature)
    largest = LARGEST_LOSSES.get(loss, math.inf)
    if rails.risk_tolerance is not None and rails.risk_tolerance >= largest:
        yield _error(
            "rails/risk_tolerance",
            f"a mean {loss} loss is never above {largest:g}, so it could never be exceeded",
        )


def _protected(name: str, signature: Signature) -> Iterator[FieldError]:
    if signature.target.task is Task.REGRESSION:
        yield _error(
            "rails/protected", "a regression selects nobody, so no selection rates can be compared"
        )
    if name in signature.names:
        yield _error(
            "rails/protected",
            f"'{name}' is a feature; protected attributes are sent apart and are never features",
        )


def _drift(drift: DriftTerms, signature: Signature, *, timed: bool) -> Iterator[FieldError]:
    if drift.entity is not None and drift.entity not in signature.names:
        yield _error("drift/entity", f"'{drift.entity}' is no feature of the signature")
    if drift.strata is not DriftStrata.NONE and not timed:
        yield _error(
            "drift/strata",
            "the main version was registered without a time column, so its reference rows have no "
            "hours and days; register it with one",
        )


def _error(member: str, message: str) -> FieldError:
    return FieldError(f"{_JUDGING}/{member}", message)
