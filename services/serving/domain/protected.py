"""Which protected attributes may be told of whom a prediction concerns. They are never features."""

from collections.abc import Mapping, Sequence
from typing import Final

from services.serving.domain.errors import InvalidProtectedError
from services.serving.domain.ids import well_formed
from understudy.contracts.refusals import FieldError, json_pointer
from understudy.contracts.signature import Signature
from understudy.contracts.vocabulary import PREDICTION_ID_PATTERN, Label, class_name

MOST_ATTRIBUTES: Final = 20
MOST_NAME: Final = 64
MOST_VALUE: Final = 100


def protected_problem(
    signature: Signature, prediction_id: str, attributes: Mapping[str, Label]
) -> str | None:
    """Why the attributes can't be taken; None when they can. Never quotes a value."""
    if not well_formed(prediction_id):
        return f"prediction_id: must match {PREDICTION_ID_PATTERN}"
    if not attributes:
        return "attributes: must hold at least one"
    if (found := attributes_problem(signature, attributes)) is None:
        return None
    member, words = found
    return ": ".join(["/".join(("attributes", *member)), words])


def attributes_problem(
    signature: Signature, attributes: Mapping[str, Label]
) -> tuple[Sequence[str], str] | None:
    """Where and why attributes can't be taken; None when they can, as when there are none."""
    if len(attributes) > MOST_ATTRIBUTES:
        return (), f"holds {len(attributes)}; at most {MOST_ATTRIBUTES} are taken"
    for name, value in attributes.items():
        if not 1 <= len(name) <= MOST_NAME or not name.isprintable():
            # Not quoted: it may be as long as a body.
            return (), f"a name has 1 to {MOST_NAME} printable characters"
        if name in signature.names:
            return (name,), "is a feature of the model; protected attributes are none"
        if not _takes(value):
            return (name,), f"must be 1 to {MOST_VALUE} printable characters, a number or a boolean"
    return None


def read_protected(
    signature: Signature, told: Sequence[object], rows: int
) -> Sequence[dict[str, str]]:
    """The groups of each row of a batch, by attribute. Raises InvalidProtectedError."""
    if len(told) != rows:
        words = f"must hold an object for each of the {rows} rows; an empty one where none is told"
        raise _invalid(words, ())
    return [_groups(signature, index, one) for index, one in enumerate(told)]


def _groups(signature: Signature, index: int, told: object) -> dict[str, str]:
    if not isinstance(told, dict):
        raise _invalid("must be an object of attributes", (index,))
    if not all(isinstance(value, bool | int | float | str) for value in told.values()):
        raise _invalid("attributes are text, numbers, true or false", (index,))
    if (found := attributes_problem(signature, told)) is not None:
        raise _invalid(found[1], (index, *found[0]))
    return as_texts(told)


def _invalid(words: str, place: Sequence[str | int]) -> InvalidProtectedError:
    pointer = json_pointer("protected", *place)
    return InvalidProtectedError(f"{pointer}: {words}", FieldError(pointer, words))


def as_texts(attributes: Mapping[str, Label]) -> dict[str, str]:
    """Groups by name: numbers and booleans as they are called where there is only text."""
    return {name: class_name(value) for name, value in attributes.items()}


def _takes(value: Label) -> bool:
    # A whole number may be so long that Python refuses to write it out.
    if isinstance(value, int) and value.bit_length() > 4 * MOST_VALUE:
        return False
    text = class_name(value)
    return 1 <= len(text) <= MOST_VALUE and text.isprintable()
