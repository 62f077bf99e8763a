"""One access token opens every process, and none any more once its key is revoked."""

import time
from collections.abc import Iterator, Mapping

import httpx
import pytest
from typer.testing import CliRunner

from tests.cluster import LaptopCluster
from understudy.cli.root import app
from understudy.client import ClientCredentials, RegistryClient
from understudy.client.oauth import TOKEN_PATH, TokenRefusedError
from understudy.contracts.registry import KeyIssued, KeyRequest
from understudy.contracts.vocabulary import Scope

PATHS: Mapping[str, tuple[str, int]] = {
    "registry": ("/v1/projects", 200),
    "serving": ("/v2/models/absent", 404),
    "challenger": ("/metrics", 200),
    "monitor": ("/v1/deployments/absent/alerts", 404),
}
"""What a key may ask of each process that the installation's processes know."""


@pytest.fixture
def issued(cluster: LaptopCluster) -> Iterator[KeyIssued]:
    wanted = KeyRequest(name="tokens", scopes=(Scope.READ, Scope.METRICS, Scope.PREDICT))
    key = cluster.registry.issue_key(wanted)
    yield key
    cluster.registry.revoke_key(key.id)


def credentials(cluster: LaptopCluster, key: KeyIssued) -> ClientCredentials:
    return ClientCredentials(cluster.registry_url + TOKEN_PATH, key.id, key.key)


def answered(cluster: LaptopCluster, token: str) -> dict[str, int]:
    headers = {"Authorization": f"Bearer {token}"}
    return {
        service: httpx.get(cluster.url(service) + path, headers=headers).status_code
        for service, (path, _) in PATHS.items()
    }


def eventually(cluster: LaptopCluster, token: str, wanted: Mapping[str, int]) -> None:
    deadline = time.monotonic() + 30
    while (found := answered(cluster, token)) != wanted and time.monotonic() < deadline:
        time.sleep(0.05)
    assert found == wanted


def test_a_token_opens_every_process_until_its_key_is_revoked(
    cluster: LaptopCluster, issued: KeyIssued
) -> None:
    token = credentials(cluster, issued).grant().access_token
    eventually(cluster, token, {service: status for service, (_, status) in PATHS.items()})
    tampered = token[:-6] + ("AAAAAA" if token[-6:] != "AAAAAA" else "BBBBBB")
    assert answered(cluster, tampered) == dict.fromkeys(PATHS, 401)
    cluster.registry.revoke_key(issued.id)
    eventually(cluster, token, dict.fromkeys(PATHS, 401))
    with pytest.raises(TokenRefusedError):
        credentials(cluster, issued).grant()
    logs = "".join(path.read_text() for path in (cluster.state_dir / "logs").glob("*.log"))
    assert token not in logs
    assert token.rpartition(".")[2] not in logs


def test_typed_clients_take_an_id_and_a_secret(cluster: LaptopCluster, issued: KeyIssued) -> None:
    with RegistryClient(cluster.registry_url, credentials(cluster, issued)) as registry:
        assert isinstance(registry.projects(), tuple)


def test_the_command_line_prints_a_token(cluster: LaptopCluster, issued: KeyIssued) -> None:
    arguments = ["keys", "token", "--client-id", issued.id, "--client-secret", issued.key]
    done = CliRunner().invoke(app, arguments, env=cluster.environment)
    assert done.exit_code == 0, done.stderr
    eventually(
        cluster, done.stdout.strip(), {service: status for service, (_, status) in PATHS.items()}
    )
