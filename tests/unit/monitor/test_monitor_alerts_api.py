"""`POST /v1/alerts`: who may, what is taken, what is refused; two monitors over one store."""

import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from services.monitor.api.alerts import alert_routes
from services.monitor.api.door import readable_by
from services.monitor.app import http_app
from services.monitor.domain.errors import AlertsUnavailableError
from services.monitor.metrics import AlertMetrics, MonitorMetrics
from services.monitor.operations import Monitoring, Sources
from services.monitor.operations.alerts import AlertFacts, Alerts, AlertTerms
from tests.fakes.monitor import (
    MemoryAlerts,
    MemoryLog,
    MemoryReferences,
    MemoryStore,
    SnapshotShelf,
)
from tests.fakes.monitor_entries import NAME, READER, RULES, bearer, deployment, snapshot
from tests.fakes.outcomes import MemoryOutcomes
from understudy.contracts.judging import Actions, Judging
from understudy.contracts.monitor import AlertReading, AlertResults
from understudy.contracts.policy import Policy
from understudy.contracts.registry import KeyRecord, Page
from understudy.contracts.vocabulary import AlertOutcome, AlertState, Scope
from understudy.runtime.following import Follower, SnapshotCache
from understudy.runtime.keys import NewKey, make_key

pytestmark = pytest.mark.anyio

SECRET = "s" * 40
T = 1_800_000_000.0
ALERTER, ELSEWHERE = make_key(), make_key()
"""May tell of everything; may tell of another project."""
LIST = f"/v1/deployments/{NAME}/alerts"


@dataclass
class Place:
    """Two monitors that share a store; the test's hand is on the clock."""

    folder: Path
    store: MemoryAlerts = field(default_factory=MemoryAlerts)
    now: float = T
    numbers: CollectorRegistry = field(default_factory=CollectorRegistry)

    async def monitor(self, number: int = 1) -> FastAPI:
        follower = Follower(
            SnapshotShelf(_snapshot()), SnapshotCache(self.folder / f"{number}.json"), 0.0
        )
        sources = Sources(
            log=MemoryLog(),
            store=MemoryStore(),
            references=MemoryReferences({}),
            outcomes=MemoryOutcomes(),
            metrics=MonitorMetrics(CollectorRegistry()),
            rules=RULES,
            clock=lambda: self.now,
        )
        monitoring = Monitoring(follower, sources)
        await follower.step()
        numbers = self.numbers if number == 1 else CollectorRegistry()
        terms = AlertTerms(900.0, SECRET)
        alerts = Alerts(monitoring, self.store, terms, AlertMetrics(numbers))
        return http_app(alert_routes(readable_by(monitoring), alerts, monitoring.now))

    def received(self, outcome: AlertOutcome, of: str = NAME) -> float | None:
        labels = {"deployment": of, "outcome": str(outcome)}
        return self.numbers.get_sample_value("understudy_alerts_received_total", labels)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture
async def http(place: Place) -> AsyncIterator[httpx.AsyncClient]:
    async with _client(await place.monitor()) as client:
        yield client


def _client(app: FastAPI) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app)
    return httpx.AsyncClient(transport=transport, base_url="http://monitor")


def _snapshot() -> Any:
    actions = Actions(alerts=("Burn",))
    policy = Policy(judging=Judging(actions=actions))
    found = snapshot(deployment().model_copy(update={"policy": policy}))
    keys = (*found.keys, _key(ALERTER, None), _key(ELSEWHERE, "elsewhere"))
    return found.model_copy(update={"keys": keys})


def _key(key: NewKey, project: str | None) -> KeyRecord:
    return KeyRecord(id=key.id, digest=key.digest, scopes=(Scope.ALERT,), project=project)


def alert(**changed: object) -> dict[str, object]:
    """As Alertmanager 0.33 sends it."""
    sent: dict[str, object] = {
        "status": "firing",
        "labels": {"alertname": "Burn", "deployment": NAME, "severity": "page"},
        "annotations": {"summary": "5 % of requests fail"},
        "startsAt": "2027-01-15T08:00:00.123456789Z",  # T
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus/graph",
        "fingerprint": "0123456789abcdef",
    }
    return {**sent, **changed}


ENDED = {"status": "resolved", "endsAt": "2027-01-15T08:05:00Z"}


def notice(*alerts: object, **changed: object) -> bytes:
    sent = {
        "receiver": "understudy",
        "status": "firing",
        "alerts": alerts or (alert(),),
        "groupLabels": {"deployment": NAME},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager",
        "version": "4",
        "groupKey": "{}",
        "truncatedAlerts": 0,
    }
    return json.dumps({**sent, **changed}).encode()


def signed(body: bytes, at: float = T, secret: str = SECRET) -> dict[str, str]:
    stamp = f"{at:.0f}"
    code = hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    return {"X-Understudy-Signature": f"t={stamp},v1={code}"}


async def tell(http: httpx.AsyncClient, body: bytes, **headers: str) -> AlertResults:
    sent = {name.replace("_", "-"): value for name, value in headers.items()} or bearer(ALERTER)
    answer = await http.post("/v1/alerts", content=body, headers=sent)
    assert answer.status_code == 202, answer.text
    return AlertResults.model_validate_json(answer.content)


async def outcomes(http: httpx.AsyncClient, *alerts: object) -> list[AlertOutcome]:
    return [one.outcome for one in (await tell(http, notice(*alerts))).alerts]


async def held(http: httpx.AsyncClient) -> tuple[AlertReading, ...]:
    answer = await http.get(LIST, headers=bearer(READER))
    assert answer.status_code == 200
    return Page[AlertReading].model_validate_json(answer.content).items


async def test_a_key_with_the_scope_tells_and_a_reader_sees(
    place: Place, http: httpx.AsyncClient
) -> None:
    (result,) = (await tell(http, notice())).alerts
    assert (result.deployment, result.alert, result.outcome) == (NAME, "Burn", AlertOutcome.TAKEN)
    (found,) = await held(http)
    assert (found.state, found.accuses, found.named) == (AlertState.FIRING, True, True)
    assert (found.summary, found.told_by) == ("5 % of requests fail", f"key:{ALERTER.id}")
    assert place.received(AlertOutcome.TAKEN) == 1.0


async def test_a_signature_over_the_body_lets_in_as_well(http: httpx.AsyncClient) -> None:
    body = notice()
    answer = await http.post("/v1/alerts", content=body, headers=signed(body))
    assert answer.status_code == 202
    (found,) = await held(http)
    assert found.told_by == "signature"


@pytest.mark.parametrize(
    "header",
    [
        signed(notice(), secret="x" * 40),
        signed(notice(alert(fingerprint="other"))),
        signed(notice(), at=T - 301),
        signed(notice(), at=T + 301),
        *({"X-Understudy-Signature": text} for text in ("", "v1=00", "t=1,v1=", "t=-1,v1=0")),
        {"X-Understudy-Signature": f"t={T:.0f},v1={'0' * 64}", **bearer(ALERTER)},
    ],
)
async def test_a_signature_that_does_not_fit_lets_nobody_in(
    http: httpx.AsyncClient, header: dict[str, str]
) -> None:
    answer = await http.post("/v1/alerts", content=notice(), headers=header)
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "bad_signature"
    assert await held(http) == ()


@pytest.mark.parametrize(
    ("header", "status", "code"),
    [
        ({}, 401, "unauthenticated"),
        (bearer(make_key()), 401, "unauthenticated"),
        (bearer(READER), 403, "forbidden"),
    ],
)
async def test_other_keys_tell_nothing(
    http: httpx.AsyncClient, header: dict[str, str], status: int, code: str
) -> None:
    answer = await http.post("/v1/alerts", content=notice(), headers=header)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert await held(http) == ()


async def test_a_giant_is_turned_down(http: httpx.AsyncClient) -> None:
    body = notice() + b" " * 1024**2
    for headers in (bearer(ALERTER), signed(body)):
        answer = await http.post("/v1/alerts", content=body, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


@pytest.mark.parametrize(
    ("body", "status", "pointer"),
    [
        (b"{", 400, None),
        (b"", 400, None),
        (b"[]", 422, ""),
        (notice(version="5"), 422, "/version"),
        (notice(alert(startsAt="soon")), 422, "/alerts/0/startsAt"),
        (notice(alert(startsAt="2027-01-15T08:00:00")), 422, "/alerts/0/startsAt"),
        (notice(alert(status="on fire")), 422, "/alerts/0/status"),
        (notice(alert(labels={"a": 1})), 422, "/alerts/0/labels/a"),
        (notice(alert(fingerprint="../etc")), 422, "/alerts/0/fingerprint"),
        (notice(*[alert()] * 1_001), 422, "/alerts"),
        (notice().replace(b'"Burn"', b'"\\ud800"'), 400, None),
    ],
)
async def test_what_is_no_notice_is_told_by_field(
    http: httpx.AsyncClient, body: bytes, status: int, pointer: str | None
) -> None:
    answer = await http.post("/v1/alerts", content=body, headers=bearer(ALERTER))
    assert answer.status_code == status, answer.text
    if pointer is not None:
        assert pointer in [error["pointer"] for error in answer.json()["errors"]]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"not json", "The body is not JSON: expected ident at line 1 column 2."),
        (b"", "The body is not JSON: EOF while parsing a value at line 1 column 0."),
        (
            notice(alert(fingerprint="../etc")),
            "/alerts/0/fingerprint: must be 1 to 64 letters of a-z, A-Z and digits.",
        ),
        (notice(alert(status="on fire")), "/alerts/0/status: must be 'firing' or 'resolved'."),
        (notice(version="5"), "/version: must be '4'."),
        (
            notice(alert())[:-1] + b', "version": "4"}',
            "/version stands more than once in its object; send it once.",
        ),
    ],
)
async def test_what_is_wrong_is_said_in_words(
    http: httpx.AsyncClient, body: bytes, said: str
) -> None:
    answer = await http.post("/v1/alerts", content=body, headers=bearer(ALERTER))
    assert answer.json()["detail"].endswith(said)


@pytest.mark.parametrize("path", ["/livez", "/v1/nothing", "/v1/deployments/d/assessment"])
async def test_every_answer_has_the_headers(http: httpx.AsyncClient, path: str) -> None:
    answer = await http.get(path, headers={"X-Request-ID": "mine"})
    assert answer.headers["x-request-id"] == "mine"
    assert answer.headers["server-timing"].startswith("app;dur=")


async def test_what_concerns_nobody_here_is_taken_note_of_and_not_sent_again(
    place: Place, http: httpx.AsyncClient
) -> None:
    labels = {"alertname": "Burn"}
    found = await outcomes(
        http,
        alert(labels={**labels, "deployment": "nowhere"}),
        alert(labels=labels),
        alert(labels={"deployment": NAME}),
        alert(startsAt="2027-01-15T08:05:02Z"),
        alert(startsAt="0001-01-01T00:00:00+14:00"),
    )
    unknown, ignored, refused = AlertOutcome.UNKNOWN, AlertOutcome.IGNORED, AlertOutcome.REFUSED
    assert found == [unknown, ignored, ignored, refused, refused]
    assert (place.received(unknown, ""), place.received(unknown, "nowhere")) == (1.0, None)
    assert (place.received(ignored, ""), place.received(refused)) == (2.0, 2.0)
    assert await held(http) == ()


async def test_a_key_of_another_project_does_not_even_learn_the_name(
    http: httpx.AsyncClient,
) -> None:
    answer = await http.post("/v1/alerts", content=notice(), headers=bearer(ELSEWHERE))
    (result,) = AlertResults.model_validate_json(answer.content).alerts
    assert (answer.status_code, result.outcome) == (202, AlertOutcome.UNKNOWN)
    assert await held(http) == ()


async def test_an_end_ends_it_and_a_replay_of_the_beginning_brings_nothing_back(
    place: Place, http: httpx.AsyncClient
) -> None:
    beginning = notice()
    captured = signed(beginning)
    await http.post("/v1/alerts", content=beginning, headers=captured)
    place.now = T + 299
    assert await outcomes(http, alert(**ENDED)) == [AlertOutcome.RESOLVED]
    place.now = T + 300
    replayed = await http.post("/v1/alerts", content=beginning, headers=captured)
    assert replayed.json()["alerts"][0]["outcome"] == "ignored"
    assert [one.state for one in await held(http)] == [AlertState.RESOLVED]
    place.now = T + 301
    late = await http.post("/v1/alerts", content=beginning, headers=captured)
    assert late.status_code == 401


async def test_the_same_told_again_changes_nothing_but_when_it_was_told(
    place: Place, http: httpx.AsyncClient
) -> None:
    await tell(http, notice())
    before = await held(http)
    place.now = T + 300
    await tell(http, notice())
    (former,), (found,) = before, await held(http)
    assert found.model_copy(update={"told_at": former.told_at}) == former
    assert found.told_at > former.told_at


async def test_what_one_monitor_is_told_another_knows(place: Place) -> None:
    first, second = _client(await place.monitor(1)), _client(await place.monitor(2))
    await tell(first, notice())
    assert [one.alert for one in await held(second)] == ["Burn"]
    assert await outcomes(second, alert(**ENDED)) == [AlertOutcome.RESOLVED]
    assert [one.state for one in await held(first)] == [AlertState.RESOLVED]


async def test_without_the_store_the_sender_is_asked_to_come_again(
    place: Place, http: httpx.AsyncClient
) -> None:
    place.store.failure = AlertsUnavailableError("gone", retry_after=1.0)
    answer = await http.post("/v1/alerts", content=notice(), headers=bearer(ALERTER))
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert await AlertFacts(place.store, 900.0).of(NAME, ("Burn",)) == ()
