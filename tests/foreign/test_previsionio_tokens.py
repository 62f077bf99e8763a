"""Prevision's own client against a whole installation, with a token of its registry."""

from pathlib import Path

from tests.cluster import laptop_cluster
from tests.foreign.environments import ask
from understudy.client.oauth import TOKEN_PATH
from understudy.runtime.keys import parse_key


def test_it_is_let_in_by_a_token_of_the_registry(tmp_path: Path) -> None:
    with laptop_cluster(tmp_path, with_example=True, serving_workers=1) as cluster:
        example = cluster.example
        told = ask(
            "previsionio",
            "previsionio_model.py",
            {
                "base": f"{cluster.serving_url}/v1/deployments/{example.deployment}/prevision",
                "token_url": cluster.registry_url + TOKEN_PATH,
                "client_id": parse_key(example.key),
                "client_secret": example.key.split("_", 2)[2],
                "rows": [example.example_row],
            },
            OAUTHLIB_INSECURE_TRANSPORT="1",
        )
        plain = cluster.serving.predict(example.deployment, example.example_row)
    assert told["found"] == [plain.prediction]
    assert {one["name"] for one in told["inputs"]} >= {*example.example_row}
