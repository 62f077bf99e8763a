"""Prometheus as a witness of alerts: what it says, and what its silence does."""

from collections.abc import Iterator
from contextlib import aclosing

import pytest

from services.monitor.adapters.prometheus import PrometheusWitness
from services.monitor.domain.deciding.alerts import Alert, AlertBook, Blame, read
from services.monitor.domain.deciding.judgement import AlertReading
from services.monitor.domain.errors import WitnessSilentError
from services.monitor.operations.alerts import AlertFacts
from tests.fakes.monitor import MemoryAlerts
from tests.fakes.monitor_entries import NAME
from tests.fakes.scripted_http import Script, scripted_server

pytestmark = pytest.mark.anyio

T = 1_800_000_000.0
PATH = "/api/v1/query"
FIRES = Alert("Burn", "", "f00d", starts_at=T, first_told_at=T, told_at=T)


@pytest.fixture
def server() -> Iterator[Script]:
    with scripted_server() as script:
        yield script


def vector(*series: dict[str, str]) -> dict[str, object]:
    """As Prometheus answers an instant query."""
    found = [{"metric": one | {"__name__": "ALERTS"}, "value": [T, "1"]} for one in series]
    return {"status": "success", "data": {"resultType": "vector", "result": found}}


async def seen(server: Script, *held: Alert) -> tuple[AlertReading, ...]:
    store = MemoryAlerts({NAME: AlertBook(1, held)})
    async with aclosing(PrometheusWitness(server.url, seconds=1.0)) as witness:
        known = await AlertFacts(store, 900.0, witness).of(NAME, ("Burn",))
    return read(known, Blame(1, 0.0, ("Burn",), 900.0), T + 60)


async def test_what_it_confirms_accuses(server: Script) -> None:
    server.on("GET", PATH, vector({"alertname": "Burn"}, {"alertname": "Slow", "version": "2"}))
    (found,) = await seen(server, FIRES)
    assert found.accuses
    assert server.asked[0].query == {"query": f'ALERTS{{alertstate="firing",deployment="{NAME}"}}'}
    async with aclosing(PrometheusWitness(server.url)) as witness:
        named = await witness.firing(NAME)
    assert named == {("Burn", ""), ("Slow", "2")}


@pytest.mark.parametrize(
    "others", [[], [{"alertname": "Slow"}], [{"alertname": "Burn", "version": "7"}]]
)
async def test_what_it_does_not_say_accuses_nobody(
    server: Script, others: list[dict[str, str]]
) -> None:
    server.on("GET", PATH, vector(*others))
    (found,) = await seen(server, FIRES)
    assert not found.accuses
    assert found.excused == "it is not confirmed: Prometheus says that it does not fire"


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"data": {"result": [{"metric": 1}]}}'])
async def test_what_can_not_be_read_confirms_nothing(server: Script, content: str) -> None:
    server.on("GET", PATH, content)
    (found,) = await seen(server, FIRES)
    assert found.excused == "it is not confirmed: Prometheus does not answer"


async def test_silence_confirms_nothing(server: Script) -> None:
    server.hang_up("GET", PATH)
    async with aclosing(PrometheusWitness(server.url)) as witness:
        with pytest.raises(WitnessSilentError):
            await witness.firing(NAME)
    (found,) = await seen(server, FIRES)
    assert not found.accuses


async def test_it_is_not_asked_for_what_decides_nothing(server: Script) -> None:
    ended = Alert("Burn", "", "beef", T, T, T, ended_at=T)
    unnamed = Alert("Slow", "", "f00d", T, T, T)
    found = await seen(server, ended, unnamed)
    assert [one.excused for one in found] == [None, None]
    assert server.asked == []
