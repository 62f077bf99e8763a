"""The root command: options that all commands share, and how failures are told."""

import sys
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from pydantic import ValidationError
from typer.core import TyperGroup

from understudy.cli import (
    configuring,
    coverage,
    deciding,
    deploying,
    deployments,
    drifting,
    fairness,
    gate_policy,
    gating,
    importing,
    jobs,
    keys,
    members,
    predictions,
    quality,
    replays,
    reporting,
    reviewing,
    signing,
    status,
    trail,
    trust,
    up,
    users,
    versions,
    why,
)
from understudy.cli.addresses import Addresses
from understudy.cli.connections import Connections
from understudy.cli.output import Format, visible, wrong_members
from understudy.client import ClientError

STANDARD: Final = Addresses()

_URLS: Final = ("--registry-url", "--serving-url", "--monitor-url")
_SHARED: Final = frozenset({"-o", "--output", "--key", "--state-dir", *_URLS})
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
            typer.echo(visible(str(error), keep="\n"), err=True)
            raise typer.Exit(1) from error
        except ValidationError as error:  # of a request; an answer's is a ClientError
            raise typer.BadParameter(wrong_members(error)) from error
        except UnicodeEncodeError as error:
            raise typer.BadParameter("an argument is no valid UTF-8") from error
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
        str | None,
        typer.Option(
            envvar="UNDERSTUDY_REGISTRY_URL",
            show_default=STANDARD.registry_url,
            help="Where the registry answers.",
        ),
    ] = None,
    serving_url: Annotated[
        str | None,
        typer.Option(
            envvar="UNDERSTUDY_SERVING_URL",
            show_default=STANDARD.serving_url,
            help="Where serving answers.",
        ),
    ] = None,
    monitor_url: Annotated[
        str | None,
        typer.Option(
            envvar="UNDERSTUDY_MONITOR_URL",
            show_default=STANDARD.monitor_url,
            help="Where the monitor answers.",
        ),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(envvar="UNDERSTUDY_KEY", show_default=False, help="Your API key."),
    ] = None,
    state_dir: Annotated[
        Path,
        typer.Option(
            envvar="UNDERSTUDY_STATE_DIR",
            help="Where `understudy up` keeps its state. The addresses in `addresses.json` there, "
            "and the key in `secrets/admin.key`, are used where no others are given.",
        ),
    ] = Path("var"),
    output: Annotated[
        Format, typer.Option("-o", "--output", help="A table to read, or JSON to process.")
    ] = Format.TABLE,
) -> None:
    """Keep the shared options for the command that follows."""
    del output  # read where something is shown
    written = Addresses.read(state_dir)
    addresses = Addresses(
        serving_url=serving_url or written.serving_url,
        registry_url=registry_url or written.registry_url,
        monitor_url=monitor_url or written.monitor_url,
    )
    context.obj = Connections(addresses, key, state_dir)


@app.command()
def version() -> None:
    """Say which version of Understudy this is."""
    python = ".".join(str(part) for part in sys.version_info[:3])
    typer.echo(f"understudy {installed_version('understudy')} (Python {python})")


app.command()(up.up)
versions.add_to(app)
signing.add_to(app)
reviewing.add_to(app)
deciding.add_to(app)
deploying.add_to(app)
deployments.add_to(app)
configuring.add_to(app)
status.add_to(app)
why.add_to(app)
gating.add_to(app)
drifting.add_to(app)
quality.add_to(app)
coverage.add_to(app)
fairness.add_to(app)
reporting.add_to(app)
predictions.add_to(app)
app.add_typer(importing.app, name="import")
app.add_typer(keys.app, name="keys")
app.add_typer(users.app, name="users")
app.add_typer(members.app, name="members")
app.add_typer(gate_policy.app, name="gate-policy")
app.add_typer(trust.app, name="trust")
jobs.add_to(app)
replays.add_to(app)
trail.add_to(app)
