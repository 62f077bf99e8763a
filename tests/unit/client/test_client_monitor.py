"""The monitor's client: each view at its path, and a gate's three answers."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from pydantic import BaseModel

from tests.fakes import monitor_bodies as bodies
from tests.fakes.scripted_http import Script, scripted_server
from understudy.client import MonitorClient, ProblemError
from understudy.contracts.registry import Page

VIEWS: list[tuple[str, BaseModel, Callable[[MonitorClient], BaseModel]]] = [
    ("verdict", bodies.promotion(), lambda monitor: monitor.verdict("risk")),
    ("drift", bodies.drift(), lambda monitor: monitor.drift("risk")),
    ("quality", bodies.quality(), lambda monitor: monitor.quality("risk")),
    ("labels", bodies.coverage(), lambda monitor: monitor.coverage("risk")),
    ("fairness", bodies.fairness(), lambda monitor: monitor.fairness("risk")),
]


@pytest.fixture
def server() -> Iterator[Script]:
    with scripted_server() as script:
        yield script


@pytest.fixture
def monitor(server: Script) -> Iterator[MonitorClient]:
    with MonitorClient(server.url, "us_key") as client:
        yield client


@pytest.mark.parametrize(("name", "body", "ask"), VIEWS, ids=[name for name, *_ in VIEWS])
def test_each_view_arrives_as_it_was_sent(
    server: Script,
    monitor: MonitorClient,
    name: str,
    body: BaseModel,
    ask: Callable[[MonitorClient], BaseModel],
) -> None:
    server.on("GET", f"/v1/deployments/risk/{name}", body)
    assert ask(monitor) == body


def test_quality_of_some_days(server: Script, monitor: MonitorClient) -> None:
    server.on("GET", "/v1/deployments/risk/quality", bodies.quality())
    monitor.quality("risk", days=7)
    assert server.asked[0].query == {"days": "7"}


@pytest.mark.parametrize(
    ("status", "passes", "decided"), [(200, True, True), (409, False, True), (425, False, False)]
)
def test_a_gate_that_says_no_has_answered(
    server: Script, monitor: MonitorClient, status: int, passes: bool, decided: bool
) -> None:
    body = bodies.gate(passes=passes, decided=decided)
    server.on("GET", "/v1/deployments/risk/gate", body, status)
    assert monitor.gate("risk", 3) == body
    assert server.asked[0].query == {"challenger": "3"}


def test_a_gate_that_can_not_answer_is_refused(server: Script, monitor: MonitorClient) -> None:
    server.problem("GET", "/v1/deployments/risk/gate", 404, "3 is no challenger of risk.", None)
    with pytest.raises(ProblemError, match="no challenger"):
        monitor.gate("risk", 3)


def test_reports_are_listed_and_fetched(server: Script, monitor: MonitorClient) -> None:
    server.on("GET", "/v1/deployments/risk/reports", Page(items=(bodies.report_view("a/b"),)))
    server.on("GET", "/v1/deployments/risk/reports/a%2Fb", "<html>kept</html>")
    (kept,) = monitor.reports("risk")
    assert monitor.kept_report("risk", kept.id) == "<html>kept</html>"


def test_a_report_of_a_window(server: Script, monitor: MonitorClient) -> None:
    server.on("GET", "/v1/deployments/risk/report", "<html>window</html>")
    begins, ends = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, 12, tzinfo=UTC)
    assert monitor.report("risk", begins, ends) == "<html>window</html>"
    assert server.asked[0].query == {
        "from": "2026-01-01T00:00:00+00:00",
        "to": "2026-01-02T12:00:00+00:00",
    }
