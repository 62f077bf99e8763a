"""Logs are read by many: no key, token, password, label or value of a feature stands in one."""

import base64
import json
import time
from collections.abc import Iterator, Mapping
from typing import Any, Final

import httpx
import pytest

from tests.cluster import SERVICES
from tests.integration.access.conftest import PASSWORD, Neighbourhood, bearer
from understudy.runtime.keys import make_key

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

WORD: Final = "Xq7-marmalade-zebra"
"""Part of every text that is sent, so that one search finds them all."""
NUMBER: Final = 48151.623425
FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}


def rows(example: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Right ones, and wrong ones of all kinds."""
    for name, value in example.items():
        numeric = isinstance(value, int | float) and not isinstance(value, bool)
        for told in (NUMBER if numeric else WORD, WORD, NUMBER, [WORD], {WORD: NUMBER}, None):
            yield {**example, name: told}
    yield {**example, WORD: NUMBER}
    yield {WORD: WORD}


def bodies(example: Mapping[str, Any]) -> Iterator[bytes]:
    for row in rows(example):
        for body in (row, [row], {"rows": [row]}, {"instances": [row]}, {"inputs": [row]}):
            yield json.dumps(body).encode()
        yield json.dumps({"dataframe_records": [row]}).encode()
        tensors = [
            {"name": name, "datatype": "BYTES", "shape": [1], "data": [value]}
            for name, value in row.items()
        ]
        yield json.dumps({"id": WORD, "inputs": tensors}).encode()
    whole = json.dumps({**example, WORD: WORD}).encode()
    yield from (
        whole[:-5],
        whole + b"}",
        b"\xff" + whole,
        f'"{WORD}'.encode(),
        f"[{NUMBER}".encode(),
    )


def ask_serving(found: Neighbourhood, http: httpx.Client) -> Iterator[httpx.Response]:
    name, example = found.there["deployment"], found.cluster.example.example_row
    own = f"/v1/deployments/{name}"
    paths = (
        f"{own}/predict",
        f"{own}/prevision/predict",
        f"/v2/models/{name}/infer",
        f"/v1/models/{name}:predict",
        f"/deployments/{name}/invocations",
        f"/endpoints/{name}/invocations",
        f"{own}/labels",
        f"{own}/protected",
        f"{own}/predictions",
        f"/{name}/form",
    )
    for path in paths:
        for body in bodies(example):
            yield http.post(path, content=body)
        yield http.post(path, content=f"{WORD},b\n{NUMBER},2".encode(), headers=CSV)
        yield http.post(f"{path}?prediction_id={WORD}&key={WORD}", content=b"{}")
    for label in (WORD, NUMBER, [WORD], None):
        told: dict[str, Any] = {
            "prediction_id": WORD,
            "label": label,
            "source": WORD,
            "observed_at": WORD,
        }
        yield http.post(f"{own}/labels", json=told)
        yield http.post(f"{own}/labels", json=[{"prediction_id": WORD, "label": label}])
        yield http.put(f"{own}/labels/{WORD}", json={"label": label})
        told = {"prediction_id": WORD, "attributes": {WORD: label}}
        yield http.post(f"{own}/protected", json=told)


CSV: Final = {"Content-Type": "text/csv"}


def ask_others(found: Neighbourhood, url: str) -> Iterator[httpx.Response]:
    """Registry and monitor: what may be wrong about credentials, and bodies that hold some."""
    admin = bearer(found.cluster.key("admin"))
    unknown = make_key().plaintext + WORD
    basic = base64.b64encode(f"{WORD}:{WORD}".encode()).decode()
    with httpx.Client(base_url=url, timeout=60) as http:
        for headers in (
            bearer(WORD),
            bearer(unknown),
            {"X-API-Key": unknown},
            {"Authorization": f"Basic {basic}"},
            {"Authorization": WORD},
            {"Cookie": f"understudy_session={WORD}"},
            {"X-CSRF-Token": WORD, **found.session},
            {"X-Understudy-Signature": WORD},
            {**admin, "X-API-Key": WORD},
        ):
            for path in ("/v1/me", "/metrics", "/v1/openapi.json"):
                yield http.get(f"{path}?key={WORD}&password={WORD}", headers=headers)
            for path in ("/v1/users", "/v1/alerts", "/v1/keys", "/signout"):
                yield http.post(path, json={"password": WORD, "label": NUMBER}, headers=headers)
        for path in ("/v1/sessions", "/signin", "/v1/oauth/token"):
            for name in ("ann", WORD):
                told = {"name": name, "password": WORD, "client_id": name, "client_secret": WORD}
                told["grant_type"] = "client_credentials"
                yield http.post(path, json=told)
                yield http.post(path, data=told)
                yield http.post(path, content=json.dumps(told)[:-3], headers=admin)
        account = {"old_password": PASSWORD, "password": WORD}
        yield http.put("/v1/users/ann/password", json=account, headers=admin)
        yield http.put("/v1/users/ann/password", json={"password": [WORD]}, headers=admin)
        yield http.get(f"/signin/oidc/callback?code={WORD}&state={WORD}")
        yield http.post("/v1/alerts", content=f'{{"alerts": "{WORD}"', headers=admin)
        replays = f"/v1/deployments/{found.there['deployment']}/replays"
        yield http.post(replays, json={"values": [NUMBER], "since": WORD}, headers=admin)


def test_nothing_that_was_sent_stands_in_a_log(neighbourhood: Neighbourhood) -> None:
    cluster = neighbourhood.cluster
    statuses: list[int] = []
    for key in (cluster.key("admin"), cluster.example.key, WORD):
        with httpx.Client(base_url=cluster.serving_url, headers=bearer(key), timeout=60) as http:
            statuses += [answer.status_code for answer in ask_serving(neighbourhood, http)]
    for url in (cluster.registry_url, cluster.monitor_url):
        statuses += [answer.status_code for answer in ask_others(neighbourhood, url)]
    # Some were answered, and many were refused; nothing of it was a failure.
    assert {200, 202, 401, 422} <= {*statuses}
    assert max(statuses) < 500, sorted({*statuses})
    time.sleep(1)  # lines are written as they are told, if at all
    secrets = (WORD, str(NUMBER), cluster.example.key, *neighbourhood.secrets)
    # The launcher's words are for whoever sits before it: they say how to ask, with a key.
    logs = [
        path
        for path in cluster.state_dir.rglob("*")
        if path.is_file() and (path.suffix == ".log" or path.parent.name == "logs")
    ]
    assert {f"{name}.log" for name in SERVICES} <= {path.name for path in logs}
    found = [
        f"{path.name}: {line[:300]}"
        for path in logs
        for line in path.read_text(errors="replace").splitlines()
        if any(secret in line for secret in secrets)
    ]
    assert not found, "\n".join(found)
