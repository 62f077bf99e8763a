"""The children at work in this process, so that none outlives it."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from services.registry.adapters.inspection.process import ChildProcess
from services.registry.domain.errors import InspectionBusyError


class Children:
    """Starts them; ends all at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._working: set[ChildProcess] = set()
        self._ended = False

    @contextmanager
    def started(self, command: Sequence[str], told: bytes) -> Iterator[ChildProcess]:
        """One that ends with the context.

        Raises InspectionBusyError, whatever it said, when all were ended meanwhile: half of what it
        was to find must not be taken for all.
        """
        self._require_open()
        with ChildProcess(command, told) as child:
            with self._lock:
                self._working.add(child)
            try:
                self._require_open()
                yield child
            finally:
                # Before anybody waits for it: its number is its own until then.
                with self._lock:
                    self._working.discard(child)
                self._require_open()

    def end(self) -> None:
        """End them; whoever waits for one hears of it at once."""
        with self._lock:
            self._ended = True
            for child in self._working:
                child.kill()

    def _require_open(self) -> None:
        if self._ended:
            raise InspectionBusyError("The registry is stopping; try again.", retry_after=5.0)
