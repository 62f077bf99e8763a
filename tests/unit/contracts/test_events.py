"""Entries of the log survive the wire, and a newer schema is never misread."""

import numpy as np
import pytest

from understudy.contracts import events


def test_numbers_survive_bit_for_bit() -> None:
    values = np.array([0.1, -0.0, np.nan, np.inf, 1e308])
    assert events.unpack(events.pack(values)).tobytes() == values.tobytes()


def test_probabilities_are_row_major() -> None:
    assert events.unpack(events.pack([0.1, 0.9, 0.7, 0.3]), columns=2)[1, 0] == 0.7


def test_a_label_entry_survives() -> None:
    label = events.LabelEvent(prediction_id="p", label=True, received_at=1.5, source="erp")
    batch = events.LabelBatch(deployment="iris", items=[label])
    assert events.decode_labels(events.encode(batch)) == batch


def test_a_newer_schema_is_refused_by_name() -> None:
    fields = events.encode(events.LabelBatch(deployment="iris", items=[])) | {b"s": b"2"}
    with pytest.raises(events.UnknownSchemaError, match="schema 2"):
        events.decode_labels(fields)


def test_streams_of_one_deployment_share_a_redis_slot() -> None:
    names = [events.predictions_key("a"), events.pairs_key("a"), events.labels_key("a")]
    assert all("{a}" in name for name in names)
