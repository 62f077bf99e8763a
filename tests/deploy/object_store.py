"""An S3-compatible store of one's own: a moto server, which keeps everything in memory."""

import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import fsspec
import httpx

from tests.cluster import free_ports

_KEY: Final = ("tester", "not-a-secret")


@dataclass(frozen=True, slots=True)
class ObjectStore:
    """It has no buckets at first."""

    url: str

    @property
    def environment(self) -> Mapping[str, str]:
        """What boto, and so s3fs, reads of where the store is and who one is."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": _KEY[0],
            "AWS_SECRET_ACCESS_KEY": _KEY[1],
            "AWS_DEFAULT_REGION": "us-east-1",
        }

    def files(self) -> Any:
        """The store as this test sees it; nothing is remembered between looks."""
        return fsspec.filesystem(
            "s3",
            key=_KEY[0],
            secret=_KEY[1],
            endpoint_url=self.url,
            use_listings_cache=False,
            skip_instance_cache=True,
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
