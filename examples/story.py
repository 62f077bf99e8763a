"""The story from the command line: `python -m examples.story load | traffic | drift | plot`."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Final

import typer
from pydantic import ValidationError

from examples import iris
from examples.credit import faulty as faults
from examples.credit import train as credit
from examples.credit.applicants import NO_CHANGE, NO_DRIFT, ConceptChange, Drift
from examples.drift_plot import (
    MISSING_MATPLOTLIB,
    PlottingUnavailableError,
    draw_plot,
    plotting_available,
)
from examples.drifting import Demonstration, Recording
from examples.loading import Loader
from examples.progress import StepFailedError, Steps
from examples.state import Addresses, Loaded, located
from examples.traffic import Counts, Traffic, arrivals
from understudy.client import MonitorClient, ServingClient

EXAMPLES: Final = (iris.EXAMPLE, credit.EXAMPLE)
_WHERE: Final = "Unless given: what 'understudy up' left in the state folder."
DEPLOYMENT: Final = credit.EXAMPLE.name
RECORDING_FILE: Final = "drift-recording.json"

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Load the examples into a running cluster, send applicants, let them drift.",
)

RegistryUrl = Annotated[str | None, typer.Option(envvar="UNDERSTUDY_REGISTRY_URL", help=_WHERE)]
ServingUrl = Annotated[str | None, typer.Option(envvar="UNDERSTUDY_SERVING_URL", help=_WHERE)]
MonitorUrl = Annotated[str | None, typer.Option(envvar="UNDERSTUDY_MONITOR_URL", help=_WHERE)]
StateDir = Annotated[
    Path, typer.Option(envvar="UNDERSTUDY_STATE_DIR", help="Where it keeps notes.")
]
Rate = Annotated[float, typer.Option(min=0.1, max=500.0, help="Rows a second.")]
Seconds = Annotated[float, typer.Option(min=1.0, max=86_400.0)]
Seed = Annotated[int | None, typer.Option(help="The same seed draws the same rows.")]
Plot = Annotated[Path, typer.Option(help="The PNG to write.")]


@app.command()
def load(
    *,
    registry_url: RegistryUrl = None,
    serving_url: ServingUrl = None,
    monitor_url: MonitorUrl = None,
    state_dir: StateDir = Path("var"),
    rows: Annotated[int, typer.Option(min=0, max=100_000, help="Predictions of each.")] = 300,
) -> None:
    """Train, register, review and deploy iris and credit-risk; send them their first rows.

    Needs an administrator's key: UNDERSTUDY_KEY, else the one that 'understudy up' wrote into the
    state folder. What is there already is left as it is.
    """
    with _told() as steps:
        addresses = located(state_dir, registry_url, serving_url, monitor_url)
        loaded = Loader(addresses, _admin_key(state_dir), state_dir, steps).load(EXAMPLES, rows)
        for name, url in loaded.forms.items():
            steps.say(f"  {name}: {url}")


@app.command()
def faulty(
    *,
    registry_url: RegistryUrl = None,
    state_dir: StateDir = Path("var"),
) -> None:
    """Register versions with planted faults, and tell what their reviews find.

    They stay pending: their pages and what stands in the way are there to be looked at.
    """
    with _told() as steps:
        addresses = located(state_dir, registry_url)
        Loader(addresses, _admin_key(state_dir), state_dir, steps).show_faults(faults.EXAMPLE)
        steps.say(f"  {addresses.registry_url}/models/{faults.EXAMPLE.name}")


@app.command()
def traffic(
    *,
    serving_url: ServingUrl = None,
    state_dir: StateDir = Path("var"),
    rate: Rate = 50.0,
    seconds: Seconds = 60.0,
    drift: Annotated[bool, typer.Option("--drift", help="Other people apply.")] = False,
    concept_change: Annotated[
        bool, typer.Option("--concept-change", help="The same people default for other reasons.")
    ] = False,
    labels: Annotated[bool, typer.Option("--labels", help="Tell what came true, late.")] = False,
    month_seconds: Annotated[
        float, typer.Option(min=0.0, max=60.0, help="How long a month until a label takes.")
    ] = 0.1,
    seed: Seed = None,
) -> None:
    """Send applicants to credit-risk at a rate, their labels late."""
    with _told() as steps:
        draw = partial(
            credit.draw,
            drift=Drift() if drift else NO_DRIFT,
            concept=ConceptChange() if concept_change else NO_CHANGE,
        )
        key, addresses = _key(state_dir), located(state_dir, serving_url=serving_url)
        with ServingClient(addresses.serving_url, key) as serving:
            sender = Traffic(serving, DEPLOYMENT, month_seconds=month_seconds if labels else None)
            with steps.bar(f"{DEPLOYMENT}: {rate:g} rows a second", seconds) as advance:
                rows = arrivals(draw, _seed(seed))
                sender.run(rows, rate=rate, seconds=seconds, tick=advance)
            if labels:
                with steps.step("Labels that were still to come"):
                    sender.finish()
        steps.say(f"  {sender.counts}")
        if sender.counts.failed or sender.counts.labels_failed:
            raise StepFailedError("Traffic", f"not all was answered by {addresses.serving_url}")


@app.command()
def drift(
    *,
    serving_url: ServingUrl = None,
    monitor_url: MonitorUrl = None,
    state_dir: StateDir = Path("var"),
    rate: Rate = 50.0,
    normal_seconds: Seconds = 180.0,
    drifted_seconds: Seconds = 300.0,
    plot: Plot = Path("var/drift-credit-risk.png"),
    seed: Seed = None,
) -> None:
    """Send normal applicants, then drifted ones, and draw what the monitor says of both."""
    with _told() as steps:
        key = _key(state_dir)
        addresses = located(state_dir, serving_url=serving_url, monitor_url=monitor_url)
        drawn = plotting_available()
        if not drawn:
            steps.say(f"There will be no plot. {MISSING_MATPLOTLIB}")
        with (
            ServingClient(addresses.serving_url, key) as serving,
            MonitorClient(addresses.monitor_url, key) as monitor,
            steps.bar("Normal, then drifted applicants", normal_seconds + drifted_seconds) as bar,
        ):
            shown = Demonstration(serving, monitor, DEPLOYMENT, rate=rate)
            counts = shown.run(normal_seconds, drifted_seconds, seed=_seed(seed), tick=bar)
        steps.say(f"  {counts}")
        shown.recording.write(state_dir / RECORDING_FILE)
        _conclude(shown.recording, steps)
        if drawn:
            _draw(shown.recording, plot, steps)
        _require_answers(counts, shown.recording, addresses)


@app.command()
def plot(state_dir: StateDir = Path("var"), plot: Plot = Path("var/drift-credit-risk.png")) -> None:
    """Draw the last drift demonstration again."""
    with _told() as steps:
        recorded = state_dir / RECORDING_FILE
        try:
            recording = Recording.model_validate_json(recorded.read_bytes())
        except (OSError, ValidationError) as error:
            raise StepFailedError("Recording", f"none at {recorded}: run 'drift' first") from error
        _draw(recording, plot, steps)


def _key(state_dir: Path) -> str:
    """The key that `load` left, else an administrator's."""
    loaded = Loaded.read(state_dir)
    return _admin_key(state_dir) if loaded is None else loaded.key


def _admin_key(state_dir: Path) -> str:
    """The environment's, else the one that `understudy up` wrote."""
    if key := os.environ.get("UNDERSTUDY_KEY", "").strip():
        return key
    written = state_dir / "secrets" / "admin.key"
    try:
        return written.read_text().strip()
    except OSError as error:
        reason = f"set UNDERSTUDY_KEY to an administrator's key (there is none in {written})"
        raise StepFailedError("Key", reason) from error


def _seed(given: int | None) -> int:
    return int(time.time()) if given is None else given


def _draw(recording: Recording, path: Path, steps: Steps) -> None:
    with steps.step("Plot") as note:
        try:
            draw_plot(recording, path)
        except PlottingUnavailableError as error:
            raise StepFailedError("Plot", str(error)) from error
        note(str(path))


def _require_answers(counts: Counts, recording: Recording, addresses: Addresses) -> None:
    if counts.failed:
        raise StepFailedError("Drift", f"not all was answered by {addresses.serving_url}")
    if not recording.readings:
        raise StepFailedError("Drift", f"the monitor at {addresses.monitor_url} had no readings")


def _conclude(recording: Recording, steps: Steps) -> None:
    for name, psi in recording.verdict().items():
        steps.say(f"  drift of {name}: {psi:.3f}")


@contextmanager
def _told() -> Iterator[Steps]:
    """Say which step failed and why, and end with a status that a script can see."""
    steps = Steps()
    try:
        yield steps
    except StepFailedError as error:
        steps.say(f"✗ {error.step}: {error.reason}", style="red")
        raise typer.Exit(1) from error
    except KeyboardInterrupt:
        steps.say("Stopped.")
        raise typer.Exit(130) from None


if __name__ == "__main__":
    app()
