"""How long this process has worked on something."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Effort:
    """Seconds by a clock that does not jump; waiting for others' work counts as work."""

    def __init__(self) -> None:
        self.seconds = 0.0

    @contextmanager
    def spent(self) -> Iterator[None]:
        """What is done meanwhile is added, also when it fails."""
        begun = time.perf_counter()
        try:
            yield
        finally:
            self.seconds += time.perf_counter() - begun
