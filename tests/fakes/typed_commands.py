"""The shape of a fixture that runs a command line."""

from typing import Protocol

from typer.testing import Result


class Run(Protocol):
    """Runs `understudy` with these arguments."""

    def __call__(self, *arguments: str, stdin: str | None = None) -> Result: ...
