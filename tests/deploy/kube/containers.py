"""Runs a rendered pod's container under Docker, with the rights, files and limits that it states.

What Kubernetes does beyond that (scheduling, policies, probes over time) is not imitated.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.deploy.kube.manifests import Manifest, Rendered, Workload
from tests.deploy.kube.running import quantity
from tests.deploy.kube.settings import environment

DOCKER: Final = shutil.which("docker")
_USER: Final = 10001


def docker(*words: str | Path, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    """One command of the engine."""
    assert DOCKER is not None
    return subprocess.run(
        [DOCKER, *words], capture_output=True, text=True, check=False, timeout=timeout
    )


@dataclass(frozen=True, slots=True)
class Pods:
    """A network with pods on it, named after their workloads as Services are."""

    rendered: Rendered
    secrets: Mapping[str, Mapping[str, str]]
    folder: Path
    network: str
    tag: str | None
    """Of our images, when it is another one than the manifests'."""

    def start(self, name: str) -> None:
        workload = self.rendered.workload(name)
        done = docker("run", "--detach", *self._options(workload), *_command(workload))
        assert done.returncode == 0, done.stderr

    def run(self, name: str, *words: str) -> subprocess.CompletedProcess[str]:
        return docker("exec", self.container(name), *words)

    def container(self, name: str) -> str:
        return f"{self.network}-{name}"

    def until(self, name: str, *words: str) -> None:
        """Wait until a command within the container succeeds."""
        end = time.monotonic() + 300
        while (done := self.run(name, *words)).returncode != 0:
            logs = docker("logs", "--tail", "40", self.container(name))
            assert time.monotonic() < end, f"{done.stdout}{done.stderr}{logs.stdout}{logs.stderr}"
            time.sleep(1)

    def stop(self, name: str) -> int:
        """SIGTERM, and after the pod's grace SIGKILL; the exit code."""
        grace = self.rendered.workload(name).pod["terminationGracePeriodSeconds"]
        docker("stop", "--time", str(grace), self.container(name), timeout=grace + 30)
        found = docker("inspect", "--format", "{{.State.ExitCode}}", self.container(name))
        return int(found.stdout)

    def remove(self) -> None:
        for workload in self.rendered.workloads:
            docker("rm", "--force", "--volumes", self.container(workload.name))
            docker("volume", "rm", "--force", self.container(workload.name))
        docker("network", "rm", self.network)

    def image(self, workload: Workload) -> str:
        stated = str(workload.containers[0]["image"])
        if self.tag is None or not stated.startswith("understudy/"):
            return stated
        return f"{stated.partition(':')[0]}:{self.tag}"

    def _options(self, workload: Workload) -> Iterator[str]:
        container, name = workload.containers[0], workload.name
        limits = container["resources"]["limits"]
        yield from ("--name", self.container(name), "--hostname", f"{name}-0")
        yield from ("--network", self.network, "--network-alias", name)
        yield from ("--user", f"{_USER}:{_USER}", "--read-only", "--cap-drop", "ALL")
        yield from ("--security-opt", "no-new-privileges", "--entrypoint", container["command"][0])
        yield from ("--memory", str(int(quantity(limits["memory"]))))
        yield from ("--cpus", str(quantity(limits["cpu"])))
        told = environment(self.rendered, container)
        named = {one["name"] for one in container.get("env", [])}
        for key, value in told.items():
            yield from ("--env", f"{key}={f'{name}-0' if key in named else value}")
        for mount in container["volumeMounts"]:
            yield from self._mount(workload, mount)
        yield self.image(workload)

    def _mount(self, workload: Workload, mount: Manifest) -> Iterator[str]:
        volumes = {one["name"]: one for one in workload.pod["volumes"]}
        volume, at = volumes.get(mount["name"], {}), mount["mountPath"]
        if "emptyDir" in volume:
            yield from ("--tmpfs", f"{at}:uid={_USER},gid={_USER},mode=0770,exec")
        elif mount.get("readOnly"):
            folder = self.folder / workload.name / mount["name"]
            _write(folder, dict(self._files(volume)))
            yield from ("--volume", f"{folder}:{at}:ro")
        else:
            # An engine would hand an empty volume to whom the image's folder belongs.
            yield from ("--volume", f"{self._claimed(workload)}:{at}:nocopy")

    def _files(self, volume: Manifest) -> Iterator[tuple[str, str]]:
        for part in volume.get("projected", {}).get("sources", [volume]):
            if "configMap" in part:
                found = self.rendered.of("ConfigMap")
                (data,) = (
                    one["data"]
                    for one in found
                    if one["metadata"]["name"] == part["configMap"]["name"]
                )
                yield from data.items()
            else:
                secret = part["secret"]
                values = self.secrets[secret.get("name", secret.get("secretName"))]
                yield from ((one["path"], values[one["key"]]) for one in secret["items"])

    def _claimed(self, workload: Workload) -> str:
        """A volume that belongs to the pod's group, as `fsGroup` has it."""
        name = self.container(workload.name)
        docker("volume", "create", name)
        given = ("--user", "0", "--entrypoint", "chown", "--volume", f"{name}:/claimed")
        done = docker("run", "--rm", *given, self.image(workload), f"{_USER}:{_USER}", "/claimed")
        assert done.returncode == 0, done.stderr
        return name


def _command(workload: Workload) -> list[str]:
    container = workload.containers[0]
    return [*container["command"][1:], *container.get("args", [])]


def _write(folder: Path, files: Mapping[str, str]) -> None:
    folder.mkdir(parents=True)
    for name, text in files.items():
        path = folder / name
        path.write_text(text)
        # As `defaultMode: 0440` with `fsGroup`; who may not give files away lets everybody read.
        if os.geteuid() == 0:
            os.chown(path, 0, _USER)
            path.chmod(0o440)
        else:
            path.chmod(0o444)
