"""Whichever way a body is read, a member that stands twice is refused and named."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.serving.api.bodies import decode_json
from services.serving.api.decoding import TypedReader
from services.serving.domain.errors import MalformedBodyError
from services.serving.domain.rows import Plan
from understudy.contracts.signature import Feature, Signature, Target
from understudy.contracts.vocabulary import FeatureKind, Task

SIGNATURE = Signature(
    (
        Feature("a", FeatureKind.NUMBER),
        Feature("b:c", FeatureKind.NUMBER),
        Feature("town", FeatureKind.CATEGORY, open_choices=True),
    ),
    Target("y", Task.REGRESSION),
)
READER = TypedReader(Plan(SIGNATURE).columns)
ONE = '{"a": 1, "b:c": 2, "town": "x"}'


def read(body: str) -> object:
    return READER.read(body.encode()) or decode_json(body.encode())


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ('{"a": 1, "a": 2, "b:c": 2, "town": "x"}', "/a"),
        ('{"a": 1, "b:c": 2, "town": "x", "b:c": 2}', "/b:c"),
        # As many colons as a body without: one of the name is written otherwise.
        ('{"a": 1, "b\\u003ac": 2, "town": "x", "a": 2}', "/a"),
        ('{"a": 1, "b\\u003ac": 2, "b\\u003ac": 2, "town": "x"}', "/b:c"),
        (f"[{ONE}, {ONE[:-1]}, " + '"town": "y"}]', "/1/town"),
        (f'{{"rows": [{ONE}], "rows": [{ONE}]}}', "/rows"),
        (f'{{"rows": [{ONE[:-1]}, "a": 3}}]}}', "/rows/0/a"),
        (f'{{"rows": [{ONE}], "protected": [{{"sex": 1, "sex": 2}}]}}', "/protected/0/sex"),
        (f'{{"rows": [{ONE}], "protected": null, "protected": [{{}}]}}', "/protected"),
        # Of what is refused for something else too, this is said first: it can't be read at all.
        ('{"a": "no", "a": 2}', "/a"),
    ],
)
def test_it_is_named(body: str, pointer: str) -> None:
    with pytest.raises(MalformedBodyError) as caught:
        read(body)
    assert [error.pointer for error in caught.value.errors] == [pointer]
    assert caught.value.detail.startswith(pointer)


@pytest.mark.parametrize(
    "body",
    [
        ONE,
        f"[{ONE}, {ONE}]",
        f'{{"rows": [{ONE}, {ONE}]}}',
        f'{{"rows": [{ONE}], "protected": [{{"sex": "f", "age": 1}}]}}',
        f'{{"rows": [{ONE}], "protected": null}}',
        '{"a": 1, "b:c": 2, "town": "12:30, \\": {"}',
        "[]",
        '{"rows": []}',
    ],
)
def test_nothing_is_said_of_others(body: str) -> None:
    assert READER.read(body.encode()) is not None


NAMES = st.sampled_from(['"a"', '"b:c"', '"b\\u003ac"', '"town"', '"\\u0074own"'])
TEXTS = st.sampled_from(['"x"', '":"', '"::"', '"\\u003a"'])
NUMBERS = st.sampled_from(["1", "-2.5", "1e3"])


@st.composite
def rows(draw: st.DrawFn) -> str:
    """Members in any order, some of them twice; every value fits its name."""
    names = draw(st.permutations(['"a"', '"b:c"', '"town"']))
    names = [*names, *draw(st.lists(NAMES, max_size=2))]
    values = [draw(TEXTS if json.loads(name) == "town" else NUMBERS) for name in names]
    return "{" + ", ".join(f"{n}: {v}" for n, v in zip(names, values, strict=True)) + "}"


def repeats(body: str) -> bool:
    found: list[bool] = []

    def note(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found.append(len({name for name, _ in pairs}) != len(pairs))
        return dict(pairs)

    json.loads(body, object_pairs_hook=note)
    return any(found)


BODIES = st.one_of(
    rows(),
    st.lists(rows(), max_size=3).map(lambda found: f"[{', '.join(found)}]"),
    st.lists(rows(), max_size=3).map(lambda found: f'{{"rows": [{", ".join(found)}]}}'),
)


@given(body=BODIES)
def test_exactly_those_are_refused(body: str) -> None:
    try:
        found = READER.read(body.encode())
    except MalformedBodyError:
        assert repeats(body)
    else:
        assert found is not None
        assert not repeats(body)
