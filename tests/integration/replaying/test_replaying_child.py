"""A real child loads a real model and answers real parts, within its limits."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import skops.io
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from services.monitor.adapters.archive.files import ParquetArchive
from services.monitor.domain.parts import EntryId, PartId, Stream
from services.monitor.ports import Piece
from understudy.contracts import events
from understudy.contracts.signature import Feature, Signature, Target
from understudy.contracts.vocabulary import FeatureKind, Task
from understudy.replaying.errors import ReplayFailedError
from understudy.replaying.frames import Answer, Answered, Audit, Audited, Begin, Part
from understudy.replaying.process import ScoringChild

ROWS = 500
GIB = 1 << 30
AT = 1_700_000_000.0
SIGNATURE = Signature(
    (Feature("age", FeatureKind.NUMBER), Feature("income", FeatureKind.NUMBER, nullable=True)),
    Target("good", Task.CLASSIFICATION, classes=("no", "yes")),
)
CLASSES = np.array(["no", "yes"])


@pytest.fixture(scope="module")
def rows() -> NDArray[np.float64]:
    return np.random.default_rng(2).normal(size=(ROWS, 2))


@pytest.fixture(scope="module")
def model(rows: NDArray[np.float64]) -> LogisticRegression:
    return LogisticRegression().fit(rows, CLASSES[(rows.sum(axis=1) > 0).astype(int)])


@pytest.fixture(scope="module")
def artifact(model: LogisticRegression, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "model.skops"
    skops.io.dump(model, path)
    return path


@pytest.fixture(scope="module")
def stored(
    rows: NDArray[np.float64], model: LogisticRegression, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A part as the monitor writes it: 400 rows of version 1, 50 of 2, 50 told from elsewhere."""
    chances = model.predict_proba(rows)
    entries = [
        batch(rows[:400], chances[:400], main=1, first=0),
        batch(rows[400:450], chances[400:450], main=2, first=400),
        batch(rows[450:], chances[450:], main=1, first=450, elsewhere=True),
    ]
    named = [(EntryId(int(AT * 1_000) + n, 0), events.encode(e)) for n, e in enumerate(entries)]
    part = PartId("loans", Stream.PREDICTIONS, named[0][0], named[-1][0], ROWS)
    folder = tmp_path_factory.mktemp("archive")
    asyncio.run(ParquetArchive(folder.as_uri(), deadline_seconds=30).write(Piece(part, named, 0)))
    (found,) = folder.rglob("*.parquet")
    return found


def batch(
    rows: NDArray[np.float64],
    chances: NDArray[np.float64],
    *,
    main: int,
    first: int,
    elsewhere: bool = False,
) -> events.PredictionBatch:
    return events.PredictionBatch(
        deployment="loans",
        release=1,
        main=main,
        challengers=(),
        ids=[f"p{first + row}" for row in range(len(rows))],
        at=events.pack(np.linspace(AT + first, AT + first + len(rows) - 1, len(rows))),
        seconds=events.pack(np.zeros(len(rows))),
        columns=[
            events.NumberColumn(name="age", data=events.pack(rows[:, 0])),
            events.NumberColumn(name="income", data=events.pack(rows[:, 1])),
        ],
        scores=events.Scores(
            values=events.pack((chances[:, 1] > 0.5).astype(float)),
            probabilities=events.pack(chances.ravel()),
            classes=SIGNATURE.target.classes,
        ),
        elsewhere=elsewhere,
    )


def part(stored: Path, *, main: int = 1, until: float = AT + 1e6, share: float = 1.0) -> Part:
    return Part(path=str(stored), main=main, since=0.0, until=until, share=share)


@pytest.fixture
def child(artifact: Path) -> Iterator[ScoringChild]:
    with ScoringChild(memory_bytes=8 * GIB, deadline_seconds=60.0) as found:
        found.ask(Begin(artifact=str(artifact), signature=SIGNATURE))
        yield found


def test_stored_answers_are_reproduced(child: ScoringChild, stored: Path) -> None:
    found = child.ask(Audit(part(stored)))
    assert isinstance(found, Audited)
    assert (found.rows, found.elsewhere, found.by_original) == (400, 50, 400)
    assert found.mismatches == 0


def test_another_model_does_not_reproduce_them(
    stored: Path, rows: NDArray[np.float64], tmp_path: Path
) -> None:
    other = HistGradientBoostingClassifier(max_iter=5)
    other.fit(rows, CLASSES[(rows[:, 0] > 0).astype(int)])
    skops.io.dump(other, tmp_path / "other.skops")
    trusted = tuple(skops.io.get_untrusted_types(file=tmp_path / "other.skops"))
    with ScoringChild(memory_bytes=8 * GIB, deadline_seconds=60.0) as child:
        begin = Begin(artifact=str(tmp_path / "other.skops"), signature=SIGNATURE, trusted=trusted)
        child.ask(begin)
        found = child.ask(Audit(part(stored)))
    assert isinstance(found, Audited)
    assert (found.rows, found.mismatches, len(found.first)) == (400, 400, 20)


def test_answers_are_of_the_rows_that_are_meant(
    child: ScoringChild, stored: Path, rows: NDArray[np.float64], model: LogisticRegression
) -> None:
    found = child.ask(Answer(part(stored)))
    assert isinstance(found, Answered)
    asked = [*range(400), *range(450, 500)]
    assert found.ids == [f"p{row}" for row in asked]
    np.testing.assert_array_equal(found.probabilities, model.predict_proba(rows[asked]))
    early = child.ask(Answer(part(stored, until=AT + 10.0)))
    assert isinstance(early, Answered)
    assert early.ids == [f"p{row}" for row in range(10)]
    other = child.ask(Answer(part(stored, main=2)))
    assert isinstance(other, Answered)
    assert len(other.ids) == 50
    nothing = child.ask(Answer(part(stored, main=9)))
    assert nothing == Answered(ids=[], values=[], probabilities=[])


def test_a_sample_is_the_same_each_time(child: ScoringChild, stored: Path) -> None:
    one, again = (child.ask(Answer(part(stored, share=0.3))) for _ in range(2))
    assert isinstance(one, Answered)
    assert one == again
    assert 80 < len(one.ids) < 190


def test_types_that_nobody_trusts_are_named(rows: NDArray[np.float64], tmp_path: Path) -> None:
    model = HistGradientBoostingClassifier(max_iter=2)
    model.fit(rows, CLASSES[(rows[:, 0] > 0).astype(int)])
    skops.io.dump(model, tmp_path / "model.skops")
    with (
        ScoringChild(memory_bytes=8 * GIB, deadline_seconds=60.0) as child,
        pytest.raises(ReplayFailedError, match="TreePredictor"),
    ):
        child.ask(Begin(artifact=str(tmp_path / "model.skops"), signature=SIGNATURE))


def test_too_little_memory_and_too_little_time_are_told(artifact: Path, stored: Path) -> None:
    begin = Begin(artifact=str(artifact), signature=SIGNATURE)
    with ScoringChild(memory_bytes=64 << 20, deadline_seconds=60.0) as child:
        questions = (begin, Audit(part(stored)))
        with pytest.raises(ReplayFailedError):
            _ = [child.ask(question) for question in questions]
    with (
        ScoringChild(memory_bytes=8 * GIB, deadline_seconds=0.01) as child,
        pytest.raises(ReplayFailedError, match="--deadline"),
    ):
        child.ask(begin)
