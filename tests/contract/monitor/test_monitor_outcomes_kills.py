"""Monitors that are killed in the middle of a delivery, and two that write at once."""

import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from services.monitor.adapters.outcome_store import SqlOutcomes
from tests.fakes.outcome_facts import TARGETS, Story, after_all, seen
from tests.fakes.outcome_stores import DATABASES, fresh_url
from tests.fakes.outcomes import MemoryOutcomes

pytestmark = pytest.mark.anyio

SEED, NEVER = 7, 0


def writer(url: str, kind: str, order: int, stop: int) -> "subprocess.Popen[bytes]":
    script = Path(__file__).parent / "outcome_writer.py"
    arguments = [sys.executable, str(script), url, kind, str(SEED), str(order), str(stop)]
    root = Path(__file__).parents[3]
    return subprocess.Popen(
        arguments, cwd=root, env={"PYTHONPATH": "."}, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )


async def check(url: str, kind: str) -> None:
    story, memory, store = Story(kind, SEED), MemoryOutcomes(after_all), SqlOutcomes(url, after_all)
    await memory.apply(story.incoming(story.entries))
    assert await seen(store) == await seen(memory)
    store.close()


@pytest.mark.parametrize("database", DATABASES)
@pytest.mark.parametrize("kind", TARGETS)
async def test_killed_anywhere(kind: str, database: str, tmp_path: Path) -> None:
    url, random = fresh_url(database, tmp_path), Random(kind)
    for order, stop in enumerate(random.randint(2, 90) for _ in range(3)):
        with writer(url, kind, order, stop) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"here\n"
            process.kill()
    with writer(url, kind, 99, NEVER) as process:
        process.communicate()
    assert process.returncode == 0
    await check(url, kind)


@pytest.mark.parametrize("database", DATABASES)
async def test_two_processes_at_once(database: str, tmp_path: Path) -> None:
    url = fresh_url(database, tmp_path)
    pair = [writer(url, "binary", order, NEVER) for order in (1, 2)]
    for process in pair:
        process.communicate(timeout=60)
    assert [process.returncode for process in pair] == [0, 0]
    await check(url, "binary")
