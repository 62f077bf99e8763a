from datetime import timedelta

import pytest

from tests.fakes.monitor_bodies import coverage, promotion
from tests.fakes.registry_bodies import NOW, deployment, release
from tests.fakes.scripted_http import Script, scripted_server
from tests.fakes.typed_commands import Run
from understudy.cli.waiting import known_failure
from understudy.contracts.registry import DeploymentView, FollowerState, Page
from understudy.contracts.vocabulary import Component


def follower(
    failure: str | None, *, after: float = 5.0, component: Component = Component.SERVING
) -> FollowerState:
    return FollowerState(
        instance=f"host:{failure}",
        component=component,
        release=1,
        reported_at=NOW + timedelta(seconds=after),
        failure=failure,
    )


def unserved(*followers: FollowerState) -> DeploymentView:
    found = deployment(release(2, 1), deployed=False)
    return found.model_copy(update={"followers": followers})


def test_status_waits_for_the_release_and_fails_when_it_does_not_come(
    run: Run, server: Script
) -> None:
    server.on("GET", "/v1/deployments/risk", deployment(release(2, 1), deployed=False))
    result = run("status", "risk", "--timeout", "0.1s")
    assert result.exit_code == 1
    assert "not served by all within 0.1s" in result.stderr


def test_status_tells_without_a_monitor(run: Run, server: Script) -> None:
    server.on("GET", "/v1/deployments/risk", deployment(release(2, 1), deployed=False))
    server.on("GET", "/v1/deployments/risk", deployment(release(2, 1)))
    result = run("status", "risk", "--timeout", "5s")
    assert result.exit_code == 0, result.stderr
    assert "served by all" in result.stdout
    assert "no readings" in result.stdout


def test_status_of_all(run: Run, server: Script) -> None:
    server.on("GET", "/v1/deployments", Page(items=(deployment(release(2, 1, 3)),)))
    result = run("status")
    assert "risk" in result.stdout
    assert "served by all" in result.stdout


def test_the_list_tells_verdicts_and_labels(run: Run, server: Script) -> None:
    server.on("GET", "/v1/deployments", Page(items=(deployment(release(4, 1, 3)),)))
    server.on("GET", "/v1/deployments/risk/verdict", promotion())
    server.on("GET", "/v1/deployments/risk/labels", coverage())
    (line,) = run("status").stdout.splitlines()[1:]
    assert line.split("served by all")[1].split() == [
        *("promote", "version", "3"),
        *("50.0%", "of", "4,300"),
    ]


def test_a_monitor_that_is_gone_is_asked_once(run: Run, server: Script) -> None:
    both = (deployment(release(1, 1)), deployment(release(1, 1)))
    server.on("GET", "/v1/deployments", Page(items=both))
    with scripted_server() as gone:
        pass
    result = run("status", "--monitor-url", gone.url)
    assert (result.exit_code, result.stdout.count("served by all")) == (0, 2)


def test_a_deployment_tells_its_verdict_and_labels(run: Run, server: Script) -> None:
    server.on("GET", "/v1/deployments/risk", deployment(release(4, 1, 3)))
    server.on("GET", "/v1/deployments/risk/verdict", promotion())
    server.on("GET", "/v1/deployments/risk/labels", coverage())
    told = run("status", "risk").stdout
    assert "promote version 3 – its answers are better (understudy why risk)" in told
    assert "50.0% of 4,300 answers of the main" in told


def test_programs_are_told_deployments_alone(run: Run, server: Script) -> None:
    server.on("GET", "/v1/deployments", Page(items=(deployment(release(1, 1)),)))
    assert run("status", "-o", "json").exit_code == 0
    assert [asked.path for asked in server.asked] == ["/v1/deployments"]


def test_a_failure_of_every_worker_is_told_at_once(run: Run, server: Script) -> None:
    server.on("GET", "/v1/deployments/risk", unserved(follower("out of memory")))
    result = run("status", "risk", "--timeout", "60s")
    assert result.exit_code == 1
    assert "Release 2 of risk can't be served: out of memory" in result.stderr


@pytest.mark.parametrize(
    "followers",
    [
        (),
        (follower("broken"), follower(None)),
        (follower("of the release before", after=0.1),),
        (follower("broken", component=Component.CHALLENGER),),
    ],
)
def test_a_failure_of_some_may_pass(followers: tuple[FollowerState, ...]) -> None:
    assert known_failure(unserved(*followers)) is None


def test_without_a_name_it_waits_for_all(run: Run, server: Script) -> None:
    served = deployment(release(1, 1))
    server.on("GET", "/v1/deployments", Page(items=(served, unserved())))
    server.on("GET", "/v1/deployments", Page(items=(served, served)))
    assert run("status", "--timeout", "30s").exit_code == 0
    assert [asked.path for asked in server.asked].count("/v1/deployments") == 2


def test_without_a_name_one_that_is_not_served_fails(run: Run, server: Script) -> None:
    server.on("GET", "/v1/deployments", Page(items=(deployment(release(1, 1)), unserved())))
    result = run("status", "--timeout", "0.1s")
    assert result.exit_code == 1
    assert "Release 2 of risk is not served by all within 0.1s" in result.stderr


@pytest.mark.parametrize("arguments", [("--watch",), ("risk", "--watch", "--timeout", "5s")])
def test_watching_is_for_one_and_has_no_end(run: Run, arguments: tuple[str, ...]) -> None:
    assert run("status", *arguments).exit_code == 2


@pytest.mark.parametrize(
    ("log", "told"),
    [
        ({"degraded": True, "spooled_rows": 7}, True),
        ({"degraded": False, "spooled_rows": 0}, False),
        ({"degraded": "?"}, False),
    ],
)
def test_a_degraded_log_is_told(
    run: Run, server: Script, log: dict[str, object], told: bool
) -> None:
    server.on("GET", "/v1/deployments/risk", deployment(release(2, 1)))
    server.on("GET", "/readyz", {"ready": True, "log": log})
    assert ("that was asked: 7" in run("status", "risk").stdout) is told


def test_programs_are_told_the_deployment_alone(run: Run, server: Script) -> None:
    server.on("GET", "/v1/deployments/risk", deployment(release(2, 1)))
    assert run("status", "risk", "-o", "json").exit_code == 0
    assert [asked.path for asked in server.asked] == ["/v1/deployments/risk"]
