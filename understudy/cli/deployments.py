"""Deployments: each change is a new release, so all of them are one request with another verb."""

from typing import Annotated

import typer

from understudy.cli.connections import connections
from understudy.cli.output import make_table, remark, show
from understudy.cli.versions import Model, Number, Reason, settle
from understudy.client import ProblemError, RegistryClient
from understudy.contracts.registry import (
    DeploymentRequest,
    DeploymentView,
    ReleaseRequest,
    ReleaseView,
)
from understudy.contracts.vocabulary import AccessLevel, Decision, FormerMain, ReleaseKind

Deployment = Annotated[str, typer.Argument(help="The deployment's name.", show_default=False)]
Expected = Annotated[
    int | None,
    typer.Option(
        "--expect",
        min=1,
        show_default=False,
        help="Fail when the deployment is not at this release any more.",
    ),
]
MaybeNumber = Annotated[
    int | None,
    typer.Argument(min=1, show_default=False, help="Needed where there are several challengers."),
]


def add_to(app: typer.Typer) -> None:
    """Give the root this module's commands."""
    for command in (deploy, challenge, withdraw, promote, swap, rollback, releases):
        app.command()(command)


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
    reason: Reason = "",
) -> None:
    """Make a version the main one of a deployment, which is made if it does not exist.

    A version whose review is still pending is decided by this: `deployed`, or with `--persist`
    `persisted`.

    Example: `understudy deploy credit-risk 1 --name credit-risk --challenger 2`
    """
    decision, beside = Decision.PERSIST if persist else Decision.DEPLOY, tuple(challenger or ())
    with connections(context).registry() as registry:
        existing = _find(registry, name)
        if existing is not None and existing.model != model:
            raise _other_model(existing, model)
        for number in (version, *beside):
            settle(registry, model, number, decision, reason)
        if existing is None:
            request = DeploymentRequest(
                name=name,
                model=model,
                main=version,
                challengers=beside,
                access=access,
                reason=reason,
            )
            made = registry.create_deployment(request).current
        else:
            made = _redeploy(registry, existing.current, version, beside, reason)
    _show(context, made)


def challenge(
    context: typer.Context,
    *,
    deployment: Deployment,
    version: Number,
    persist: Annotated[
        bool, typer.Option("--persist", help="Decide 'persisted' instead of 'deployed'.")
    ] = False,
    reason: Reason = "",
) -> None:
    """Put one more version beside the main one; it answers the same rows, seen by no caller.

    Example: `understudy challenge credit-risk 3`
    """
    decision = Decision.PERSIST if persist else Decision.DEPLOY
    with connections(context).registry() as registry:
        model = registry.deployment(deployment).model
        settle(registry, model, version, decision, reason)
        request = ReleaseRequest(kind=ReleaseKind.CHALLENGE, version=version, reason=reason)
        made = registry.release(deployment, request)
    _show(context, made)


def withdraw(
    context: typer.Context, *, deployment: Deployment, version: Number, reason: Reason = ""
) -> None:
    """Take a challenger away.

    Example: `understudy withdraw credit-risk 3 --reason "too slow"`
    """
    request = ReleaseRequest(kind=ReleaseKind.WITHDRAW, version=version, reason=reason)
    with connections(context).registry() as registry:
        made = registry.release(deployment, request)
    _show(context, made)


def promote(
    context: typer.Context,
    *,
    deployment: Deployment,
    version: MaybeNumber = None,
    retire: Annotated[
        bool, typer.Option("--retire", help="Let the former main go instead of challenging.")
    ] = False,
    expect: Expected = None,
    reason: Reason = "",
) -> None:
    """Make a challenger the main version; the former main stays beside it and is measured on.

    Example: `understudy promote credit-risk --reason "better on 5,000 labels"`
    """
    with connections(context).registry() as registry:
        request = ReleaseRequest(
            kind=ReleaseKind.PROMOTE,
            version=version or _only_challenger(registry.deployment(deployment)),
            former_main=FormerMain.RETIRED if retire else FormerMain.CHALLENGER,
            expected_release=expect,
            reason=reason,
        )
        made = registry.release(deployment, request)
    _show(context, made)


def swap(
    context: typer.Context,
    *,
    deployment: Deployment,
    version: MaybeNumber = None,
    expect: Expected = None,
    reason: Reason = "",
) -> None:
    """Let main and challenger change places.

    Example: `understudy swap credit-risk`
    """
    request = ReleaseRequest(
        kind=ReleaseKind.SWAP, version=version, expected_release=expect, reason=reason
    )
    with connections(context).registry() as registry:
        made = registry.release(deployment, request)
    _show(context, made)


def rollback(
    context: typer.Context,
    *,
    deployment: Deployment,
    to: Annotated[
        int | None,
        typer.Option(min=1, show_default=False, help="A release; the one before without it."),
    ] = None,
    expect: Expected = None,
    reason: Reason = "",
) -> None:
    """Repeat the setting of an earlier release, as a new one.

    Examples: `understudy rollback credit-risk`, `understudy rollback credit-risk --to 3`
    """
    request = ReleaseRequest(
        kind=ReleaseKind.ROLLBACK, release=to, expected_release=expect, reason=reason
    )
    with connections(context).registry() as registry:
        made = registry.release(deployment, request)
    _show(context, made)


def releases(context: typer.Context, deployment: Deployment) -> None:
    """List what a deployment was set to, when, by whom and why."""
    with connections(context).registry() as registry:
        found = registry.releases(deployment)
    rows = [
        (r.release, r.kind, r.main, r.challengers, r.released_at, r.released_by, r.reason)
        for r in found
    ]
    columns = ("RELEASE", "KIND", "MAIN", "CHALLENGERS", "AT", "BY", "REASON")
    show(context, found, make_table(columns, rows))


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
    registry: RegistryClient,
    current: ReleaseView,
    version: int,
    beside: tuple[int, ...],
    reason: str,
) -> ReleaseView:
    """Change an existing deployment: first its main, then what is to stand beside it.

    Each step holds only when nobody else has changed the deployment since the one before.
    """
    made = current
    if made.main != version:
        change = ReleaseRequest(
            kind=ReleaseKind.DEPLOY,
            version=version,
            reason=reason,
            expected_release=current.release,
        )
        made = registry.release(current.deployment, change)
    for number in beside:
        if number not in made.challengers:
            change = ReleaseRequest(
                kind=ReleaseKind.CHALLENGE,
                version=number,
                reason=reason,
                expected_release=made.release,
            )
            made = registry.release(current.deployment, change)
    return made


def _only_challenger(deployment: DeploymentView) -> int:
    challengers = deployment.current.challengers
    if len(challengers) == 1:
        return challengers[0]
    if not challengers:
        raise typer.BadParameter(
            f"{deployment.name} has no challenger; "
            f"first: understudy challenge {deployment.name} VERSION"
        )
    listed = ", ".join(str(number) for number in challengers)
    raise typer.BadParameter(f"name the version; {deployment.name} has the challengers {listed}")


def _show(context: typer.Context, made: ReleaseView) -> None:
    beside = ", ".join(str(number) for number in made.challengers) or "none"
    line = f"{made.deployment} release {made.release}: main {made.main}, challengers {beside}"
    show(context, made, line)
    remark(f"Next: understudy status {made.deployment} --timeout 60s")
