"""Bodies of the registry as its clients meet them, for scripted answers."""

from datetime import UTC, datetime
from typing import Any

from tests.fakes.scripted_http import Script
from understudy.contracts.people import GrantView, MeView
from understudy.contracts.policy import Policy
from understudy.contracts.registry import (
    Baseline,
    Compiled,
    DeploymentView,
    ModelView,
    ReleaseView,
    VersionView,
)
from understudy.contracts.serving import ModelRef, Prediction
from understudy.contracts.signature import Feature, Signature, Target
from understudy.contracts.vocabulary import (
    AccessLevel,
    FeatureKind,
    ReleaseKind,
    Task,
    VersionState,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SIGNATURE = Signature(
    (Feature("age", FeatureKind.INTEGER),), Target("risk", Task.CLASSIFICATION, ("bad", "good"))
)
SIGNATURE_JSON = {
    "features": [{"name": "age", "kind": "integer"}],
    "target": {"name": "risk", "task": "classification", "classes": ["bad", "good"]},
}


def deployer(server: Script, **grant: Any) -> None:
    """The server knows the model's project and what the caller may do: by default deploy there."""
    server.on(
        "GET", "/v1/models/risk", ModelView(name="risk", project="bank", created_at=NOW, versions=4)
    )
    told = GrantView.model_validate(grant or {"scopes": ("deploy",), "project": "bank"})
    server.on("GET", "/v1/me", MeView(actor="annkey01", grants=(told,)))


def version(
    number: int,
    state: VersionState,
    compiled: Compiled | None = None,
    baseline: Baseline | None = None,
) -> VersionView:
    return VersionView(
        artifact="a" * 64,
        reference="b" * 64,
        signature=SIGNATURE,
        model="risk",
        version=number,
        state=state,
        created_at=NOW,
        created_by="admin",
        compiled=compiled,
        baseline=baseline,
        not_measured=None if baseline else "no row is legal",
        not_compiled=None if compiled else "no converter for Oracle",
    )


def release(
    number: int,
    main: int,
    *challengers: int,
    kind: ReleaseKind = ReleaseKind.DEPLOY,
    policy: Policy | None = None,
) -> ReleaseView:
    return ReleaseView(
        deployment="risk",
        release=number,
        kind=kind,
        main=main,
        challengers=challengers,
        released_at=NOW,
        released_by="admin",
        reason="",
        policy=policy or Policy(),
    )


def deployment(current: ReleaseView, *, deployed: bool = True) -> DeploymentView:
    return DeploymentView(
        name="risk",
        project="lending",
        model="risk",
        access=AccessLevel.PROJECT,
        description="",
        created_at=NOW,
        current=current,
        deployed=deployed,
        running=True,
    )


def prediction(number: int = 1) -> Prediction:
    return Prediction(
        prediction_id=f"p{number}",
        prediction="good",
        probabilities={"bad": 0.1, "good": 0.9},
        model=ModelRef(name="risk", version=1),
    )
