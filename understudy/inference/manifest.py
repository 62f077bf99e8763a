"""What a compiled model's file says of itself: how rows go in, and how its answer is read."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Final

from understudy.contracts.signature import Signature
from understudy.contracts.vocabulary import Label, Task
from understudy.inference.coding import Book, Coding
from understudy.inference.errors import UnfitModelError

FORMAT: Final = 1


class Answer(StrEnum):
    """What a graph answers."""

    NUMBERS = "numbers"
    LABELS = "labels"
    PROBABILITIES = "probabilities"
    """The label is the class of the largest."""
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything that a runner needs beside the graph or the trees."""

    precision: str
    """Of the matrix that goes in: `float64` or `float32`."""
    coding: Coding
    answer: Answer
    classes: tuple[Label, ...] = ()
    """In the model's order."""
    round_inputs: bool = False
    """Whether trees compare inputs that are rounded to float32 (treelite)."""

    def text(self) -> str:
        """As JSON."""
        return json.dumps({"format": FORMAT, **asdict(self)})

    def check(self, signature: Signature) -> None:
        """UnfitModelError when the file was not made for this signature."""
        if self.coding.features != signature.names:
            raise UnfitModelError("the compiled model was made for other features")
        if sorted(map(repr, self.classes)) != sorted(map(repr, signature.target.classes)):
            raise UnfitModelError("the compiled model was made for other classes")
        if (self.answer is Answer.NUMBERS) != (signature.target.task is Task.REGRESSION):
            raise UnfitModelError("the compiled model was made for another task")


def read_manifest(text: str) -> Manifest:
    """UnfitModelError for a text that no version of this module wrote."""
    try:
        found = dict(json.loads(text))
        if found.pop("format") != FORMAT:
            raise UnfitModelError("the compiled model's file is of another format")
        return Manifest(
            precision=found["precision"],
            coding=_coding(found["coding"]),
            answer=Answer(found["answer"]),
            classes=tuple(found["classes"]),
            round_inputs=found["round_inputs"],
        )
    except (ValueError, KeyError, TypeError) as error:
        raise UnfitModelError("the compiled model's file has no manifest") from error


def _coding(found: dict[str, Any]) -> Coding:
    books: Sequence[dict[str, Any]] = found.pop("books")
    return Coding(
        books=tuple(Book(**book | {"values": tuple(book["values"])}) for book in books),
        **{name: tuple(values) for name, values in found.items()},
    )
