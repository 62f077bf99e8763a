"""Data tests: what a sample must hold for its figures to mean what they say."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
from pyarrow import types

from services.registry.adapters.reviewing.data_bars import number_text, short
from services.registry.adapters.reviewing.data_values import (
    Texts,
    Values,
    beyond,
    unkind,
    unknown,
    values_of,
)
from services.registry.adapters.reviewing.subject import Sampled, Subject
from understudy.contracts.reviews import Check
from understudy.contracts.signature import Feature
from understudy.contracts.vocabulary import BaselineSample, FeatureKind
from understudy.inference.scored import Floats

FEWEST: Final = {BaselineSample.REFERENCE: 100, BaselineSample.EVALUATION: 30}
_LABELLED: Final = 0.9
_SHOWN_VALUES: Final = 3
_KIND_SAYS: Final = {
    FeatureKind.NUMBER: "is stored as numbers",
    FeatureKind.INTEGER: "holds whole numbers",
    FeatureKind.BOOLEAN: "holds true and false, or 0 and 1",
    FeatureKind.CATEGORY: "is stored as texts, whole numbers or truth values",
}


def checks_of(subject: Subject) -> Iterator[Check]:
    """All of them; each looks at both samples."""
    samples = [found for found in (subject.reference, subject.evaluation) if found is not None]
    for sampled in samples:
        fewest = FEWEST[sampled.sample]
        seen = f"{sampled.total:,} rows"
        says = f"the {sampled.sample} sample has at least {fewest} rows"
        yield Check(f"rows:{sampled.sample}", says, sampled.total >= fewest, seen)
    yield _columns(subject, samples)
    yield _labels(subject.held)
    if subject.reference.at is not None and subject.evaluation is not None:
        yield _time(subject.reference.at, subject.evaluation.at)
    features = subject.signature.features
    columns = [values_of(sampled, features) for sampled in samples]
    for place, feature in enumerate(features):
        held = [(sampled, of[place]) for sampled, of in zip(samples, columns, strict=True)]
        yield from _feature(feature, held)


def _feature(feature: Feature, held: list[tuple[Sampled, Values]]) -> Iterator[Check]:
    found = [_wrong_type(feature, *one) for one in held]
    yield _check(f"type:{feature.name}", _KIND_SAYS[feature.kind], held, found)
    says = _range_says(feature)
    if says is not None:
        found = [_out_of_range(feature, values) for _, values in held]
        yield _check(f"range:{feature.name}", says, held, found)
    if not feature.nullable:
        found = [_nulls(values) for _, values in held]
        yield _check(f"null:{feature.name}", "has a value in every row", held, found)


def _check(
    name: str, says: str, held: list[tuple[Sampled, Values]], found: list[str | None]
) -> Check:
    seen = [
        f"{sampled.sample}: {problem}"
        for (sampled, _), problem in zip(held, found, strict=True)
        if problem is not None
    ]
    return Check(name, says, not seen, "; ".join(seen))


def _wrong_type(feature: Feature, sampled: Sampled, values: Values) -> str | None:
    kind = sampled.table.schema.field(feature.name).type
    if isinstance(values, Texts):
        inner = kind.value_type if types.is_dictionary(kind) else kind
        return None if _reads_well(inner) else f"it is stored as {kind}"
    wrong = unkind(values, feature)
    return _some(values, wrong) if wrong.any() else None


def _reads_well(kind: Any) -> bool:
    tests = (types.is_string, types.is_large_string, types.is_integer, types.is_boolean)
    return types.is_null(kind) or str(kind) == "string_view" or any(test(kind) for test in tests)


def _range_says(feature: Feature) -> str | None:
    if not feature.numeric:
        return None if feature.open_choices else f"is one of {len(feature.choices)} choices"
    limits = []
    if feature.minimum is not None:
        limits.append(f"at least {number_text(feature.minimum)}")
    if feature.maximum is not None:
        limits.append(f"at most {number_text(feature.maximum)}")
    return "is " + (" and ".join(limits) if limits else "finite")


def _out_of_range(feature: Feature, values: Values) -> str | None:
    if isinstance(values, Texts):
        count = unknown(values, feature)
        choices = {*feature.choices}
        some = sorted(text for text in values.counts if text not in choices)[:_SHOWN_VALUES]
        named = ", ".join(repr(short(text)) for text in some)
        return f"{_rows(count)} with {named}" if count else None
    wrong = beyond(values, feature)
    return _some(values, wrong) if wrong.any() else None


def _nulls(values: Values) -> str | None:
    count = values.missing if isinstance(values, Texts) else int(np.isnan(values).sum())
    return f"{_rows(count)} without a value" if count else None


def _some(values: Floats, wrong: Any) -> str:
    some = np.unique(values[wrong])[:_SHOWN_VALUES].tolist()
    return f"{_rows(int(wrong.sum()))} with {', '.join(map(number_text, some))}"


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"


def _columns(subject: Subject, samples: list[Sampled]) -> Check:
    """They were found at registration; here, that both samples store them alike."""
    names = [*subject.signature.names, subject.signature.target.name]
    says = "samples hold the signature's columns, stored alike"
    if len(samples) == 1:
        return Check("columns", says, passed=True, seen=f"{len(names)} columns")
    one, other = (sampled.table.schema for sampled in samples)
    differ = [
        f"{name}: {one.field(name).type} and {other.field(name).type}"
        for name in names
        if _family(one.field(name).type) & _family(other.field(name).type) == set()
    ]
    seen = "; ".join(differ[:_SHOWN_VALUES]) if differ else f"{len(names)} columns"
    return Check("columns", says, not differ, seen)


def _family(kind: Any) -> set[str]:
    """Types of one family hold the same values; a column of nulls may be of any."""
    if types.is_dictionary(kind):
        return _family(kind.value_type)
    if types.is_null(kind):
        return {"number", "text", str(kind)}
    numbers = (types.is_integer, types.is_floating, types.is_decimal, types.is_boolean)
    if any(test(kind) for test in numbers):
        return {"number"}
    return {"text"} if "string" in str(kind) else {str(kind)}


def _labels(held: Sampled) -> Check:
    labelled, rows = int(np.isfinite(held.labels).sum()), held.labels.size
    says = f"at least {_LABELLED:.0%} of the rows that results are measured on have a label"
    seen = f"{labelled:,} of {rows:,} rows of the {held.sample} sample"
    return Check("labels", says, labelled >= _LABELLED * rows and labelled > 0, seen)


def _time(reference: Floats, evaluation: Floats | None) -> Check:
    says = "the evaluation does not lie wholly before the reference"
    ends = [moments(reference), moments(evaluation)]
    (since, until), (later_since, later_until) = ends
    if since is None or later_until is None:
        return Check("time", says, passed=True, seen="a sample without any time")
    seen = (
        f"reference {_day(since)} to {_day(until)}, "
        f"evaluation {_day(later_since)} to {_day(later_until)}"
    )
    return Check("time", says, passed=later_until >= since, seen=seen)


def moments(at: Floats | None) -> tuple[datetime | None, datetime | None]:
    """The first and the last; None where there are none, or none that a calendar has."""
    if at is None or not np.isfinite(at).any():
        return None, None
    return _moment(float(np.nanmin(at))), _moment(float(np.nanmax(at)))


def _moment(seconds: float) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _day(moment: datetime | None) -> str:
    return "unknown" if moment is None else f"{moment:%Y-%m-%d}"
