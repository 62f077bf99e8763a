"""Bars while files are sent and work is waited for; silence where rich is not installed."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from understudy.contracts.registry import JobView


class Shown(Protocol):
    """What a person sees of work that takes long."""

    def sent(self, name: str, done: int, total: int) -> None:
        """How much of a file was sent, in bytes."""

    def told(self, job: JobView) -> None:
        """How far the registry is."""


class Silence:
    """Implements `Shown`."""

    def sent(self, name: str, done: int, total: int) -> None:
        """Say nothing."""

    def told(self, job: JobView) -> None:
        """Say nothing."""


@contextmanager
def bars(*, wanted: bool = True) -> Iterator[Shown]:
    """On standard error."""
    try:
        from rich.console import Console  # noqa: PLC0415 - of the extra `cli`
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415
    except ImportError:
        wanted = False
    if not wanted:
        yield Silence()
        return
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield _Bars(progress)


class _Bars:
    def __init__(self, progress: Any) -> None:
        self._progress = progress
        self._tasks = dict[str, Any]()

    def sent(self, name: str, done: int, total: int) -> None:
        """One bar for each file."""
        self._update(name, f"sending {name}", done, total)

    def told(self, job: JobView) -> None:
        """One bar for each job."""
        self._update(job.id, job.step or "waiting for its turn", job.progress, 1.0)

    def _update(self, task: str, description: str, done: float, total: float) -> None:
        if task not in self._tasks:
            self._tasks[task] = self._progress.add_task(description, total=total)
        self._progress.update(self._tasks[task], description=description, completed=done)
