"""Files of predictions that were made elsewhere → what serving is told, row by row.

JSON lines hold bodies of `POST …/predictions` as they are. Tables (CSV, Parquet) have a column for
each feature, and what was answered in columns beside them; see `docs/elsewhere.md`.
"""

import csv
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from understudy.cli.output import wrong_members
from understudy.contracts.elsewhere import ToldChallenger, ToldMain, ToldPrediction
from understudy.contracts.signature import Feature, Signature
from understudy.contracts.vocabulary import FeatureKind, Label, Role, Task, class_name

Values = Mapping[str, Any]

_TIMES: Final = ("prediction_id", "at")
_PROBABILITY: Final = "probability."
_MAIN: Final = "main."
_ROW: Final = "row."
_BOOLEANS: Final = {"true": True, "1": True, "1.0": True, "false": False, "0": False, "0.0": False}


class UnfitFileError(ValueError):
    """The file as a whole can't be read as predictions; says what is missing."""


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a file."""

    number: int
    """As an editor counts lines; of a Parquet file, its rows from 1."""
    told: ToldPrediction | None
    problem: str | None = None
    """Why it can't be told."""


@dataclass(frozen=True, slots=True)
class Teller:
    """Whose answers a table holds."""

    role: Role
    version: int | None


def count_rows(path: Path) -> int:
    """About how many rows a file has."""
    if path.suffix == ".parquet":
        return int(_parquet(path).metadata.num_rows)
    with path.open("rb") as file:
        return sum(1 for _ in file)


def lines_of(path: Path, signature: Signature, teller: Teller) -> Iterator[Line]:
    """Every row of the file. Raises UnfitFileError, OSError."""
    match path.suffix:
        case ".jsonl":
            yield from _json_lines(path)
        case ".csv":
            with path.open(newline="", encoding="utf-8-sig") as file:
                reader = csv.DictReader(file)
                table = _Table(signature, teller, reader.fieldnames or ())
                for values in reader:
                    yield table.line(reader.line_num, values)
        case ".parquet":
            file = _parquet(path)
            table = _Table(signature, teller, file.schema_arrow.names)
            number = 0
            for batch in file.iter_batches(batch_size=1_000):
                for values in batch.to_pylist():
                    number += 1
                    yield table.line(number, values)
        case _:
            raise UnfitFileError("its name must end in .csv, .jsonl or .parquet")


def _json_lines(path: Path) -> Iterator[Line]:
    with path.open("rb") as file:
        for number, text in enumerate(file, 1):
            if not text.strip():
                continue
            try:
                yield Line(number, ToldPrediction.model_validate(json.loads(text)))
            except ValidationError as invalid:
                yield Line(number, None, wrong_members(invalid))
            except (ValueError, RecursionError):
                yield Line(number, None, "is no JSON")


class _Table:
    """Reads rows of one table by its columns."""

    def __init__(self, signature: Signature, teller: Teller, columns: Any) -> None:
        there = set(columns)
        self._target = signature.target
        self._teller = teller
        self._classes = {class_name(label): label for label in signature.target.classes}
        self._features = [(feature, _column(feature, there)) for feature in signature.features]
        self._has_rows = teller.role is Role.MAIN or all(
            name in there for _, name in self._features
        )
        needed = [name for _, name in self._features if name not in there] if self._has_rows else []
        needed += ["prediction"] * ("prediction" not in there)
        if teller.role is Role.CHALLENGER and f"{_MAIN}prediction" not in there:
            needed.append(f"{_MAIN}prediction")
        if needed:
            raise UnfitFileError(f"it has no columns {', '.join(needed[:20])}")
        if teller.role is Role.CHALLENGER and teller.version is None and "version" not in there:
            raise UnfitFileError("give --version: no column version says whose answers these are")

    def line(self, number: int, values: Values) -> Line:
        try:
            return Line(number, self._told(values))
        except ValidationError as invalid:
            return Line(number, None, wrong_members(invalid))
        except ValueError as wrong:
            return Line(number, None, str(wrong))

    def _told(self, values: Values) -> ToldPrediction:
        row = {f.name: _value(f, values.get(name)) for f, name in self._features}
        own = self._answer(values, "")
        own["version"] = _whole("version", values.get("version")) or self._teller.version
        told = {name: given for name in _TIMES if (given := _given(values.get(name))) is not None}
        if self._teller.role is Role.MAIN:
            return ToldPrediction(row=row, main=ToldMain(**own), **told)
        main = self._answer(values, _MAIN)
        main["version"] = _whole(f"{_MAIN}version", values.get(f"{_MAIN}version"))
        return ToldPrediction(
            row=row if self._has_rows else None,
            main=ToldMain(**main),
            challengers=(ToldChallenger(**own),),
            **told,
        )

    def _answer(self, values: Values, prefix: str) -> dict[str, Any]:
        shares = {
            name: share
            for name in self._classes
            if (column := f"{prefix}{_PROBABILITY}{name}") in values
            and (share := _number(column, values[column])) is not None
        }
        return {
            "prediction": self._prediction(values.get(f"{prefix}prediction")),
            "probabilities": shares or None,
            "seconds": _number(f"{prefix}seconds", values.get(f"{prefix}seconds")),
        }

    def _prediction(self, told: object) -> Label | None:
        given = _given(told)
        if given is None:
            return None
        if self._target.task is Task.REGRESSION:
            return _number("prediction", given)
        name = class_name(given) if isinstance(given, bool | int | float | str) else ""
        found = name if name in self._classes else name.removesuffix(".0")
        # What is no class is serving's to refuse.
        return self._classes.get(found, name)


def _column(feature: Feature, there: set[str]) -> str:
    """Where a feature's values are: `row.NAME` where its name means something else."""
    plain = feature.name
    return f"{_ROW}{plain}" if f"{_ROW}{plain}" in there else plain


def _value(feature: Feature, told: object) -> Label | None:
    given = _given(told)
    if given is None:
        return None
    match feature.kind:
        case FeatureKind.CATEGORY:
            return str(given)
        case FeatureKind.BOOLEAN:
            if str(given).lower() not in _BOOLEANS:
                raise ValueError(f"{feature.name}: must be true or false")
            return _BOOLEANS[str(given).lower()]
        case FeatureKind.INTEGER:
            return _whole(feature.name, given)
        case FeatureKind.NUMBER:
            return _number(feature.name, given)


def _number(name: str, told: object) -> float | None:
    given = _given(told)
    if given is None:
        return None
    try:
        found = float(given)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{name}: must be a number") from None
    if not math.isfinite(found):
        raise ValueError(f"{name}: must be finite")
    return found


def _whole(name: str, told: object) -> int | None:
    found = _number(name, told)
    if found is None:
        return None
    if not found.is_integer():
        raise ValueError(f"{name}: must be a whole number")
    return int(found)


def _given(told: Any) -> Any:
    """None for what tables have where nothing is: empty cells, and NaN."""
    if told is None or told == "" or (isinstance(told, float) and math.isnan(told)):
        return None
    return told


def _parquet(path: Path) -> Any:
    try:
        from pyarrow.parquet import ParquetFile  # noqa: PLC0415 - no part of the command line
    except ImportError as missing:
        raise UnfitFileError("Parquet files need pyarrow: pip install pyarrow") from missing
    try:
        return ParquetFile(path)
    except (OSError, ValueError) as unfit:  # pyarrow's errors are these
        raise UnfitFileError("it is no Parquet file, or a damaged one") from unfit
