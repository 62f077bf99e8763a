"""Rows as other protocols send them: lists of instances, columns, split tables.

Each form is read into `Table`, which remembers where a value stood, so that errors point into the
body as it was sent. Types and ranges are not looked at here.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import msgspec
from starlette.responses import Response

from services.serving.api.asking import Question
from services.serving.api.bodies import Row
from services.serving.domain.errors import InvalidRowsError, MalformedBodyError
from services.serving.domain.rows import Shape
from services.serving.domain.wording import listed
from services.serving.operations import Answer
from understudy.contracts.refusals import FieldError, json_pointer

Path = tuple[str | int, ...]
Place = Callable[[int, str | None], Path]
"""Where a feature of a row stands, or the row."""
_JSON: Final = "application/json"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows, and where they stood."""

    rows: Sequence[Row]
    at: Path
    place: Place

    def question(self, name: str | None = None) -> Question:
        """What the body asks."""
        return Question(self.rows, Shape.LIST, name, self.pointing)

    def pointing(self, pointer: str) -> str:
        """Where a value stood, by its pointer into a bare list of rows."""
        _, *steps = pointer.split("/", 2)
        if not steps:
            return json_pointer(*self.at)
        name = steps[1].replace("~1", "/").replace("~0", "~") if len(steps) > 1 else None
        return json_pointer(*self.place(int(steps[0]), name))


class Tabular:
    """Reads tables for features of these names.

    `check` is told how many rows there are before they are made; it raises where they are too many.
    """

    def __init__(self, names: Sequence[str], check: Callable[[int], object]) -> None:
        self._names = names
        self._check = check
        self._order = {name: index for index, name in enumerate(names)}

    def instances(self, value: object, *at: str) -> Table:
        """A list of objects by name, of lists in the signature's order, or of single values.

        Single values are for models of one feature. Raises MalformedBodyError, InvalidRowsError.
        """
        items = _list(value, at)
        self._check(len(items))
        rows = [self._instance(item, (*at, index)) for index, item in enumerate(items)]

        def place(row: int, name: str | None) -> Path:
            match items[row]:
                case list() if name is not None:
                    return (*at, row, self._order[name])
                case dict() if name is not None:
                    return (*at, row, name)
            return (*at, row)

        return Table(rows, at, place)

    def records(self, value: object, *at: str) -> Table:
        """A list of objects by name. Raises MalformedBodyError."""
        items = _list(value, at)
        self._check(len(items))
        rows: list[Row] = [item for item in items if isinstance(item, dict)]
        if len(rows) < len(items):
            wrong = next(i for i, item in enumerate(items) if not isinstance(item, dict))
            raise _malformed("must be an object of values by feature", (*at, wrong))
        return Table(rows, at, partial(_by_name, at))

    def columns(self, value: object, *at: str) -> Table:
        """An object with a list of values for each feature, or one value each for a single row.

        Raises MalformedBodyError, InvalidRowsError.
        """
        if not isinstance(value, dict) or not value:
            raise _malformed("must be an object with a list of values for each feature", at)
        given = [isinstance(cells, list) for cells in value.values()]
        if not any(given):
            return Table([value], at, lambda _row, name: at if name is None else (*at, name))
        if not all(given):
            wrong = next(name for name, cells in value.items() if not isinstance(cells, list))
            raise _malformed("must be a list like the others", (*at, wrong))
        sizes = {name: len(cells) for name, cells in value.items()}
        first = next(iter(sizes.values()))
        for name, size in sizes.items():
            if size != first:
                raise _invalid(f"must have as many values as the others, {first}", (*at, name))
        self._check(first)
        rows = [
            {name: _single(cell) for name, cell in zip(value, cells, strict=True)}
            for cells in zip(*value.values(), strict=True)
        ]
        return Table(rows, at, lambda row, name: at if name is None else (*at, name, row))

    def split(self, value: object, *at: str) -> Table:
        """`columns`, `data` (a list for each row) and whatever else pandas adds.

        Raises MalformedBodyError, InvalidRowsError.
        """
        if not isinstance(value, dict):
            raise _malformed("must be an object with columns and data", at)
        names = value.get("columns", [*self._names])
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise _malformed("must be a list of names", (*at, "columns"))
        if len({*names}) < len(names):
            raise _malformed("holds a name twice", (*at, "columns"))
        lines = _list(value.get("data"), (*at, "data"))
        self._check(len(lines))
        rows = [_named(line, names, (*at, "data", index)) for index, line in enumerate(lines)]
        order = {name: index for index, name in enumerate(names)}

        def place(row: int, name: str | None) -> Path:
            # What is missing has no place in its row.
            known = () if name is None or name not in order else (order[name],)
            return (*at, "data", row, *known)

        return Table(rows, (*at, "data"), place)

    def _instance(self, item: object, at: Path) -> Row:
        match item:
            case dict():
                return item
            case list():
                return _named(item, self._names, at)
        if len(self._names) != 1:
            message = f"must be an object or a list of {len(self._names)} values ({self._takes()})"
            raise _invalid(message, at)
        return {self._names[0]: item}

    def _takes(self) -> str:
        return listed(self._names)


def listed_predictions(answers: Sequence[Answer], member: str = "predictions") -> Response:
    """Only what was predicted, as a list; and the ids, for labels."""
    body = {
        member: [answer.prediction for answer in answers],
        "prediction_ids": [answer.prediction_id for answer in answers],
    }
    return Response(msgspec.json.encode(body), media_type=_JSON)


def _by_name(at: Path, row: int, name: str | None) -> Path:
    return (*at, row) if name is None else (*at, row, name)


def _list(value: object, at: Path) -> Sequence[Any]:
    if not isinstance(value, list):
        raise _malformed("must be a list", at)
    return value


def _single(cell: object) -> object:
    """Columns may come as tensors of two dimensions, the second one of size 1."""
    return cell[0] if isinstance(cell, list) and len(cell) == 1 else cell


def _named(line: object, names: Sequence[str], at: Path) -> Mapping[str, Any]:
    if not isinstance(line, list):
        raise _malformed("must be a list of values", at)
    if len(line) != len(names):
        raise _invalid(f"has {len(line)} values, not {len(names)} ({listed(names)})", at)
    return dict(zip(names, line, strict=True))


def _malformed(message: str, at: Path) -> MalformedBodyError:
    pointer = json_pointer(*at)
    return MalformedBodyError(f"{pointer or 'The body'} {message}.", FieldError(pointer, message))


def _invalid(message: str, at: Path) -> InvalidRowsError:
    pointer = json_pointer(*at)
    return InvalidRowsError(f"{pointer or 'The body'} {message}", FieldError(pointer, message))
