"""Telling a person what goes on: steps that end well or say why not, bars, waits with deadlines."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from understudy.client import ClientError

Found = TypeVar("Found")
Note = Callable[[str], None]

_PAUSE_SECONDS: Final = 0.25


class StepFailedError(Exception):
    """A step of the story came to nothing: which one, and why."""

    def __init__(self, step: str, reason: str) -> None:
        super().__init__(f"{step}: {reason}")
        self.step = step
        self.reason = reason


class Steps:
    """Prints one line per step; on a terminal also what is being done just now."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False)

    def say(self, text: str, style: str = "") -> None:
        """One line, as it is: what services said may hold brackets."""
        self.console.print(text, style=style, markup=False, soft_wrap=True)

    @contextmanager
    def step(self, title: str) -> Iterator[Note]:
        """Run one step; its notes follow its title. Raises StepFailedError with the reason."""
        notes: list[str] = []
        started = time.monotonic()
        with self._failing_as(title), self._spinner(title):
            yield notes.append
        self._done(title, notes, started)

    @contextmanager
    def bar(self, title: str, total: float) -> Iterator[Callable[[float], None]]:
        """Run one step of known length; the function yielded takes how far it has come."""
        columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        shown = Progress(
            TextColumn("  {task.description}"),
            *columns,
            console=self.console,
            transient=True,
            disable=not self.console.is_terminal,
        )
        task = shown.add_task(title, total=total)
        started = time.monotonic()
        with self._failing_as(title), shown:
            yield lambda completed: shown.update(task, completed=completed)
        self._done(title, [], started)

    @contextmanager
    def _failing_as(self, title: str) -> Iterator[None]:
        try:
            yield
        except (ClientError, TimeoutError, OSError) as error:
            raise StepFailedError(title, str(error) or type(error).__name__) from error

    @contextmanager
    def _spinner(self, title: str) -> Iterator[None]:
        if not self.console.is_terminal:
            yield
            return
        with self.console.status(f"{title} …"):
            yield

    def _done(self, title: str, notes: list[str], started: float) -> None:
        seconds = time.monotonic() - started
        told = f": {', '.join(notes)}" if notes else ""
        self.say(f"✓ {title}{told} ({seconds:.1f} s)")


def wait_until(what: str, ask: Callable[[], Found | None], *, seconds: float) -> Found:
    """Ask until there is an answer. Raises TimeoutError with what stood in the way last.

    A refusal counts as "not yet": a key or a deployment that was made a moment ago takes
    its time to reach every process.
    """
    deadline = time.monotonic() + seconds
    obstacle = "not yet"
    while time.monotonic() < deadline:
        try:
            if (found := ask()) is not None:
                return found
            obstacle = "not yet"
        except ClientError as error:
            obstacle = str(error)
        time.sleep(_PAUSE_SECONDS)
    raise TimeoutError(f"{what}: not within {seconds:g} s; last seen: {obstacle}")
