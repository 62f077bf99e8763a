"""The command line: `understudy`, one module per noun."""

from understudy.cli.root import app

__all__ = ["app", "main"]


def main() -> None:
    """The console script."""
    app(prog_name="understudy")
