"""The last page of a start: where everything is, one prediction to copy, what to type next."""

import json
import shlex
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ValidationError
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text


class LoadedExample(BaseModel):
    """What the example leaves in the state folder."""

    deployment: str
    key: str
    example_row: dict[str, object]
    forms: dict[str, str] = {}


@dataclass(frozen=True, slots=True)
class Places:
    """Where the services are."""

    serving: str
    registry: str
    monitor: str


def read_example(state_dir: Path) -> LoadedExample | None:
    """The example, when it has been loaded."""
    try:
        return LoadedExample.model_validate_json((state_dir / "example.json").read_bytes())
    except (OSError, ValidationError):
        return None


def welcome(places: Places, example: LoadedExample | None, seconds: float) -> RenderableType:
    """The whole page. Lines to copy stand alone, so that no frame is copied along."""
    head = Text(f"Understudy is up after {seconds:.0f} s\n", style="bold green")
    if example is None:
        return Group(head, _places(places, None), Text(), _commands(_FIRST_STEPS), Text(_END))
    return Group(
        head,
        _places(places, example),
        Text(),
        Text("A prediction:", style="bold"),
        Text(curl(places.serving, example)),
        Text(),
        _commands(_next_steps(example.deployment)),
        Text(_END),
    )


def curl(serving_url: str, example: LoadedExample) -> str:
    """The line that asks for the first prediction."""
    row = shlex.quote(json.dumps(example.example_row))
    return (
        f"  curl {serving_url}/v1/deployments/{example.deployment}/predict \\\n"
        f"    -H 'Authorization: Bearer {example.key}' \\\n"
        f"    -H 'Content-Type: application/json' -d {row}"
    )


def _places(places: Places, example: LoadedExample | None) -> Table:
    rows = [(f"form {name}", url) for name, url in (example.forms if example else {}).items()]
    rows += [("serving", places.serving), ("registry", places.registry)]
    rows += [("monitor", places.monitor)]
    if example is not None:
        report = f"{places.monitor}/v1/deployments/{example.deployment}/report"
        rows += [("report", f"{report}  (any user name, the key as password)")]
        rows += [("API key", example.key)]
    rows += [("metrics", "/metrics of each, with the key in var/secrets/metrics.key")]
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    for name, value in rows:
        table.add_row(Text(f"  {name}", style="bold"), Text(value, no_wrap=True))
    return table


_FIRST_STEPS = (
    ("understudy register --help", "bring a model of yours"),
    ("understudy up --example", "load two example models"),
    ("understudy --help", "all commands"),
)

_END = "\nLogs are in var/logs. Ctrl-C stops everything; the state stays."


def _next_steps(deployment: str) -> tuple[tuple[str, str], ...]:
    return (
        (f"understudy status {deployment}", "main, challengers, drift, agreement"),
        (f"understudy promote {deployment}", "make the challenger main"),
        (f"understudy rollback {deployment}", "and back"),
        ("python -m examples.story traffic --labels", "send applicants, and what became of them"),
        ("python -m examples.story drift", "let them change, and watch the monitor notice"),
        ("understudy audit", "who did what"),
    )


def _commands(steps: tuple[tuple[str, str], ...]) -> RenderableType:
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    for command, purpose in steps:
        table.add_row(Text(f"  {command}", no_wrap=True), Text(purpose, style="dim"))
    return Group(
        Text("Next, in another terminal (after: . .venv/bin/activate):", style="bold"), table
    )
