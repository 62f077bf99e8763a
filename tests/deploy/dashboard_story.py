"""A story to look at: traffic with labels and groups, drift, a promotion and a rollback."""

import threading
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Final

from examples import iris
from examples.candidates import Outcome
from examples.credit import train as credit
from examples.credit.applicants import NO_DRIFT, Drift
from examples.traffic import Traffic, arrivals
from tests.cluster import LaptopCluster
from understudy.client import ServingClient
from understudy.contracts.registry import ReleaseRequest
from understudy.contracts.vocabulary import ReleaseKind

DEPLOYMENT: Final = credit.EXAMPLE.name
_MONTH_SECONDS: Final = 0.1
_TOLD_GROUPS: Final = 400
_BATCH: Final = 20


@dataclass(frozen=True, slots=True)
class Chapters:
    """How long each part of the story takes, in seconds, and how many rows a second are asked."""

    calm: float = 60.0
    drifting: float = 60.0
    promoted: float = 40.0
    rolled_back: float = 40.0
    rate: float = 40.0


def tell(cluster: LaptopCluster, chapters: Chapters) -> None:
    """All of it, on the example that is loaded."""
    _send(cluster, chapters.rate, chapters.calm)
    _send_groups(cluster)
    _send(cluster, chapters.rate, chapters.drifting, Drift())
    promote = ReleaseRequest(kind=ReleaseKind.PROMOTE, version=2, reason="story")
    cluster.registry.release(DEPLOYMENT, promote)
    _send(cluster, chapters.rate, chapters.promoted, Drift())
    back = ReleaseRequest(kind=ReleaseKind.ROLLBACK, reason="story")
    cluster.registry.release(DEPLOYMENT, back)
    _send(cluster, chapters.rate, chapters.rolled_back, Drift())


def _send(cluster: LaptopCluster, rate: float, seconds: float, drift: Drift = NO_DRIFT) -> None:
    traffic = Traffic(cluster.serving, DEPLOYMENT, month_seconds=_MONTH_SECONDS)
    seed = int(datetime.now(UTC).timestamp())
    traffic.run(arrivals(partial(credit.draw, drift=drift), seed), rate=rate, seconds=seconds)
    traffic.finish()
    assert not traffic.counts.failed
    assert not traffic.counts.labels_failed


def _send_groups(cluster: LaptopCluster) -> None:
    """Rows whose callers say of whom they concern."""
    rows = credit.draw(_TOLD_GROUPS, 7)
    for first in range(0, len(rows), _BATCH):
        batch: Sequence[Outcome] = rows[first : first + _BATCH]
        groups = [{"region": "north" if n % 3 else "south"} for n in range(len(batch))]
        cluster.serving.predict_many(
            DEPLOYMENT, [each.row for each in batch], uuid.uuid4().hex, groups
        )


@contextmanager
def asked_beside(cluster: LaptopCluster) -> Iterator[None]:
    """The other example is asked too, now and then."""
    over = threading.Event()

    def ask() -> None:
        with ServingClient(cluster.serving_url, cluster.key("admin")) as serving:
            for outcome in arrivals(iris.draw, 5):
                if over.wait(0.2):
                    return
                serving.predict(iris.EXAMPLE.name, outcome.row)

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    try:
        yield
    finally:
        over.set()
        asking.join(10)
