"""An S3-compatible store of one's own: a moto server, which keeps everything in memory."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import fsspec
import httpx
import pytest

from tests.cluster import free_ports

boto3 = pytest.importorskip("boto3", reason="the dependency group deploy is not installed")
pytest.importorskip("s3fs", reason="the extra s3 is not installed")


@dataclass(frozen=True, slots=True)
class ObjectStore:
    """It has no buckets at first."""

    url: str

    key: tuple[str, str] = ("tester", "not-a-secret")

    @property
    def environment(self) -> Mapping[str, str]:
        """What boto, and so s3fs, reads of where the store is and who one is."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": self.key[0],
            "AWS_SECRET_ACCESS_KEY": self.key[1],
            "AWS_DEFAULT_REGION": "us-east-1",
        }

    def files(self) -> Any:
        """The store as this key sees it; nothing is remembered between looks."""
        return fsspec.filesystem(
            "s3",
            key=self.key[0],
            secret=self.key[1],
            endpoint_url=self.url,
            use_listings_cache=False,
            skip_instance_cache=True,
        )

    def with_key(self, user: str, *allowed: str) -> "ObjectStore":
        """As a new user sees it, who may do these things alone. Before `begin_to_refuse`."""
        iam = self.client("iam")
        iam.create_user(UserName=user)
        statement = {"Effect": "Allow", "Action": list(allowed), "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.put_user_policy(UserName=user, PolicyName="all", PolicyDocument=policy)
        key = iam.create_access_key(UserName=user)["AccessKey"]
        return replace(self, key=(key["AccessKeyId"], key["SecretAccessKey"]))

    def begin_to_refuse(self) -> None:
        """From now on a key may do what its user may."""
        httpx.post(f"{self.url}/moto-api/reset-auth", content=b"0").raise_for_status()

    def client(self, service: str) -> Any:
        """One of boto's."""
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id=self.key[0],
            aws_secret_access_key=self.key[1],
        )

    def names(self, folder: str) -> list[str]:
        """All that lies below a folder; nothing where there is no bucket."""
        try:
            return sorted(self.files().find(folder))
        except FileNotFoundError:
            return []


@contextmanager
def object_store(folder: Path) -> Iterator[ObjectStore]:
    """A server on a free port, gone at the end."""
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with (folder / "moto.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        _await(process, f"http://127.0.0.1:{port}", folder / "moto.log")
        yield ObjectStore(f"http://127.0.0.1:{port}")
    finally:
        process.kill()
        process.wait(20)


def _await(process: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            httpx.get(url)
        except httpx.TransportError:
            if process.poll() is not None:
                break
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"no store at {url}: {log.read_text()}")
