import ctypes
import itertools
import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

BUCKETS = 58 << 7
DONE, BROKEN = 6, 7
FIXED = settings(
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


class Histogram(ctypes.Structure):
    _fields_ = (
        ("counts", ctypes.c_uint64 * BUCKETS),
        ("total", ctypes.c_uint64),
        ("largest", ctypes.c_uint64),
    )


class Answer(ctypes.Structure):
    _fields_ = (
        ("part", ctypes.c_int),
        ("line", ctypes.c_char * 16385),
        ("line_length", ctypes.c_size_t),
        ("left", ctypes.c_size_t),
        ("body_length", ctypes.c_size_t),
        ("status", ctypes.c_int),
        ("closes", ctypes.c_bool),
    )


@FIXED
@given(
    values=st.lists(st.integers(0, 2**63), min_size=1, max_size=50),
    share=st.sampled_from([0.5, 0.9, 0.99, 1.0]),
)
def test_a_quantile_is_at_most_a_bucket_above(
    parts: ctypes.CDLL, values: list[int], share: float
) -> None:
    histogram = Histogram()
    for value in values:
        parts.histogram_add(ctypes.byref(histogram), ctypes.c_uint64(value))
    found = parts.histogram_quantile(ctypes.byref(histogram), ctypes.c_double(share))
    exact = sorted(values)[math.ceil(share * len(values)) - 1]
    assert exact <= found <= exact * (1 + 2**-7)


def test_an_empty_histogram_has_quantile_zero(parts: ctypes.CDLL) -> None:
    assert parts.histogram_quantile(ctypes.byref(Histogram()), ctypes.c_double(0.5)) == 0


SIZED = b"HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = (
    b"HTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    b"3\r\nhel\r\nA;x=y\r\n0123456789\r\n0\r\nTrailer: z\r\n\r\n"
)
EMPTY = b"HTTP/1.1 204 None\r\ncontent-length: 0\r\n\r\n"


def read(parts: ctypes.CDLL, pieces: list[bytes]) -> tuple[Answer, int]:
    answer, taken = Answer(), 0
    parts.answer_begin(ctypes.byref(answer))
    for piece in pieces:
        taken += parts.answer_read(ctypes.byref(answer), piece, ctypes.c_size_t(len(piece)))
    return answer, taken


@FIXED
@given(
    whole=st.sampled_from([SIZED, CHUNKED, EMPTY]),
    cuts=st.lists(st.integers(0, len(CHUNKED)), max_size=6),
)
def test_an_answer_reads_the_same_however_it_is_cut(
    parts: ctypes.CDLL, whole: bytes, cuts: list[int]
) -> None:
    edges = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]
    pieces = [whole[a:b] for a, b in itertools.pairwise(edges)]
    answer, taken = read(parts, pieces)
    expected = {SIZED: (200, 5, False), CHUNKED: (503, 13, True), EMPTY: (204, 0, False)}
    assert (answer.part, taken) == (DONE, len(whole))
    assert (answer.status, answer.body_length, answer.closes) == expected[whole]


def test_what_follows_an_answer_is_left(parts: ctypes.CDLL) -> None:
    answer, taken = read(parts, [SIZED + SIZED])
    assert (answer.part, taken) == (DONE, len(SIZED))


@pytest.mark.parametrize(
    "bytes_",
    [b"SSH-2.0\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nx: " + b"y" * 20_000],
    ids=["no HTTP", "no length", "endless head"],
)
def test_what_is_no_answer_is_broken(parts: ctypes.CDLL, bytes_: bytes) -> None:
    assert read(parts, [bytes_])[0].part == BROKEN
