"""What does it cost to know who asks? One worker, plain JSON over HTTP, some ways in turn.

Without a key (a public deployment), with a key, with one that has a rate, and with one that has a
rate and a quota, both far away; from 1, 8 and 32 connections. Each round asks all of these ways for
a moment, in another order each time; what is printed are medians over rounds: requests per second,
CPU time of the worker per request, and the ratio of each to the way without a key in the same
round.

    python -m benchmarks.access [rounds]
"""

import shutil
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from benchmarks.peers.deploying import MODEL, PROJECT, named, register
from benchmarks.peers.generator import Generator, Load, build
from benchmarks.peers.laptop import Laptop, laptop, wait_until
from benchmarks.peers.models import Kind, ModelName, train
from benchmarks.peers.processes import Cores, Tree
from benchmarks.peers.workload import compact, post, questions, write_requests
from understudy.client import RegistryClient
from understudy.contracts.limits import Limits
from understudy.contracts.policy import Policy
from understudy.contracts.registry import DeploymentRequest, KeyRequest
from understudy.contracts.vocabulary import AccessLevel, Durability, Scope

FOLDER: Final = Path("var/bench/access").absolute()
CORES: Final = Cores(server=0, other=1)
CONNECTIONS: Final = (1, 8, 32)
ROUNDS: Final = 30
SECONDS: Final = 0.5
WARM_UP_SECONDS: Final = 0.2
BASE: Final = "public, no key"
FAR_AWAY: Final = Limits(
    requests_per_second=1_000_000, burst=1_000_000, predictions_per_day=2_000_000_000
)
RATE_ALONE: Final = Limits(requests_per_second=1_000_000, burst=1_000_000)
LIMITS: Final = {"key": None, "key with a rate": RATE_ALONE, "with rate and quota": FAR_AWAY}
WAYS: Final = (BASE, *LIMITS)


@dataclass(frozen=True, slots=True)
class Slice:
    """One way for a moment."""

    rate: float
    microseconds: float
    """CPU time of the worker for each request."""


def prepare(running: Laptop, folder: Path) -> None:
    """Two deployments of a model, two keys, and the requests of each way."""
    model = train(ModelName(Kind.LINEAR, 10), FOLDER / "model")
    with RegistryClient(running.url("registry"), running.admin_key) as registry:
        main, _ = register(registry, model, folder)
        for name, access in (("open", AccessLevel.PUBLIC), ("closed", AccessLevel.PROJECT)):
            policy = Policy(durability=Durability.RELAXED)
            registry.create_deployment(
                DeploymentRequest(name=name, model=MODEL, main=main, access=access, policy=policy)
            )
        asked = KeyRequest(name="benchmark", scopes=(Scope.PREDICT,), project=PROJECT)
        keys = {
            way: registry.issue_key(asked.model_copy(update={"limits": limits})).key
            for way, limits in LIMITS.items()
        }
    bodies = [compact(named(question.rows)[0]) for question in questions(model, 1)]
    asked_with = {BASE: ("open", None), **{way: ("closed", key) for way, key in keys.items()}}
    for way, (name, presented) in asked_with.items():
        headers = {"Authorization": f"Bearer {presented}"} if presented else {}
        path = f"/v1/deployments/{name}/predict"
        write_requests(requests_of(way), [post(path, body, headers) for body in bodies])

        def answered(
            url: str = running.url("serving") + path, headers: Mapping[str, str] = headers
        ) -> bool:
            return httpx.post(url, content=bodies[0], headers=headers).status_code == 200

        wait_until(answered, running.everything, folder / "output.log")


def requests_of(way: str) -> Path:
    """Where the requests of a way are."""
    return FOLDER / f"{way.replace(' ', '-')}.requests"


def measured(running: Laptop, generator: Generator, way: str, connections: int) -> Slice:
    """One slice. Raises SystemExit when a request was not answered with 200."""
    worker = running.tree("serving")
    before = seconds_on_cpu(worker)
    load = Load(connections, SECONDS, WARM_UP_SECONDS)
    seen = generator.ask(running.ports["serving"], requests_of(way), load, (1, 10_000))
    if any(seen.errors.values()):
        raise SystemExit(f"{way}: {seen.errors}")
    return Slice(seen.rate, (seconds_on_cpu(worker) - before) / seen.answered * 1e6)


def seconds_on_cpu(tree: Tree) -> float:
    """By the scheduler's clock: ticks are too coarse for a slice."""
    stats = (Path(f"/proc/{pid}/task").glob("*/schedstat") for pid in tree.members())
    return sum(int(stat.read_text().split()[0]) for found in stats for stat in found) / 1e9


def rounds(running: Laptop, connections: int, count: int) -> list[dict[str, Slice]]:
    """All ways in turn, so often."""
    generator = Generator(build(FOLDER.parent / "generator"), CORES.other)
    ways, found = [*WAYS], list[dict[str, Slice]]()
    for number in range(count):
        turn = number % len(ways)
        order = [*ways[turn:], *ways[:turn]][:: 1 if number % 2 else -1]
        found.append({way: measured(running, generator, way, connections) for way in order})
    return found


def told(connections: int, found: Sequence[Mapping[str, Slice]]) -> None:
    """The rows of the table for so many connections."""
    for way in WAYS:
        rates = statistics.median(each[way].rate for each in found)
        spent = statistics.median(each[way].microseconds for each in found)
        ratios = sorted(each[way].rate / each[BASE].rate for each in found)
        dearer = statistics.median(
            each[way].microseconds / each[BASE].microseconds for each in found
        )
        low, high = ratios[len(ratios) // 4], ratios[-1 - len(ratios) // 4]
        print(
            f"{connections:11d}  {way:15s} {rates:10,.0f} {spent:8.1f}"
            f" {statistics.median(ratios):7.3f} ({low:.3f} to {high:.3f}) {dearer:7.3f}",
            flush=True,
        )


def main() -> None:
    """Print the table."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    site = FOLDER / "site"
    shutil.rmtree(site, ignore_errors=True)
    site.mkdir(parents=True)
    with laptop(site, CORES.other, {}) as running:
        prepare(running, site)
        running.pin(CORES, ("serving",))
        print("connections  way               requests/s  CPU us   ratio (quarters)      CPU ratio")
        for connections in CONNECTIONS:
            told(connections, rounds(running, connections, count))


if __name__ == "__main__":
    main()
