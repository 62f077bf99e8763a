"""What happens to the processes, as values: whoever started the laptop decides how to tell it."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Started:
    """A process was started."""

    name: str
    pid: int


@dataclass(frozen=True, slots=True)
class Ready:
    """A process answered that it is ready."""

    name: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Died:
    """A process ended unasked, and will be started again."""

    name: str
    ending: str
    restart_in_seconds: float


@dataclass(frozen=True, slots=True)
class Stopped:
    """A process ended as asked."""

    name: str


@dataclass(frozen=True, slots=True)
class Killed:
    """A process did not stop in time and was killed."""

    name: str
    after_seconds: float


Event = Started | Ready | Died | Stopped | Killed
Tell = Callable[[Event], None]
