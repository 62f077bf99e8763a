"""Files of deploy/k8s as they lie there: whole, fresh, and without a secret."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.grafana.variables import Addresses
from deploy.k8s.generate import boards, generated
from deploy.k8s.operator import alertmanager, rules
from deploy.k8s.secrets import manifests
from understudy.runtime.keys import parse_key

ROOT = Path(__file__).parents[3]
K8S = ROOT / "deploy" / "k8s"
EXAMPLE = K8S / "overlays" / "production" / "secrets.example.yaml"
FILES = sorted(K8S.rglob("*.yaml"))
KUSTOMIZATIONS = sorted(K8S.rglob("kustomization.yaml"))
OF_PRODUCTION = {
    "understudy-stores",
    "understudy-s3",
    "understudy-tokens-before",
    "understudy-oidc",
}
# kubectl keeps an object whole in an annotation of it unless it applies on the server's side.
MOST_BYTES = 1_048_576


class Unique(yaml.SafeLoader):
    """Refuses a key that is there twice, which YAML's loader passes over."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT002 - the library's signature
        keys = [self.construct_object(key, deep=deep) for key, _ in node.value]
        twice = {key for key in keys if keys.count(key) > 1}
        if twice:
            raise ValueError(f"{sorted(twice)} twice{node.start_mark}")
        return super().construct_mapping(node, deep)


def documents(path: Path) -> list[dict[str, Any]]:
    return [one for one in yaml.load_all(path.read_text(), Unique) if one]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(K8S)))
def test_no_key_is_there_twice(path: Path) -> None:
    assert documents(path) or path.parent.name == "grafana-dashboards"


def test_a_probe_that_is_there_twice_is_found(tmp_path: Path) -> None:
    path = tmp_path / "pod.yaml"
    path.write_text("livenessProbe: {periodSeconds: 1}\nlivenessProbe: {periodSeconds: 2}\n")
    with pytest.raises(ValueError, match="livenessProbe"):
        documents(path)


@pytest.mark.parametrize("path", KUSTOMIZATIONS, ids=lambda path: str(path.relative_to(K8S)))
def test_every_file_is_named_by_its_kustomization(path: Path) -> None:
    (found,) = documents(path)
    named = {path.parent / one for one in mentioned(found)}
    assert [one for one in named if not one.exists()] == []
    beside = {one for one in path.parent.rglob("*") if one.is_file()}
    assert beside - named - {path, EXAMPLE} == set()


def mentioned(kustomization: dict[str, Any]) -> Iterator[str]:
    yield from kustomization.get("resources", [])
    yield from (one["path"] for one in kustomization.get("patches", []) if "path" in one)
    for generator in kustomization.get("configMapGenerator", []):
        yield from generator.get("envs", [])
        yield from generator.get("files", [])


@pytest.mark.parametrize("path", sorted(generated()), ids=lambda path: path.name)
def test_what_is_generated_is_fresh(path: Path) -> None:
    assert path.read_text() == generated()[path], "python -m deploy.k8s.generate"


def test_links_of_dashboards_lead_where_one_says() -> None:
    text = boards(Addresses("https://ask.example.com", "https://watch.example.com"))
    assert "https://ask.example.com" in text
    assert "https://watch.example.com" in text
    assert "127.0.0.1" not in text


def test_alerts_are_given_the_namespace_that_routes_look_for(tmp_path: Path) -> None:
    path = tmp_path / "some.yml"
    path.write_text(
        "groups: [{name: a, rules: ["
        "{record: b, expr: c}, {alert: D, expr: e, labels: {severity: page}}, "
        "{alert: F, expr: min by (namespace) (g)}]}]"
    )
    (group,) = rules(path)["spec"]["groups"]
    assert [one.get("labels") for one in group["rules"]] == [
        None,
        {"severity": "page", "namespace": "understudy"},
        None,
    ]


def test_what_is_no_matcher_is_found(tmp_path: Path) -> None:
    path = tmp_path / "alertmanager.yml"
    text = (ROOT / "deploy" / "alertmanager" / "alertmanager.yml").read_text()
    path.write_text(text.replace('- deployment != ""', "- deployment"))
    with pytest.raises(ValueError, match="not all matchers"):
        alertmanager(path)


def test_every_generated_object_fits_into_a_cluster() -> None:
    assert [path for path, text in generated().items() if len(text.encode()) > MOST_BYTES] == []


def test_the_example_of_secrets_is_applied_by_nothing() -> None:
    named = {one for path in KUSTOMIZATIONS for one in mentioned(documents(path)[0])}
    assert EXAMPLE.name not in named


def test_no_secret_is_committed() -> None:
    secrets = [one for one in FILES if one != EXAMPLE and holds_secret(one)]
    assert secrets == []
    for one in documents(EXAMPLE):
        assert all("REPLACE" in text or "://" in text for text in one["stringData"].values())


def holds_secret(path: Path) -> bool:
    return any(one.get("kind") == "Secret" for one in documents(path))


def test_drawn_secrets_are_those_of_the_example_without_its_stores() -> None:
    namespace, *drawn = manifests()["items"]
    assert namespace["metadata"]["name"] == "understudy"
    made = {one["metadata"]["name"]: one["stringData"] for one in drawn}
    example = {one["metadata"]["name"]: one["stringData"] for one in documents(EXAMPLE)}
    assert made.keys() == example.keys() - OF_PRODUCTION
    # Redis is ours there, so its users are made as well.
    example["understudy-redis"] |= {"users": "", "operator": ""}
    assert {name: made[name].keys() for name in made} == {
        name: example[name].keys() for name in made
    }


def test_drawn_secrets_are_keys_and_differ_each_time() -> None:
    first, second = (
        {one["metadata"]["name"]: one.get("stringData", {}) for one in manifests()["items"]}
        for _ in range(2)
    )
    keys = [*first["understudy-keys"].values(), first["understudy-metrics"]["metrics"]]
    assert len({parse_key(key) for key in keys}) == len(keys)
    assert None not in {parse_key(key) for key in keys}
    assert not set(first["understudy-keys"].values()) & set(second["understudy-keys"].values())
    users = first["understudy-redis"]["users"]
    assert re.findall(r"^user (\w+) on #[0-9a-f]{64}", users, re.MULTILINE) == [
        "operator",
        "serving",
        "challenger",
        "monitor",
    ]
