"""What the Open Inference Protocol's answers say beside their tensors: ids and warnings."""

from collections.abc import Sequence
from typing import Final

from services.serving.operations import Answer

_MOST_NOTICES: Final = 20


def named(given: str | None, answers: Sequence[Answer]) -> tuple[str, dict[str, str]]:
    """The response's id, which is the request's if it has one, and the response's parameters.

    `prediction_id` is among them where the id does not name the predictions.
    """
    first = answers[0].prediction_id
    made = first if len(answers) == 1 else first.removesuffix(".0")
    parameters = {}
    if given not in {None, made}:
        parameters["prediction_id"] = made
    if warnings := _warnings(answers):
        parameters["warnings"] = warnings
    return made if given is None else given, parameters


def _warnings(answers: Sequence[Answer]) -> str:
    """Notices as one text: parameters have no lists."""
    told = [
        f"row {row}: {notice.feature + ': ' if notice.feature else ''}{notice.message}"
        for row, answer in enumerate(answers)
        for notice in answer.notices
    ]
    more = [f"and {len(told) - _MOST_NOTICES} more"] if len(told) > _MOST_NOTICES else []
    return "; ".join(told[:_MOST_NOTICES] + more)
