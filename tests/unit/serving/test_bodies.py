import gzip
import json
import threading

import pytest
from starlette.datastructures import Headers
from starlette.types import Message

from services.serving.api import bodies
from services.serving.api.bodies import (
    ClientGoneError,
    aside,
    decode_json,
    read_body,
    rows_of,
)
from services.serving.api.oip_bodies import parts_of
from services.serving.domain.errors import BodyTooLargeError, MalformedBodyError
from services.serving.domain.rows import Shape

pytestmark = pytest.mark.anyio


class Chunks:
    def __init__(self, *chunks: bytes, then: str = "http.request") -> None:
        last = {"type": then, "body": b"", "more_body": False}
        self._left: list[Message] = [
            *({"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks),
            last,
        ]
        self.read = 0

    async def __call__(self) -> Message:
        self.read += 1
        return self._left.pop(0)


async def test_chunks_are_one_body() -> None:
    assert await read_body({"headers": []}, Chunks(b"ab", b"c"), 3) == b"abc"


@pytest.mark.parametrize("declared", [[], [(b"content-length", b"1")]])
async def test_a_body_is_refused_as_soon_as_it_is_too_long(
    declared: list[tuple[bytes, bytes]],
) -> None:
    chunks = Chunks(*[b"0123456789"] * 100)
    with pytest.raises(BodyTooLargeError):
        await read_body({"headers": declared}, chunks, 15)
    assert chunks.read == 2


async def test_a_declared_length_is_refused_unread() -> None:
    chunks = Chunks(b"0123456789")
    with pytest.raises(BodyTooLargeError):
        await read_body({"headers": [(b"content-length", b"16")]}, chunks, 15)
    assert chunks.read == 0


async def test_a_client_that_goes_is_noticed() -> None:
    with pytest.raises(ClientGoneError):
        await read_body({"headers": []}, Chunks(b"ab", then="http.disconnect"), 15)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b'{"a": 1,}', "byte 8"),
        (b'{"a": NaN}', "send null"),
        (b'{"a": -Infinity}', "send null"),
        (b'{"a": "\xff"}', "not JSON"),
        (b'{"a": 1} x', "byte 10"),
        (b"[" * 100_000, "nested"),
    ],
)
def test_what_is_no_json_is_explained(body: bytes, words: str) -> None:
    with pytest.raises(MalformedBodyError, match=words):
        decode_json(body)


def test_shapes_of_rows() -> None:
    row = {"a": 1}
    assert rows_of(row) == ([row], Shape.ONE)
    assert rows_of([row]) == ([row], Shape.LIST)
    assert rows_of({"rows": [row]}) == ([row], Shape.ROWS)
    assert rows_of({"rows": 5, "a": 1}) == ([{"rows": 5, "a": 1}], Shape.ONE)


@pytest.mark.parametrize("decoded", [5, "a", None, [1], {"rows": [{}, 2]}])
def test_what_holds_no_rows_is_refused(decoded: object) -> None:
    with pytest.raises(MalformedBodyError):
        rows_of(decoded)


def test_ordinary_bodies_are_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[bytes] = []
    monkeypatch.setattr(bodies, "require_single_members", looked.append)
    decode_json(b'{"rows": [{"at": "12:30", "a": 1}, {"at": "12:31", "a": 2}]}')
    decode_json(b'{"inputs": [{"name": "x", "data": [1, 2]}]}')
    assert not looked
    decode_json(b'{"a": 1, "a": 2}')
    assert len(looked) == 1


async def test_long_bodies_are_decoded_aside() -> None:
    threads = [await aside(length, threading.current_thread) for length in (65_536, 65_537)]
    assert [thread is threading.current_thread() for thread in threads] == [True, False]


def test_what_unpacks_to_many_times_its_length_is_refused() -> None:
    headers = Headers({"content-encoding": "gzip"})
    numbers = json.dumps({"inputs": [i * 1.0009 for i in range(20_000)]}).encode()
    assert len(numbers) > 65_536
    parts = parts_of(headers, gzip.compress(numbers), 1 << 20)
    assert len(parts.said) == 1
    small = b'{"a": "' + b" " * 50_000 + b'"}'
    assert parts_of(headers, gzip.compress(small), 1 << 20).said
    bomb = gzip.compress(b'{"a": "' + b" " * 1_000_000 + b'"}')
    with pytest.raises(BodyTooLargeError, match="times its"):
        parts_of(headers, bomb, 1 << 20)
