"""The HTTP edge: every route but the probes asks for a key; refusals are problems."""

import base64
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from services.monitor.adapters.adwin import Adwin
from services.monitor.api import Surface, monitor_routes
from services.monitor.app import create_app, http_app
from services.monitor.domain.reports import KeptReport
from services.monitor.metrics import AlertMetrics, FiguresCollector, MonitorMetrics
from services.monitor.operations import Monitoring, Sources
from services.monitor.operations.alerts import Alerts, AlertTerms
from services.monitor.operations.appraising import Appraising
from services.monitor.operations.history import History
from services.monitor.operations.replaying import Replaying
from services.monitor.settings import MonitorSettings
from tests.fakes.monitor import (
    MemoryAlerts,
    MemoryLog,
    MemoryReferences,
    MemoryStore,
    SnapshotShelf,
)
from tests.fakes.monitor_entries import (
    NAME,
    NOW,
    OUTSIDER,
    PREDICTOR,
    READER,
    RULES,
    SCRAPER,
    bearer,
    deployment,
    prediction_batch,
    reference_profile,
    sample,
    snapshot,
)
from tests.fakes.monitor_reports import MemoryShelf, reporting_of
from tests.fakes.outcomes import MemoryOutcomes
from understudy.contracts.monitor import Assessment, DriftHistory, DriftView, ReportView
from understudy.contracts.registry import Page
from understudy.runtime.following import Follower, SnapshotCache

pytestmark = pytest.mark.anyio

ASSESSMENT = f"/v1/deployments/{NAME}/assessment"
REPORT = f"/v1/deployments/{NAME}/report"
OPEN = {"/livez", "/readyz", "/runbook"}


@pytest.fixture
def kept() -> MemoryShelf:
    return MemoryShelf()


@pytest.fixture
async def app(tmp_path: Path, kept: MemoryShelf) -> FastAPI:
    numbers, log = CollectorRegistry(), MemoryLog()
    shelf = SnapshotShelf(snapshot(deployment(), deployment("idle")))
    follower = Follower(shelf, SnapshotCache(tmp_path / "snapshot.json"), 0.0)
    sources = Sources(
        log=log,
        store=MemoryStore(),
        references=MemoryReferences({"b" * 64: reference_profile(tmp_path)}),
        outcomes=MemoryOutcomes(),
        metrics=MonitorMetrics(numbers),
        rules=RULES,
        clock=lambda: NOW,
    )
    monitoring = Monitoring(follower, sources)
    numbers.register(FiguresCollector(monitoring.figures, RULES.latency_edges, 2))
    await follower.step()
    log.append(prediction_batch(sample(100)))
    await monitoring.watches[NAME].step()
    reporting = reporting_of(sources, shelf=kept)
    appraising = Appraising(sources, Adwin())
    surface = Surface(
        monitoring=monitoring,
        reporting=reporting,
        appraising=appraising,
        registry=numbers,
        history=History(None),
        replaying=Replaying(sources.outcomes, sources.references, sources.clock),
        alerts=Alerts(monitoring, MemoryAlerts(), AlertTerms(900.0), AlertMetrics(numbers)),
    )
    return http_app(monitor_routes(surface))


@pytest.fixture
async def http(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://monitor") as client:
        yield client


Route = tuple[str, str]
"""A method and a path."""


def routes(app: FastAPI) -> list[Route]:
    """All that answer, also those of included routers."""
    return [*_routes(app.router.routes)]


def _routes(found: Sequence[object]) -> Iterator[Route]:
    for route in found:
        included = getattr(route, "original_router", None)
        if included is None:
            methods: set[str] = getattr(route, "methods")  # noqa: B009 - routes of any kind
            yield from ((method, getattr(route, "path")) for method in methods)  # noqa: B009
        else:
            yield from _routes(included.routes)


async def test_every_route_but_the_probes_asks_for_a_key(
    app: FastAPI, http: httpx.AsyncClient
) -> None:
    found = routes(app)
    assert {path for _, path in found} >= OPEN | {"/metrics"}
    for method, path in found:
        answer = await http.request(method, path.replace("{deployment}", NAME), content=b"{")
        assert (answer.status_code == 401) == (path not in OPEN), path


async def test_the_process_has_no_other_routes(app: FastAPI, tmp_path: Path) -> None:
    settings = MonitorSettings.model_validate({"service_key": "us_x", "state_dir": tmp_path})
    assert sorted(routes(create_app(settings))) == sorted(routes(app))
    assert len(routes(app)) == len(set(routes(app)))


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json", "/"])
async def test_there_are_no_pages_of_the_framework(http: httpx.AsyncClient, path: str) -> None:
    answer = await http.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


async def test_nobody_is_sent_to_another_host(http: httpx.AsyncClient) -> None:
    answer = await http.get("/metrics/", headers={"Host": "elsewhere.example"})
    assert (answer.status_code, answer.headers.get("location")) == (404, None)


async def test_an_assessment_is_the_contracts_body(http: httpx.AsyncClient) -> None:
    answer = await http.get(ASSESSMENT, headers=bearer(READER))
    body = Assessment.model_validate_json(answer.content)
    assert (body.deployment, body.rows, len(body.features)) == (NAME, 100, 4)
    assert body.totals.predictions == {"1": 100}
    assert body.features[0].drift_psi is not None


async def test_drift_is_the_contracts_body(http: httpx.AsyncClient) -> None:
    answer = await http.get(f"/v1/deployments/{NAME}/drift", headers=bearer(READER))
    body = DriftView.model_validate_json(answer.content)
    assert (body.deployment, body.rows, body.alarms) == (NAME, 100, ())
    assert {one.subject for one in body.watched} >= {"income", "job", "pooled"}
    assert all(one.js is not None for one in body.watched if one.kind != "pooled")


async def test_drift_hour_by_hour(http: httpx.AsyncClient) -> None:
    answer = await http.get(f"/v1/deployments/{NAME}/drift/history", headers=bearer(READER))
    body = DriftHistory.model_validate_json(answer.content)
    assert (len(body.hours), body.rows) == (1, (100,))
    assert {len(figures) for figures in body.features.values()} == {1}


async def test_drift_that_was_not_looked_for_yet_says_when_to_ask(http: httpx.AsyncClient) -> None:
    for path in ("drift", "drift/history"):
        answer = await http.get(f"/v1/deployments/idle/{path}", headers=bearer(READER))
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


async def test_keys_without_the_right_are_refused(http: httpx.AsyncClient) -> None:
    for key, status in ((PREDICTOR, 403), (OUTSIDER, 404), (SCRAPER, 403)):
        assert (await http.get(ASSESSMENT, headers=bearer(key))).status_code == status
    assert (await http.get("/metrics", headers=bearer(READER))).status_code == 403
    assert (await http.get("/metrics", headers=bearer(SCRAPER))).status_code == 200


async def test_a_deployment_that_was_not_read_yet_says_when_to_ask(
    http: httpx.AsyncClient,
) -> None:
    for what in ("assessment", "quality", "labels", "fairness", "verdict"):
        answer = await http.get(f"/v1/deployments/idle/{what}", headers=bearer(READER))
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert answer.json()["code"] == "not_ready"
    assert (await http.get(f"/v1/deployments/{NAME}/quality", headers=bearer(READER))).is_success


async def test_a_report_takes_the_key_as_a_password(http: httpx.AsyncClient) -> None:
    credentials = base64.b64encode(f"me:{READER.plaintext}".encode()).decode()
    for headers in ({"Authorization": f"Basic {credentials}"}, {"X-API-Key": READER.plaintext}):
        answer = await http.get(REPORT, headers=headers)
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert answer.headers["content-security-policy"].startswith("sandbox")
        listed = await http.get(f"{REPORT}s", headers=headers)
        assert (listed.status_code, listed.json()["items"]) == (200, [])
        shown = await http.get(f"{REPORT}s/20270115t080000z-ffffffff", headers=headers)
        assert shown.json()["code"] == "unknown_report"
    assert (await http.get(ASSESSMENT, headers={"Authorization": "Basic x"})).status_code == 401


@pytest.mark.parametrize("credentials", ["", "%%%", "bm8gY29sb24=", "/////w=="])
async def test_a_browser_is_asked_for_the_key(http: httpx.AsyncClient, credentials: str) -> None:
    headers = {"Authorization": f"Basic {credentials}", "Accept": "text/html,*/*"}
    answer = await http.get(REPORT, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Basic ")
    plain = await http.get(REPORT)
    assert plain.headers["www-authenticate"] == "Bearer"


async def test_without_rows_the_report_says_so(http: httpx.AsyncClient) -> None:
    answer = await http.get("/v1/deployments/idle/report", headers=bearer(READER))
    assert answer.status_code == 404
    assert answer.json()["code"] == "nothing_observed"


async def test_reports_of_windows_that_are_none_are_refused(http: httpx.AsyncClient) -> None:
    answer = await http.get(REPORT, params={"from": "x"}, headers=bearer(READER))
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_window")
    missing = await http.get(REPORT, params={"day": "2020-02-29"}, headers=bearer(READER))
    assert (missing.status_code, missing.json()["code"]) == (404, "nothing_observed")


@pytest.mark.parametrize(
    ("path", "pointer", "words"),
    [
        ("gate", "/query/challenger", "is required; add it"),
        ("gate?challenger=soon", "/query/challenger", "must be a whole number"),
        ("gate?challenger=0", "/query/challenger", "must be at least 1"),
        ("reports?limit=101", "/query/limit", "must be at most 100"),
    ],
)
async def test_parameters_that_do_not_fit_are_named_in_a_problem(
    http: httpx.AsyncClient, path: str, pointer: str, words: str
) -> None:
    answer = await http.get(f"/v1/deployments/{NAME}/{path}", headers=bearer(READER))
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["errors"] == [{"pointer": pointer, "message": words}]


async def test_kept_reports_are_listed_page_by_page(
    http: httpx.AsyncClient, kept: MemoryShelf
) -> None:
    at = datetime.fromtimestamp(NOW, UTC)
    for minute in range(3):
        name = f"20270115t080{minute}00z-0123abcd"
        report = KeptReport(name, 1, at, at, at, 5, "drift: income (shape)", 7)
        await kept.put(NAME, report, b"<html>kept</html>")
    path = f"/v1/deployments/{NAME}/reports"
    first = await http.get(path, params={"limit": 2}, headers=bearer(READER))
    page = Page[ReportView].model_validate_json(first.content)
    rest = await http.get(path, params={"cursor": page.next_cursor or ""}, headers=bearer(READER))
    last = Page[ReportView].model_validate_json(rest.content)
    assert [one.id[8:14] for one in (*page.items, *last.items)] == ["t08020", "t08010", "t08000"]
    assert last.next_cursor is None
    shown = await http.get(f"{path}/{last.items[0].id}", headers=bearer(READER))
    assert shown.content == b"<html>kept</html>"
    assert shown.headers["content-security-policy"].startswith("sandbox")
    gone = await http.get(f"{path}/20270115t080000z-ffffffff", headers=bearer(READER))
    assert (gone.status_code, gone.json()["code"]) == (404, "unknown_report")
    assert (await http.get(path, headers=bearer(OUTSIDER))).status_code == 404


async def test_metrics_show_the_features_that_drift_most(http: httpx.AsyncClient) -> None:
    text = (await http.get("/metrics", headers=bearer(SCRAPER))).text
    assert text.count("understudy_feature_drift_psi{") == 2
    assert f'understudy_monitored_predictions_total{{deployment="{NAME}",version="1"}} 100' in text
    bucket = "understudy_model_latency_seconds_count"
    assert f'{bucket}{{deployment="{NAME}",role="main",version="1"}} 100' in text


async def test_probes_answer_head(http: httpx.AsyncClient) -> None:
    assert {(await http.head(path)).status_code for path in OPEN} == {200}
