"""Understudy itself in its variants: one serving worker, log and authentication on, always."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from benchmarks.peers.deploying import MODEL, deploy, named, register
from benchmarks.peers.laptop import Laptop, laptop, wait_until
from benchmarks.peers.models import Floats
from benchmarks.peers.processes import Tree
from benchmarks.peers.server import Running, Site
from benchmarks.peers.workload import compact, post
from understudy.client import RegistryClient
from understudy.contracts.policy import Policy
from understudy.contracts.registry import VersionView
from understudy.contracts.vocabulary import Durability
from understudy.launch.settings import EXAMPLE_TYPES

_ANSWERING: Final = ("serving", "challenger", "redis")
"""What costs CPU time for a prediction. Registry and monitor are beside the generator, the
monitor stopped while requests are sent."""
_TRUSTED: Final = ",".join((*EXAMPLE_TYPES, "sklearn.tree._tree.Tree"))
"""The forest is made of these."""


@dataclass(frozen=True, slots=True)
class Ours:
    """One way to run it."""

    name: str
    challenger: bool = True
    """A challenger of the main's kind answers every row."""
    one_core: bool = True
    """Challenger and Redis share the worker's core; otherwise the generator's."""
    durability: Durability = Durability.RELAXED
    runner: str = "auto"
    """`auto`: the one that the parity gate chose; `sklearn`: scikit-learn itself."""
    deployments: int = 1
    """Requests go to all of them in turn."""
    requirements: tuple[str, ...] = ()

    @property
    def setup(self) -> str:
        """How it is set up."""
        challenger = "challenger on every row" if self.challenger else "no challenger"
        where = "all on the server core" if self.one_core else "challenger and Redis elsewhere"
        many = "" if self.deployments == 1 else f", {self.deployments} deployments"
        return (
            f"One worker, {challenger}, {self.durability} log, key and signature checked, "
            f"runner `{self.runner}`, {where}{many}."
        )

    @contextmanager
    def start(self, site: Site) -> Iterator[Running]:
        """Everything up, the model deployed and its workers pinned."""
        settings = {"UNDERSTUDY_RUNNER": self.runner, "UNDERSTUDY_TRUSTED_TYPES": _TRUSTED}
        names = [f"benchmark-{number}" for number in range(self.deployments)]
        with laptop(site.folder, site.cores.other, settings) as running:
            key, note = self._deploy(running, site, names)
            running.pin(site.cores, _ANSWERING if self.one_core else ("serving",))
            yield _RunningOurs(running, names, key, note)

    def _deploy(self, running: Laptop, site: Site, names: Sequence[str]) -> tuple[str, str]:
        """The key to ask with, and which runner the main has."""
        with RegistryClient(running.url("registry"), running.admin_key) as registry:
            main, challenger = register(registry, site.model, site.folder)
            challengers = (challenger,) if self.challenger else ()
            key = deploy(registry, names, main, challengers, Policy(durability=self.durability))

            def deployed() -> bool:
                return all(found.deployed and found.running for found in registry.deployments())

            wait_until(deployed, running.everything, site.folder / "output.log")
            return key, self._runner(registry.version(MODEL, main))

    def _runner(self, version: VersionView) -> str:
        if self.runner == "sklearn":
            return "answered by scikit-learn"
        if version.compiled is None:
            return f"answered by scikit-learn: {version.not_compiled}"
        return f"compiled to {version.compiled.kind}, {version.compiled.difference:.1e} off at most"


@dataclass(frozen=True, slots=True)
class _RunningOurs:
    laptop: Laptop
    deployments: Sequence[str]
    key: str
    note: str

    @property
    def port(self) -> int:
        return self.laptop.ports["serving"]

    @property
    def tree(self) -> Tree:
        return self.laptop.tree(*_ANSWERING)

    def requests(self, rows: Sequence[Floats]) -> list[bytes]:
        headers = {"Authorization": f"Bearer {self.key}"}
        paths = [f"/v1/deployments/{name}/predict" for name in self.deployments]
        return [
            post(paths[number % len(paths)], compact(_body(each)), headers)
            for number, each in enumerate(rows)
        ]

    def read(self, answer: bytes) -> Sequence[float]:
        body = json.loads(answer)
        predictions = body.get("predictions", [body])
        return [float(each["probabilities"]["1"]) for each in predictions]

    def pause(self) -> None:
        self.laptop.pause()

    def resume(self) -> None:
        self.laptop.resume()


def _body(rows: Floats) -> object:
    return named(rows)[0] if len(rows) == 1 else {"rows": named(rows)}


OURS: Final = (
    Ours("ours"),
    Ours("ours-two-cores", one_core=False),
    Ours("ours-sklearn", runner="sklearn"),
    Ours("ours-sklearn-two-cores", runner="sklearn", one_core=False),
    Ours("ours-alone", challenger=False),
    Ours("ours-alone-two-cores", challenger=False, one_core=False),
    Ours("ours-strict", durability=Durability.STRICT),
    Ours("ours-strict-two-cores", durability=Durability.STRICT, one_core=False),
    Ours("ours-100-deployments", challenger=False, deployments=100),
)
