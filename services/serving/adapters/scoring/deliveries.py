"""Between what the inbox hands over and takes back, and entries as children read and write them."""

from collections import Counter
from collections.abc import Sequence

import msgspec

from services.serving.adapters.scoring.frames import Group
from services.serving.adapters.scoring.pairs import is_whole, pairs_part
from services.serving.ports import Delivery, Paired
from understudy.contracts.events import (
    PairBatch,
    PredictionBatch,
    decode_pairs,
    decode_predictions,
    encode,
)
from understudy.contracts.vocabulary import Outcome


def read(delivery: Delivery) -> PredictionBatch | None:
    """The entry itself; None when it is corrupt."""
    try:
        batch = decode_predictions(delivery.fields)
    except (msgspec.MsgspecError, KeyError, ValueError):
        return None
    return batch if is_whole(batch) else None


def of_group(group: Group, deliveries: Sequence[Delivery]) -> Paired:
    """What a child wrote for some of the entries that it was asked."""
    rows = sum(group.rows)
    return Paired(
        [deliveries[index].entry for index in group.entries],
        group.rows,
        group.main,
        group.pairs,
        {Outcome.OK: rows - group.failed, Outcome.ERROR: group.failed},
        group.timed_main,
        group.timed_challenger,
    )


def paired_as(entries: Sequence[bytes], rows: Sequence[int], pairs: PairBatch) -> Paired:
    """Pairs that were made here."""
    outcomes = {Outcome(name): count for name, count in Counter(pairs.outcomes).items()}
    return Paired(entries, rows, pairs.main, encode(pairs), outcomes)


def apart(paired: Paired) -> list[Paired]:
    """The same pairs, by entry."""
    pairs, start, found = decode_pairs(paired.fields), 0, list[Paired]()
    for entry, rows in zip(paired.entries, paired.rows, strict=True):
        found.append(paired_as([entry], [rows], pairs_part(pairs, start, start + rows)))
        start += rows
    return found
