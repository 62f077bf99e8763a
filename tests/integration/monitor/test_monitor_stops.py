"""SIGTERM, as Docker and Kubernetes send it: leases are let go, so that nobody waits for them."""

import signal
import time
from pathlib import Path
from typing import Any

import pytest
import redis

from services.monitor.adapters.leases import MEMBERS, lease_key
from tests.fakes.monitor import fake_registry
from tests.fakes.monitor_entries import (
    NAME,
    deployment,
    prediction_batch,
    reference_file,
    sample,
    snapshot,
)
from tests.monitor_process import running
from understudy.contracts import events


@pytest.mark.timeout(200)
def test_a_monitor_that_is_told_to_stop_leaves_no_lease(redis_url: str, tmp_path: Path) -> None:
    """A lease would last an hour; the process has Kubernetes' and Docker's patience at most."""
    with fake_registry(snapshot()) as registry, redis.Redis.from_url(redis_url) as client:
        sample_file = registry.store(reference_file())
        registry.publish(snapshot(deployment(reference=sample_file)))
        settings = {"LEASE_SECONDS": "3600", "WAIT_SECONDS": "5"}
        with running(redis_url, registry, tmp_path, settings) as monitor:
            for _ in range(50):
                fields: Any = events.encode(prediction_batch(sample(20), at=time.time()))
                client.xadd(events.predictions_key(NAME), fields)
            monitor.until(lambda found: found.totals.predictions == {"1": 1_000})
            assert client.get(lease_key(NAME)) is not None
            assert monitor.stop() in {0, -signal.SIGTERM}, monitor.log()[-3_000:]
            assert client.get(lease_key(NAME)) is None
            assert client.zcard(MEMBERS) == 0
            assert "Application shutdown complete." in monitor.log()
            assert "tasks_do_not_end" not in monitor.log()
