"""Artifacts signed by the real model-signing, before a registry that knows one key."""

import base64
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from typer.testing import CliRunner, Result

from tests.integration.registry.conftest import ADMIN, SIGNATURE, Files, RegistryProcess
from understudy.cli.root import app

pytestmark = pytest.mark.slow  # registries are started

RUNNER = CliRunner()


def key_pair(folder: Path, name: str, curve: ec.EllipticCurve, password: bytes = b"") -> Path:
    """The private key's file; the public one is in `public/`."""
    key = ec.generate_private_key(curve)
    hidden = BestAvailableEncryption(password) if password else NoEncryption()
    file = folder / f"{name}.pem"
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, hidden))
    public = folder / "public"
    public.mkdir(exist_ok=True)
    told = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (public / f"{name}.pem").write_bytes(told)
    return file


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, files: Files) -> Path:
    found = tmp_path_factory.mktemp("signing")
    (found / "model.skops").write_bytes(files.model)
    (found / "reference.parquet").write_bytes(files.sample)
    (found / "signature.json").write_text(json.dumps(SIGNATURE))
    key_pair(found, "known", ec.SECP256R1())
    key_pair(found, "large", ec.SECP521R1(), b"secret")
    return found


@pytest.fixture(scope="module")
def knowing(folder: Path) -> Iterator[RegistryProcess]:
    running = RegistryProcess(folder)
    running.settings["UNDERSTUDY_SIGNING_KEYS"] = str(folder / "public")
    running.start()
    with running.client() as client:
        client.post("/v1/projects", json={"name": "bank"})
        client.post("/v1/models", json={"name": "credit", "project": "bank"})
        gate = client.put("/v1/projects/bank/gate", content=b"review: false\nsigned: true\n")
        assert gate.is_success, gate.text
    yield running
    running.end()


@pytest.mark.parametrize(("name", "password"), [("known", None), ("large", "secret")])
def test_a_signed_artifact_opens_a_gate_that_asks_for_it(
    knowing: RegistryProcess, folder: Path, name: str, password: str | None
) -> None:
    bundle = signed(folder, name, password)
    made = registered(knowing, folder, bundle)
    assert made.exit_code == 0, made.output
    number = json.loads(made.stdout)["version"]
    with knowing.client() as client:
        assert obstacles(client, number) == []
        assert client.get("/v1/audit").json()["items"][0]["details"]["attestation"]


def test_without_one_the_gate_is_closed(knowing: RegistryProcess, folder: Path) -> None:
    made = registered(knowing, folder, None)
    number = json.loads(made.stdout)["version"]
    with knowing.client() as client:
        assert obstacles(client, number) == ["unsigned"]


def test_what_another_key_or_another_file_has_signed_is_refused(
    knowing: RegistryProcess, folder: Path, tmp_path: Path
) -> None:
    key_pair(tmp_path, "stranger", ec.SECP256R1())
    shutil.copy(folder / "model.skops", tmp_path / "model.skops")
    refused(knowing, folder, signed(tmp_path, "stranger"), "none of the 2 keys")
    (tmp_path / "model.skops").write_bytes(b"another file")
    shutil.copy(folder / "known.pem", tmp_path / "known.pem")
    refused(knowing, folder, signed(tmp_path, "known"), "made of another file")


@pytest.mark.parametrize("change", ["payload", "signature", "kind", "nothing"])
def test_a_changed_bundle_is_refused(
    knowing: RegistryProcess, folder: Path, tmp_path: Path, change: str
) -> None:
    bundle: dict[str, Any] = json.loads(signed(folder, "known").read_text())
    envelope = bundle["dsseEnvelope"]
    if change == "payload":
        payload = base64.b64decode(envelope["payload"]).replace(b"model.skops", b"other.skops")
        envelope["payload"] = base64.b64encode(payload).decode()
    elif change == "signature":
        envelope["signatures"][0]["sig"] = base64.b64encode(b"0" * 70).decode()
    elif change == "kind":
        bundle["mediaType"] = "application/json"
    elif change == "nothing":
        bundle = {}
    changed = tmp_path / "model.sig"
    changed.write_text(json.dumps(bundle))
    refused(knowing, folder, changed, "The attestation is not taken")


def test_a_key_that_is_taken_away_counts_no_more(folder: Path, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    shutil.copytree(folder / "public", keys)
    running = RegistryProcess(tmp_path)
    running.settings["UNDERSTUDY_SIGNING_KEYS"] = str(keys)
    running.start()
    with running.client() as client:
        client.post("/v1/projects", json={"name": "bank"})
        client.post("/v1/models", json={"name": "credit", "project": "bank"})
        client.put("/v1/projects/bank/gate", content=b"review: false\nsigned: true\n")
        assert registered(running, folder, signed(folder, "known")).exit_code == 0
        assert obstacles(client, 1) == []
    running.end()
    (keys / "known.pem").unlink()
    running.start()
    with running.client() as client:
        assert obstacles(client, 1) == ["unsigned"]
    running.end()


def signed(folder: Path, name: str, password: str | None = None) -> Path:
    key, model = str(folder / f"{name}.pem"), str(folder / "model.skops")
    options = [] if password is None else ["--password", password]
    done = RUNNER.invoke(app, ["sign", model, "--private-key", key, *options])
    assert done.exit_code == 0, done.output
    return folder / "model.sig"


def registered(registry: RegistryProcess, folder: Path, bundle: Path | None) -> Result:
    return RUNNER.invoke(
        app,
        [
            *("register", "credit", "--artifact", str(folder / "model.skops")),
            *("--reference", str(folder / "reference.parquet")),
            *("--signature", str(folder / "signature.json")),
            *([] if bundle is None else ["--attestation", str(bundle)]),
            *("-o", "json", "--registry-url", registry.url, "--key", ADMIN),
        ],
    )


def refused(registry: RegistryProcess, folder: Path, bundle: Path, said: str) -> None:
    found = registered(registry, folder, bundle)
    assert found.exit_code == 1, found.output
    assert said in found.stderr


def obstacles(client: httpx.Client, number: int) -> list[str]:
    found = client.get(f"/v1/models/credit/versions/{number}/gate").json()["obstacles"]
    return [one["code"] for one in found]
