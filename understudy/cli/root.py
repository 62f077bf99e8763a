"""The root command: options that all commands share, and how failures are told."""

import sys
from importlib.metadata import version as installed_version
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from understudy.cli import deployments, keys, predictions, status, trail, up, versions
from understudy.cli.connections import Connections
from understudy.cli.output import Format
from understudy.client import ClientError

_SHARED = {"-o", "--output", "--registry-url", "--serving-url", "--monitor-url", "--key"}
_INTERRUPTED = 130


class Root(TyperGroup):
    """Takes the shared options before and after a command's name, and tells failures plainly."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Bring the shared options to the front."""
        return super().parse_args(ctx, hoisted(args))

    def invoke(self, ctx: Any) -> Any:
        """Run the command; a refusal is a message and an exit code, not a trace."""
        try:
            return super().invoke(ctx)
        except ClientError as error:
            typer.secho("Error: ", fg="red", bold=True, err=True, nl=False)
            typer.echo(str(error), err=True)
            raise typer.Exit(1) from error
        except KeyboardInterrupt:
            typer.echo("", err=True)
            raise typer.Exit(_INTERRUPTED) from None


def hoisted(args: list[str]) -> list[str]:
    """`status risk -o json` → `-o json status risk`; what follows `--` stays where it is."""
    end = args.index("--") if "--" in args else len(args)
    front, rest, given = list[str](), list[str](), iter(args[:end])
    for arg in given:
        if arg in _SHARED:
            front += [arg, *([value] if (value := next(given, None)) is not None else [])]
        elif arg.partition("=")[0] in _SHARED:
            front.append(arg)
        else:
            rest.append(arg)
    return [*front, *rest, *args[end:]]


app = typer.Typer(
    cls=Root,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="""Understudy serves a main version of a model with challengers beside it.

    Start everything on this machine with `understudy up`; the other commands talk to the services
    by HTTP, wherever they run. The options below may stand before or after a command's name.
    """,
)


@app.callback()
def root(
    context: typer.Context,
    *,
    registry_url: Annotated[
        str, typer.Option(envvar="UNDERSTUDY_REGISTRY_URL", help="Where the registry answers.")
    ] = "http://127.0.0.1:8701",
    serving_url: Annotated[
        str, typer.Option(envvar="UNDERSTUDY_SERVING_URL", help="Where serving answers.")
    ] = "http://127.0.0.1:8700",
    monitor_url: Annotated[
        str, typer.Option(envvar="UNDERSTUDY_MONITOR_URL", help="Where the monitor answers.")
    ] = "http://127.0.0.1:8702",
    key: Annotated[
        str | None,
        typer.Option(
            envvar="UNDERSTUDY_KEY",
            show_default=False,
            help="Your API key. Without it, the key in ./var/secrets/admin.key is used, which "
            "`understudy up` writes in the folder where it is started.",
        ),
    ] = None,
    output: Annotated[
        Format, typer.Option("-o", "--output", help="A table to read, or JSON to process.")
    ] = Format.TABLE,
) -> None:
    """Keep the shared options for the command that follows."""
    del output  # read where something is shown
    context.obj = Connections(registry_url, serving_url, monitor_url, key)


@app.command()
def version() -> None:
    """Say which version of Understudy this is."""
    python = ".".join(str(part) for part in sys.version_info[:3])
    typer.echo(f"understudy {installed_version('understudy')} (Python {python})")


app.command()(up.up)
versions.add_to(app)
deployments.add_to(app)
status.add_to(app)
predictions.add_to(app)
app.add_typer(keys.app, name="keys")
trail.add_to(app)
