"""A real registry process, and files as people really make them."""

import contextlib
import hashlib
import io
import os
import pickle
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from tests.conftest import free_port
from tests.unreviewed import UNREVIEWED

ADMIN = "us_admin0001_aaaaaaaaaaaaaaaaaaaaaaaaaaaa"
SERVICE = "us_service01_bbbbbbbbbbbbbbbbbbbbbbbbbbbb"


@dataclass
class RegistryProcess:
    """`python -m services.registry` over one folder; may be stopped, killed and started again."""

    folder: Path
    port: int = field(default_factory=free_port)
    settings: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        with (self.folder / "registry.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "services.registry"],
                env=self.environment(),
                stdout=log,
                stderr=log,
            )
        try:
            self._wait_until_ready()
        except BaseException:
            self.process.kill()
            self.process.wait(20)
            raise

    def environment(self) -> dict[str, str]:
        stated = {
            "UNDERSTUDY_STATE_DIR": str(self.folder / "var"),
            "UNDERSTUDY_REGISTRY_PORT": str(self.port),
            "UNDERSTUDY_ADMIN_KEY": ADMIN,
            "UNDERSTUDY_SERVICE_KEY": SERVICE,
            **{f"UNDERSTUDY_{name}": value for name, value in UNREVIEWED.items()},
        }
        return {**os.environ, **stated, **self.settings}

    def end(self, with_signal: signal.Signals = signal.SIGTERM) -> float:
        """Send the signal; returns how long the process took to end."""
        assert self.process is not None
        began = time.monotonic()
        self.process.send_signal(with_signal)
        self.process.wait(20)
        return time.monotonic() - began

    def client(self, key: str = ADMIN) -> httpx.Client:
        headers = {"Authorization": f"Bearer {key}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=60)

    def log(self) -> str:
        return (self.folder / "registry.log").read_text()

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            assert self.process is not None
            assert self.process.poll() is None, self.log()
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"{self.url}/readyz").is_success:
                    return
            time.sleep(0.05)
        raise TimeoutError(self.log())


@pytest.fixture(scope="session")
def deployed_state(tmp_path_factory: pytest.TempPathFactory, files: "Files") -> Path:
    """The state folder of a stopped registry with a deployment and two versions."""
    registry = RegistryProcess(tmp_path_factory.mktemp("deployed"))
    registry.start()
    with registry.client() as client:
        deploy_two(client, files)
    registry.end()
    return registry.folder / "var"


@pytest.fixture
def deployed_registry(tmp_path: Path, deployed_state: Path) -> Iterator[RegistryProcess]:
    """A registry of one's own that goes on from that state."""
    shutil.copytree(deployed_state, tmp_path / "var")
    registry = RegistryProcess(tmp_path)
    registry.start()
    yield registry
    if registry.process is not None and registry.process.poll() is None:
        registry.end()


@pytest.fixture(scope="session")
def registry_process(
    tmp_path_factory: pytest.TempPathFactory, deployed_state: Path
) -> Iterator[RegistryProcess]:
    """One registry that goes on from that state, for tests that leave it running."""
    folder = tmp_path_factory.mktemp("registry")
    shutil.copytree(deployed_state, folder / "var")
    registry = RegistryProcess(folder)
    registry.start()
    yield registry
    registry.end()


@dataclass(frozen=True, slots=True)
class Files:
    """Artifacts and reference samples, good and bad."""

    model: bytes
    custom: bytes
    pickled: bytes
    joblib_like: bytes
    foreign_zip: bytes
    broken_schema: bytes
    bomb: bytes
    sample: bytes
    sample_without_age: bytes
    sample_of_words: bytes
    empty_sample: bytes


SIGNATURE = {
    "features": [
        {"name": "age", "kind": "integer", "minimum": 18, "maximum": 99},
        {"name": "income", "kind": "number", "minimum": 0},
    ],
    "target": {"name": "defaults", "task": "classification", "classes": ["no", "yes"]},
}


@pytest.fixture(scope="session")
def files() -> Files:
    draw = np.random.default_rng(1)
    rows = pd.DataFrame({"age": draw.integers(18, 99, 200), "income": draw.gamma(2, 2e4, 200)})
    answers = np.where(rows["income"] < 3e4, "yes", "no")
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(rows, answers)
    custom = make_pipeline(FunctionTransformer(_halved), LogisticRegression()).fit(rows, answers)
    sample = rows.assign(defaults=answers)
    return Files(
        model=skops.io.dumps(model),
        custom=skops.io.dumps(custom),
        pickled=pickle.dumps(model),
        joblib_like=b"\x80\x04" + b"x" * 100,
        foreign_zip=_zipped({"hello.txt": b"hello"}),
        broken_schema=_zipped({"schema.json": b'{"__class__": "nothing"'}),
        bomb=_zipped({"schema.json": b'"' + b" " * 300_000_000 + b'"'}),
        sample=_parquet(sample),
        sample_without_age=_parquet(sample.drop(columns="age")),
        sample_of_words=_parquet(sample.assign(age="old")),
        empty_sample=_parquet(sample.head(0)),
    )


def _halved(rows: pd.DataFrame) -> pd.DataFrame:
    return rows / 2


def _parquet(rows: pd.DataFrame) -> bytes:
    out = io.BytesIO()
    rows.to_parquet(out)
    return out.getvalue()


def _zipped(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def digest_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def upload(client: httpx.Client, content: bytes) -> str:
    digest = digest_of(content)
    answer = client.put(f"/v1/artifacts/{digest}", content=content)
    assert answer.status_code == 201, answer.text
    return digest


def make_model(client: httpx.Client, name: str = "credit") -> None:
    client.post("/v1/projects", json={"name": "bank"})
    answer = client.post("/v1/models", json={"name": name, "project": "bank"})
    assert answer.status_code == 201, answer.text


def register(
    client: httpx.Client, artifact: bytes, sample: bytes, model: str = "credit"
) -> httpx.Response:
    body = {
        "artifact": upload(client, artifact),
        "reference": upload(client, sample),
        "signature": SIGNATURE,
        "metrics": {"auc": 0.9},
    }
    return client.post(f"/v1/models/{model}/versions", json=body)


def deploy_two(client: httpx.Client, files: Files) -> None:
    """Model `credit` with two deployed versions, and deployment `credit` of the first."""
    make_model(client)
    for number in (1, 2):
        assert register(client, files.model, files.sample).status_code == 201
        decided = client.post(
            f"/v1/models/credit/versions/{number}/decision", json={"decision": "deploy"}
        )
        assert decided.status_code == 200, decided.text
    body = {"name": "credit", "model": "credit", "main": 1}
    assert client.post("/v1/deployments", json=body).status_code == 201
