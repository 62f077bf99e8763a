"""The profile `postgres`: registry and outcomes in PostgreSQL, on volumes that are new."""

import os
from collections.abc import Iterator

import pytest

from tests.deploy.containers import Containers, containers, needs_docker, wait_until
from tests.deploy.iris import NAME, Cluster, following
from understudy.contracts.serving import LabelRequest

pytestmark = [needs_docker, pytest.mark.timeout(2_400)]

KEPT = "/var/lib/understudy/secrets"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    told = {"COMPOSE_PROFILES": "postgres", "UNDERSTUDY_DATABASE": "postgres"}
    with containers(f"understudy-postgres-{os.getpid()}", **told) as running:
        running.compose("--profile", "example", "build")
        print(f"up --wait: {running.up():.0f} s on volumes that are new")
        with following(running) as found:
            yield found


def rows(running: Containers, database: str, statement: str) -> str:
    line = ("psql", "--username=postgres", f"--dbname={database}", "-Atc", statement)
    return running.compose("exec", "-T", "postgres", *line).strip()


def test_what_is_registered_and_answered_is_in_postgres(cluster: Cluster) -> None:
    running = cluster.running
    with cluster.counted():
        asked = [cluster.ask() for _ in range(20)]
        labels = [LabelRequest(prediction_id=one, label="setosa") for one in asked]
        answers = cluster.serving.label(NAME, labels).results
        assert {answer.status for answer in answers} == {"accepted"}
    assert NAME in rows(running, "registry", "SELECT name FROM deployments").split()
    answered = "SELECT count(*) FROM outcome_answers"
    wait_until(lambda: int(rows(running, "monitor", answered)) >= len(asked), "outcomes")
    labelled = "SELECT count(*) FROM outcome_labels"
    wait_until(lambda: int(rows(running, "monitor", labelled)) >= len(asked), "labels")
    for name in ("registry", "monitor"):
        files = running.compose("exec", "-T", name, "ls", "/var/lib/understudy").split()
        assert not [file for file in files if file.endswith((".db", ".sqlite", ".sqlite3"))], files


def test_a_role_gets_into_its_own_database_alone(cluster: Cluster) -> None:
    owners = "SELECT datname, pg_get_userbyid(datdba) FROM pg_database WHERE datname <> 'postgres'"
    found = {*rows(cluster.running, "postgres", f"{owners} AND NOT datistemplate").split()}
    assert found == {"registry|registry", "monitor|monitor"}
    for role, other in (("registry", "monitor"), ("monitor", "registry")):
        allowed = f"SELECT has_database_privilege('{role}', '{other}', 'CONNECT')"
        assert rows(cluster.running, "postgres", allowed) == "f"


def test_a_first_backup_is_made_of_it(cluster: Cluster) -> None:
    def names() -> list[str]:
        listed = ("find", "/backups", "-mindepth", "2", "-name", "manifest.json")
        return cluster.running.compose("exec", "-T", "backup", *listed).split()

    wait_until(lambda: len(names()) == 1, "a backup")


def test_passwords_change_as_documented(cluster: Cluster) -> None:
    running = cluster.running
    before = {
        "registry": running.secret("registry", "understudy_database_url"),
        "monitor": running.secret("monitor", "understudy_monitor_outcomes_url"),
    }
    owner = running.secret("postgres", "password")
    gone = f"rm {KEPT}/postgres-*.password {KEPT}/redis-*.password {KEPT}/service.key"
    running.compose("run", "--rm", "--no-deps", "--entrypoint", "sh", "keys", "-c", gone)
    running.compose("run", "--rm", "keys")
    told = ("--username=postgres", "--quiet", "--file=/run/secrets/passwords.sql")
    running.compose("exec", "-T", "postgres", "psql", *told)
    running.compose("up", "--detach", "--wait", "--force-recreate")
    assert running.secret("registry", "understudy_database_url") != before["registry"]
    assert running.secret("monitor", "understudy_monitor_outcomes_url") != before["monitor"]
    assert running.secret("postgres", "password") != owner
    connect = "import psycopg, sys; psycopg.connect(sys.stdin.read().strip()).close()"
    refused = f"""
printf %s '{before["registry"].replace("+psycopg", "")}' | python -c '{connect}' 2>&1 || true
"""
    assert "password authentication failed" in running.compose(
        "exec", "-T", "registry", "sh", "-c", refused
    )
    with cluster.counted():
        wait_until(lambda: running.ready("serving"), "serving")
        cluster.ask()
    assert not running.redis("acl", "log")
