"""Brings a model into an Understudy as its owner would: register, review, deploy, issue a key."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from benchmarks.peers.models import Floats, Model
from understudy.client import RegistryClient
from understudy.contracts.policy import Policy
from understudy.contracts.registry import DeploymentRequest, KeyRequest, VersionRequest
from understudy.contracts.signature import Feature, Signature, Target
from understudy.contracts.vocabulary import AccessLevel, Decision, FeatureKind, Scope, Task

PROJECT: Final = "benchmarks"
MODEL: Final = "model"
_LEGAL: Final = 1e6
_TARGET: Final = "label"


def feature_names(count: int) -> list[str]:
    """As callers name them."""
    return [f"feature_{number:02d}" for number in range(count)]


def signature(features: int) -> Signature:
    """Numbers with legal ranges, so that rows are checked against something."""
    return Signature(
        tuple(
            Feature(name, FeatureKind.NUMBER, minimum=-_LEGAL, maximum=_LEGAL)
            for name in feature_names(features)
        ),
        Target(_TARGET, Task.CLASSIFICATION, classes=(0, 1)),
    )


def register(registry: RegistryClient, model: Model, folder: Path) -> tuple[int, int]:
    """Make project and model; register and review both versions. Their numbers, main first."""
    registry.create_project(PROJECT)
    registry.create_model(MODEL, PROJECT)
    reference = folder / "reference.parquet"
    frame = pd.DataFrame(model.rows, columns=feature_names(model.name.features))
    frame.assign(**{_TARGET: model.labels.astype(np.int64)}).to_parquet(reference, index=False)
    main, challenger = (
        _register(registry, artifact, reference, model)
        for artifact in (model.skops, model.challenger)
    )
    return main, challenger


def deploy(
    registry: RegistryClient,
    names: Sequence[str],
    main: int,
    challengers: tuple[int, ...],
    policy: Policy,
) -> str:
    """Make the deployments, for the project's keys alone; returns such a key."""
    for name in names:
        registry.create_deployment(
            DeploymentRequest(
                name=name,
                model=MODEL,
                main=main,
                challengers=challengers,
                access=AccessLevel.PROJECT,
                policy=policy,
            )
        )
    request = KeyRequest(name="benchmarks", scopes=(Scope.PREDICT,), project=PROJECT)
    return registry.issue_key(request).key


def named(rows: Floats) -> list[dict[str, float]]:
    """Rows as callers write them."""
    names = feature_names(rows.shape[1])
    return [dict(zip(names, row, strict=True)) for row in rows.tolist()]


def _register(registry: RegistryClient, artifact: Path, reference: Path, model: Model) -> int:
    request = VersionRequest(
        artifact=registry.upload_artifact(artifact),
        reference=registry.upload_artifact(reference),
        signature=signature(model.name.features),
    )
    made = registry.register(MODEL, request)
    registry.await_review(MODEL, made.version)
    registry.review(MODEL, made.version)  # who decides has opened it
    registry.decide(MODEL, made.version, Decision.DEPLOY)
    return made.version
