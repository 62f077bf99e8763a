"""The audit trail."""

from typing import Annotated

import typer

from understudy.cli.connections import connections
from understudy.cli.output import make_table, show


def add_to(app: typer.Typer) -> None:
    """Give the root this module's command."""
    app.command()(audit)


def audit(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, help="How many entries, newest first.")] = 50,
) -> None:
    """Say who did what to what, when and why, newest first."""
    with connections(context).registry() as registry:
        found = registry.audit(limit)
    rows = [(e.sequence, e.at, e.actor, e.action, e.subject, e.reason) for e in found]
    show(context, found, make_table(("#", "AT", "WHO", "DID", "TO", "WHY"), rows))
