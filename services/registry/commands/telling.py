"""What commands say: progress and complaints on stderr, the result on stdout."""

import json
import logging
import sys
from collections.abc import Mapping

from understudy.runtime.logs import configure_logs


def quieten(level: str) -> None:
    """Log lines go to stderr, and only when something is wrong: stdout is the result's."""
    configure_logs("registry", level)
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler):
            handler.setStream(sys.stderr)
    logging.getLogger().setLevel(logging.WARNING)


def progress(line: str) -> None:
    """One step was done."""
    sys.stderr.write(f"{line}\n")


def complain(detail: str) -> None:
    """Why it was not done."""
    sys.stderr.write(f"Error: {detail}\n")


def warn(detail: str) -> None:
    """What is wrong beside what was done."""
    sys.stderr.write(f"Warning: {detail}\n")


def result(text: str, facts: Mapping[str, object] | list[Mapping[str, object]], form: str) -> None:
    """For people, or as JSON."""
    sys.stdout.write(f"{json.dumps(facts) if form == 'json' else text}\n")


def size(size_bytes: int) -> str:
    """In the largest unit that leaves something before the point."""
    amount = float(size_bytes)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.3g} {unit}"
        amount /= 1000
    return f"{amount:.3g} TB"
