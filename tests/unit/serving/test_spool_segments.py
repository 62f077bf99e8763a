"""Records tell whether they are whole; what is not is passed by, and takes nothing else along."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.serving.adapters.flushes import Flush, StreamEntry
from services.serving.adapters.spool_segments import (
    HEADER_BYTES,
    MARK,
    SegmentWriter,
    count_rows,
    framed,
    read_chunk,
)

LARGE = 1_000_000


def flush(number: int, size: int = 10, rows: int = 2) -> Flush:
    entry = StreamEntry("understudy:{flowers}:predictions", b"1", bytes([number]) * size)
    return Flush("flowers", "w", number, rows, [entry])


def numbers(path: Path, start: int = 0, most_bytes: int = LARGE) -> list[int]:
    chunk = read_chunk(path, start, path.stat().st_size, most_bytes)
    return [found.number for found in chunk.flushes]


@pytest.fixture
def segment(tmp_path: Path) -> Path:
    path = tmp_path / "segment"
    path.write_bytes(b"".join(framed(flush(number)) for number in range(1, 6)))
    return path


def test_what_is_written_is_read(segment: Path) -> None:
    chunk = read_chunk(segment, 0, segment.stat().st_size, LARGE)
    assert chunk.flushes == [flush(number) for number in range(1, 6)]
    assert (chunk.end, chunk.corrupt, chunk.torn) == (segment.stat().st_size, 0, False)
    assert count_rows(segment, 0, chunk.end) == 10


def test_a_segment_is_read_in_pieces_of_one_record_at_least(segment: Path) -> None:
    size, at, found = segment.stat().st_size, 0, []
    while at < size:
        chunk = read_chunk(segment, at, size, 1)
        found += [each.number for each in chunk.flushes]
        at = chunk.end
    assert found == [1, 2, 3, 4, 5]


def test_nothing_is_read_beyond_what_is_known_to_be_whole(segment: Path) -> None:
    whole = 2 * len(framed(flush(1)))
    assert [f.number for f in read_chunk(segment, 0, whole, LARGE).flushes] == [1, 2]


@pytest.mark.parametrize("kept", range(1, len(framed(flush(5))), 7))
def test_a_torn_tail_is_told_and_costs_nothing_else(segment: Path, kept: int) -> None:
    data = segment.read_bytes()
    segment.write_bytes(data[: len(data) - len(framed(flush(5))) + kept])
    size = segment.stat().st_size
    chunk = read_chunk(segment, 0, size, LARGE)
    if not chunk.torn:  # the piece that is torn is read by itself
        chunk = read_chunk(segment, chunk.end, size, LARGE)
    assert chunk.torn
    assert chunk.end == size
    assert numbers(segment)[:4] == [1, 2, 3, 4]


def test_a_record_with_a_spoilt_payload_is_passed_by(segment: Path) -> None:
    data = bytearray(segment.read_bytes())
    data[2 * len(framed(flush(1))) + HEADER_BYTES + 5] ^= 0xFF
    segment.write_bytes(data)
    chunk = read_chunk(segment, 0, len(data), LARGE)
    assert [found.number for found in chunk.flushes] == [1, 2, 4, 5]
    assert chunk.corrupt == 1


def test_behind_a_spoilt_header_reading_goes_on_at_the_next_record(segment: Path) -> None:
    data = bytearray(segment.read_bytes())
    data[2 * len(framed(flush(1))) + 6] ^= 0xFF
    segment.write_bytes(data)
    first = read_chunk(segment, 0, len(data), LARGE)
    second = read_chunk(segment, first.end, len(data), LARGE)
    assert [found.number for found in (*first.flushes, *second.flushes)] == [1, 2, 4, 5]
    assert first.corrupt + second.corrupt == 1


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_whatever_is_spoilt_reading_ends_and_invents_nothing(data: st.DataObject) -> None:
    whole = b"".join(framed(flush(number)) for number in range(1, 6))
    spoilt = bytearray(whole)
    at = data.draw(st.integers(0, len(whole) - 1))
    junk = data.draw(st.binary(min_size=1, max_size=40) | st.just(MARK))
    spoilt[at : at + len(junk)] = junk
    path = Path(f"/dev/shm/understudy-spoilt-{id(spoilt)}")  # noqa: S108 - gone again below
    path.write_bytes(spoilt)
    try:
        found: list[Flush] = []
        place = 0
        while place < len(spoilt):
            chunk = read_chunk(path, place, len(spoilt), 64)
            assert chunk.end > place
            found += chunk.flushes
            place = chunk.end
    finally:
        path.unlink()
    assert [each for each in found if each not in [flush(n) for n in range(1, 6)]] == []
    assert len(found) >= 5 - (len(junk) // HEADER_BYTES + 3)


@pytest.mark.parametrize("kept", [0, 10, 30, 100])
def test_a_file_that_was_cut_behind_our_back_ends_there(segment: Path, kept: int) -> None:
    size = segment.stat().st_size
    segment.write_bytes(segment.read_bytes()[:kept])
    place, torn = 0, False
    while place < size:
        chunk = read_chunk(segment, place, size, 50)
        place, torn = chunk.end, torn or chunk.torn
    assert torn


def test_a_writer_begins_a_segment_when_one_is_full(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path, segment_bytes=50)
    places = [writer.write([flush(number), flush(number + 10)]) for number in (1, 2)]
    writer.close()
    assert [path.name for path, _ in places] == ["00000001.spool", "00000002.spool"]
    assert [numbers(path) for path, _ in places] == [[1, 11], [2, 12]]
    assert [path.stat().st_size for path, _ in places] == [size for _, size in places]
