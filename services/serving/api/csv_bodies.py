"""CSV → rows (RFC 4180): the first line holds names, an empty cell is null.

CSV knows no types, so cells are read as the signature has them. A cell that can't be read so stays
a text, and is refused, or bent by the policy, like a text in any other body.
"""

import csv
import io
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

from services.serving.api.bodies import Row
from services.serving.domain.errors import MalformedBodyError
from services.serving.domain.wording import listed, shown
from understudy.contracts.signature import Feature, Signature
from understudy.contracts.vocabulary import FeatureKind

_NUMBER: Final = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_LONGEST_NUMBER: Final = 400
"""Characters; a float64 written out in full has fewer."""
_BOOLEANS: Final[Mapping[str, bool]] = {"true": True, "1": True, "false": False, "0": False}

Cells = Sequence[str]


def csv_rows(
    body: bytes,
    signature: Signature,
    *,
    header: bool = True,
    check: Callable[[int], object] | None = None,
) -> Sequence[Row]:
    """The rows of a body. Raises MalformedBodyError, which names the line and the column.

    `check` is told how many rows there are before they are made; it raises where they are too many.
    Without `header`, a first line that does not hold exactly the names of the features is data in
    the signature's order, as are all that follow.
    """
    text = _text(body)
    first = next(_lines(text), None)
    if first is None:
        raise MalformedBodyError(f"The body is empty. {_takes(signature)}")
    names = _names(first[1])
    named = header or {*names} == {*signature.names}
    names = _checked(names, signature) if named else signature.names
    if check is not None:
        # Counted without being kept: short lines are a hundred times as large in memory.
        check(sum(1 for _ in _lines(text)) - named)
    readers = {feature.name: _READERS[feature.kind](feature) for feature in signature.features}
    lines = islice(_lines(text), int(named), None)
    return [_row(number, cells, names, readers) for number, cells in lines]


def _text(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise MalformedBodyError(f"The body is not UTF-8: {error}.") from error


def _lines(text: str) -> Iterator[tuple[int, Cells]]:
    """The lines that are not blank, with their numbers."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        yield from ((reader.line_num, cells) for cells in reader if cells)
    except csv.Error as error:
        raise MalformedBodyError(f"Line {reader.line_num} is no CSV: {error}.") from error


def _names(cells: Cells) -> Cells:
    return [cell.strip() for cell in cells]


def _checked(names: Cells, signature: Signature) -> Cells:
    if "" in names:
        raise MalformedBodyError(
            f"Column {names.index('') + 1} has no name in the first line. "
            "If it is an index, leave it out."
        )
    twice, times = Counter(names).most_common(1)[0]
    if times > 1:
        raise MalformedBodyError(f"Column {shown(twice)} stands twice in the first line.")
    if not {*names} & {*signature.names}:
        raise MalformedBodyError(f"The first line names no feature. {_takes(signature)}")
    return names


def _takes(signature: Signature) -> str:
    return f"Send a line with names of features ({listed(signature.names)}), then a line per row."


def _row(
    line: int, cells: Cells, names: Cells, readers: Mapping[str, Callable[[str], object]]
) -> Row:
    if len(cells) < len(names):
        missing = shown(names[len(cells)])
        raise MalformedBodyError(
            f"Line {line} has {len(cells)} cells, not {len(names)}: column {missing} is missing."
        )
    if len(cells) > len(names):
        raise MalformedBodyError(
            f"Line {line} has {len(cells)} cells, not {len(names)}: "
            f"there is no column {len(names) + 1}."
        )
    row: dict[str, Any] = {}
    for name, cell in zip(names, cells, strict=True):
        read = readers.get(name)
        row[name] = cell if read is None else read(cell)
    return row


def _number(_feature: Feature) -> Callable[[str], object]:
    def read(cell: str) -> object:
        text = cell.strip()
        if not text:
            return None
        if len(text) > _LONGEST_NUMBER or not _NUMBER.fullmatch(text):
            return cell
        number = float(text)
        return number if math.isfinite(number) else cell

    return read


def _boolean(_feature: Feature) -> Callable[[str], object]:
    def read(cell: str) -> object:
        text = cell.strip().lower()
        return _BOOLEANS.get(text, cell) if text else None

    return read


def _category(feature: Feature) -> Callable[[str], object]:
    # An empty text may be a choice like any other.
    nothing = "" if "" in feature.choices else None
    return lambda cell: cell or nothing


_READERS: Final[Mapping[FeatureKind, Callable[[Feature], Callable[[str], object]]]] = {
    FeatureKind.NUMBER: _number,
    FeatureKind.INTEGER: _number,
    FeatureKind.BOOLEAN: _boolean,
    FeatureKind.CATEGORY: _category,
}
