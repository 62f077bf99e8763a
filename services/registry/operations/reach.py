"""What a caller may see: what is out of a key's reach looks as if it were not there."""

from collections.abc import Callable
from datetime import datetime

from services.registry.domain.access import Reach
from services.registry.domain.errors import NotFoundError
from understudy.runtime.keys import Caller, ForbiddenError

Clock = Callable[[], datetime]


def reach_of(caller: Caller) -> Reach:
    """The limits of the caller's key."""
    return Reach(caller.deployment, caller.project)


def require_whole(caller: Caller, what: str) -> None:
    """Refuse a limited key what concerns the whole installation. Raises ForbiddenError."""
    if not reach_of(caller).whole:
        raise ForbiddenError(f"{what} needs a key that is not limited to a project or deployment.")


def not_found(what: str, name: str | int) -> NotFoundError:
    """In the same words whether it is missing or out of reach."""
    return NotFoundError(f"There is no {what} '{name}' that this key reaches.")
