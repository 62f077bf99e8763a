import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.runtime.repeated_members import at_most_once, counts_as, repeated_member


@pytest.mark.parametrize(
    ("content", "pointer"),
    [
        (b'{"a": 1, "a": 1}', "/a"),
        (b'{"a": 1, "\\u0061": 2}', "/a"),
        (b'{"b": 1, "a": 1, "c": [], "a": 2, "b": 2}', "/a"),
        (b'{"rows": [{"a": 1}, {"a": 1, "a": 2}]}', "/rows/1/a"),
        (b'[{"x": {"a/b": {"~": 1, "~": 2}}}]', "/0/x/a~1b/~0"),
        (b'[{"a": {"b": 1, "b": 2}}, {"c": 1, "c": 2}]', "/0/a/b"),
        (b'{"a": {"b": 1, "b": 2}, "a": 3}', "/a"),
        (b'{"": 1, "": 2}', "/"),
        (b"[" * 500 + b'{"a": 1, "a": 2}' + b"]" * 500, "/0" * 500 + "/a"),
        (b'{"a": ' + b"1" * 5_000 + b', "a": 2}', "/a"),
        (b'{"a": NaN, "a": 1e999}', "/a"),
    ],
)
def test_the_first_member_that_stands_twice_is_named(content: bytes, pointer: str) -> None:
    found = repeated_member(content)
    assert found is not None
    assert found.pointer == pointer


@pytest.mark.parametrize(
    "content",
    [
        b'{"a": {"a": 1}, "b": [{"a": 1}, {"a": 2}]}',
        b'{"a": 1, "A": 2, "\\u0061a": 3}',
        b"[1, 2, 2]",
        b'"a"',
        b"",
        b'{"a": 1, "a": 2',
        b'{"a": "\xff", "a": 2}',
        b"[" * 100_000,
    ],
)
def test_nothing_is_said_of_others(content: bytes) -> None:
    assert repeated_member(content) is None


def test_names_as_long_as_a_body_are_cut() -> None:
    content = json.dumps({"n" * 100_000: 1})[:-1] + ", " + json.dumps({"n" * 100_000: 1})[1:]
    found = repeated_member(content.encode())
    assert found is not None
    assert found.pointer == "/" + "n" * 100


def test_wide_objects_that_repeat_are_found_soon() -> None:
    members = b",".join(b'"m%d":[{"a":%d}]' % (n, n) for n in range(50_000))
    found = repeated_member(b"{" + members + b',"m49999":1}')
    assert found is not None
    assert found.pointer == "/m49999"


def _object(members: list[tuple[str, str, str]]) -> str:
    said = [f"{json.dumps(name)}{colon}{value}" for name, colon, value in members]
    return "{" + ",".join(said) + "}"


NAMES = st.sampled_from(["a", "b", ":", '":', "\\u0061", "a b"])
VALUES: st.SearchStrategy[str] = st.recursive(
    st.sampled_from(["1", "null", '"x"', '"12:30"', '":"', r'"\":"', '"{"', '" :"']),
    lambda within: st.one_of(
        st.lists(within, max_size=3).map(lambda found: f"[{', '.join(found)}]"),
        st.lists(st.tuples(NAMES, st.sampled_from([":", " : ", ":\n"]), within), max_size=4).map(
            _object
        ),
    ),
)


@given(VALUES)
def test_a_count_never_hides_a_member_that_stands_twice(text: str) -> None:
    content = text.encode()
    if repeated_member(content) is not None:
        assert not at_most_once(content, msgspec.json.decode(content))


@pytest.mark.parametrize(
    "decoded",
    [
        {"inputs": [{"name": "x", "datatype": "FP64", "data": [1.0, 2.0]}], "id": "12:30"},
        [{"at": "2026-01-01T12:30:00", "a": 1}] * 3,
        {},
        [1, [2, {"a": {"b": []}}]],
    ],
)
def test_ordinary_bodies_need_no_closer_look(decoded: Any) -> None:
    for content in (json.dumps(decoded), json.dumps(decoded, indent=2)):
        assert at_most_once(content.encode(), decoded)


def test_members_are_counted() -> None:
    assert counts_as(b'{"a": "12:30", "b" : 1}', 2)
    assert not counts_as(b'{"a": 1, "a" :2}', 1)
