"""The rows of the fixture `foreign` as tensors, and whether what a client got is what is right."""

from typing import Any

import numpy as np

from tests.foreign.conftest import Foreign, Questions

Input = dict[str, Any]
Ask = dict[str, Any]

_LOANS = {
    "income": "FP64",
    "age": "INT64",
    "purpose": "BYTES",
    "employed": "BOOL",
    "town": "BYTES",
}
_FLOWERS = {"length": "FP64", "width": "FP64"}


def columns(questions: Questions) -> list[Input]:
    """One tensor for each feature."""
    types = _LOANS if "income" in questions.rows[0] else _FLOWERS
    return [
        {
            "name": name,
            "datatype": datatype,
            "shape": [len(questions.rows)],
            "data": [row[name] for row in questions.rows],
        }
        for name, datatype in types.items()
    ]


def table(questions: Questions) -> list[Input]:
    """All in one 2-D tensor: of numbers, or else of texts."""
    rows = [[*row.values()] for row in questions.rows]
    mixed = any(isinstance(value, str) for value in rows[0])
    order = [*(_LOANS if mixed else _FLOWERS)]
    rows = [[row[name] for name in order] for row in questions.rows]
    data = [value for row in rows for value in row]
    return [
        {
            "name": "rows",
            "datatype": "BYTES" if mixed else "FP64",
            "shape": [len(rows), len(order)],
            "data": [*map(str, data)] if mixed else data,
        }
    ]


def asks(foreign: Foreign) -> list[Ask]:
    """Every deployment, every form of tensors, in JSON and in binary."""
    return [
        {"model": model, "inputs": form(questions), "binary": binary, "key": key}
        for model, questions, key in (
            ("flowers", foreign.flowers, None),
            ("loans", foreign.loans, None),
            ("orchids", foreign.flowers, foreign.key),
            ("vault", foreign.loans, foreign.key),
        )
        for form in (columns, table)
        for binary in (False, True)
    ]


def questions_of(foreign: Foreign, model: str) -> Questions:
    """What a deployment is asked."""
    return foreign.flowers if model in {"flowers", "orchids"} else foreign.loans


def check(foreign: Foreign, ask: Ask, answer: dict[str, Any]) -> None:
    """The answer of a client: predictions, and probabilities as flat numbers."""
    right = questions_of(foreign, ask["model"])
    assert answer["predictions"] == right.predictions
    found = np.reshape(answer["probabilities"], np.shape(right.probabilities))
    np.testing.assert_allclose(found, right.probabilities, rtol=1e-9, atol=1e-12)
