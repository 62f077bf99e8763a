"""Looking again and again: a page that redraws itself in a terminal, and page after page else."""

import sys
import time
from collections.abc import Callable
from typing import Annotated, Final

import typer
from rich.console import RenderableType
from rich.live import Live

from understudy.cli.output import Format, console, output_format

Watch = Annotated[bool, typer.Option("--watch", "-w", help="Keep looking until Ctrl-C.")]

_TERMINAL_SECONDS: Final = 1.0
_FILE_SECONDS: Final = 2.0


def watch(context: typer.Context, page: Callable[[], RenderableType]) -> None:
    """Show the page until Ctrl-C."""
    if output_format(context) is Format.JSON:
        raise typer.BadParameter("--watch is for people: leave out -o json, or ask in a loop")
    if not sys.stdout.isatty():
        while True:
            console().print(page())
            time.sleep(_FILE_SECONDS)
    with Live(page(), console=console(), auto_refresh=False) as live:
        while True:
            time.sleep(_TERMINAL_SECONDS)
            live.update(page(), refresh=True)
