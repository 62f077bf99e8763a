"""The DuckDB examples of docs/archive.md answer."""

import asyncio
import re
from pathlib import Path

import duckdb
import pytest

from services.monitor.adapters.archive.files import ParquetArchive
from services.monitor.domain.parts import EntryId, PartId, Stream
from services.monitor.ports import Piece
from tests.fakes.monitor_entries import NAME, label_batch, pair_batch, prediction_batch, sample
from understudy.contracts import events

DOCS = Path(__file__).parents[3] / "docs" / "archive.md"
QUESTIONS = re.findall(r"```sql\n(.*?)```", DOCS.read_text(), re.DOTALL)
BASE = 1_700_000_000_000


def piece(stream: Stream, entry: events.Entry, *, day: int, rows: int) -> Piece:
    name = EntryId(BASE + day * 86_400_000, 0)
    return Piece(PartId(NAME, stream, name, name, rows), [(name, events.encode(entry))], 0)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archive")
    people = [
        events.ProtectedEvent(
            prediction_id=f"p{row}", attributes={"sex": "fm"[row % 2]}, received_at=1.0
        )
        for row in range(10)
    ]
    pieces = [
        piece(Stream.PREDICTIONS, prediction_batch(sample(10)), day=day, rows=10)
        for day in range(2)
    ]
    pieces += [
        piece(Stream.PAIRS, pair_batch([0.9] * 4, [0.1] * 4), day=0, rows=4),
        piece(Stream.LABELS, label_batch(3), day=1, rows=3),
        piece(
            Stream.PROTECTED, events.ProtectedBatch(deployment=NAME, items=people), day=0, rows=10
        ),
    ]

    async def write() -> None:
        store = ParquetArchive(folder.as_uri(), deadline_seconds=30.0)
        for each in pieces:
            await store.write(each)

    asyncio.run(write())
    return folder


@pytest.mark.parametrize("question", QUESTIONS, ids=range(len(QUESTIONS)))
def test_a_question_of_the_manual_is_answered(archive: Path, question: str) -> None:
    asked = question.replace("ARCHIVE", str(archive))
    with duckdb.connect() as connection:
        assert connection.execute(asked).fetchall()


def test_the_answers_are_right(archive: Path) -> None:
    assert len(QUESTIONS) == 4
    with duckdb.connect() as connection:
        found = [
            connection.execute(question.replace("ARCHIVE", str(archive))).fetchall()
            for question in QUESTIONS
        ]
    assert [row[:3] for row in found[0]] == [(1, "no", 20)]
    ((_, main, challenger, labelled, right, wrong),) = found[1]
    assert (main, challenger, labelled, right, wrong) == (1, 2, 3, 1.0, 0.0)
    assert found[2][0][1] == 20
    assert [row[:2] for row in found[3]] == [("f", 10), ("m", 10)]
