"""Every way in which the gate says no. A class's docstring says when."""

from collections.abc import Iterator, Sequence
from typing import ClassVar

from understudy.contracts.gate import SHORTEST_REASON, GatePolicy, Obstacle
from understudy.contracts.refusals import Fault, FieldError, Refusal


class GateClosedError(Refusal):
    """Something stands between the version and its deployment; each error names one obstacle."""

    fault: ClassVar = Fault.CONFLICT
    code: ClassVar = "gate_closed"

    def __init__(self, title: str, obstacles: Sequence[Obstacle]) -> None:
        told = " ".join(each.detail for each in obstacles)
        super().__init__(f"The gate is closed for {title}: {told}", *_errors(obstacles))


class OverrideRefusedError(Refusal):
    """Only who has one of the roles that the policy names decides against a closed gate."""

    fault: ClassVar = Fault.FORBIDDEN
    code: ClassVar = "override_refused"

    def __init__(self, policy: GatePolicy, obstacles: Sequence[Obstacle]) -> None:
        roles = " or ".join(role.value for role in policy.override.roles)
        who = f"only the role {roles} of the project may" if roles else "nobody may"
        detail = f"By the project's gate, {who} decide against what stands in the way."
        super().__init__(detail, FieldError("/override", detail), *_errors(obstacles))


class ReasonTooShortError(Refusal):
    """Deciding against a closed gate needs a reason that says something years later."""

    code: ClassVar = "reason_too_short"

    def __init__(self) -> None:
        detail = f"An override needs a reason of at least {SHORTEST_REASON} letters and digits."
        super().__init__(detail, FieldError("/reason", detail))


class ReviewChangedError(Refusal):
    """The review that the decision rests on is not the newest one any more."""

    fault: ClassVar = Fault.CONFLICT
    code: ClassVar = "review_changed"

    def __init__(self, title: str) -> None:
        super().__init__(f"A newer review of {title} was made meanwhile: open it, then decide.")


class AnswersChangedError(Refusal):
    """Somebody has answered the questionnaire anew since the decision was assessed."""

    fault: ClassVar = Fault.CONFLICT
    code: ClassVar = "answers_changed"

    def __init__(self, title: str) -> None:
        super().__init__(f"Somebody has just changed the answers about {title}: look, then repeat.")


class GateChangedError(Refusal):
    """The project's policy became another one while a decision or a change was under way."""

    fault: ClassVar = Fault.CONFLICT
    code: ClassVar = "gate_changed"

    def __init__(self, project: str) -> None:
        super().__init__(f"Somebody has just changed the gate of '{project}': look, then repeat.")


def _errors(obstacles: Sequence[Obstacle]) -> Iterator[FieldError]:
    for each in obstacles:
        yield FieldError("/decision", each.detail)
