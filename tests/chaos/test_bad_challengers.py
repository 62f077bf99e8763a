"""Challengers that sleep, raise, abort and eat memory, beside a good one: the main does not notice.

Phases with and without them take turns, so that what the machine does otherwise is in both.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB

from tests.chaos.flowers import Flowers, fitted, plant, register, row
from tests.chaos.processes import Watch
from tests.chaos.unruly import (
    TRUSTED,
    Aborting,
    Eating,
    Raising,
    Sleeping,
    Unruly,
    catches,
    marked_width,
)
from tests.cluster import LaptopCluster, laptop_cluster
from tests.fakes.serving import eventually
from tests.settling import metric
from tests.traffic import LogCount, LogReader, Reply, Traffic
from understudy.contracts.registry import ReleaseRequest
from understudy.contracts.vocabulary import Outcome, ReleaseKind
from understudy.launch.settings import EXAMPLE_TYPES

ROUNDS: Final = 3
PHASE_SECONDS: Final = 6.0
PER_SECOND: Final = 100.0
MEMORY_BYTES: Final = 1 << 30
PATIENCE_SECONDS: Final = 15.0
DRAINED_SECONDS: Final = 90.0
KINDS: Final[Mapping[str, type[Unruly]]] = {
    "sleeping": Sleeping,
    "raising": Raising,
    "aborting": Aborting,
    "eating": Eating,
}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LaptopCluster]:
    settings = {
        "TRUSTED_TYPES": ",".join((*EXAMPLE_TYPES, *TRUSTED)),
        "CHALLENGER_CALL_SECONDS": "4",
        "CHALLENGER_PATIENCE_SECONDS": str(PATIENCE_SECONDS),
        "CHALLENGER_MEMORY_BYTES": str(MEMORY_BYTES),
        "HEARTBEAT_SECONDS": "1",
    }
    with laptop_cluster(tmp_path_factory.mktemp("unruly"), settings=settings) as running:
        yield running


@dataclass(slots=True)
class Contest:
    """Phases in turn, and what came of their requests."""

    flowers: Flowers
    without: int
    """The release without the bad ones, and the one with them."""
    beside: int
    replies: dict[int, list[Reply]] = field(default_factory=dict)

    def run(self) -> LogCount:
        """All phases, each begun when what the one before left to do is done."""
        reader = LogReader(self.flowers.cluster.redis_url, self.flowers.name)
        for number in range(ROUNDS):
            for release in (self.without, self.beside):
                self._set(release)
                traffic = self._phase(f"{number}-{release}")
                self.replies.setdefault(release, []).extend(traffic.replies)
                _await_pairs(reader)
        return reader.count

    def _set(self, release: int) -> None:
        current = self.flowers.view.current
        if release not in {current.release, current.restores}:
            self.flowers.release(ReleaseRequest(kind=ReleaseKind.ROLLBACK, release=release))
        self.flowers.await_taken_up()

    def _phase(self, prefix: str) -> Traffic:
        flowers = self.flowers
        traffic = Traffic(
            flowers.cluster.serving_url,
            flowers.name,
            flowers.key,
            lambda number: row(number, marked_width(number)),
            PER_SECOND,
            prefix,
        )

        async def story() -> None:
            sending = asyncio.create_task(traffic.run())
            await asyncio.sleep(PHASE_SECONDS)  # the phase itself
            traffic.stop()
            await sending

        asyncio.run(story())
        return traffic


def _await_pairs(reader: LogReader) -> None:
    """Until every row has its pairs: there may be some that nobody answered in time."""
    try:
        eventually(lambda: not _missing(reader.read()), DRAINED_SECONDS)
    except TimeoutError:
        pytest.fail(f"pairs that are missing, by version: {_missing(reader.count)}")


def _missing(count: LogCount) -> Counter[int]:
    return Counter(version for _, version in count.owed.keys() - count.paired.keys())


@pytest.mark.timeout(400)
def test_bad_challengers_are_outcomes_and_nothing_else(
    cluster: LaptopCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    good = {"main": fitted(LogisticRegression()), "good": fitted(GaussianNB(), 1)}
    flowers = plant(cluster, "unruly", good)
    versions = {"good": flowers.view.current.challengers[0], **_challenge(flowers)}
    contest = Contest(flowers, without=1, beside=flowers.view.current.release)
    with Watch(cluster) as watch:
        count = contest.run()
    outcomes = {what: _outcomes(count, version) for what, version in versions.items()}
    restarts = {what: _restarts(flowers, version) for what, version in versions.items()}
    with capsys.disabled():
        print(told(contest, outcomes, restarts, watch))
    check_requests(contest, count)
    check_outcomes(outcomes)
    check_processes(restarts, watch)


def _challenge(flowers: Flowers) -> dict[str, int]:
    """Register the bad ones and have them challenge; their versions."""
    found = {}
    for what, kind in KINDS.items():
        version = register(flowers.cluster, flowers.name, what, fitted(kind()))
        flowers.release(ReleaseRequest(kind=ReleaseKind.CHALLENGE, version=version))
        found[what] = version
    return found


def _outcomes(count: LogCount, version: int) -> dict[str, Outcome]:
    """By prediction id."""
    return {
        name: Outcome(outcome)
        for (name, challenger), outcome in count.outcomes.items()
        if challenger == version
    }


def _restarts(flowers: Flowers, version: int) -> Counter[str]:
    """Processes lost, by reason."""
    name, labels = "understudy_challenger_restarts_total", {"deployment": flowers.name}
    return Counter(
        {
            reason: round(
                metric(
                    flowers.cluster,
                    "challenger",
                    name,
                    version=str(version),
                    reason=reason,
                    **labels,
                )
            )
            for reason in ("timeout", "died", "memory")
        }
    )


def check_requests(contest: Contest, count: LogCount) -> None:
    """Everybody was answered and logged, and every pair is there, once."""
    for replies in contest.replies.values():
        assert replies
        assert [reply for reply in replies if reply.status != 200] == []
        assert {reply.prediction_id for reply in replies} <= count.predictions.keys()
    assert max(count.predictions.values()) == 1
    assert count.paired == count.owed


def check_outcomes(outcomes: Mapping[str, Mapping[str, Outcome]]) -> None:
    """Rows that a challenger fails at are recorded as such, and no others unless given up."""
    assert {*outcomes["good"].values()} == {Outcome.OK}
    assert {*outcomes["sleeping"].values()} == {Outcome.OK, Outcome.TIMEOUT}
    for name, outcome in outcomes["raising"].items():
        assert (outcome is Outcome.ERROR) is _caught("raising", name), name
    assert Outcome.ERROR in _of_caught("aborting", outcomes)
    assert Outcome.OK not in _of_caught("aborting", outcomes)
    assert Outcome.OK in outcomes["aborting"].values()
    assert Outcome.ERROR in outcomes["eating"].values()
    assert Outcome.OK not in outcomes["eating"].values()


def _of_caught(what: str, outcomes: Mapping[str, Mapping[str, Outcome]]) -> set[Outcome]:
    return {outcome for name, outcome in outcomes[what].items() if _caught(what, name)}


def _caught(what: str, prediction_id: str) -> bool:
    return catches(KINDS[what].every, int(prediction_id.rpartition("-")[2]))


def check_processes(restarts: Mapping[str, Counter[str]], watch: Watch) -> None:
    """Each version has one process at a time, within its memory; bad ones got new ones."""
    assert restarts["good"].total() == restarts["raising"].total() == 0
    # Calls of the sleeping one become as small as its deadline asks, so it may lose none.
    assert restarts["aborting"]["died"] > 0
    assert restarts["eating"].total() > 0
    assert 0 < watch.most_processes <= len(restarts)
    assert watch.most_bytes <= MEMORY_BYTES


def told(
    contest: Contest,
    outcomes: Mapping[str, Mapping[str, Outcome]],
    restarts: Mapping[str, Counter[str]],
    watch: Watch,
) -> str:
    """The figures, for people."""
    lines = [
        f"\n{'main version':<22}{'requests':>10}{'failed':>8}{'p50 ms':>9}{'p99 ms':>9}",
        _latency("good challenger", contest.replies[contest.without]),
        _latency("and four bad ones", contest.replies[contest.beside]),
        f"{'challenger':<22}{'rows':>10}{'ok':>8}{'error':>9}{'timeout':>9}  processes lost",
    ]
    for what, found in outcomes.items():
        counted = Counter(found.values())
        numbers = "".join(
            f"{counted[outcome]:>{width}}"
            for outcome, width in zip(Outcome, (8, 9, 9), strict=True)
        )
        lines.append(f"{what:<22}{len(found):>10}{numbers}  {dict(+restarts[what])}")
    lines.append(
        f"at most {watch.most_processes} processes, the largest {watch.most_bytes / 1e6:.0f} MB "
        f"of {MEMORY_BYTES / 1e6:.0f}, together {watch.most_bytes_together / 1e6:.0f} MB"
    )
    return "\n".join(lines)


def _latency(what: str, replies: Sequence[Reply]) -> str:
    times = sorted(reply.seconds * 1e3 for reply in replies)
    failed = sum(reply.status != 200 for reply in replies)
    p50, p99 = times[len(times) // 2], times[len(times) * 99 // 100]
    return f"{what:<22}{len(times):>10}{failed:>8}{p50:>9.1f}{p99:>9.1f}"
