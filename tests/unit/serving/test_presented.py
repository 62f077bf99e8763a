"""What a request presents, on the way that is quick."""

import pytest

from services.serving.api.presented import Presented
from understudy.runtime.keys import UnauthenticatedError

Headers = list[tuple[bytes, bytes]]


@pytest.mark.parametrize(
    ("headers", "key"),
    [
        ([], None),
        ([(b"x-api-key", b"K")], "K"),
        ([(b"authorization", b"Bearer K")], "K"),
        ([(b"authorization", b"Basic K")], None),
        ([(b"authorization", b"Bearer K"), (b"x-api-key", b"K")], "K"),
        ([(b"authorization", b"Basic L"), (b"x-api-key", b"K")], "K"),
    ],
)
def test_a_key_is_in_either_header(headers: Headers, key: str | None) -> None:
    assert Presented.of(headers, b"").key == key


def test_two_keys_are_none() -> None:
    headers = [(b"authorization", b"Bearer L"), (b"x-api-key", b"K")]
    with pytest.raises(UnauthenticatedError, match="different keys"):
        _ = Presented.of(headers, b"").key


def test_whoever_shows_another_key_beside_is_not_taken_for_the_same() -> None:
    shown = Presented.of([(b"x-api-key", b"K")], b"")
    beside = Presented.of([(b"x-api-key", b"K"), (b"authorization", b"Bearer L")], b"")
    assert shown.credentials != beside.credentials


@pytest.mark.parametrize("name", [b"x-api-key", b"authorization"])
def test_a_header_that_stands_twice_and_differs_is_no_key(name: bytes) -> None:
    first, second = (name, b"Bearer K"), (name, b"Bearer L")
    with pytest.raises(UnauthenticatedError, match="stands twice"):
        _ = Presented.of([first, second], b"").key
    with pytest.raises(UnauthenticatedError, match="stands twice"):
        _ = Presented.of([first, second, (b"x-api-key", b"M"), (b"authorization", b"N")], b"").key
    assert Presented.of([first, first, (b"cookie", b"a"), (b"cookie", b"b")], b"").key is not None
