"""Long work: what it is at, what became of it."""

from typing import Annotated

import typer

from understudy.cli.connections import connections
from understudy.cli.output import make_details, make_table, show


def add_to(app: typer.Typer) -> None:
    """Give the root this module's command."""
    app.command()(jobs)


def jobs(
    context: typer.Context,
    *,
    job: Annotated[str | None, typer.Argument(help="Only this one.", show_default=False)] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")] = 20,
) -> None:
    """Show long work of the last week, as registering a version is; newest first.

    Example: `understudy jobs`
    """
    with connections(context).registry() as registry:
        if job is not None:
            one = registry.job(job)
            problem = (one.problem or {}).get("detail")
            facts = {
                "job": one.id,
                "kind": one.kind,
                "project": one.project,
                "owner": one.owner,
                "state": one.state,
                "step": one.step,
                "progress": f"{one.progress:.0%}",
                "begun": one.created_at,
                "ended": one.ended_at,
                "result": (one.result or {}).get("location"),
                "problem": problem,
            }
            show(context, one, make_details(facts.items()))
            return
        found = registry.jobs(limit)
    rows = [(j.id, j.kind, j.project, j.state, f"{j.progress:.0%}", j.created_at) for j in found]
    columns = ("JOB", "KIND", "PROJECT", "STATE", "DONE", "BEGUN")
    show(context, found, make_table(columns, rows))
