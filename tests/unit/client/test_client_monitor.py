"""The monitor's client: each view at its path, gates and reports."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from pydantic import BaseModel

from tests.fakes import monitor_bodies as bodies
from tests.fakes.scripted_http import Script, scripted_server
from understudy.client import MonitorClient, ProblemError
from understudy.contracts.registry import Page
from understudy.contracts.vocabulary import Verdict

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


@pytest.mark.parametrize(
    ("status", "verdict"),
    [(200, Verdict.PROMOTE), (409, Verdict.KEEP), (425, Verdict.WAIT)],
)
def test_a_gate_that_says_no_has_answered(
    server: Script, monitor: MonitorClient, status: int, verdict: Verdict
) -> None:
    server.on("GET", "/v1/deployments/risk/gate", bodies.gate(verdict), status)
    assert monitor.gate("risk", 3) == bodies.gate(verdict)
    assert server.asked[0].query == {"challenger": "3"}


def test_a_gate_that_can_not_answer_refuses(server: Script, monitor: MonitorClient) -> None:
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
    assert monitor.report("risk", begins, ends, version=2) == "<html>window</html>"
    assert server.asked[0].query == {
        "from": "2026-01-01T00:00:00+00:00",
        "to": "2026-01-02T12:00:00+00:00",
        "version": "2",
    }
