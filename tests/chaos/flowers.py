"""A deployment of small models in a laptop cluster, registered as anybody would register them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import skops.io

from tests.cluster import LaptopCluster
from tests.fakes.serving import FLOWERS, eventually
from understudy.contracts.policy import Policy
from understudy.contracts.registry import (
    DeploymentRequest,
    DeploymentView,
    KeyRequest,
    ReleaseRequest,
    ReleaseView,
    VersionRequest,
)
from understudy.contracts.vocabulary import Component, Decision, Scope

PROJECT: Final = "garden"
TAKEN_UP_SECONDS: Final = 120.0
_ROWS: Final = 400
_HELD_OUT: Final = 1
"""Seed of the rows that nothing was trained on: the risk of others is not held against anybody."""


def samples(seed: int = 0) -> pd.DataFrame:
    """Blossoms with their species; none is wider than 8."""
    random = np.random.default_rng(seed)
    length, width = random.uniform(0.0, 10.0, _ROWS), random.uniform(0.0, 8.0, _ROWS)
    species = np.where(length + 0.1 * width > 5.0, "virginica", "setosa")
    return pd.DataFrame({"length": length, "width": width, "species": species.astype(object)})


def row(number: int, width: float | None = None) -> Mapping[str, object]:
    """A blossom for the request of that number."""
    return {"length": number % 97 / 10.0, "width": number % 79 / 10.0 if width is None else width}


@dataclass(frozen=True, slots=True)
class Flowers:
    """One deployment, and a key for it."""

    cluster: LaptopCluster
    name: str
    key: str

    @property
    def view(self) -> DeploymentView:
        return self.cluster.registry.deployment(self.name)

    def release(self, change: ReleaseRequest) -> ReleaseView:
        return self.cluster.registry.release(self.name, change)

    def await_taken_up(self, *components: Component, seconds: float = TAKEN_UP_SECONDS) -> None:
        """Until as many processes of these kinds as there are work on the current release.

        What the registry knows of processes that are dead by now does not matter.
        """
        wanted = components or (Component.SERVING, Component.CHALLENGER)
        processes = {
            Component.SERVING: self.cluster.serving_workers,
            Component.CHALLENGER: 1,
            Component.MONITOR: 1,
        }

        def taken_up() -> bool:
            view = self.view
            up = [f.component for f in view.followers if f.release == view.current.release]
            return all(up.count(component) >= processes[component] for component in wanted)

        eventually(taken_up, seconds)


def plant(
    cluster: LaptopCluster,
    name: str,
    models: Mapping[str, Any],
    *,
    policy: Policy | None = None,
    scopes: tuple[Scope, ...] = (Scope.PREDICT, Scope.READ),
) -> Flowers:
    """Register fitted models, by what each is called; the first is main, the others challenge."""
    registry = cluster.registry
    if PROJECT not in {project.name for project in registry.projects()}:
        registry.create_project(PROJECT)
    key = registry.issue_key(KeyRequest(name=name, scopes=scopes)).key
    registry.create_model(name, PROJECT)
    main, *others = [register(cluster, name, what, model) for what, model in models.items()]
    registry.create_deployment(
        DeploymentRequest(
            name=name, model=name, main=main, challengers=(*others,), policy=policy or Policy()
        )
    )
    flowers = Flowers(cluster, name, key)
    flowers.await_taken_up()
    return flowers


def register(cluster: LaptopCluster, model: str, what: str, fitted: Any) -> int:
    """One more version, reviewed; its number."""
    artifact, reference, evaluation = _written(cluster.folder, fitted)
    registry = cluster.registry
    request = VersionRequest(
        artifact=registry.upload_artifact(artifact),
        reference=registry.upload_artifact(reference),
        evaluation=registry.upload_artifact(evaluation),
        signature=FLOWERS,
        description=what,
    )
    version = registry.register(model, request).version
    return registry.decide(model, version, Decision.DEPLOY, "Part of a test.").version


def fitted(model: Any, seed: int = 0) -> Any:
    """The model, fitted on plain arrays."""
    frame = samples(seed)
    return model.fit(frame[["length", "width"]].to_numpy(), frame["species"].to_numpy())


def _written(folder: Path, model: Any) -> tuple[Path, Path, Path]:
    artifact, reference = folder / "model.skops", folder / "reference.parquet"
    evaluation = folder / "evaluation.parquet"
    skops.io.dump(model, artifact)
    samples().to_parquet(reference, index=False)
    samples(_HELD_OUT).to_parquet(evaluation, index=False)
    return artifact, reference, evaluation
