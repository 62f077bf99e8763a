"""How many children may be at work at once."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from services.registry.domain.errors import InspectionBusyError


@contextmanager
def held(places: threading.BoundedSemaphore, seconds: float) -> Iterator[None]:
    """One of the places, waited for at most so long. Raises InspectionBusyError."""
    if not places.acquire(timeout=seconds):
        raise InspectionBusyError(
            "Too many versions are being registered at once; try again.", retry_after=5.0
        )
    try:
        yield
    finally:
        places.release()
