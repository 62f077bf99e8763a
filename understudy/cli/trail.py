"""The audit trail."""

import re
from collections.abc import Mapping
from typing import Annotated

import typer

from understudy.cli.connections import connections
from understudy.cli.output import make_table, show
from understudy.contracts.vocabulary import DIGEST_PATTERN


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
    rows = [(e.at, e.actor, e.action, e.subject, _details(e.details), e.reason) for e in found]
    show(context, found, make_table(("AT", "WHO", "DID", "TO", "DETAILS", "WHY"), rows))


def _details(details: Mapping[str, object]) -> str:
    told = {name: _short(str(value)) for name, value in details.items() if value is not None}
    return ", ".join(f"{name} {value}" for name, value in told.items())


def _short(value: str) -> str:
    """A digest by its beginning; JSON has all of it."""
    return f"{value[:12]}…" if re.match(DIGEST_PATTERN, value) else value
