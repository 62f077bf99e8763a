"""Configure: how a deployment answers, beside with which versions."""

import typer

from understudy.cli.connections import connections
from understudy.cli.deployments import Deployment, Expected, show_release
from understudy.cli.policies import (
    DurabilityOption,
    LowConfidenceOption,
    OutOfRangeOption,
    TypesOption,
    UnseenCategoryOption,
    amended,
)
from understudy.cli.versions import Reason


def add_to(app: typer.Typer) -> None:
    """Give the root this module's command."""
    app.command()(configure)


def configure(
    context: typer.Context,
    *,
    deployment: Deployment,
    durability: DurabilityOption = None,
    types: TypesOption = None,
    out_of_range: OutOfRangeOption = None,
    unseen_category: UnseenCategoryOption = None,
    low_confidence: LowConfidenceOption = None,
    expect: Expected = None,
    reason: Reason = "",
) -> None:
    """Change how a deployment answers, as a new release; what is not named stays as it is.

    A concurrent change by somebody else makes it fail instead of being lost.

    Examples: `understudy configure credit-risk --durability relaxed`,
    `understudy configure credit-risk --out-of-range flag --low-confidence 0.6:override=written_off`
    """
    if {durability, types, out_of_range, unseen_category, low_confidence} == {None}:
        raise typer.BadParameter("name what to change, as --durability relaxed; see --help")
    with connections(context).registry() as registry:
        current = registry.deployment(deployment).current
        policy = amended(
            current.policy,
            durability=durability,
            types=types,
            out_of_range=out_of_range,
            unseen_category=unseen_category,
            low_confidence=low_confidence,
        )
        expected = expect or current.release
        made = registry.configure(deployment, policy, expected_release=expected, reason=reason)
    show_release(context, made)
