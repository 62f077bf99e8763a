"""Answers → CSV (RFC 4180): a line for each row, in the columns that its first line names."""

import csv
import io
from collections.abc import Sequence

from services.serving.domain.confidence import ClassConfidence, IntervalConfidence
from services.serving.operations import Answer, Answers
from understudy.contracts.vocabulary import class_name

Column = tuple[str, object]


def csv_answers(answers: Answers) -> bytes:
    """`prediction_id`, `prediction`, `probability:CLASS` …, then confidence where it was asked for.

    Then `overridden`, and the codes of `warnings` with spaces between. Empty is what is not there.
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    for place, answer in enumerate(answers):
        cells = _cells(answer, answers)
        if place == 0:
            writer.writerow([name for name, _ in cells])
        writer.writerow([_text(value) for _, value in cells])
    return out.getvalue().encode()


def _cells(answer: Answer, answers: Answers) -> Sequence[Column]:
    cells: list[Column] = [
        ("prediction_id", answer.prediction_id),
        ("prediction", answer.prediction),
    ]
    if answers.probabilities is not None:
        likely = answer.probabilities or {}
        cells += [(f"probability:{name}", likely.get(name)) for name in answers.classes]
    if answers.confident:
        cells += _confidence(answer, classes=bool(answers.classes))
    codes = dict.fromkeys(notice.code.value for notice in answer.notices)
    return [*cells, ("overridden", answer.overridden), ("warnings", " ".join(codes))]


def _confidence(answer: Answer, *, classes: bool) -> Sequence[Column]:
    names = ("probability", "margin") if classes else ("level", "low", "high")
    found: ClassConfidence | IntervalConfidence | None = answer.confidence
    return [(f"confidence:{name}", getattr(found, name, None)) for name in names]


def _text(value: object) -> object:
    return class_name(value) if isinstance(value, bool) else value
