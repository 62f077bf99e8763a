"""Users: create, list, show, disable, enable, set a password."""

from typing import Annotated

import typer
from pydantic import SecretStr
from rich.table import Table

from understudy.cli.connections import connections
from understudy.cli.output import make_details, make_table, remark, show
from understudy.cli.passwords import PasswordStdin, asked_password
from understudy.contracts.people import UserChangeRequest, UserRequest, UserView

app = typer.Typer(
    no_args_is_help=True,
    help="Create, list, disable and enable people who sign in, and set their passwords.",
    rich_markup_mode="markdown",
)

UserArgument = Annotated[
    str, typer.Argument(metavar="NAME", help="The name to sign in with.", show_default=False)
]


@app.command()
def create(
    context: typer.Context,
    *,
    name: UserArgument,
    display_name: Annotated[
        str | None, typer.Option(help="How they are called.", show_default=False)
    ] = None,
    admin: Annotated[bool, typer.Option(help="Administrator of the whole instance.")] = False,
    identity: Annotated[
        str | None,
        typer.Option(
            help="Who it is at the identity provider, `<issuer> <subject>`; without a password.",
            show_default=False,
        ),
    ] = None,
    password_stdin: PasswordStdin = False,
) -> None:
    """Make a user. The password is asked for, and shown nowhere.

    Example: `understudy users create ann --admin`
    """
    by_password = identity is None or password_stdin
    password = asked_password(stdin=password_stdin) if by_password else None
    request = UserRequest(
        name=name,
        display_name=display_name,
        admin=admin,
        password=None if password is None else SecretStr(password),
        identity=identity,
    )
    with connections(context).registry() as registry:
        made = registry.create_user(request)
    show(context, made, _details(made))


@app.command("list")
def list_users(context: typer.Context) -> None:
    """List everybody."""
    with connections(context).registry() as registry:
        found = registry.users()
    rows = [
        (u.name, u.display_name, "yes" if u.admin else "", u.created_at, u.disabled_at)
        for u in found
    ]
    columns = ("NAME", "CALLED", "ADMIN", "CREATED", "DISABLED")
    show(context, found, make_table(columns, rows))


@app.command("show")
def show_user(context: typer.Context, name: UserArgument) -> None:
    """Show a user, and what they are in projects."""
    with connections(context).registry() as registry:
        found = registry.user(name)
    show(context, found, _details(found))


@app.command()
def disable(context: typer.Context, name: UserArgument) -> None:
    """Keep a user out, from now on; what they did stays in the trail."""
    _change(context, name, UserChangeRequest(disabled=True))
    remark(f"{name} is disabled, and signed out everywhere.")


@app.command()
def enable(context: typer.Context, name: UserArgument) -> None:
    """Let a user sign in again."""
    _change(context, name, UserChangeRequest(disabled=False))
    remark(f"{name} may sign in.")


@app.command()
def password(
    context: typer.Context, name: UserArgument, *, password_stdin: PasswordStdin = False
) -> None:
    """Set a user's password, which signs them out everywhere."""
    typed = asked_password(stdin=password_stdin)
    with connections(context).registry() as registry:
        registry.set_password(name, typed)
    remark(f"The password of {name} is set.")


def _change(context: typer.Context, name: str, change: UserChangeRequest) -> None:
    with connections(context).registry() as registry:
        registry.change_user(name, change)


def _details(user: UserView) -> Table:
    ways = ("password" if user.has_password else "", user.identity or "")
    rows: list[tuple[str, object]] = [
        ("name", user.name),
        ("called", user.display_name),
        ("administrator", "yes" if user.admin else "no"),
        ("signs in by", tuple(way for way in ways if way)),
        ("created", user.created_at),
        ("disabled", user.disabled_at),
        *((f"in {one.project}", one.roles) for one in user.memberships),
    ]
    return make_details(rows)
