"""Entries that earlier releases wrote must decode for ever.

A golden file is never changed: what is written otherwise than before gets new files beside the old.
A name is kind, variant and schema. Running this file writes the files that are missing.
"""

from pathlib import Path

import pytest
from msgspec.structs import replace

from understudy.contracts.events import (
    FIELD_BODY,
    FIELD_SCHEMA,
    CategoryColumn,
    Entry,
    LabelBatch,
    LabelEvent,
    NumberColumn,
    PairBatch,
    PredictionBatch,
    ProtectedBatch,
    ProtectedEvent,
    Scores,
    decode_labels,
    decode_pairs,
    decode_predictions,
    decode_protected,
    encode,
    pack,
)

FOLDER = Path(__file__).parents[1] / "golden"
MAIN = Scores(
    values=pack([0.0, 1.0]), probabilities=pack([0.75, 0.25, 0.125, 0.875]), classes=("no", "yes")
)
NAN = float("nan")
PREDICTIONS = PredictionBatch(
    deployment="credit",
    release=7,
    main=3,
    challengers=(4, 5),
    ids=["a", "b"],
    at=pack([1_700_000_000.25, 1_700_000_000.5]),
    seconds=pack([0.001, 0.002]),
    columns=[
        NumberColumn(name="income", data=pack([30_000.0, NAN])),
        CategoryColumn(name="purpose", data=["car", None]),
    ],
    scores=MAIN,
)
PAIRS = PairBatch(
    deployment="credit",
    release=7,
    main=3,
    challenger=4,
    ids=["a", "b"],
    at=pack([1_700_000_000.25, 1_700_000_000.5]),
    main_scores=MAIN,
    main_seconds=pack([0.001, 0.002]),
    challenger_scores=Scores(
        values=pack([1.0, NAN]),
        probabilities=pack([0.25, 0.75, NAN, NAN]),
        classes=("no", "yes"),
    ),
    challenger_seconds=pack([0.003, 0.004]),
    outcomes=["ok", "error"],
    error="ValueError: no",
)
LABELS = LabelBatch(
    deployment="credit",
    items=[
        LabelEvent(prediction_id="a", label="yes", received_at=1_700_000_100.0),
        LabelEvent(
            prediction_id="b",
            label=1.5,
            received_at=1_700_000_100.0,
            observed_at=1_700_000_050.0,
            source="branch",
        ),
    ],
)
PROTECTED = ProtectedBatch(
    deployment="credit",
    items=[
        ProtectedEvent(
            prediction_id="a",
            attributes={"sex": "f", "disabled": "false"},
            received_at=1_700_000_000.25,
        ),
        ProtectedEvent(prediction_id="b", attributes={"sex": "m"}, received_at=1_700_000_000.5),
    ],
)
FORMER: dict[str, Entry] = {
    # Before rules could override answers, and before rows were timed alone.
    "predictions.v1": PREDICTIONS,
    "pairs.v1": PAIRS,
    # Before predictions made elsewhere could be told.
    "predictions.plain.v1": PREDICTIONS,
    "predictions.overrides.v1": replace(PREDICTIONS, overrides={"b": "no"}),
}
PRESENT: dict[str, Entry] = {
    "predictions.here.v1": replace(PREDICTIONS, overrides={"b": "no"}),
    "predictions.elsewhere.v1": replace(
        PREDICTIONS, seconds=pack([0.001, NAN]), challengers=(5,), elsewhere=True
    ),
    "predictions.failed.v1": replace(
        PREDICTIONS,
        scores=Scores(
            values=pack([0.0, NAN]),
            probabilities=pack([0.75, 0.25, NAN, NAN]),
            classes=MAIN.classes,
        ),
    ),
    "pairs.plain.v1": PAIRS,
    "pairs.timed.v1": replace(
        PAIRS,
        timed=[1],
        timed_main_seconds=pack([0.0005]),
        timed_challenger_seconds=pack([0.00075]),
    ),
    "labels.v1": LABELS,
    "protected.v1": PROTECTED,
}
ENTRIES = FORMER | PRESENT
DECODERS = {
    "predictions": decode_predictions,
    "pairs": decode_pairs,
    "labels": decode_labels,
    "protected": decode_protected,
}


def golden(name: str) -> Path:
    return FOLDER / f"{name}.msgpack"


@pytest.mark.parametrize("name", ENTRIES)
def test_golden_entries_decode(name: str) -> None:
    kind, *_, schema = name.split(".")
    fields = {
        FIELD_SCHEMA: schema.removeprefix("v").encode(),
        FIELD_BODY: golden(name).read_bytes(),
    }
    assert DECODERS[kind](fields) == ENTRIES[name]


@pytest.mark.parametrize("name", PRESENT)
def test_what_is_written_now_is_what_the_golden_entries_hold(name: str) -> None:
    assert encode(ENTRIES[name])[FIELD_BODY] == golden(name).read_bytes()


def test_every_golden_entry_is_known() -> None:
    assert {path.stem for path in FOLDER.glob("*.msgpack")} == ENTRIES.keys()


if __name__ == "__main__":
    for missing in (name for name in ENTRIES if not golden(name).exists()):
        golden(missing).write_bytes(encode(ENTRIES[missing])[FIELD_BODY])
