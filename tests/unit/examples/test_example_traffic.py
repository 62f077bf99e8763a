from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from examples.candidates import Outcome
from examples.traffic import Traffic, arrivals
from tests.fakes.scripted_http import Script, scripted_server
from understudy.client import ServingClient
from understudy.contracts.serving import (
    LabelResult,
    LabelResults,
    LabelStatus,
    ModelRef,
    Prediction,
)

PREDICT = "/v1/deployments/risk/predict"
LABELS = "/v1/deployments/risk/labels"
ANSWER = Prediction(prediction_id="p1", prediction="repaid", model=ModelRef(name="risk", version=2))
ACCEPTED = LabelResults(results=(LabelResult(prediction_id="p1", status=LabelStatus.ACCEPTED),))


@dataclass(slots=True)
class Watch:
    """A clock that moves when somebody sleeps."""

    now: float = 100.0

    def read(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def server() -> Iterator[Script]:
    with scripted_server() as script:
        yield script


@pytest.fixture
def serving(server: Script) -> Iterator[ServingClient]:
    with ServingClient(server.url) as client:
        yield client


def make(serving: ServingClient, month_seconds: float | None = None) -> tuple[Traffic, Watch]:
    watch = Watch()
    traffic = Traffic(
        serving, "risk", month_seconds=month_seconds, clock=watch.read, sleep=watch.sleep
    )
    return traffic, watch


def draw(rows: int, seed: int) -> list[Outcome]:
    return [
        Outcome({"row": seed * rows + i}, "repaid", months_until_label=10.0) for i in range(rows)
    ]


def test_it_keeps_rate_and_duration(server: Script, serving: ServingClient) -> None:
    server.on("POST", PREDICT, ANSWER)
    traffic, watch = make(serving)
    ticks: list[float] = []
    traffic.run(arrivals(draw, 1), rate=8, seconds=5, tick=ticks.append)
    assert traffic.counts.answered == {2: 40}
    assert watch.now == pytest.approx(105.0)
    assert 5 <= len(ticks) <= 7
    assert ticks[-1] == 5


def test_a_label_comes_when_its_months_have_passed(server: Script, serving: ServingClient) -> None:
    server.on("POST", PREDICT, ANSWER)
    server.on("POST", LABELS, ACCEPTED)
    traffic, watch = make(serving, month_seconds=0.5)
    traffic.ask(draw(1, 0)[0])
    traffic.send_labels(due_by=watch.now + 4.9)
    assert traffic.counts.labelled == 0
    traffic.finish()
    assert traffic.counts.labelled == 1
    assert watch.now == pytest.approx(105.0)
    (sent,) = [asked.json for asked in server.asked if asked.path == LABELS]
    assert isinstance(sent, list)
    assert sent[0]["label"] == "repaid"
    assert sent[0]["observed_at"]


def test_no_labels_unless_asked_for(server: Script, serving: ServingClient) -> None:
    server.on("POST", PREDICT, ANSWER)
    traffic, _ = make(serving)
    traffic.ask(draw(1, 0)[0])
    traffic.finish()
    assert [asked.path for asked in server.asked] == [PREDICT]


def test_failures_are_counted_by_their_code_and_do_not_stop_it(
    server: Script, serving: ServingClient
) -> None:
    server.on("POST", PREDICT, ANSWER)
    server.problem("POST", PREDICT, 422, "age: missing", None)
    server.hang_up("POST", PREDICT)
    traffic, _ = make(serving)
    for outcome in draw(3, 0):
        traffic.ask(outcome)
    assert traffic.counts.predictions == 1
    assert traffic.counts.failed == {"refused": 1, "UnreachableError": 1}
    assert str(traffic.counts) == "1 answered (1 by v2), 1 × refused, 1 × UnreachableError"


def test_labels_that_could_not_be_sent_are_counted(server: Script, serving: ServingClient) -> None:
    server.on("POST", PREDICT, ANSWER)
    server.problem("POST", LABELS, 503, "not now", None)
    traffic, _ = make(serving, month_seconds=0.1)
    for outcome in draw(3, 0):
        traffic.ask(outcome)
    traffic.finish()
    assert traffic.counts.labels_failed == 3
    assert traffic.counts.labelled == 0


def test_arrivals_go_on_over_the_blocks_that_are_drawn() -> None:
    endless = arrivals(draw, 0)
    rows = [next(endless).row["row"] for _ in range(1_100)]
    assert len(set(rows)) == 1_100
