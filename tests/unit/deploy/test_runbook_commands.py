"""Commands of the runbook name services, objects and users that there are."""

import re
import shlex
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Final

import pytest
import yaml

from deploy.k8s.secrets import manifests
from tests.unit.deploy import runbook
from tests.unit.deploy.promql import ROOT

K8S: Final = ROOT / "deploy" / "k8s"
KINDS: Final = {
    "certificate": "Certificate",
    "cronjob": "CronJob",
    "hpa": "HorizontalPodAutoscaler",
    "job": "Job",
    "secret": "Secret",
    "service": "Service",
    "statefulset": "StatefulSet",
}
"""As kubectl takes them, of what the runbook names."""
MADE_BY_CERT_MANAGER: Final = frozenset({"certificaterequest", "order"})
_NAMED: Final = re.compile(r"(?:--from=)?([a-z]+)/([\w-]+)")
_OF_ONE: Final = frozenset({"describe", "exec", "patch", "rollout", "scale"})

COMPOSE: Final = list(runbook.calls("docker compose"))
KUBECTL: Final = list(runbook.calls("kubectl"))
OPERATOR: Final = [line for line in runbook.lines("sh") if "redis-cli" in line]


def services() -> set[str]:
    """Of the compose file."""
    return set(yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"])


def objects() -> Iterator[tuple[str, str]]:
    """Kind and name of whatever deploy/k8s makes, and of what others make of it."""
    for path in K8S.rglob("*.yaml"):
        for one in filter(None, yaml.safe_load_all(path.read_text())):
            yield one["kind"], one.get("metadata", {}).get("name", "")
            if one["kind"] == "Ingress":
                # cert-manager names a certificate by the Secret that it is written to.
                yield from (("Certificate", each["secretName"]) for each in one["spec"]["tls"])
    yield from (("Secret", name) for name in secrets())


def secrets() -> dict[str, dict[str, Any]]:
    """Those that are drawn, to their keys."""
    made = (one for one in manifests()["items"] if one["kind"] == "Secret")
    return {one["metadata"]["name"]: one["stringData"] for one in made}


def asked_of(words: list[str]) -> list[str]:
    """The services that a call of compose names."""
    command, *rest = words
    given = [word for word in rest if not word.startswith("-") and not word.isdigit()]
    return given[:1] if command == "exec" else given


@pytest.mark.parametrize("words", COMPOSE, ids=" ".join)
def test_compose_is_asked_of_services_that_there_are(words: list[str]) -> None:
    assert words[0] in {"exec", "logs", "ps", "restart", "up"}
    named = asked_of(words)
    assert named
    assert set(named) <= services()


def test_the_command_line_in_a_container_starts_nothing_else() -> None:
    (said,) = re.findall(r"`docker compose run ([^`]+)`", runbook.FILE.read_text())
    words = said.split()
    assert "--no-deps" in words
    assert asked_of(["run", *words])[0] == "example"


def test_a_backup_is_made_where_backups_are_kept() -> None:
    (words,) = (words for words in COMPOSE if "backup" in words and words[0] == "exec")
    assert words[1] == "backup"
    kept = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["backup"]
    mounted = {volume["target"] for volume in kept["volumes"] if isinstance(volume, dict)}
    assert words[words.index("backup", 2) + 1] in mounted


def test_nothing_is_linked_that_the_page_does_not_hold() -> None:
    links = re.findall(r"\]\(([^)]+)\)", runbook.FILE.read_text())
    assert not [link for link in links if not link.startswith(("#", "http"))]
    named = re.findall(r"`((?:docs|deploy)/[\w./-]+)`", runbook.FILE.read_text())
    assert named
    assert all((ROOT / name).exists() for name in named)


@pytest.mark.parametrize("words", KUBECTL, ids=" ".join)
def test_kubectl_is_asked_of_objects_that_there_are(words: list[str]) -> None:
    before = words[: words.index("--")] if "--" in words else words
    assert ("-n", "understudy") in pairwise(before)
    named = [found.groups() for word in before if (found := _NAMED.fullmatch(word))]
    assert named or words[0] not in _OF_ONE
    assert {(KINDS[kind], name) for kind, name in named} <= set(objects())
    if words[0] == "get" and not named:
        assert set(words[1].split(",")) <= KINDS.keys() | MADE_BY_CERT_MANAGER


@pytest.mark.parametrize("line", OPERATOR)
def test_redis_is_asked_by_the_operator_and_no_argument_is_a_password(line: str) -> None:
    assert "--user operator" in line
    assert "REDISCLI_AUTH=" in line
    assert not re.search(r"--pass\b|\s-a\s|\s-u\s", line)
    assert "$UNDERSTUDY_REDIS_URL" not in line
    users = (ROOT / "deploy" / "compose" / "users.acl").read_text()
    assert re.search(r"^user operator .*\+?allcommands", users, re.MULTILINE)


def test_the_password_of_the_operator_is_among_the_secrets() -> None:
    keys = [
        (name, found.group(1))
        for words in KUBECTL
        if (found := re.search(r"\.data\.(\w+)", shlex.join(words)))
        for kind, name in _NAMED.findall(shlex.join(words))
        if kind == "secret"
    ]
    assert ("understudy-redis", "operator") in keys
    assert all(key in secrets()[name] for name, key in keys)


def test_replicas_are_set_where_they_hold() -> None:
    scaled = {words[1] for words in KUBECTL if words[0] in {"scale", "patch"}}
    assert scaled == {"hpa/serving", "statefulset/serving"}
    file = K8S / "overlays" / "production" / "autoscaling.yaml"
    fewest = yaml.safe_load(file.read_text())["spec"]["minReplicas"]
    patched = [yaml.safe_load(words[-1]) for words in KUBECTL if words[0] == "patch"]
    more, back = (each["spec"]["minReplicas"] for each in patched)
    assert more > fewest == back


def test_a_service_or_an_object_that_there_is_not_is_found() -> None:
    assert not {("StatefulSet", "redi"), ("Certificate", "understudy-serving")} & set(objects())
    assert asked_of(["exec", "-T", "redi", "sh"]) == ["redi"]
    assert asked_of(["logs", "--tail", "100", "monitor"]) == ["monitor"]
