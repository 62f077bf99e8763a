"""The last page of a start: where everything is, one prediction to copy, what to type next."""

import json
import shlex
from collections.abc import Iterable
from pathlib import Path

from pydantic import BaseModel, ValidationError
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from understudy.cli.addresses import Addresses


class LoadedExample(BaseModel):
    """What the example leaves in the state folder."""

    deployment: str
    key: str
    example_row: dict[str, object]
    forms: dict[str, str] = {}


def read_example(state_dir: Path) -> LoadedExample | None:
    """The example, when it has been loaded."""
    try:
        return LoadedExample.model_validate_json((state_dir / "example.json").read_bytes())
    except (OSError, ValidationError):
        return None


def welcome(
    addresses: Addresses, state_dir: Path, seconds: float, *, nobody: bool = False
) -> RenderableType:
    """The whole page. Lines to copy stand alone, so that no frame is copied along.

    With `nobody` it says how the first administrator is made.
    """
    head = Text(f"\nUnderstudy is up after {seconds:.0f} s\n", style="bold green")
    tail = Text(f"\nLogs are in {state_dir}/logs. Ctrl-C stops everything; the state stays.")
    example = read_example(state_dir)
    places = _places(addresses, state_dir, example)
    first = (_FIRST_ADMINISTRATOR,) if nobody else ()
    if example is None:
        return Group(head, places, Text(), _commands((*first, *_FIRST_STEPS)), tail)
    prediction = Text(f"\n{curl(addresses.serving_url, example)}\n")
    title = Text("\nA prediction:", style="bold")
    steps = (*_next_steps(example.deployment), *first)
    return Group(head, places, title, prediction, _commands(steps), tail)


def curl(serving_url: str, example: LoadedExample) -> str:
    """The line that asks for the first prediction."""
    row = shlex.quote(json.dumps(example.example_row))
    return (
        f"  curl {serving_url}/v1/deployments/{example.deployment}/predict \\\n"
        f"    -H 'Authorization: Bearer {example.key}' \\\n"
        f"    -H 'Content-Type: application/json' -d {row}"
    )


def _places(addresses: Addresses, state_dir: Path, example: LoadedExample | None) -> Table:
    rows = [(f"form {name}", url) for name, url in (example.forms if example else {}).items()]
    rows += [("serving", addresses.serving_url), ("registry", addresses.registry_url)]
    rows += [("monitor", addresses.monitor_url)]
    if example is not None:
        report = f"{addresses.monitor_url}/v1/deployments/{example.deployment}/report"
        rows += [("report", f"{report}  (any user name, the key as password)")]
        rows += [("API key", example.key)]
    rows += [("metrics", f"/metrics of each, with the key in {state_dir}/secrets/metrics.key")]
    return _two_columns(rows)


_FIRST_ADMINISTRATOR = (
    "understudy users create <you> --admin",
    "make the first administrator, who signs in at the registry's address",
)
_FIRST_STEPS = (
    ("understudy register --help", "bring a model of yours"),
    ("understudy up --example", "load two example models"),
    ("understudy --help", "all commands"),
)


def _next_steps(deployment: str) -> tuple[tuple[str, str], ...]:
    return (
        (f"understudy status {deployment}", "main, challengers, drift, agreement"),
        (f"understudy why {deployment}", "what the monitor concludes, and from which numbers"),
        (f"understudy promote {deployment}", "make the challenger main"),
        (f"understudy rollback {deployment}", "and back"),
        ("python -m examples.story traffic --labels", "send applicants, and what became of them"),
        ("python -m examples.story drift", "let them change, and watch the monitor notice"),
        ("understudy audit", "who did what"),
    )


def _commands(steps: tuple[tuple[str, str], ...]) -> RenderableType:
    title = "Next, in another terminal (after: . .venv/bin/activate):"
    return Group(Text(title, style="bold"), _two_columns(steps))


def _two_columns(rows: Iterable[tuple[str, str]]) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    for left, right in rows:
        table.add_row(Text(f"  {left}", no_wrap=True), Text(right, overflow="fold"))
    return table
