"""What alerts look at is there at 0 before it first counts: an increase shows the first event."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest, multiprocess

from services.serving.metrics import ChallengerMetrics, ServingMetrics
from services.serving.operations import Serving
from services.serving.operations.releases import Releases
from services.serving.operations.scoring import Limits
from tests.fakes.serving import BROKEN_ARTIFACT, ListLog, RuleLibrary, deployment, ruled
from understudy.contracts.registry import Snapshot
from understudy.runtime.keys import KeyRing

from .test_challenges import Versions, flowers

NOBODYS = [
    'understudy_refusals_total{code="unauthenticated",deployment="",status="401"} 0.0',
    'understudy_refusals_total{code="forbidden",deployment="",status="403"} 0.0',
    'understudy_refusals_total{code="overloaded",deployment="",status="503"} 0.0',
    'understudy_refusals_total{code="internal",deployment="",status="500"} 0.0',
    'understudy_log_spool_bad_records_total{kind="corrupt"} 0.0',
    'understudy_log_spool_bad_records_total{kind="torn"} 0.0',
    "understudy_log_spool_read_failures_total 0.0",
]
WANTED = [
    *(
        f'understudy_refusals_total{{code="{code}",deployment="flowers",status="{status}"}} 0.0'
        for code, status in (
            ("unauthenticated", 401),
            ("forbidden", 403),
            ("internal", 500),
            ("scoring_failed", 500),
            ("not_loaded", 503),
            ("busy", 503),
            ("overloaded", 503),
            ("log_full", 503),
            ("deadline", 504),
        )
    ),
    *(
        f'understudy_log_rows_total{{deployment="flowers",state="{state}"}} 0.0'
        for state in ("logged", "spooled", "replayed", "dropped")
    ),
    'understudy_failures_untold_total{deployment="flowers"} 0.0',
    'understudy_load_failures_total{deployment="flowers"} 0.0',
    'understudy_labels_total{deployment="flowers",status="refused"} 0.0',
]
ANSWERING = [
    f"understudy_prediction_requests_total{{"
    f'deployment="flowers",dialect="{dialect}",outcome="{outcome}",version="1"}} 0.0'
    for dialect in ("json", "form")
    for outcome in ("ok", "error")
]
WORKER = """
import sys
from prometheus_client import CollectorRegistry
from services.serving.metrics import ServingMetrics
metrics = ServingMetrics(CollectorRegistry())
metrics.knows(["flowers"])
metrics.begins("flowers", 1)
metrics.log.spool_limit(100)
sys.stdin.read()
"""


async def taken_up(artifact: str | None = None) -> list[str]:
    numbers = CollectorRegistry()
    metrics = ServingMetrics(numbers)
    serving = Serving(keys=KeyRing, log=ListLog(), metrics=metrics, limits=Limits(5, 0.002, 1, 1))
    releases = Releases(serving, RuleLibrary(), metrics, "here:1")
    version = ruled(1) if artifact is None else ruled(1, artifact)
    await releases.take_up(Snapshot(sequence=1, deployments=(deployment([version]),)))
    return generate_latest(numbers).decode().splitlines()


@pytest.mark.anyio
async def test_of_what_is_taken_up_nothing_was_counted_yet() -> None:
    assert {*NOBODYS, *WANTED, *ANSWERING} <= {*await taken_up()}


@pytest.mark.anyio
async def test_of_what_can_not_be_loaded_only_that_was_counted() -> None:
    failed = 'understudy_load_failures_total{deployment="flowers"} '
    found = {*await taken_up(BROKEN_ARTIFACT)}
    assert {*WANTED} - found == {f"{failed}0.0"}
    assert f"{failed}1.0" in found
    assert not found & {*ANSWERING}


def test_before_any_snapshot_nobodys_refusals_are_there() -> None:
    numbers = CollectorRegistry()
    ServingMetrics(numbers)
    assert {*NOBODYS} <= {*generate_latest(numbers).decode().splitlines()}


def test_several_workers_sum_their_nothings(tmp_path: Path) -> None:
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    command = [sys.executable, "-c", WORKER]
    workers = [subprocess.Popen(command, env=environment, stdin=subprocess.PIPE) for _ in range(2)]
    for worker in workers:
        worker.communicate(timeout=60)
    assert len([*tmp_path.glob("counter_*.db")]) == 2
    numbers = CollectorRegistry()
    multiprocess.MultiProcessCollector(numbers, str(tmp_path))  # type: ignore[no-untyped-call]
    found = generate_latest(numbers).decode().splitlines()
    assert {*NOBODYS, *WANTED, *ANSWERING} <= {*found}
    assert "understudy_log_spool_limit_bytes 200.0" in found


def test_what_a_challengers_reader_may_count_is_there_when_it_begins() -> None:
    numbers = CollectorRegistry()
    versions = Versions(ChallengerMetrics(numbers))
    (wanted,) = flowers(1, (2,)).deployments
    owed = wanted.pairings[0].model_copy(update={"since": datetime.now(UTC)})
    versions.begin(wanted, owed, lambda: None)
    names = 'deployment="flowers"'
    expected = [
        *(
            f'understudy_pairs_total{{{names},outcome="{outcome}",version="2"}} 0.0'
            for outcome in ("ok", "error", "timeout")
        ),
        *(
            f'understudy_challenger_restarts_total{{{names},reason="{reason}",version="2"}} 0.0'
            for reason in ("timeout", "died", "memory")
        ),
        *(
            f'understudy_challenger_{name}_total{{{names},version="2"}} 0.0'
            for name in ("shed_rows", "failures", "unreadable_entries")
        ),
    ]
    assert {*expected} <= {*generate_latest(numbers).decode().splitlines()}
