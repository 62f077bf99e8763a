"""The monitor's client: each view at its path, gates and reports."""

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


def test_some_days_back(server: Script, monitor: MonitorClient) -> None:
    server.on("GET", "/v1/deployments/risk/quality", bodies.quality())
    server.on("GET", "/v1/deployments/risk/labels", bodies.coverage())
    server.on("GET", "/v1/deployments/risk/fairness", bodies.fairness())
    for question in (monitor.quality, monitor.coverage, monitor.fairness):
        question("risk", days=7)
    assert [asked.query for asked in server.asked] == [{"days": "7"}] * 3


def test_an_open_gate_is_the_verdict(server: Script, monitor: MonitorClient) -> None:
    server.on("GET", "/v1/deployments/risk/gate", bodies.promotion())
    assert monitor.gate("risk", 3) == bodies.promotion()
    monitor.gate("risk", 3, equivalent=True)
    asked = [asked.query for asked in server.asked]
    assert asked == [{"challenger": "3"}, {"challenger": "3", "equivalent": "true"}]


def test_a_gate_that_is_closed_says_so(server: Script, monitor: MonitorClient) -> None:
    server.problem("GET", "/v1/deployments/risk/gate", 409, "Version 3 of risk: worse.", None)
    with pytest.raises(ProblemError, match="worse"):
        monitor.gate("risk", 3)


def test_reports_are_listed_and_fetched(server: Script, monitor: MonitorClient) -> None:
    server.on("GET", "/v1/deployments/risk/reports", Page(items=(bodies.report_view("a/b"),)))
    server.on("GET", "/v1/deployments/risk/reports/a%2Fb", "<html>kept</html>")
    (kept,) = monitor.reports("risk")
    assert monitor.kept_report("risk", kept.id) == "<html>kept</html>"


def test_a_report_of_a_window(server: Script, monitor: MonitorClient) -> None:
    server.on("GET", "/v1/deployments/risk/report", "<html>window</html>")
    begins, ends = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, 12, tzinfo=UTC)
    assert monitor.report("risk", begins, ends, version=2) == "<html>window</html>"
    assert server.asked[0].query == {
        "from": "2026-01-01T00:00:00+00:00",
        "to": "2026-01-02T12:00:00+00:00",
        "version": "2",
    }
