"""Decide about versions: end reviews, with or without a deployment that follows."""

from collections.abc import Iterable
from typing import Annotated

import typer

from understudy.cli.connections import connections
from understudy.cli.output import remark, show
from understudy.cli.versions import Model, Number, Override, Reason
from understudy.client import RegistryClient
from understudy.contracts.vocabulary import Decision, Scope, VersionState


def add_to(app: typer.Typer) -> None:
    """Give the root this module's commands."""
    app.command()(approve)
    app.command()(ignore)


def approve(
    context: typer.Context,
    *,
    model: Model,
    version: Number,
    persist: Annotated[
        bool, typer.Option("--persist", help="Decide 'persisted' instead of 'deployed'.")
    ] = False,
    reason: Reason = "",
    override: Override = False,
) -> None:
    """End a pending version's review: it may be deployed, by whoever may deploy. This is final.

    Nothing is deployed by this. The project's gate must be open; you must have opened the review.

    Example: `understudy approve credit-risk 3 --reason "better on all segments"`
    """
    decision = Decision.PERSIST if persist else Decision.DEPLOY
    with connections(context).registry() as registry:
        decided = registry.decide(model, version, decision, reason, override=override)
    show(context, decided, f"{decided.model} version {decided.version} is {decided.state}")
    if decided.overridden:
        remark(f"  against what stood in the way: {', '.join(decided.overridden)}")
    remark(f"Next, by who may deploy: understudy deploy {model} {version} --name {model}")


def ignore(
    context: typer.Context,
    *,
    model: Model,
    version: Number,
    reason: Reason = "",
    override: Override = False,
) -> None:
    """End a pending version's review: it will never be deployed. This is final.

    Where the version has a review, you must have opened it.

    Example: `understudy ignore credit-risk 3 --reason "worse than chance on new customers"`
    """
    with connections(context).registry() as registry:
        decided = registry.decide(model, version, Decision.IGNORE, reason, override=override)
    show(context, decided, f"{decided.model} version {decided.version} is {decided.state}")


def settle(
    registry: RegistryClient,
    model: str,
    numbers: Iterable[int],
    decision: Decision,
    reason: str,
    *,
    deployment: str,
    override: bool = False,
) -> None:
    """End the reviews of versions that are put to work, as far as they are still pending.

    A decision is final: first it is asked whether the caller may deploy too and, where there are
    several, whether all gates are open. They are then decided one after the other.
    """
    wanted = dict.fromkeys(numbers)
    pending = [n for n in wanted if registry.version(model, n).state is VersionState.PENDING]
    if pending:
        _require_deployer(registry, model, deployment)
    if len(pending) > 1 and not override:
        _require_open(registry, model, pending)
    for number in pending:
        decided = registry.decide(model, number, decision, reason, override=override)
        remark(f"{model} version {number} is {decided.state}")
        if decided.overridden:
            remark(f"  against what stood in the way: {', '.join(decided.overridden)}")


def _require_deployer(registry: RegistryClient, model: str, deployment: str) -> None:
    project = registry.model(model).project
    for grant in registry.me().grants:
        here = grant.project in {None, project} and grant.deployment in {None, deployment}
        if here and {Scope.DEPLOY, Scope.ADMIN} & {*grant.scopes}:
            return
    remark(
        f"Nothing was decided: you may not deploy in project {project}. To decide and let somebody "
        f"else deploy: understudy approve {model} NUMBER"
    )
    raise typer.Exit(1)


def _require_open(registry: RegistryClient, model: str, numbers: Iterable[int]) -> None:
    closed = False
    for number in numbers:
        for obstacle in registry.assessment(model, number).obstacles:
            remark(f"The gate is closed for {model}/{number}: {obstacle.detail}")
            closed = True
    if closed:
        raise typer.Exit(1)
