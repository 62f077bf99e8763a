"""What a caller may see: what is out of a key's reach looks as if it were not there."""

from collections.abc import Callable, Sequence
from datetime import datetime

from services.registry.domain.access import Reach
from services.registry.domain.errors import NotFoundError
from understudy.runtime.keys import Caller, ForbiddenError

Clock = Callable[[], datetime]


def reaches_of(caller: Caller) -> Sequence[Reach]:
    """Where the caller may do what the request is for."""
    return [Reach(grant.deployment, grant.project) for grant in caller.effective]


def require_whole(caller: Caller, what: str) -> None:
    """Refuse whoever is limited what concerns the whole installation. Raises ForbiddenError."""
    if not caller.whole:
        raise ForbiddenError(
            f"{what} needs a key, or a person, not limited to a project or deployment."
        )


def require_able(
    caller: Caller, what: str, name: str, *, project: str, deployment: str | None = None
) -> None:
    """Refuse whoever may not do there what the request is for.

    Raises NotFoundError where the caller reaches nothing at all, ForbiddenError where something.
    """
    if caller.able(deployment, project):
        return
    if not caller.reaches(deployment, project):
        raise not_found(what, name)
    names = " or ".join(sorted(caller.wants))
    raise ForbiddenError(f"For the {what} '{name}' this needs the scope {names}.")


def not_found(what: str, name: str | int) -> NotFoundError:
    """In the same words whether it is missing or out of reach."""
    return NotFoundError(f"There is no {what} '{name}' that you reach.")
