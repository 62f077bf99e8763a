"""Which types artifacts may hold: list, allow, deny."""

from typing import Annotated

import typer

from understudy.cli.connections import connections
from understudy.cli.output import make_table, remark, show
from understudy.contracts.trust import TrustDecision

app = typer.Typer(
    no_args_is_help=True,
    help="List the types that artifacts want to hold, and allow or deny them.",
    rich_markup_mode="markdown",
)

TypeArgument = Annotated[
    str, typer.Argument(metavar="TYPE", help="Its whole name.", show_default=False)
]
ReasonOption = Annotated[
    str, typer.Option(help="Why; the audit trail keeps it.", show_default=False)
]


@app.command("list")
def list_types(context: typer.Context) -> None:
    """List all types that were asked for, and where they stand."""
    with connections(context).registry() as registry:
        found = registry.trusted_types()
    rows = [
        (one.type, one.state, one.model, one.asked_by, one.asked_at, one.decided_by, one.reason)
        for one in found
    ]
    columns = ("TYPE", "STATE", "MODEL", "ASKED BY", "ASKED", "DECIDED BY", "REASON")
    show(context, found, make_table(columns, rows))


@app.command()
def allow(context: typer.Context, name: TypeArgument, *, reason: ReasonOption) -> None:
    """Let artifacts hold a type. Whoever writes such a file may have it called with anything.

    Example: `understudy trust allow sklearn.tree._tree.Tree --reason "our own forests"`
    """
    _decide(context, name, TrustDecision.TRUST, reason)
    remark(f"{name} is trusted; who was refused for it may register again.")


@app.command()
def deny(context: typer.Context, name: TypeArgument, *, reason: ReasonOption) -> None:
    """Keep a type out, also when it was trusted. What is loaded already stays loaded."""
    _decide(context, name, TrustDecision.DENY, reason)
    remark(f"{name} is denied; versions that hold it can't be loaded any more.")


def _decide(context: typer.Context, name: str, decision: TrustDecision, reason: str) -> None:
    with connections(context).registry() as registry:
        registry.decide_type(name, decision, reason)
