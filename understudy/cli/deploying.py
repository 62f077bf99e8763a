"""Deploy: makes a deployment, or changes one until it is what was asked for."""

from dataclasses import dataclass
from typing import Annotated

import typer

from understudy.cli.connections import connections
from understudy.cli.deciding import settle
from understudy.cli.deployments import show_release
from understudy.cli.policies import (
    DurabilityOption,
    LowConfidenceOption,
    OutOfRangeOption,
    TypesOption,
    UnseenCategoryOption,
    amended,
)
from understudy.cli.versions import Model, Number, Override, Reason
from understudy.client import ProblemError, RegistryClient
from understudy.contracts.policy import Policy
from understudy.contracts.registry import (
    DeploymentRequest,
    DeploymentView,
    ReleaseRequest,
    ReleaseView,
)
from understudy.contracts.vocabulary import AccessLevel, Decision, ReleaseKind


def add_to(app: typer.Typer) -> None:
    """Give the root this module's command."""
    app.command()(deploy)


def deploy(
    context: typer.Context,
    *,
    model: Model,
    version: Number,
    name: Annotated[str, typer.Option(help="The deployment to make or to change.")],
    challenger: Annotated[
        list[int] | None,
        typer.Option(min=1, show_default=False, help="A version beside it; may be repeated."),
    ] = None,
    access: Annotated[
        AccessLevel, typer.Option(help="Who may predict, for a new deployment.")
    ] = AccessLevel.PROJECT,
    persist: Annotated[
        bool, typer.Option("--persist", help="Decide 'persisted' instead of 'deployed'.")
    ] = False,
    durability: DurabilityOption = None,
    types: TypesOption = None,
    out_of_range: OutOfRangeOption = None,
    unseen_category: UnseenCategoryOption = None,
    low_confidence: LowConfidenceOption = None,
    reason: Reason = "",
    override: Override = False,
) -> None:
    """Make a version the main one of a deployment, which is made if it does not exist.

    A version whose review is still pending is decided by this: `deployed`, or with `--persist`
    `persisted`, if its project's gate is open and you may deploy; `approve` decides and deploys
    nothing. The other options say how the deployment answers,
    as those of `configure` do.

    Example: `understudy deploy credit-risk 1 --name credit-risk --challenger 2`
    """
    decision, beside = Decision.PERSIST if persist else Decision.DEPLOY, tuple(challenger or ())
    with connections(context).registry() as registry:
        existing = _find(registry, name)
        if existing is not None and existing.model != model:
            raise _other_model(existing, model)
        policy = amended(
            existing.current.policy if existing else Policy(),
            durability=durability,
            types=types,
            out_of_range=out_of_range,
            unseen_category=unseen_category,
            low_confidence=low_confidence,
        )
        numbers = (version, *beside)
        settle(registry, model, numbers, decision, reason, deployment=name, override=override)
        if existing is None:
            request = DeploymentRequest(
                name=name,
                model=model,
                main=version,
                challengers=beside,
                access=access,
                reason=reason,
                policy=policy,
            )
            made = registry.create_deployment(request).current
        else:
            setting = _Wanted(version, beside, policy)
            made = _redeploy(registry, existing.current, setting, reason)
    show_release(context, made)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a deployment is to become."""

    main: int
    challengers: tuple[int, ...]
    policy: Policy


def _find(registry: RegistryClient, name: str) -> DeploymentView | None:
    try:
        return registry.deployment(name)
    except ProblemError as error:
        if error.status != 404:
            raise
        return None


def _other_model(existing: DeploymentView, model: str) -> typer.BadParameter:
    return typer.BadParameter(
        f"deployment {existing.name!r} serves the model {existing.model!r}, not {model!r}; "
        "choose another --name"
    )


def _redeploy(
    registry: RegistryClient, current: ReleaseView, wanted: _Wanted, reason: str
) -> ReleaseView:
    """Change an existing deployment: first its main, then what stands beside it, then its policy.

    Each step holds only when nobody else has changed the deployment since the one before.
    """
    made = current
    if made.main != wanted.main:
        change = ReleaseRequest(
            kind=ReleaseKind.DEPLOY,
            version=wanted.main,
            reason=reason,
            expected_release=current.release,
        )
        made = registry.release(current.deployment, change)
    for number in wanted.challengers:
        if number not in made.challengers:
            change = ReleaseRequest(
                kind=ReleaseKind.CHALLENGE,
                version=number,
                reason=reason,
                expected_release=made.release,
            )
            made = registry.release(current.deployment, change)
    if made.policy != wanted.policy:
        made = registry.configure(
            current.deployment, wanted.policy, expected_release=made.release, reason=reason
        )
    return made
