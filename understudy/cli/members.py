"""Members of projects: set, remove, list."""

from typing import Annotated

import typer

from understudy.cli.connections import connections
from understudy.cli.output import make_table, remark, show
from understudy.contracts.vocabulary import MemberRole

app = typer.Typer(
    no_args_is_help=True,
    help="Say who is what in a project.",
    rich_markup_mode="markdown",
)

ProjectArgument = Annotated[
    str, typer.Argument(metavar="PROJECT", help="The project.", show_default=False)
]
UserArgument = Annotated[
    str, typer.Argument(metavar="USER", help="The name to sign in with.", show_default=False)
]


@app.command("set")
def set_member(
    context: typer.Context,
    *,
    project: ProjectArgument,
    user: UserArgument,
    role: Annotated[list[MemberRole], typer.Option(help="May be repeated.", show_default=False)],
) -> None:
    """Give a user these roles in a project, and no others.

    Example: `understudy members set bank ann --role scientist --role approver`
    """
    with connections(context).registry() as registry:
        made = registry.set_member(project, user, role)
    show(context, made, f"{made.user}: {', '.join(made.roles)} in {made.project}")


@app.command()
def remove(context: typer.Context, project: ProjectArgument, user: UserArgument) -> None:
    """Take all of a user's roles in a project away, at once."""
    with connections(context).registry() as registry:
        registry.remove_member(project, user)
    remark(f"{user} is no member of {project} any more.")


@app.command("list")
def list_members(context: typer.Context, project: ProjectArgument) -> None:
    """List who is what in a project."""
    with connections(context).registry() as registry:
        found = registry.members(project)
    show(context, found, make_table(("USER", "ROLES"), [(one.user, one.roles) for one in found]))
