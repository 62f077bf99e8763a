"""The shared client of followers against a real registry."""

import subprocess
from pathlib import Path

import httpx
import pytest

from understudy.client.following import RegistryFollowing
from understudy.contracts.registry import FollowerReport
from understudy.contracts.vocabulary import Component

from .conftest import SERVICE, Files, RegistryProcess, digest_of

pytestmark = pytest.mark.anyio


async def test_a_follower_is_told_fetches_and_reports(
    registry_process: RegistryProcess, files: Files, tmp_path: Path
) -> None:
    following = RegistryFollowing(registry_process.url, SERVICE)
    snapshot = await following.snapshot(None, 0.0)
    assert snapshot is not None
    deployment = snapshot.deployment("credit")
    assert deployment is not None
    served = deployment.version(deployment.main)
    assert served.artifact == digest_of(files.model)
    path = await following.fetch_artifact(served.artifact, tmp_path)
    assert path.read_bytes() == files.model
    assert await following.snapshot(snapshot.sequence, 0.1) is None
    report = FollowerReport(
        instance="serving-1", component=Component.SERVING, releases={"credit": deployment.release}
    )
    await following.report(report)
    await following.aclose()
    with registry_process.client() as client:
        view = client.get("/v1/deployments/credit").json()
    assert (view["deployed"], view["running"]) == (True, True)


async def test_a_wrong_key_follows_nothing(registry_process: RegistryProcess) -> None:
    following = RegistryFollowing(registry_process.url, SERVICE[:-1] + "x")
    with pytest.raises(httpx.HTTPStatusError, match="401"):
        await following.snapshot(None, 0.0)
    await following.aclose()


def test_prometheus_likes_the_metrics(registry_process: RegistryProcess) -> None:
    with registry_process.client() as client:
        text = client.get("/metrics").text
    checked = subprocess.run(
        ["promtool", "check", "metrics"],  # noqa: S607 - wherever it is installed
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")
    assert "process_resident_memory_bytes" in text
