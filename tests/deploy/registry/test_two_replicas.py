"""Two registries on one PostgreSQL are one: what is done at one is so at the other."""

import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from services.registry.adapters.database import Database
from tests.fakes.installations import Installation, fill
from tests.fakes.outcome_stores import THERE_IS_POSTGRES, fresh_url
from tests.integration.registry.conftest import SERVICE, RegistryProcess

pytestmark = [
    pytest.mark.skipif(not THERE_IS_POSTGRES, reason="there is no PostgreSQL for this platform"),
    pytest.mark.usefixtures("postgres"),
    pytest.mark.timeout(300),
]

READS = (
    "/v1/projects",
    "/v1/models",
    "/v1/models/credit/versions",
    "/v1/deployments",
    "/v1/deployments/credit",
    "/v1/deployments/credit/releases",
    "/v1/keys",
    "/v1/audit",
    "/v1/snapshot",
)
RELEASES = "/v1/deployments/credit/releases"
Pair = tuple[RegistryProcess, RegistryProcess]


def replica(folder: Path, name: str, url: str) -> RegistryProcess:
    (folder / name).mkdir(exist_ok=True)
    settings = {
        "UNDERSTUDY_DATABASE_URL": url,
        "UNDERSTUDY_ARTIFACTS_URL": str(folder / "artifacts"),
    }
    return RegistryProcess(folder / name, settings=settings)


@pytest.fixture(scope="module")
def replicas(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pair]:
    """Both start at once, on an empty database, and so both want to migrate it."""
    folder = tmp_path_factory.mktemp("replicas")
    request.getfixturevalue("postgres")
    url = fresh_url("postgres", folder)
    pair = replica(folder, "one", url), replica(folder, "other", url)
    try:
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(RegistryProcess.start, pair))
        database = Database(url)
        fill(Installation(database, folder))
        database.close()
        # What was filled in names a key of its own: a start tells the settings' keys again.
        pair[0].end()
        pair[0].start()
        yield pair
    finally:
        for one in pair:
            if one.process is not None and one.process.poll() is None:
                one.end()


def told(registry: RegistryProcess) -> dict[str, object]:
    with registry.client() as client:
        found = {path: client.get(path).json() for path in READS[:-1]}
    with registry.client(SERVICE) as client:
        return {**found, READS[-1]: client.get(READS[-1]).json()}


def gauges(registry: RegistryProcess) -> dict[object, float]:
    """What a scrape is told of the state; the rest is a process's own."""
    with registry.client() as client:
        text = client.get("/metrics").text
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        if family.type == "gauge" and family.name.startswith("understudy_")
        # When a counter of the process began is told as a gauge too.
        if not family.name.endswith("_created")
        for sample in family.samples
    }


def test_migrations_race_and_one_wins(tmp_path: Path) -> None:
    url = fresh_url("postgres", tmp_path)

    def migrated(number: int) -> dict[str, str | None]:
        done = subprocess.run(
            [sys.executable, "-m", "services.registry", "migrate", "-o", "json"],
            env=replica(tmp_path, str(number), url).environment(),
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        found: dict[str, str | None] = json.loads(done.stdout)
        return found

    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(migrated, range(4)))
    assert [one["before"] for one in done].count(None) == 1
    assert len({one["after"] for one in done}) == 1


def test_both_answer_alike(replicas: Pair) -> None:
    one, other = replicas
    assert told(one) == told(other)
    assert gauges(one) == gauges(other)


def test_a_release_at_one_is_followed_at_the_other(replicas: Pair) -> None:
    one, other = replicas
    with one.client() as releasing, other.client(SERVICE) as following, ThreadPoolExecutor(1) as p:
        tag = following.get("/v1/snapshot").headers["ETag"]
        path, headers = "/v1/snapshot?wait=29", {"If-None-Match": tag}
        wait = p.submit(following.get, path, headers=headers)
        made = releasing.post(RELEASES, json={"kind": "swap"})
        assert made.status_code == 201, made.text
        answer = wait.result()
    (deployment,) = answer.json()["deployments"]
    assert deployment["release"] == made.json()["release"]
    assert told(one) == told(other)


def test_a_follower_is_known_to_both_whichever_it_tells(replicas: Pair) -> None:
    one, other = replicas
    with one.client(SERVICE) as following:
        held = following.get("/v1/deployments/credit").json()["current"]["release"]
        report = {"instance": "a:1", "component": "serving", "releases": {"credit": held}}
        assert following.post("/v1/followers", json=report).status_code == 204
    for registry in replicas:
        with registry.client() as client:
            assert client.get("/v1/deployments/credit").json()["deployed"] is True
    assert gauges(one) == gauges(other)
    state = "understudy_deployment_state", (("deployment", "credit"), ("state", "deployed"))
    assert gauges(other)[state] == 1


def test_a_key_revoked_at_one_opens_nothing_at_the_other(replicas: Pair) -> None:
    one, other = replicas
    with one.client() as client:
        issued = client.post("/v1/keys", json={"name": "app", "scopes": ["read"]}).json()
        with other.client(issued["key"]) as using:
            assert using.get("/v1/deployments").status_code == 200
            assert client.delete(f"/v1/keys/{issued['id']}").status_code == 204
            assert using.get("/v1/deployments").status_code == 401


def test_releases_at_both_at_once_make_one_history(replicas: Pair) -> None:
    """Each answer is a release or a refusal; none is lost, none has a number twice."""

    def swapped(registry: RegistryProcess) -> list[httpx.Response]:
        with registry.client() as client:
            return [client.post(RELEASES, json={"kind": "swap"}) for _ in range(20)]

    with ThreadPoolExecutor(2) as pool:
        answers = [answer for some in pool.map(swapped, replicas) for answer in some]
    assert {answer.status_code for answer in answers} <= {201, 409}
    made = [answer.json()["release"] for answer in answers if answer.status_code == 201]
    assert len(made) == len(set(made)) > 0
    with replicas[0].client() as client:
        numbers = [held["release"] for held in client.get(f"{RELEASES}?limit=1000").json()["items"]]
    assert numbers == list(range(len(numbers), 0, -1))
    assert set(made) <= set(numbers)
    assert told(replicas[0]) == told(replicas[1])


def test_one_stops_and_the_other_goes_on(replicas: Pair) -> None:
    one, other = replicas
    before = told(one)
    one.end()
    assert told(other) == before
    one.start()
    assert told(one) == before == told(other)
