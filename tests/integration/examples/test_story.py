"""The story against a whole cluster, by the command that people type."""

import subprocess
import sys

import httpx
import pytest

from examples.state import Loaded
from tests.cluster import LaptopCluster
from understudy.client import ServingClient
from understudy.contracts.registry import ReleaseRequest
from understudy.contracts.vocabulary import ReleaseKind, VersionState

ROWS = 60
EXAMPLES = ("iris", "credit-risk")

pytestmark = pytest.mark.timeout(240)


def story(cluster: LaptopCluster, *arguments: str) -> str:
    ended = subprocess.run(
        [sys.executable, "-m", "examples.story", *arguments],
        env={**cluster.environment, "UNDERSTUDY_KEY": cluster.key("admin"), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def load(cluster: LaptopCluster) -> str:
    return story(cluster, "load", "--rows", str(ROWS))


@pytest.fixture(scope="module")
def loaded(cluster: LaptopCluster) -> Loaded:
    load(cluster)
    found = Loaded.read(cluster.state_dir)
    assert found is not None
    return found


def test_both_examples_have_a_main_and_a_challenger(cluster: LaptopCluster, loaded: Loaded) -> None:
    assert set(loaded.forms) == set(EXAMPLES)
    for name in EXAMPLES:
        versions = sorted(cluster.registry.versions(name), key=lambda found: found.version)
        assert [found.state for found in versions] == [VersionState.DEPLOYED] * 2
        assert all(found.lineage.data_sha256 and found.metrics for found in versions)
        served = cluster.registry.deployment(name)
        assert (served.current.main, served.current.challengers) == (1, (2,))
        assert served.deployed
        assert served.running


def test_every_row_was_logged_paired_and_labelled(cluster: LaptopCluster, loaded: Loaded) -> None:
    assert loaded.deployment == "credit-risk"
    for name in EXAMPLES:
        totals = cluster.monitor.assessment(name).totals
        assert totals.predictions == {"1": ROWS}
        assert totals.pairs == {"2": ROWS}
        assert totals.labels == ROWS
        assert not any(totals.pair_errors.values())


def test_the_key_and_the_row_that_it_leaves_work(cluster: LaptopCluster, loaded: Loaded) -> None:
    with ServingClient(cluster.serving_url, loaded.key) as serving:
        answer = serving.predict(loaded.deployment, loaded.example_row)
    assert set(answer.probabilities or {}) == {"repaid", "written_off"}
    assert httpx.get(loaded.forms["iris"], timeout=10).is_success


def test_loading_again_changes_nothing(cluster: LaptopCluster, loaded: Loaded) -> None:
    cluster.registry.release("iris", ReleaseRequest(kind=ReleaseKind.SWAP))
    said = load(cluster)
    assert "iris: nearest neighbours: v2 is there already" in said
    assert "Deployment iris: there already, main v2, challenger v1" in said
    assert "predictions and their labels" not in said
    assert Loaded.read(cluster.state_dir) == loaded
    assert [len(cluster.registry.versions(name)) for name in EXAMPLES] == [2, 2]


def test_a_key_that_was_revoked_is_replaced(cluster: LaptopCluster, loaded: Loaded) -> None:
    cluster.registry.revoke_key(loaded.key_id)
    load(cluster)
    replaced = Loaded.read(cluster.state_dir)
    assert replaced is not None
    assert replaced.key_id != loaded.key_id
    with ServingClient(cluster.serving_url, replaced.key) as serving:
        assert serving.predict("credit-risk", replaced.example_row).model.version == 1


def test_drifting_applicants_and_their_labels_are_taken(
    cluster: LaptopCluster, loaded: Loaded
) -> None:
    assert loaded.deployment == "credit-risk"
    said = story(
        cluster, "traffic", "--rate", "100", "--seconds", "3", "--drift", "--concept-change",
        "--labels", "--month-seconds", "0.01",
    )  # fmt: skip
    assert "answered" in said
    assert "labelled" in said
    assert "failed" not in said
