"""SIGTERM under load: who keeps connections, and comes again when refused, notices nothing."""

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.fakes.serving import eventually
from tests.serving_process import PREDICT, ROW, ServingProcess, serving_process

CALLERS = 24
PAUSE_SECONDS = 0.01  # between a caller's requests; the load, not a wait for something
REFUSED_SECONDS = 0.05
BEFORE_SECONDS = 2.0


class Callers:
    """Keep-alive clients. A refused connection is tried again; everything else counts."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._stop = asyncio.Event()
        self.answers = 0
        self.refusals = 0
        self.failures: list[str] = []

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(CALLERS):
                group.create_task(self._call())

    def stop(self) -> None:
        self._stop.set()

    async def _call(self) -> None:
        async with aiohttp.ClientSession(
            self._url, connector=aiohttp.TCPConnector(limit=1)
        ) as client:
            while not self._stop.is_set():
                await self._ask(client)

    async def _ask(self, client: aiohttp.ClientSession) -> None:
        try:
            async with client.post(PREDICT, json=ROW) as answer:
                await answer.read()
        except aiohttp.ClientConnectorError:
            self.refusals += 1
            await asyncio.sleep(REFUSED_SECONDS)
            return
        except aiohttp.ClientError as error:
            self.failures.append(repr(error))
            return
        self.answers += 1
        if answer.status != 200:
            self.failures.append(f"status {answer.status}")
        await asyncio.sleep(PAUSE_SECONDS)


def under_load(
    service: ServingProcess, act: Callable[[Callers], Coroutine[Any, Any, None]]
) -> Callers:
    async def story() -> Callers:
        callers = Callers(service.url)
        running = asyncio.create_task(callers.run())
        await asyncio.sleep(BEFORE_SECONDS)
        await act(callers)
        callers.stop()
        await running
        return callers

    return asyncio.run(story())


@pytest.fixture
def service(tmp_path: Path, redis_url: str) -> Iterator[ServingProcess]:
    with serving_process(tmp_path, redis_url) as running:
        yield running


@pytest.mark.timeout(180)
def test_one_of_two_workers_leaves_without_a_failed_request(
    service: ServingProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    async def end_a_worker(_: Callers) -> None:
        for _round in range(2):
            before = service.starts()
            os.kill(min(service.worker_pids()), signal.SIGTERM)
            # BentoML looks for dead workers every 10 s.
            await asyncio.to_thread(eventually, lambda before=before: service.starts() > before, 60)
            await asyncio.sleep(BEFORE_SECONDS)

    callers = under_load(service, end_a_worker)
    with capsys.disabled():
        print(f"\nSIGTERM to a worker, twice: {callers.answers} answers, ", end="")
        print(f"{callers.refusals} refused connections, {len(callers.failures)} failed")
    assert callers.failures == []
    assert callers.refusals == 0
    assert callers.answers > 0


@pytest.mark.timeout(180)
def test_the_whole_service_stops_and_starts_without_a_failed_request(
    service: ServingProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    answers_when_back = 0

    async def restart(callers: Callers) -> None:
        nonlocal answers_when_back
        for _ in range(2):
            await asyncio.to_thread(service.stop)
            await asyncio.to_thread(service.start)
            answers_when_back = callers.answers
            await asyncio.sleep(BEFORE_SECONDS)

    callers = under_load(service, restart)
    with capsys.disabled():
        print(f"\nSIGTERM to the service, twice: {callers.answers} answers, ", end="")
        print(f"{callers.refusals} refused connections, {len(callers.failures)} failed")
    assert callers.failures == []
    assert callers.refusals > 0
    assert callers.answers > answers_when_back
