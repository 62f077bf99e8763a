"""Deployments: each change is a new release, so all of them are one request with another verb."""

from typing import Annotated, Final

import typer

from understudy.cli.connections import connections
from understudy.cli.deciding import settle
from understudy.cli.key_names import names_of_keys
from understudy.cli.output import Format, make_table, output_format, remark, show
from understudy.cli.policies import changes, described
from understudy.cli.versions import Number, Reason
from understudy.contracts.policy import Policy
from understudy.contracts.registry import (
    DeploymentView,
    ReleaseRequest,
    ReleaseView,
)
from understudy.contracts.vocabulary import ActionMode, Decision, FormerMain, ReleaseKind

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


_OFF_AGAIN: Final = {
    "promotes": "--promote recommend",
    "rolls back": "--roll-back recommend",
}


def add_to(app: typer.Typer) -> None:
    """Give the root this module's commands."""
    for command in (challenge, withdraw, promote, swap, rollback, releases):
        app.command()(command)


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
        settle(registry, model, [version], decision, reason, deployment=deployment)
        request = ReleaseRequest(kind=ReleaseKind.CHALLENGE, version=version, reason=reason)
        made = registry.release(deployment, request)
    show_release(context, made)


def withdraw(
    context: typer.Context, *, deployment: Deployment, version: Number, reason: Reason = ""
) -> None:
    """Take a challenger away.

    Example: `understudy withdraw credit-risk 3 --reason "too slow"`
    """
    request = ReleaseRequest(kind=ReleaseKind.WITHDRAW, version=version, reason=reason)
    with connections(context).registry() as registry:
        made = registry.release(deployment, request)
    show_release(context, made)


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
            version=_challenger(registry.deployment(deployment), version),
            former_main=FormerMain.RETIRED if retire else FormerMain.CHALLENGER,
            expected_release=expect,
            reason=reason,
        )
        made = registry.release(deployment, request)
    show_release(context, made)


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
    show_release(context, made)


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
    """Repeat the setting of an earlier release, as a new one: its versions and its policy.

    Examples: `understudy rollback credit-risk`, `understudy rollback credit-risk --to 3`
    """
    request = ReleaseRequest(
        kind=ReleaseKind.ROLLBACK, release=to, expected_release=expect, reason=reason
    )
    with connections(context).registry() as registry:
        before = registry.deployment(deployment).current
        made = registry.release(deployment, request)
    show_release(context, made)
    tell_policy_change(deployment, before.policy, made.policy)


def releases(context: typer.Context, deployment: Deployment) -> None:
    """List what a deployment was set to, when, by whom and why."""
    at = connections(context)
    with at.registry() as registry:
        found = registry.releases(deployment)
        who = {} if output_format(context) is Format.JSON else names_of_keys(registry, at.state_dir)
    rows = [
        (
            *(r.release, r.kind, r.main, r.challengers),
            *(described(r.policy), r.released_at, who.get(r.released_by, r.released_by), r.reason),
        )
        for r in found
    ]
    columns = ("RELEASE", "KIND", "MAIN", "CHALLENGERS", "POLICY", "AT", "BY", "REASON")
    show(context, found, make_table(columns, rows))


def _challenger(deployment: DeploymentView, named: int | None) -> int:
    """The one that is named, or the only one. That the main is none, the registry says."""
    challengers = deployment.current.challengers
    if named is None:
        return _only_challenger(deployment)
    if named not in (deployment.current.main, *challengers):
        raise typer.BadParameter(
            f"version {named} is no challenger of {deployment.name}; "
            f"first: understudy challenge {deployment.name} {named}"
        )
    return named


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


def show_release(context: typer.Context, made: ReleaseView) -> None:
    """The release that a command made, and what to do next.

    Its policy is told when it is not the usual one, and when the command may have changed it.
    """
    beside = ", ".join(str(number) for number in made.challengers) or "none"
    line = f"{made.deployment} release {made.release}: main {made.main}, challengers {beside}"
    policy = described(made.policy)
    if policy or made.kind in {ReleaseKind.CONFIGURE, ReleaseKind.ROLLBACK}:
        line += f"; policy: {policy or 'the defaults'}"
    show(context, made, line)
    remark(f"Next: understudy status {made.deployment} --timeout 60s")


def tell_policy_change(deployment: str, former: Policy, policy: Policy) -> None:
    """What a release changed beside its versions, and clearly that something is now automatic."""
    changed = changes(former, policy)
    if not changed:
        return
    remark(f"The policy changed with it: {'; '.join(changed)}.")
    acts = _automatic(policy) - _automatic(former)
    if acts:
        remark(
            f"ATTENTION: the monitor {' and '.join(sorted(acts))} BY ITSELF from now on; undo: "
            f"understudy configure {deployment} {' '.join(_OFF_AGAIN[act] for act in sorted(acts))}"
        )


def _automatic(policy: Policy) -> set[str]:
    actions = policy.judging.actions
    modes = {"promotes": actions.promote, "rolls back": actions.roll_back}
    return {act for act, mode in modes.items() if mode is ActionMode.AUTOMATIC}
