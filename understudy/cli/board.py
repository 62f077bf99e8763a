"""What `understudy up` tells while it runs: lines that stay, and a spinner for what is awaited."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, assert_never

from rich.console import Console, RenderableType
from rich.markup import escape
from rich.status import Status

if TYPE_CHECKING:  # an extra; its events are only looked at once `up` has imported them
    from understudy.launch.events import Event


class Board:
    """The console of one `understudy up`."""

    def __init__(self) -> None:
        self._console = Console(highlight=False, emoji=False)
        if not self._console.is_terminal:
            self._console.width = max(shutil.get_terminal_size().columns, 200)
        self._status: Status | None = None
        self._awaited: dict[str, None] = {}
        self._settled = False

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """While the processes start."""
        with self._console.status("starting …") as self._status:
            yield
        self._status, self._settled = None, True

    def tell(self, event: "Event") -> None:
        """Say what happened to a process."""
        from understudy.launch import events  # noqa: PLC0415 - an extra, imported on use

        match event:
            case events.Started():
                self._started(event.name, event.pid)
            case events.Ready():
                self._ready(event.name, event.seconds)
            case events.Died():
                self._alarm(
                    f"{event.name} ended ({event.ending}); "
                    f"starting it again in {event.restart_in_seconds:.1f} s"
                )
            case events.Stopped():
                self._say(f"  [dim]stopped[/] {event.name}")
            case events.Killed():
                self._alarm(f"{event.name} did not stop within {event.after_seconds:g} s: killed")
            case _:
                assert_never(event)

    def say(self, text: str) -> None:
        """One line, as it is: folders have brackets in their names."""
        self._say(escape(text))

    def show(self, parts: RenderableType) -> None:
        """Something larger."""
        self._console.print(parts, soft_wrap=True)

    def fail(self, text: str) -> None:
        """What stands in the way."""
        self._say(f"[bold red]Error:[/] {escape(text)}")

    def _say(self, marked: str) -> None:
        self._console.print(marked, soft_wrap=True)

    def _started(self, name: str, pid: int) -> None:
        if self._settled:
            self._alarm(f"{name} was started again (process {pid})")
        else:
            self._awaited[name] = None
            self._await()

    def _ready(self, name: str, seconds: float) -> None:
        self._awaited.pop(name, None)
        self._say(f"  [green]ready[/]   {name:<12}{seconds:6.1f} s")
        self._await()

    def _await(self) -> None:
        if self._status is not None:
            self._status.update(f"waiting for {', '.join(self._awaited)}")

    def _alarm(self, text: str) -> None:
        at = datetime.now().astimezone().strftime("%H:%M:%S")
        self._say(f"[yellow]{at} {escape(text)}[/]")
