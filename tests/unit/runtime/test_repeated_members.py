import json

import pytest

from understudy.runtime.repeated_members import repeated_member


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
