"""The command line: `understudy`, one module per noun."""

import sys

_INTERRUPTED = 130


def main() -> None:
    """The console script."""
    try:
        # Imported here, so that Ctrl-C in the first moments leaves no trace either.
        from understudy.cli.root import app  # noqa: PLC0415

        app(prog_name="understudy")
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
